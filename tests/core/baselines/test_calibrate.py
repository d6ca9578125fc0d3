"""Baselines are built from repeated runs: values, tolerances, margins over controls, certificate."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.baselines.baseline import Control, Metric, all_accepted, encode_baseline, judge
from harness.core.baselines.calibrate import calibrated_baseline, provisional_baseline
from harness.core.baselines.perturbations import Perturbation, Sample
from harness.core.baselines.tolerance_interval import tolerance
from harness.core.errors import RefusedError
from harness.report.verdicts import metric_lines

BETTER = {"ssim": "higher", "mae": "lower"}
CONTROLS = {"flat": {"ssim": 0.25, "mae": 0.5}}


def sample(ssim: float, mae: float = 0.25, *, controls=CONTROLS, threads: int = 2) -> Sample:
    return Sample(Perturbation(threads), {"ssim": ssim, "mae": mae}, controls)


def test_the_tolerance_is_the_tolerance_interval_of_the_samples():
    values = [0.75, 0.8125, 0.6875, 0.78125]
    metric = calibrated_baseline([sample(value) for value in values], better=BETTER).metrics["ssim"]
    assert metric.tolerance == tolerance(0.75, values)
    assert (metric.samples, metric.spread) == (tuple(values), statistics.stdev(values))
    assert (metric.better, metric.seeds, metric.seed_spread) == ("higher", (), None)


def test_equal_samples_make_the_comparison_exact():
    same = calibrated_baseline([sample(0.75, 0.0), sample(0.75, 0.0)], better={"ssim": "higher"})
    assert [metric.tolerance for metric in same.metrics.values()] == [0.0, 0.0]
    assert all_accepted(judge(same, {"ssim": 0.75, "mae": 0.0}))
    assert not all_accepted(judge(same, {"ssim": math.nextafter(0.75, 1), "mae": 0.0}))


def test_other_seeds_are_recorded_and_do_not_widen_a_tolerance():
    samples = [sample(0.75), sample(0.76)]
    plain = calibrated_baseline(samples, better=BETTER).metrics["ssim"]
    seeded = calibrated_baseline(samples, better=BETTER, seeds=[sample(0.5), sample(0.6)])
    assert seeded.metrics["ssim"].tolerance == plain.tolerance
    assert seeded.metrics["ssim"].seeds == (0.5, 0.6)
    assert seeded.metrics["ssim"].seed_spread == statistics.stdev([0.75, 0.5, 0.6])
    assert seeded.certificate.runs == 4


def test_a_gain_is_distinguished_from_a_loss():
    baseline = calibrated_baseline([sample(0.75), sample(0.7501)], better=BETTER)
    gains = {v.name: v.is_gain for v in judge(baseline, {"ssim": 0.9, "mae": 0.3}) if v.control is None}
    assert gains == {"ssim": True, "mae": False}
    gains = {v.name: v.is_gain for v in judge(baseline, {"ssim": 0.6, "mae": 0.2}) if v.control is None}
    assert gains == {"ssim": False, "mae": True}
    lines = metric_lines(judge(baseline, {"ssim": 0.9, "mae": 0.25}))
    assert "off by +0.15, unexpectedly better" in lines[0]


@given(st.lists(st.floats(0.5, 1), min_size=1, max_size=8))
def test_every_sample_is_accepted_by_its_own_baseline(values):
    samples = [sample(value) for value in values]
    baseline = calibrated_baseline(samples, better=BETTER)
    assert all(all_accepted(judge(baseline, item.metrics, item.controls)) for item in samples)


def test_a_value_far_from_all_samples_is_rejected():
    baseline = calibrated_baseline([sample(0.75), sample(0.7501)], better=BETTER)
    assert not all_accepted(judge(baseline, {"ssim": 0.76, "mae": 0.25}))


def test_a_margin_is_half_of_the_lead_with_the_sign_of_the_good_direction():
    """SSIM must be higher and MAE lower than the control; a metric that is not better has no margin."""
    baseline = calibrated_baseline([sample(0.75, 0.25)], better=BETTER)
    assert baseline.controls == {"flat": {"ssim": Control(0.25, 0.25), "mae": Control(0.5, -0.125)}}
    behind = calibrated_baseline([sample(0.75, 0.75)], better=BETTER)
    assert behind.controls == {"flat": {"ssim": Control(0.25, 0.25)}}
    undirected = calibrated_baseline([sample(0.75, 0.25)], better={"ssim": "higher"})
    assert undirected.controls == {"flat": {"ssim": Control(0.25, 0.25)}}


def test_the_margin_comes_from_the_run_with_the_smallest_lead():
    """Each run is compared with its own control, so no calibration run counts as collapsed."""
    near = sample(0.75, controls={"flat": {"ssim": 0.375, "mae": 0.5}})
    baseline = calibrated_baseline([sample(0.75), near], better={"ssim": "higher"})
    assert baseline.controls == {"flat": {"ssim": Control(0.25, 0.1875)}}
    level = sample(0.75, controls={"flat": {"ssim": 0.75, "mae": 0.5}})
    assert calibrated_baseline([sample(0.75), level], better=BETTER).controls["flat"].keys() == {"mae"}


@pytest.mark.parametrize(("least", "counts"), [(0.13, False), (0.33, False), (0.34, True), (0.5, True)])
def test_a_lead_that_varies_as_much_as_its_margin_gives_no_margin(least, counts):
    """The next run, just as good, could fall behind by chance."""
    runs = [sample(0.75), sample(0.25 + least)]
    assert ("ssim" in calibrated_baseline(runs, better=BETTER).controls["flat"]) == counts


def test_runs_that_do_not_beat_a_control_are_refused():
    """Whether the control is equal or better; the control is named."""
    for ssim, mae in ((0.25, 0.5), (0.2, 0.6)):
        with pytest.raises(RefusedError, match="runs that collapsed cannot be a baseline") as caught:
            calibrated_baseline([sample(ssim, mae)], better=BETTER)
        assert "'flat'" in caught.value.thing


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_run_with_a_value_that_is_not_finite_is_refused_by_its_number(value, place):
    samples = [sample(0.75) for _ in range(3)]
    samples[place] = sample(0.75, value)
    with pytest.raises(RefusedError, match="a finite number for every metric") as caught:
        calibrated_baseline(samples, better=BETTER)
    assert caught.value.found == f"mae {value}"
    if place:
        assert f"run {place + 1}" in caught.value.thing


def test_a_run_without_one_of_the_metrics_is_refused():
    other = Sample(Perturbation(1), {"ssim": 0.75}, CONTROLS)
    with pytest.raises(RefusedError, match="found mae None"):
        calibrated_baseline([sample(0.75), other], better=BETTER)


def test_the_certificate_records_how_the_tolerances_were_measured():
    baseline = calibrated_baseline(
        [sample(0.75, threads=2), sample(0.75, threads=1)], better=BETTER, fixture="xxh128:0"
    )
    found = baseline.certificate
    assert (found.runs, found.perturbations) == (2, ({"threads": "2"}, {"threads": "1"}))
    assert "0.001 of clean runs refused" in found.rule
    assert "half of the least lead" in found.rule
    assert found.environment["python"]
    assert b'"conditions": [' in encode_baseline(baseline)  # its name in golden files
    assert len(found.date) == len("2020-01-02")
    assert baseline.fixture == "xxh128:0"
    encode_baseline(baseline)


def test_a_single_run_replaces_values_and_keeps_tolerances():
    """Until the next calibration; the certificate gives the date of the last one."""
    before = calibrated_baseline([sample(0.75), sample(0.8)], better=BETTER)
    after = provisional_baseline({"ssim": 0.5, "psnr": 20.0}, before)
    assert after.metrics["ssim"] == Metric(0.5, before.metrics["ssim"].tolerance, better="higher")
    assert after.metrics["psnr"] == Metric(20.0, 1e-6 * 20.0)
    assert "mae" not in after.metrics
    assert after.controls == before.controls
    assert after.certificate.runs == 1
    assert before.certificate.date in after.certificate.rule


def test_a_first_run_has_a_small_relative_tolerance():
    first = provisional_baseline({"ssim": 0.5})
    assert all_accepted(judge(first, {"ssim": 0.5}))
    assert not all_accepted(judge(first, {"ssim": 0.501}))
    assert first.controls == {}


@pytest.mark.parametrize(("old", "new"), [(1e3, 1e-5), (0.0, 4.0), (-2.0, 8.0)])
def test_a_tolerance_that_nobody_measured_follows_the_new_value(old, new):
    """The one of another unit would accept any value, and that of zero none but the same bits."""
    after = provisional_baseline({"width": new}, provisional_baseline({"width": old}))
    assert after.metrics["width"].tolerance == pytest.approx(1e-6 * new)
    for wrong in (0.0, -new, 2 * new):
        assert not all_accepted(judge(after, {"width": wrong}))


def test_no_tolerance_is_smaller_than_the_resolution_of_the_metric():
    """It may change by one step, not by two, even if all samples are equal."""
    samples = [Sample(Perturbation(1), {"cutoff": 0.4}, {}) for _ in range(3)]
    baseline = calibrated_baseline(samples, better={}, resolution={"cutoff": 0.01})
    assert all_accepted(judge(baseline, {"cutoff": 0.41}))
    assert not all_accepted(judge(baseline, {"cutoff": 0.42}))
