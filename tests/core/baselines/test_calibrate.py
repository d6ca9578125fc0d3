"""Tolerances come from repeated runs, and say so."""

from __future__ import annotations

import math
import os
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.baselines.baseline import Control, Metric, all_accepted, encode_baseline, judge
from harness.core.baselines.calibrate import calibrated_baseline, provisional_baseline
from harness.core.baselines.perturbations import Perturbation, Sample, applied, other_seeds, perturbations
from harness.core.baselines.tolerance_interval import tolerance
from harness.core.errors import RefusedError
from harness.report.verdicts import metric_lines

BETTER = {"ssim": "higher", "mae": "lower"}
CONTROLS = {"flat": {"ssim": 0.25, "mae": 0.5}}


def sample(ssim: float, mae: float = 0.25, *, controls=CONTROLS, threads: int = 2) -> Sample:
    return Sample(Perturbation(threads), {"ssim": ssim, "mae": mae}, controls)


def test_the_first_run_is_plain_and_no_two_are_alike():
    twelve = perturbations()
    assert (len(twelve), twelve[0]) == (12, Perturbation(1))
    assert len({str(item.describe()) for item in twelve}) == 12
    assert None not in [item.noise for item in twelve[1:]]
    assert perturbations(3) == twelve[:3]


def test_runs_vary_threads_and_kernels():
    """Twelve runs are two of each: 1 and 2 threads, and the kernels of three processors."""
    kinds = [(item.threads, item.variables.get("ATEN_CPU_CAPABILITY")) for item in perturbations()]
    assert sorted(kinds, key=str) == sorted(
        [(threads, kernels) for threads in (1, 2) for kernels in (None, "avx2", "default")] * 2, key=str
    )


def test_other_seeds_are_the_only_thing_that_differs():
    assert [item.describe() for item in other_seeds(2)] == [
        {"threads": "1", "seed": "1"},
        {"threads": "1", "seed": "2"},
    ]


def test_a_condition_applies_while_it_lasts(monkeypatch):
    """Variables are set for child processes, and are what they were afterwards, even after an error."""
    monkeypatch.setenv("HARNESS_OLD", "old")
    monkeypatch.delenv("HARNESS_NEW", raising=False)
    condition = Perturbation(1, {"HARNESS_OLD": "set", "HARNESS_NEW": "set"})
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


def test_the_tolerance_is_that_of_the_interval():
    values = [0.75, 0.8125, 0.6875, 0.78125]
    metric = calibrated_baseline([sample(value) for value in values], better=BETTER).metrics["ssim"]
    assert metric.tolerance == tolerance(0.75, values)
    assert (metric.samples, metric.spread) == (tuple(values), statistics.stdev(values))
    assert (metric.better, metric.seeds, metric.seed_spread) == ("higher", (), None)


def test_runs_that_agree_to_the_bit_make_an_exact_metric():
    same = calibrated_baseline([sample(0.75, 0.0), sample(0.75, 0.0)], better={"ssim": "higher"})
    assert [metric.tolerance for metric in same.metrics.values()] == [0.0, 0.0]
    assert all_accepted(judge(same, {"ssim": 0.75, "mae": 0.0}))
    assert not all_accepted(judge(same, {"ssim": math.nextafter(0.75, 1), "mae": 0.0}))


def test_other_seeds_are_kept_beside_and_widen_no_tolerance():
    samples = [sample(0.75), sample(0.76)]
    plain = calibrated_baseline(samples, better=BETTER).metrics["ssim"]
    seeded = calibrated_baseline(samples, better=BETTER, seeds=[sample(0.5), sample(0.6)])
    assert seeded.metrics["ssim"].tolerance == plain.tolerance
    assert seeded.metrics["ssim"].seeds == (0.5, 0.6)
    assert seeded.metrics["ssim"].seed_spread == statistics.stdev([0.75, 0.5, 0.6])
    assert seeded.certificate.runs == 4


def test_a_gain_is_refused_and_told_from_a_loss():
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


def test_a_value_beyond_all_samples_is_not_accepted():
    baseline = calibrated_baseline([sample(0.75), sample(0.7501)], better=BETTER)
    assert not all_accepted(judge(baseline, {"ssim": 0.76, "mae": 0.25}))


