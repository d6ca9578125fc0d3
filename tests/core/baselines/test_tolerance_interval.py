"""The interval is the published one, and holds the share of runs that it says it holds."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.tolerance_interval import FALSE_ALARMS, deviation, factor, tolerance


@pytest.mark.parametrize(
    ("count", "share", "confidence", "published"),
    [
        (43, 0.90, 0.99, 2.2173),  # NIST/SEMATECH e-Handbook, 7.2.6.3, the worked example
        (12, 0.95, 0.95, 3.162),  # tables of exact factors for normal tolerance intervals
        (10, 0.99, 0.95, 4.433),
        (30, 0.95, 0.95, 2.549),
    ],
)
def test_the_factor_is_the_published_one(count, share, confidence, published):
    """Howe's formula is within half a percent of exact tables at these counts."""
    assert factor(count, share=share, confidence=confidence) == pytest.approx(published, rel=5e-3)


def test_clean_runs_are_refused_as_rarely_as_stated():
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


def test_no_sample_is_outside():
    samples = [0.0, *([1e-9] * 50), 1.0]
    assert tolerance(0.0, samples) >= 1.0


def test_a_shifted_value_widens_its_tolerance():
    """The interval is around the mean; the tolerance, around the value, has to reach its far end."""
    samples = [1.0, 0.0, 0.1, -0.1, 0.05]
    assert tolerance(1.0, samples) > tolerance(0.0, samples)


def test_samples_that_are_all_the_same_leave_nothing_but_the_resolution():
    samples = [0.1] * 12
    assert deviation(samples) == 0
    assert tolerance(0.1, samples) == 0
    assert tolerance(0.1, samples, 0.01) == 0.01
