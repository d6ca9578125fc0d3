"""Small datasets, and the pipelines' settings at their smallest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the pipelines need torch")

from harness.core.storage.npz import write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.configuration import (
    IterativeConfiguration,
    NetworkConfiguration,
    write_configuration,
)


@pytest.fixture(scope="session", autouse=True)
def _found_by_children():
    """Let child processes import the package under test, from whatever folder the tests run."""
    root = str(Path(__file__).parents[3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
        yield


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Sixteen positions, the fewest that a fixture may have."""
    path = tmp_path_factory.mktemp("small") / "small.npz"
    write_archive(path, minimal(positions=16, name="small").arrays)
    return path


@pytest.fixture(scope="session")
def unseen(tmp_path_factory):
    """The same experiment on another object, at other positions."""
    path = tmp_path_factory.mktemp("unseen") / "unseen.npz"
    write_archive(path, minimal(positions=16, seed=1, name="unseen").arrays)
    return path


@pytest.fixture
def quick():
    """A network trained for a moment."""
    return NetworkConfiguration(epochs=2, rounds=4, inference_rounds=6, channels=8)


@pytest.fixture
def brief():
    """A reconstruction of a few epochs."""
    return IterativeConfiguration(epochs=6)


@pytest.fixture
def configured_folder(tmp_path):
    """Return a function that makes an output folder which holds a configuration."""

    def make(configuration, name="output"):
        folder = tmp_path / name
        folder.mkdir()
        write_configuration(configuration, folder)
        return folder

    return make
