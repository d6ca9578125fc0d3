"""Fits see few patterns: spread ones for a probe, neighbours for an object."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.refit.samples import FEW_PATTERNS, compact, few, spread, whole
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def evidence():
    return Evidence.of(Dataset.of(simulate(positions=144, detector=32, step=4.0).arrays()))


def test_a_small_scan_is_used_whole(evidence):
    assert len(spread(evidence).x) == 128
    assert len(compact(evidence).x) == len(whole(evidence).x) == 144


def test_spread_patterns_cover_the_scan(evidence):
    some = spread(evidence, values=30 * 32 * 32)
    assert len(some.x) == 30
    assert np.ptp(some.x) > 0.8 * np.ptp(evidence.data.x)
    assert len(few(evidence).x) == FEW_PATTERNS * 4


def test_neighbours_are_around_the_middle(evidence):
    some = compact(evidence, values=36 * 32 * 32)
    assert len(some.x) == 36
    assert np.ptp(some.x) < 0.7 * np.ptp(evidence.data.x)
    assert abs(some.x.mean() - evidence.data.x.mean()) < 3