def test_margins_are_half_of_the_lead_with_the_direction_as_their_sign():
    """SSIM leads upward, MAE downward; a metric that leads nowhere has no margin."""
    baseline = calibrated_baseline([sample(0.75, 0.25)], better=BETTER)
    assert baseline.controls == {"flat": {"ssim": Control(0.25, 0.25), "mae": Control(0.5, -0.125)}}
    behind = calibrated_baseline([sample(0.75, 0.75)], better=BETTER)
    assert behind.controls == {"flat": {"ssim": Control(0.25, 0.25)}}
    undirected = calibrated_baseline([sample(0.75, 0.25)], better={"ssim": "higher"})
    assert undirected.controls == {"flat": {"ssim": Control(0.25, 0.25)}}


def test_the_margin_is_that_of_the_run_that_was_least_ahead():
    """Each against its own control: no run that was calibrated with counts as collapsed."""
    near = sample(0.75, controls={"flat": {"ssim": 0.375, "mae": 0.5}})
    baseline = calibrated_baseline([sample(0.75), near], better={"ssim": "higher"})
    assert baseline.controls == {"flat": {"ssim": Control(0.25, 0.1875)}}
    level = sample(0.75, controls={"flat": {"ssim": 0.75, "mae": 0.5}})
    assert calibrated_baseline([sample(0.75), level], better=BETTER).controls["flat"].keys() == {"mae"}


@pytest.mark.parametrize(("least", "counts"), [(0.13, False), (0.33, False), (0.34, True), (0.5, True)])
def test_a_lead_that_varies_as_much_as_its_margin_is_chance(least, counts):
    """A margin of hardly anything would have the next run refused that is as good."""
    runs = [sample(0.75), sample(0.25 + least)]
    assert ("ssim" in calibrated_baseline(runs, better=BETTER).controls["flat"]) == counts


def test_a_collapse_is_no_baseline():
    """A run that its own control equals or beats is refused, and the control is named."""
    for ssim, mae in ((0.25, 0.5), (0.2, 0.6)):
        with pytest.raises(RefusedError, match="a collapsed run is no baseline") as caught:
            calibrated_baseline([sample(ssim, mae)], better=BETTER)
        assert "'flat'" in caught.value.thing


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_run_that_measured_no_number_is_refused_and_named(value, place):
    samples = [sample(0.75) for _ in range(3)]
    samples[place] = sample(0.75, value)
    with pytest.raises(RefusedError, match="a finite number for every metric") as caught:
        calibrated_baseline(samples, better=BETTER)
    assert caught.value.found == f"mae {value}"
    if place:
        assert f"run {place + 1}" in caught.value.thing


def test_a_run_that_lacks_a_metric_is_refused():
    other = Sample(Perturbation(1), {"ssim": 0.75}, CONTROLS)
    with pytest.raises(RefusedError, match="found mae None"):
        calibrated_baseline([sample(0.75), other], better=BETTER)


def test_the_certificate_tells_how_the_tolerances_were_found():
    baseline = calibrated_baseline(
        [sample(0.75, threads=2), sample(0.75, threads=1)], better=BETTER, fixture="xxh128:0"
    )
    told = baseline.certificate
    assert (told.runs, told.conditions) == (2, ({"threads": "2"}, {"threads": "1"}))
    assert "0.001 of clean runs refused" in told.rule
    assert "half of the least lead" in told.rule
    assert told.environment["python"]
    assert len(told.date) == len("2020-01-02")
    assert baseline.fixture == "xxh128:0"
    encode_baseline(baseline)


def test_a_single_run_moves_values_and_keeps_tolerances():
    """What calibration measured stays until it measures again; the certificate says so."""
    before = calibrated_baseline([sample(0.75), sample(0.8)], better=BETTER)
    after = provisional_baseline({"ssim": 0.5, "psnr": 20.0}, before)
    assert after.metrics["ssim"] == Metric(0.5, before.metrics["ssim"].tolerance, better="higher")
    assert after.metrics["psnr"] == Metric(20.0, 1e-6 * 20.0)
    assert "mae" not in after.metrics
    assert after.controls == before.controls
    assert after.certificate.runs == 1
    assert before.certificate.date in after.certificate.rule


def test_a_first_run_is_its_own_baseline():
    first = provisional_baseline({"ssim": 0.5})
    assert all_accepted(judge(first, {"ssim": 0.5}))
    assert not all_accepted(judge(first, {"ssim": 0.501}))
    assert first.controls == {}


def test_no_tolerance_is_smaller_than_the_metrics_own_step():
    """A metric that moves in steps may move by one, not by two, though all samples agree."""
    samples = [Sample(Perturbation(1), {"cutoff": 0.4}, {}) for _ in range(3)]
    baseline = calibrated_baseline(samples, better={}, resolution={"cutoff": 0.01})
    assert all_accepted(judge(baseline, {"cutoff": 0.41}))
    assert not all_accepted(judge(baseline, {"cutoff": 0.42}))
