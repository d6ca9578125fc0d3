"""A tolerance covers its spread by a factor that follows from the number of runs."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.core.baselines.samples import Spread
from harness.core.baselines.tolerance_rule import FALSE_ALARMS, FEWEST, UNCONVERGED, factor, judge_spread


@pytest.mark.parametrize("runs", [4, 12, 40])
def test_the_factor_gives_the_promised_rate_of_false_alarms(runs):
    """Product of i / (i + f): the chance that an exponential exceeds f times the largest of n others."""
    by = factor(runs)
    assert math.prod(i / (i + by) for i in range(1, runs + 1)) == pytest.approx(FALSE_ALARMS, rel=1e-6)


def test_the_promise_holds_for_samples_of_rounding():
    """Simulated: the largest of many rounding errors, which have lighter tails."""
    rng = np.random.default_rng(1)
    runs = np.abs(rng.normal(size=(20000, 13, 16))).max(axis=2)
    alarms = np.mean(runs[:, 12] > factor(12) * runs[:, :12].max(axis=1))
    assert alarms <= FALSE_ALARMS


def test_few_runs_count_as_four():
    assert factor(1) == factor(FEWEST) > factor(FEWEST + 1)


@pytest.mark.parametrize(
    ("spread", "kind"),
    [
        (Spread(), "exact"),
        (Spread(1, 1e-9, 1e-9, change=1e-9), "measured"),
        (Spread(1, 1e-9, 1e-9, change=UNCONVERGED), "measured"),
        (Spread(1, 1e-9, 1e-9, change=UNCONVERGED * 1.01), "report-only"),
        (Spread(1, moved=True), "report-only"),
    ],
)
def test_the_class_follows_from_the_spread(spread, kind):
    """Just within the bound an array gates, just beyond it not."""
    assert judge_spread(spread, 12, dtype="float64", scale=1.0).kind == kind


def test_a_tolerance_is_relative_where_differences_follow_the_values():
    """So small elements keep a tolerance of their own size; else it is absolute."""
    by = factor(12)
    exp = judge_spread(Spread(9, 1e-13, 4e-16, change=1e-16), 12, dtype="float64", scale=1e3)
    assert (exp.atol, exp.rtol) == (0.0, pytest.approx(by * 4e-16))
    fft = judge_spread(Spread(9, 1e-13, 1e-9, change=1e-16), 12, dtype="float64", scale=1e3)
    assert (fft.atol, fft.rtol) == (pytest.approx(by * 1e-13), 0.0)
    zeros = judge_spread(Spread(9, 1e-13, None, change=1e-16), 12, dtype="float64", scale=1e3)
    assert (zeros.atol, zeros.rtol) == (pytest.approx(by * 1e-13), 0.0)


def test_a_relative_figure_that_does_not_hold_the_absolute_one_is_not_used():
    """As in samples that somebody edited: the tolerance holds the spread in any case."""
    edited = judge_spread(Spread(9, 1e-9, 4e-16, change=1e-10), 12, dtype="float64", scale=10.0)
    assert (edited.atol, edited.rtol) == (pytest.approx(factor(12) * 1e-9), 0.0)


def test_half_precision_may_change_by_the_square_root_of_its_own_epsilon():
    rough = Spread(9, 0.01, 0.01, change=0.01)
    assert judge_spread(rough, 12, dtype="bfloat16", scale=1.0).kind == "measured"
    assert judge_spread(rough, 12, dtype="float32", scale=1.0).kind == "report-only"
