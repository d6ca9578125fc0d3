"""Differences in the numbers that JSON has, and in the words of a report."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import Control, MetricVerdict, judge
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.compare import compare
from harness.core.obtained.results import ArrayResult
from harness.core.verdict import Outcome
from harness.plugin.outcomes.array_results import array_results, metric_results, property_text, worst


def only(golden, found, **tolerance) -> ArrayResult:
    """The result of one array named ``a``."""
    given = {"a": tolerance} if tolerance else None
    (result,) = array_results([compare({"a": golden}, {"a": found}, given)])
    assert msgspec.json.decode(msgspec.json.encode(result), type=ArrayResult) == result
    return result


def test_a_drift_has_its_size_and_place():
    result = only(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 2.0], [3.0, 4.5]]), atol=0.25)
    assert (result.outcome, result.share, result.max_absolute, result.max_relative) == (
        Outcome.DRIFTED,
        2.0,
        0.5,
        0.125,
    )
    assert (result.worst, result.drifted, result.size, result.atol) == ((1, 1), 1, 4, 0.25)
    assert result.text == "a: 1 of 4 elements differ (25 %), largest difference 0.5 at [1, 1]"


def test_the_place_is_that_of_the_share():
    """The largest difference, 10 at [0], is a tenth of what is allowed there."""
    result = only(np.array([1000.0, 1.0]), np.array([1010.0, 2.0]), rtol=0.1)
    assert (result.worst, result.share) == ((1,), 10.0)


def test_a_difference_within_the_tolerance_says_so():
    result = only(np.array([1.0, 2.0]), np.array([1.0, 2.125]), atol=0.25)
    assert (result.outcome, result.share, result.drifted) == (Outcome.TOLERATED, 0.5, 0)
    assert result.text == (
        "a: 1 of 2 elements differ (50 %) within the tolerance, largest difference 0.125 at [1]"
    )


def test_equal_arrays_have_no_result():
    arrays = {"a": np.arange(3.0)}
    assert array_results([compare(arrays, arrays)]) == ()


@pytest.mark.parametrize(
    ("golden", "found", "text"),
    [
        (np.zeros(3), np.zeros(4), "a: shape: expected float64 (3,), found float64 (4,)"),
        (np.zeros(3), np.zeros(3, "f4"), "a: dtype: expected float64 (3,), found float32 (3,)"),
    ],
)
def test_what_no_tolerance_covers_has_no_share(golden, found, text):
    result = only(golden, found)
    assert (result.outcome, result.share, result.text) == (Outcome.DRIFTED, None, text)


def test_an_array_may_be_missing_or_new():
    results = array_results([compare({"a": np.zeros(1)}, {"b": np.zeros(1)})])
    assert [(one.name, one.outcome) for one in results] == [
        ("a", Outcome.MISSING),
        ("b", Outcome.UNREGISTERED),
    ]


@pytest.mark.parametrize(
    ("golden", "found"),
    [
        (np.array([1.0, 2.0]), np.array([1.0, np.nan])),
        (np.array([-1.7e308]), np.array([1.7e308])),
        (np.array([0, 1]), np.array([0, 2])),
        (np.array([1, 2], "u8"), np.array([1, 2**64 - 1], "u8")),
        (np.array(["a"]), np.array(["b"])),
        (np.array(["2020-01-01"], "M8[D]"), np.array(["2020-01-03"], "M8[D]")),
        (np.array([1 + 1j]), np.array([1 + 2j])),
        (np.array(1.0), np.array(2.0)),
    ],
)
def test_every_drift_can_be_written_as_json(golden, found):
    result = only(golden, found)
    assert result.outcome is Outcome.DRIFTED
    assert result.text


def baseline():
    first = provisional_baseline({"ssim": 0.5, "mse": 0.25, "loss": 1.0})
    return msgspec.structs.replace(first, controls={"flat": {"ssim": Control(0.4, 0.05)}})


def test_metrics_have_both_values():
    ssim, *others = metric_results(judge(baseline(), {"ssim": 0.625, "mse": 0.25, "loss": 1.0}))
    assert others == []
    assert (ssim.expected, ssim.found, ssim.outcome) == (0.5, 0.625, Outcome.DRIFTED)
    assert ssim.share == pytest.approx(0.125 / ssim.atol)
    assert ssim.text.startswith("ssim: 0.625, baseline 0.5 +/- ")


def test_metrics_may_be_missing_new_not_finite_or_no_better_than_a_control():
    results = metric_results(judge(baseline(), {"ssim": 0.41, "loss": math.nan, "psnr": 30.0}))
    found = {(one.name, one.outcome): one for one in results}
    assert set(found) == {
        ("ssim", Outcome.DRIFTED),
        ("ssim", Outcome.COLLAPSED),
        ("loss", Outcome.DRIFTED),
        ("mse", Outcome.MISSING),
        ("psnr", Outcome.UNREGISTERED),
    }
    assert found["loss", Outcome.DRIFTED].found is None
    assert found["psnr", Outcome.UNREGISTERED].expected is None
    for one in results:
        assert msgspec.json.decode(msgspec.json.encode(one), type=ArrayResult) == one


def test_a_metric_without_a_tolerance_has_no_share():
    (one,) = metric_results([MetricVerdict("count", Outcome.DRIFTED, 3, 2, 0.0)])
    assert one.share is None


def test_the_worst_array_is_one_that_failed_then_the_farthest():
    near = ArrayResult("near", Outcome.DRIFTED, share=2.0)
    far = ArrayResult("far", Outcome.DRIFTED, share=9.0)
    other = ArrayResult("other", Outcome.DRIFTED)
    wide = ArrayResult("wide", Outcome.TOLERATED)
    assert worst([near, far, wide]) == far
    assert worst([near, other]) == other
    assert worst([]) is None


def test_a_property_says_how_much_where_that_is_a_number():
    assert property_text("drifted", [ArrayResult("a", Outcome.DRIFTED)]) == "drifted in a"
    shares = [ArrayResult("a", Outcome.TOLERATED, share=0.123456, worst=(0, 1))]
    assert property_text("within tolerance", shares) == "within tolerance 0.123 tolerances in a at [0, 1]"
    assert property_text("missing", []) == "missing"
