"""Tolerances come from repeated runs, and say so."""

from __future__ import annotations

import math
import os
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.baseline import Control, Metric, accepted, encode_baseline, judge
from harness.core.calibrate import Condition, Sample, applied, calibrated, conditions, provisional
from harness.core.errors import RefusedError

BETTER = {"ssim": "higher", "mae": "lower"}
CONTROLS = {"flat": {"ssim": 0.25, "mae": 0.5}}


def sample(ssim: float, mae: float = 0.25, *, controls=CONTROLS, threads: int = 2) -> Sample:
    return Sample(Condition(threads), {"ssim": ssim, "mae": mae}, controls)


def test_conditions_vary_threads_and_kernels():
    """Eight runs are two of each: 1 and 2 threads, the processor's own kernels and portable ones."""
    eight = conditions()
    kinds = [(item.threads, bool(item.variables)) for item in eight]
    assert sorted(kinds) == sorted([(1, False), (1, True), (2, False), (2, True)] * 2)
    portable = next(item for item in eight if item.variables)
    assert portable.describe() == {
        "threads": str(portable.threads),
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    }
    assert conditions(3) == eight[:3]


def test_a_condition_applies_while_it_lasts(monkeypatch):
    """Variables are set for child processes, and are what they were afterwards, even after an error."""
    monkeypatch.setenv("HARNESS_OLD", "old")
    monkeypatch.delenv("HARNESS_NEW", raising=False)
    condition = Condition(1, {"HARNESS_OLD": "set", "HARNESS_NEW": "set"})
    seen = {}

    def interrupted() -> None:
        with applied(condition):
            seen.update(os.environ)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (seen["HARNESS_OLD"], seen["HARNESS_NEW"]) == ("set", "set")
    assert os.environ["HARNESS_OLD"] == "old"
    assert "HARNESS_NEW" not in os.environ


def test_the_tolerance_is_reach_and_three_standard_deviations():
    values = [0.75, 0.8125, 0.6875, 0.78125]
    baseline = calibrated([sample(value) for value in values], better=BETTER)
    assert baseline.metrics["ssim"] == Metric(0.75, 0.0625 + 3 * statistics.stdev(values), tuple(values))


def test_runs_that_agree_to_the_bit_leave_room_for_rounding():
    """One part in a million; something even where the value is 0."""
    same = calibrated([sample(0.75, 0.0), sample(0.75, 0.0)], better={"ssim": "higher"})
    assert same.metrics["ssim"].tolerance == 0.75e-6
    assert same.metrics["mae"].tolerance == math.ulp(0.0) > 0


@given(st.lists(st.floats(0.5, 1), min_size=1, max_size=8))
def test_every_sample_is_accepted_by_its_own_baseline(values):
    samples = [sample(value) for value in values]
    baseline = calibrated(samples, better=BETTER)
    assert all(accepted(judge(baseline, item.metrics, item.controls)) for item in samples)


def test_a_value_beyond_all_samples_is_not_accepted():
    baseline = calibrated([sample(0.75), sample(0.7501)], better=BETTER)
    assert not accepted(judge(baseline, {"ssim": 0.76, "mae": 0.25}))


def test_margins_are_half_of_the_lead_with_the_direction_as_their_sign():
    """SSIM leads upward, MAE downward; a metric that leads nowhere has no margin."""
    baseline = calibrated([sample(0.75, 0.25)], better=BETTER)
    assert baseline.controls == {"flat": {"ssim": Control(0.25, 0.25), "mae": Control(0.5, -0.125)}}
    behind = calibrated([sample(0.75, 0.75)], better=BETTER)
    assert behind.controls == {"flat": {"ssim": Control(0.25, 0.25)}}
    undirected = calibrated([sample(0.75, 0.25)], better={"ssim": "higher"})
    assert undirected.controls == {"flat": {"ssim": Control(0.25, 0.25)}}


