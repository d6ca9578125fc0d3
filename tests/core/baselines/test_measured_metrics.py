"""Metrics of tests get tolerances from samples on several platforms; the golden value stays."""

from __future__ import annotations

import msgspec
import pytest

from harness.core.baselines.calibrate import provisional_baseline
from harness.core.baselines.measured_metrics import PLATFORM, Run, metric_problems, with_samples

FIRST = provisional_baseline({"energy": 1.0})


def runs(platform: str, *values: float) -> list[Run]:
    return [Run({PLATFORM: platform}, {"energy": value}) for value in values]


def test_the_golden_value_is_the_first_sample_and_stays():
    metric = with_samples(FIRST, runs("Linux", 1.0, 1.0 + 1e-12)).metrics["energy"]
    assert (metric.value, metric.samples) == (1.0, (1.0, 1.0, 1.0 + 1e-12))
    assert 1e-12 < metric.tolerance < 1e-10


def test_samples_of_a_platform_replace_its_former_ones_and_leave_others():
    linux = with_samples(FIRST, runs("Linux", 1.0, 1.1))
    both = with_samples(linux, runs("Darwin", 1.2))
    again = with_samples(both, runs("Linux", 1.3))
    assert again.metrics["energy"].samples == (1.0, 1.2, 1.3)
    assert [each.get(PLATFORM) for each in again.certificate.perturbations] == [None, "Darwin", "Linux"]
    assert again.certificate.runs == 3


def test_a_metric_that_never_differs_is_exact():
    assert with_samples(FIRST, runs("Linux", 1.0, 1.0)).metrics["energy"].tolerance == 0


@pytest.mark.parametrize(("tolerance", "word"), [(0.5, "widened"), (1e-13, "narrowed")])
def test_a_tolerance_that_does_not_follow_from_its_samples_is_a_problem(tolerance, word):
    measured = with_samples(FIRST, runs("Linux", 1.0, 1.0 + 1e-12))
    assert list(metric_problems(measured)) == []
    edited = {"energy": msgspec.structs.replace(measured.metrics["energy"], tolerance=tolerance)}
    (problem,) = metric_problems(msgspec.structs.replace(measured, metrics=edited))
    assert f"energy: the tolerance was {word} by hand" in problem


def test_a_tolerance_that_was_never_measured_is_none():
    assert list(metric_problems(FIRST)) == []
