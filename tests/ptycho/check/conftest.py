"""Small scans for the account of the excess."""

from __future__ import annotations

import pytest

from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="session")
def small():
    """Arrays of a small scan of 36 patterns of 32 x 32, 10^6 photons each."""
    return simulate(positions=36, detector=32, step=6.0).arrays()


@pytest.fixture(scope="session")
def small_data(small):
    return Dataset.of(small)
