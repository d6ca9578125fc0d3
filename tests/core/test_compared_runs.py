"""Pipelines are compared on one fixture: medians, costs without metrics, and no failure ends the others."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from harness.core.compared_runs import compare_runs, takes_seconds
from harness.core.domain.interface import PipelineResult, Stage
from harness.core.errors import DependencyError, RefusedError


class Pipeline:
    """A pipeline that notes how it was called; with *limited*, one that takes a time."""

    def __init__(self, *, limited=False, seconds=4.0, error=None, missing=None, value=0.5):
        self.engine = SimpleNamespace(takes_seconds=limited)
        self.seconds, self.error, self.missing, self.value = seconds, error, missing, value
        self.calls = []

    def require(self):
        if self.missing:
            raise self.missing

    def __call__(self, _fixture, output, *, seed=0, threads=None, limit=45.0, **options):
        self.calls.append({"seed": seed, "threads": threads, "limit": limit, **options})
        if self.error:
            raise self.error
        output.mkdir(parents=True)
        (output / "engine.json").write_text(json.dumps({"versions": {"theirs": "1"}, "handshake": None}))
        stages = (Stage("work", self.seconds, 100.0, {}, 3.0 + seed), Stage("metrics", 9.0, 900.0, {}, 9.0))
        return PipelineResult(
            "theirs",
            {"ssim": self.value + seed / 10},
            {"flat": {"ssim": 0.1}},
            stages,
            {"engine": output / "engine.json"},
            {"ssim": "higher"},
        )


def test_medians_of_all_runs_without_the_cost_of_the_metrics(tmp_path):
    run = Pipeline()

    (one,) = compare_runs({"ours": run}, tmp_path, tmp_path, seconds=None, runs=3, threads=2)

    assert [call["seed"] for call in run.calls] == [0, 1, 2]
    assert (one.runs, one.seconds, one.cpu_seconds, one.peak_mb) == (3, 4.0, 4.0, 100.0)
    assert one.metrics == {"ssim": 0.6}
    assert one.record["versions"] == {"theirs": "1"}
    assert all(call["threads"] == 2 for call in run.calls)


def test_engines_get_the_time_that_is_asked_for(tmp_path):
    limited, other = Pipeline(limited=True), Pipeline()

    compare_runs({"theirs": limited, "ours": other}, tmp_path, tmp_path, seconds=1.5, clock="cpu")

    assert (limited.calls[0]["seconds"], limited.calls[0]["clock"]) == (1.5, "cpu")
    assert "seconds" not in other.calls[0]


@pytest.mark.parametrize(("clock", "expected"), [("wall", 7.0), ("cpu", 3.0)])
def test_without_a_time_engines_get_that_of_the_slowest_other_pipeline(tmp_path, clock, expected):
    limited = Pipeline(limited=True)
    pipelines = {"theirs": limited, "fast": Pipeline(seconds=2.0), "slow": Pipeline(seconds=7.0)}

    found = compare_runs(pipelines, tmp_path, tmp_path, seconds=None, clock=clock)

    assert limited.calls[0]["seconds"] == expected
    assert [one.pipeline for one in found] == ["theirs", "fast", "slow"]


def test_engines_alone_run_as_they_would_without_a_time(tmp_path):
    limited = Pipeline(limited=True)

    compare_runs({"theirs": limited}, tmp_path, tmp_path, seconds=None)

    assert "seconds" not in limited.calls[0]


def test_what_fails_or_is_missing_is_said_and_the_others_run(tmp_path):
    refused = RefusedError("x", expected="a", found="b", remedy="c")
    missing = DependencyError("y", expected="a", found="b", remedy="Install it.")
    pipelines = {"bad": Pipeline(error=refused), "gone": Pipeline(missing=missing), "good": Pipeline()}

    bad, gone, good = compare_runs(pipelines, tmp_path, tmp_path, seconds=None)

    assert (bad.runs, bad.problem, bad.missing) == (0, str(refused), False)
    assert (gone.runs, gone.problem, gone.missing) == (0, str(missing), True)
    assert good.runs == 1
    assert not pipelines["gone"].calls


def test_a_result_that_is_not_ahead_of_its_controls_is_named(tmp_path):
    (one,) = compare_runs({"flat": Pipeline(value=0.05)}, tmp_path, tmp_path, seconds=None)

    assert one.behind == ("ssim",)


def test_a_pipeline_of_a_project_needs_no_time_limit(tmp_path):
    def plain(fixture, output, *, seed, threads):
        return PipelineResult("plain", {"a": 1.0}, {}, (), {})

    (one,) = compare_runs({"plain": plain}, tmp_path, tmp_path, seconds=2.0)

    assert (one.runs, one.limited) == (1, False)
    assert not takes_seconds(plain)
