"""The tolerance interval matches published tables, and contains the share of runs that it should."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from harness.core.baselines.tolerance_interval import FALSE_ALARMS, deviation, factor, tolerance
from harness.core.errors import DependencyError


@pytest.mark.parametrize(
    ("count", "share", "confidence", "published"),
    [
        (43, 0.90, 0.99, 2.2173),  # NIST/SEMATECH e-Handbook, 7.2.6.3, the worked example
        (12, 0.95, 0.95, 3.162),  # tables of exact factors for normal tolerance intervals
        (10, 0.99, 0.95, 4.433),
        (30, 0.95, 0.95, 2.549),
    ],
)
def test_the_factor_matches_published_tables(count, share, confidence, published):
    """Howe's formula is within half a percent of exact tables at these counts."""
    assert factor(count, share=share, confidence=confidence) == pytest.approx(published, rel=5e-3)


def test_clean_runs_are_rejected_as_rarely_as_stated():
    """2,000 calibrations of 12 runs: in 95 % of them, at most one clean run in 1,000 lies outside."""
    from scipy.stats import norm

    rng = np.random.default_rng(0)
    kept = 0
    for samples in rng.normal(size=(2000, 12)):
        value = samples[0]
        reach = tolerance(value, samples.tolist())
        outside = norm.cdf(value - reach) + norm.sf(value + reach)
        kept += outside <= FALSE_ALARMS
    assert kept / 2000 > 0.94


def test_a_smaller_sample_gives_a_wider_interval():
    assert factor(3) > factor(5) > factor(12) > factor(100) > 3.29


def test_no_sample_is_outside_its_own_tolerance():
    samples = [0.0, *([1e-9] * 50), 1.0]
    assert tolerance(0.0, samples) >= 1.0


def test_a_value_far_from_the_mean_has_a_wider_tolerance():
    """The interval is centred on the mean; the tolerance, centred on the value, must contain it."""
    samples = [1.0, 0.0, 0.1, -0.1, 0.05]
    assert tolerance(1.0, samples) > tolerance(0.0, samples)


def test_equal_samples_leave_only_the_resolution():
    samples = [0.1] * 12
    assert deviation(samples) == 0
    assert tolerance(0.1, samples) == 0
    assert tolerance(0.1, samples, 0.01) == 0.01


def test_a_missing_scipy_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(DependencyError, match=r"needs the package scipy.*golden-harness\[calibrate\]"):
        factor(12)


def test_a_single_sample_needs_no_scipy(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    assert tolerance(0.5, [0.5], 0.25) == 0.25