def test_the_margin_is_that_of_the_run_that_was_least_ahead():
    """Each against its own control: no run that was calibrated with counts as collapsed."""
    near = sample(0.75, controls={"flat": {"ssim": 0.5, "mae": 0.5}})
    baseline = calibrated([sample(0.75), near], better={"ssim": "higher"})
    assert baseline.controls == {"flat": {"ssim": Control(0.25, 0.125)}}
    level = sample(0.75, controls={"flat": {"ssim": 0.75, "mae": 0.5}})
    assert calibrated([sample(0.75), level], better=BETTER).controls["flat"].keys() == {"mae"}


def test_a_collapse_is_no_baseline():
    """A run that its own control equals or beats is refused, and the control is named."""
    for ssim, mae in ((0.25, 0.5), (0.2, 0.6)):
        with pytest.raises(RefusedError, match="a collapsed run is no baseline") as caught:
            calibrated([sample(ssim, mae)], better=BETTER)
        assert "'flat'" in caught.value.thing


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_run_that_measured_no_number_is_refused_and_named(value, place):
    samples = [sample(0.75) for _ in range(3)]
    samples[place] = sample(0.75, value)
    with pytest.raises(RefusedError, match="a finite number for every metric") as caught:
        calibrated(samples, better=BETTER)
    assert caught.value.found == f"mae {value}"
    if place:
        assert f"run {place + 1}" in caught.value.thing


def test_a_run_that_lacks_a_metric_is_refused():
    other = Sample(Condition(1), {"ssim": 0.75}, CONTROLS)
    with pytest.raises(RefusedError, match="found mae None"):
        calibrated([sample(0.75), other], better=BETTER)


def test_the_certificate_tells_how_the_tolerances_were_found():
    baseline = calibrated(
        [sample(0.75, threads=2), sample(0.75, threads=1)], better=BETTER, fixture="xxh128:0"
    )
    told = baseline.certificate
    assert (told.runs, told.conditions) == (2, ({"threads": "2"}, {"threads": "1"}))
    assert "3 standard deviations" in told.rule
    assert "half of the least distance" in told.rule
    assert told.environment["python"]
    assert len(told.date) == len("2020-01-02")
    assert baseline.fixture == "xxh128:0"
    encode_baseline(baseline)


def test_a_single_run_moves_values_and_keeps_tolerances():
    """What calibration measured stays until it measures again; the certificate says so."""
    before = calibrated([sample(0.75), sample(0.8)], better=BETTER)
    after = provisional({"ssim": 0.5, "psnr": 20.0}, before)
    assert after.metrics["ssim"] == Metric(0.5, before.metrics["ssim"].tolerance)
    assert after.metrics["psnr"] == Metric(20.0, 1e-6 * 20.0, (20.0,))
    assert "mae" not in after.metrics
    assert after.controls == before.controls
    assert after.certificate.runs == 1
    assert before.certificate.date in after.certificate.rule


def test_a_first_run_is_its_own_baseline():
    first = provisional({"ssim": 0.5})
    assert accepted(judge(first, {"ssim": 0.5}))
    assert not accepted(judge(first, {"ssim": 0.501}))
    assert first.controls == {}


def test_no_tolerance_is_smaller_than_the_metrics_own_step():
    """A metric that moves in steps may move by one, not by two, though all samples agree."""
    samples = [Sample(Condition(1), {"cutoff": 0.4}, {}) for _ in range(3)]
    baseline = calibrated(samples, better={}, resolution={"cutoff": 0.01})
    assert accepted(judge(baseline, {"cutoff": 0.41}))
    assert not accepted(judge(baseline, {"cutoff": 0.42}))


def test_half_of_eight_runs_have_noise_of_their_own():
    """The second half of the default runs has last-bit noise, each with a seed of its own."""
    seeds = [condition.noise for condition in conditions()]
    assert seeds[:4] == [None] * 4
    assert len(set(seeds[4:])) == 4
    assert None not in seeds[4:]
