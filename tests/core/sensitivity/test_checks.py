"""Each check reports in its own unit, and a detection names the worst difference."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.core.baselines.baseline import Baseline, Control, Metric, judge
from harness.core.baselines.calibrate import certificate
from harness.core.errors import RefusedError
from harness.core.sensitivity.checks import (
    by_array_digests,
    by_comparison,
    by_inputs,
    by_metrics,
    by_verdicts,
    format_tolerances,
    refused,
)

BASELINE = Baseline(
    1,
    {"mae": Metric(0.25, 0.125), "ssim": Metric(0.75, 0.01), "count": Metric(3.0, 0.0)},
    {"flat": {"ssim": Control(0.25, 0.25)}},
    certificate("by hand", [{}]),
)
SOUND = {"mae": 0.25, "ssim": 0.75, "count": 3.0}


@pytest.mark.parametrize(
    ("number", "text"), [(0.13, "0.13"), (2.04, "2"), (31.4, "31"), (617.0, "617"), (612345.0, "6e5")]
)
def test_tolerances_are_written_briefly(number, text):
    assert format_tolerances(number) == f"{text} tolerances"


def test_arrays_that_are_golden_pass(made, arrays):
    assert not by_array_digests(made().manifest, arrays).caught
    assert not by_comparison(arrays, arrays).caught


def test_the_array_that_is_farthest_off_is_named(arrays):
    found = by_comparison(arrays, {**arrays, "image": arrays["image"] + 1, "phase": arrays["phase"] * 1.001})
    assert (found.caught, found.detail) == (True, "2 arrays, image")
    assert float(found.margin.split()[0]) > 1e4


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda image: image.astype("f8"), "another dtype"),
        (lambda image: image[:2], "another shape"),
        (lambda image: np.where(image == 0, np.nan, image).astype("f4"), "another positions"),
    ],
)
def test_arrays_that_cannot_be_subtracted_name_what_differs(arrays, change, word):
    assert by_comparison(arrays, {**arrays, "image": change(arrays["image"])}).margin.startswith(word)


def test_metrics_name_a_collapse_first_and_then_the_worst():
    found = by_verdicts("smooth metrics", judge(BASELINE, {**SOUND, "ssim": 0.3, "mae": 0.5}))
    assert found.detail == "collapsed: ssim is not ahead of flat; 2 metrics, ssim"
    assert found.figures == {"mae": 2.0, "ssim": pytest.approx(45), "count": 0.0}
    assert found.margin == "45 tolerances"


def test_an_exact_metric_that_moved_is_infinitely_far():
    found = by_verdicts("smooth metrics", judge(BASELINE, {**SOUND, "count": 4.0}))
    assert math.isinf(found.figures["count"])
    assert found.caught


def test_metrics_inside_their_tolerance_pass_and_report_their_distance():
    found = by_verdicts("smooth metrics", judge(BASELINE, {**SOUND, "mae": 0.3}))
    assert (found.caught, found.margin) == (False, "0.4 tolerances")


@pytest.mark.parametrize("error", [RefusedError("loss", expected="1", found="nan", remedy=""), KeyError("x")])
def test_a_pipeline_that_fails_is_caught(error):
    def run():
        raise error

    found, result = by_metrics("smooth", run, BASELINE)
    assert (found.caught, found.margin, result) == (True, "refused", None)
    assert found.detail == refused("", error).detail


def test_an_input_with_another_digest_is_caught():
    assert by_inputs(("train read image: expected a, found b",)).margin == "1 input"
    assert not by_inputs(()).caught
