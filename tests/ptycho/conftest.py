"""One simulated scan and, if it is there, the measured one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.ptycho.files.npz import read_scan
from harness.ptycho.fixture import minimal
from harness.ptycho.scan.simulate import simulate

STAR = Path(__file__).parents[2].parent / "shared" / "data" / "siemens_star_516.npz"


@pytest.fixture(scope="session")
def scan():
    """The scan that minimal_v1 is made from."""
    return simulate()


@pytest.fixture(scope="session")
def clean():
    """The same scan without noise."""
    return simulate(photons=None)


@pytest.fixture(scope="session")
def minimal_fixture():
    return minimal()


@pytest.fixture
def arrays(minimal_fixture):
    """A dataset that meets the contract, free to be broken."""
    return {key: np.array(value) for key, value in minimal_fixture.arrays.items()}


@pytest.fixture(scope="session")
def star_path():
    if not STAR.is_file():
        pytest.skip(f"the measured Siemens star is not at ../shared/data/{STAR.name}")
    return STAR


@pytest.fixture(scope="session")
def star(star_path):
    return read_scan(star_path)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes arrays as a .npz file and returns its path."""

    def _write(arrays, name="scan.npz"):
        np.savez(tmp_path / name, **arrays)
        return tmp_path / name

    return _write
