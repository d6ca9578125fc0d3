"""Options are checked at the door, and come back from disk as they were."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.ptycho.pipeline.configuration import (
    IterativeConfiguration,
    NetworkConfiguration,
    configured,
    read_configuration,
    write_configuration,
)


@pytest.mark.parametrize(
    "options",
    [{"epoch": 3}, {"epochs": 0}, {"epochs": "3"}, {"gridsize": 3}, {"gridsize": 0}, {"threads": 0},
     {"seed": -1}, {"learning_rate": -0.1}, {"steps": 2.5}],
)  # fmt: skip
def test_refused(options):
    """An option that is unknown, of the wrong type or out of range is refused, and quoted."""
    with pytest.raises(UsageError) as refused:
        configured(NetworkConfiguration, options)
    assert next(iter(options)) in str(refused.value)


def test_the_pipelines_have_options_of_their_own():
    """What one pipeline knows, the other refuses."""
    assert configured(IterativeConfiguration, {"object_rate": 0.1}).object_rate == 0.1
    with pytest.raises(UsageError):
        configured(NetworkConfiguration, {"object_rate": 0.1})


def test_round_trip(tmp_path):
    """A configuration is read back equal."""
    written = NetworkConfiguration(seed=3, gridsize=1, defocus=0.1)
    write_configuration(written, tmp_path)
    assert read_configuration(NetworkConfiguration, tmp_path) == written


def test_another_pipelines_file(tmp_path):
    """The file of one pipeline, or none, is not read as another's."""
    with pytest.raises(UnreadableError):
        read_configuration(IterativeConfiguration, tmp_path)
    write_configuration(NetworkConfiguration(), tmp_path)
    with pytest.raises(UnreadableError):
        read_configuration(IterativeConfiguration, tmp_path)
