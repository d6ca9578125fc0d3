"""Train, save, load in a new process, infer: the pipelines' metrics are compared with their baselines."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from harness.core.baselines.controls import compare_with_controls
from harness.core.storage.project import Project
from harness.ptycho.pipeline import run

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.domain.interface import PipelineResult

MOST_MB = 900
MOST_ARTIFACT_BYTES = 5e6

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the pipelines need torch, which is not installed"
)


@pytest.fixture(scope="module", params=["network", "iterative", "quasi-newton"])
def result(request, pytestconfig, tmp_path_factory) -> PipelineResult:
    """One run of each pipeline on the golden fixture, stopped after 45 s."""
    golden = Project(pytestconfig.rootpath).golden / "minimal_v1.npz"
    return getattr(run, request.param.replace("-", "_"))(golden, tmp_path_factory.mktemp(request.param))


def test_work_and_its_continuation_are_two_processes(result):
    """The checkpoint is written by one stage and read by the next, and both read the same arrays."""
    stages = {
        "network": ["train", "infer"],
        "iterative": ["first half", "second half"],
        "quasi-newton": ["first part", "second part"],
    }[result.pipeline]
    assert list(result.inputs) == stages
    assert result.inputs[stages[0]] == result.inputs[stages[1]]
    assert result.artifacts["checkpoint"].stat().st_size > 0


def test_metrics_match_the_baseline(result, metrics_regression):
    """Every metric is within its measured tolerance, and better than its controls by the recorded margin."""
    metrics_regression.check(result.metrics, f"minimal_v1.{result.pipeline}", controls=result.controls)


def test_the_reconstruction_is_good(result):
    """Fixed bounds, whatever the baseline says."""
    metrics, controls = result.metrics, result.controls
    if result.pipeline == "network":
        assert metrics["aligned_amplitude_ssim"] >= 0.93
        assert metrics["aligned_amplitude_mae"] <= 0.6 * controls["untrained"]["aligned_amplitude_mae"]
    elif result.pipeline == "iterative":
        assert metrics["aligned_amplitude_ssim"] >= 0.95
        assert metrics["aligned_phase_ssim"] >= 0.90
    else:
        assert metrics["aligned_amplitude_ssim"] >= 0.97
        assert metrics["aligned_phase_ssim"] >= 0.98


def test_every_decisive_metric_is_ahead_of_the_controls(result):
    """As `harness reconstruct` demands of any scan, without a baseline."""
    verdicts = compare_with_controls(result.metrics, result.controls, result.better, decisive=result.decisive)
    assert len(verdicts) >= len(result.decisive)
    assert [verdict for verdict in verdicts if not verdict.outcome.accepted] == []


def test_memory_and_disk_are_bounded(result):
    """Peak memory of every child process, and the size of all artifacts together.

    Metrics are computed in the process of the tests, whose peak is that of all tests before this one.
    """
    artifacts: list[Path] = list(result.artifacts.values())
    peaks = {stage.name: stage.peak_mb for stage in result.stages if stage.name != "metrics"}
    assert len(peaks) == 2
    assert {name: peak for name, peak in peaks.items() if not 0 < peak < MOST_MB} == {}
    assert 0 < sum(path.stat().st_size for path in artifacts) < MOST_ARTIFACT_BYTES
