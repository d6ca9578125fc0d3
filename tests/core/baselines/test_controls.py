"""A run is compared with its own controls, whether or not there is a baseline."""

from __future__ import annotations

import math

import pytest

from harness.core.baselines.controls import compare_with_controls
from harness.core.verdict import Outcome

BETTER = {"ssim": "higher", "mae": "lower"}
GOOD = {"ssim": 0.9, "mae": 0.1}
FLAT = {"ssim": 0.2, "mae": 0.5}


def collapsed(metrics, controls, **options):
    """Return metric and control of each verdict that is not accepted."""
    verdicts = compare_with_controls(metrics, controls, BETTER, **options)
    assert all(verdict.outcome in (Outcome.SAME, Outcome.COLLAPSED) for verdict in verdicts)
    return [(verdict.name, verdict.control) for verdict in verdicts if not verdict.outcome.accepted]


def test_a_run_that_is_ahead_of_every_control_is_accepted():
    assert collapsed(GOOD, {"flat": FLAT, "untrained": {"ssim": 0.8, "mae": 0.2}}) == []


@pytest.mark.parametrize("value", [0.1, 0.2, math.nan, -math.inf])
def test_worse_equal_and_not_a_number_are_collapsed(value):
    """Each control is compared; equal is not ahead."""
    found = collapsed({**GOOD, "ssim": value}, {"flat": FLAT, "other": {"ssim": -1.0}})
    assert ("ssim", "flat") in found
    assert (("ssim", "other") in found) == (not math.isfinite(value))


def test_lower_may_be_better():
    assert collapsed({**GOOD, "mae": 0.6}, {"flat": FLAT}) == [("mae", "flat")]


def test_a_control_that_is_not_a_number_is_not_beaten():
    assert collapsed(GOOD, {"flat": {"ssim": math.nan}}) == [("ssim", "flat")]


def test_only_decisive_metrics_are_compared():
    assert collapsed({**GOOD, "mae": 0.6}, {"flat": FLAT}, decisive=("ssim",)) == []
    assert collapsed({**GOOD, "ssim": 0.1}, {"flat": FLAT}, decisive=("ssim",)) == [("ssim", "flat")]


def test_a_metric_that_is_not_finite_never_passes():
    """Also one that is compared with no control."""
    assert collapsed({**GOOD, "change": math.nan}, {"flat": FLAT}) == [("change", None)]
    assert collapsed({"ssim": math.inf}, {}) == [("ssim", None)]


def test_what_a_control_does_not_have_is_not_compared():
    assert collapsed({"ssim": 0.9}, {"flat": {"mae": 0.5}}) == []
    assert collapsed(GOOD, {}) == []
