"""Small datasets, and the pipelines' options at their smallest."""

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
    QuasiNewtonConfiguration,
    write_configuration,
)


@pytest.fixture(scope="session", autouse=True)
def _package_found_by_children():
    """Let child processes import the package under test, whatever directory the tests run in."""
    root = str(Path(__file__).parents[3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])))
        yield


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """Path of a fixture of 16 positions, the fewest that are allowed."""
    path = tmp_path_factory.mktemp("small") / "small.npz"
    write_archive(path, minimal(positions=16, name="small").arrays)
    return path


@pytest.fixture(scope="session")
def unseen(tmp_path_factory):
    """Path of a fixture of the same experiment with another object and other positions."""
    path = tmp_path_factory.mktemp("unseen") / "unseen.npz"
    write_archive(path, minimal(positions=16, seed=1, name="unseen").arrays)
    return path


@pytest.fixture(scope="session")
def square(tmp_path_factory):
    """Path of a fixture with as many positions as detector rows, where a wrong axis order fits the shapes."""
    path = tmp_path_factory.mktemp("square") / "square.npz"
    write_archive(path, minimal(positions=32, detector=32, name="square").arrays)
    return path


@pytest.fixture
def quick():
    """Options for a network that trains for about a second."""
    return NetworkConfiguration(epochs=2, rounds=3, inference_rounds=8, steps=8)


@pytest.fixture
def brief():
    """Options for an iterative reconstruction of a few epochs."""
    return IterativeConfiguration(epochs=6)


@pytest.fixture
def few_steps():
    """Options for a quasi-Newton reconstruction of a few steps."""
    return QuasiNewtonConfiguration(iterations=8)


@pytest.fixture
def configured_folder(tmp_path):
    """Return a function that creates an output folder with a configuration in it."""

    def make(configuration, name="output"):
        folder = tmp_path / name
        folder.mkdir()
        write_configuration(configuration, folder)
        return folder

    return make
