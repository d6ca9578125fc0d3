"""A small scan with noise, as a dataset and as a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.core.storage.npz import write_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.scan.residual import Dataset


@pytest.fixture(scope="session", autouse=True)
def _package_found_by_children():
    """Let child processes import the package under test, and the adapters of the tests."""
    places = [str(Path(__file__).parents[3]), str(Path(__file__).parent / "packages")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [*places, os.environ.get("PYTHONPATH")])))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session")
def small_arrays():
    """16 positions of 32 x 32 pixels, with photon noise."""
    return dict(minimal(positions=16, detector=32, step=6.0, name="small").arrays)


@pytest.fixture(scope="session")
def small(tmp_path_factory, small_arrays):
    path = tmp_path_factory.mktemp("engines") / "small.npz"
    write_archive(path, small_arrays)
    return path


@pytest.fixture(scope="session")
def data(small_arrays):
    return Dataset.of(small_arrays)
