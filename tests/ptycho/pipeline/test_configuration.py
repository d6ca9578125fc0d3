"""Options are checked when they are given, and read back from disk as they were."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.ptycho.pipeline.configuration import (
    IterativeConfiguration,
    NetworkConfiguration,
    make_configuration,
    read_configuration,
    write_configuration,
)


@pytest.mark.parametrize(
    "options",
    [{"epoch": 3}, {"epochs": 0}, {"epochs": "3"}, {"gridsize": 3}, {"gridsize": 0}, {"threads": 0},
     {"seed": -1}, {"learning_rate": -0.1}, {"steps": 2.5}],
)  # fmt: skip
def test_a_wrong_option_is_refused(options):
    """An option that is unknown, of the wrong type or out of range is refused by name."""
    with pytest.raises(UsageError) as refused:
        make_configuration(NetworkConfiguration, options)
    assert next(iter(options)) in str(refused.value)


@pytest.mark.parametrize("options", [{"epochs": 1}, {"gridsize": 2}, {"seed": 0}, {"learning_rate": 0.0}])
def test_the_smallest_and_largest_values_are_accepted(options):
    configuration = make_configuration(NetworkConfiguration, options)
    assert [getattr(configuration, name) for name in options] == list(options.values())


def test_each_pipeline_has_its_own_options():
    """An option of one pipeline is refused by the other."""
    assert make_configuration(IterativeConfiguration, {"object_rate": 0.1}).object_rate == 0.1
    with pytest.raises(UsageError):
        make_configuration(NetworkConfiguration, {"object_rate": 0.1})


def test_two_epochs_are_the_fewest_for_two_processes():
    """The iterative pipeline runs half of its epochs in each process."""
    assert make_configuration(IterativeConfiguration, {"epochs": 2}).epochs == 2
    with pytest.raises(UsageError):
        make_configuration(IterativeConfiguration, {"epochs": 1})


def test_a_configuration_is_read_back_equal(tmp_path):
    written = NetworkConfiguration(seed=3, gridsize=1, defocus=0.1)
    write_configuration(written, tmp_path)
    assert read_configuration(NetworkConfiguration, tmp_path) == written


def test_a_missing_file_or_another_pipelines_is_refused(tmp_path):
    with pytest.raises(UnreadableError):
        read_configuration(IterativeConfiguration, tmp_path)
    write_configuration(NetworkConfiguration(), tmp_path)
    with pytest.raises(UnreadableError):
        read_configuration(IterativeConfiguration, tmp_path)
