"""``metrics_regression``: metrics are judged once, and drift, gain and damage are reported."""

from __future__ import annotations

import dataclasses
import re

import pytest

import harness.plugin.metrics_check
from harness.core.errors import GoldenMissingError, RefusedError, UsageError
from harness.plugin.metrics_check import MetricsRegression

NAME = "lattice.net"


@pytest.fixture
def check(request, tmp_path, session):
    """``metrics_regression.check`` of a session that does not write."""
    return MetricsRegression(request, tmp_path, session).check


def test_equal_metrics_pass(check, session):
    """The baseline counts as used, and nothing is staged."""
    check({"ssim": 0.5}, NAME)
    assert session.used == {"golden/lattice.net.json"}
    assert session.staged == []


@pytest.mark.parametrize(("value", "passes"), [(0.5, True), (0.75, False)])
def test_metrics_are_judged_once(check, monkeypatch, value, passes):
    """Whether they pass or fail."""
    judge, calls = harness.plugin.metrics_check.judge, []

    def counted(*arguments):
        calls.append(arguments)
        return judge(*arguments)

    monkeypatch.setattr(harness.plugin.metrics_check, "judge", counted)
    if passes:
        check({"ssim": value}, NAME)
    else:
        with pytest.raises(pytest.fail.Exception):
            check({"ssim": value}, NAME)
    assert len(calls) == 1


def test_drift_is_reported(check):
    """Value, baseline and distance, and what to do if it is intended."""
    with pytest.raises(pytest.fail.Exception) as caught:
        check({"ssim": 0.75}, NAME)
    assert str(caught.value).splitlines() == [
        "metrics 'lattice.net' differ from their baseline, golden/lattice.net.json:",
        "  ssim: 0.75, baseline 0.5 +/- 5e-07, off by +0.25",
        "If the change is intended, re-record it with `pytest --force-regen`, then",
        'measure its tolerances with `harness calibrate --reason "..."`.',
    ]


def test_a_damaged_baseline_is_reported_though_the_metrics_are_accepted(check, session):
    """The registry decides what is golden."""
    path = session.project.golden / "lattice.net.json"
    path.write_text(re.sub(r'"tolerance": *[^,\s]+', '"tolerance":1e9', path.read_text()))
    with pytest.raises(
        pytest.fail.Exception, match=r"golden/lattice\.net\.json: golden file changed since it was "
    ):
        check({"ssim": 100.0}, NAME)


def test_a_baseline_that_is_not_recorded_is_refused(check, session):
    """Nothing is written."""
    before = sorted(session.project.golden.iterdir())
    with pytest.raises(GoldenMissingError):
        check({"ssim": 0.5}, "other.net")
    assert sorted(session.project.golden.iterdir()) == before


def test_a_metric_that_is_not_finite_is_drift_beside_all_others(check, session, tmp_path):
    """The whole report, with the metrics that are as they were; nothing is staged."""
    with pytest.raises(pytest.fail.Exception) as caught:
        check({"ssim": float("nan"), "new": float("inf")}, NAME)
    assert str(caught.value).splitlines() == [
        "metrics 'lattice.net' differ from their baseline:",
        "  new: inf, not in the baseline",
        "  ssim: not a number, baseline 0.5 +/- 5e-07",
        "Metrics that are not finite cannot be recorded. Fix the pipeline first.",
    ]
    with pytest.raises(pytest.fail.Exception) as caught:
        check({"ssim": 0.5, "new": float("nan")}, NAME)
    assert "  ssim: 0.5, same" in str(caught.value).splitlines()
    assert session.staged == []


def test_a_metric_that_is_not_finite_is_never_recorded(request, tmp_path, session):
    session.settings = dataclasses.replace(session.settings, writes=True)
    check = MetricsRegression(request, tmp_path, session).check
    with pytest.raises(RefusedError, match=r"metrics 'other\.net': expected finite numbers"):
        check({"ssim": float("nan"), "mae": 0.5}, "other.net")
    assert session.staged == []


@pytest.mark.parametrize("value", [None, [0.5], True, "0.5"])
def test_a_metric_that_is_not_a_number_is_refused_by_name(check, value):
    with pytest.raises(
        UsageError, match=r"metrics 'lattice\.net': expected an int or a float for every metric"
    ):
        check({"ssim": value}, NAME)


@pytest.mark.parametrize("name", ["../lattice.net", "/lattice", "lattice net", "con.net", "a\\b", ""])
def test_a_name_that_is_not_valid_is_refused(check, name):
    with pytest.raises(UsageError, match="baseline name"):
        check({"ssim": 0.5}, name)
