"""Train, save, load in a new process, infer: metrics of both pipelines against their baselines."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

from harness.core.storage.project import Project
from harness.ptycho.pipeline import run

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.domain.interface import PipelineResult

LIMIT_SECONDS = 45
LIMIT_MB = 900
LIMIT_ARTIFACTS = 5e6

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="the pipelines need torch, which is not installed"
)


@pytest.fixture(scope="module", params=["network", "iterative"])
def result(request, pytestconfig, tmp_path_factory) -> PipelineResult:
    """One run of each pipeline on the golden fixture."""
    golden = Project(pytestconfig.rootpath).golden / "minimal_v1.npz"
    return getattr(run, request.param)(golden, tmp_path_factory.mktemp(request.param))


def test_metrics_are_their_baseline(result, metrics_regression):
    """Every metric is within its measured tolerance, and ahead of its controls by the stored margin."""
    metrics_regression.check(result.metrics, f"minimal_v1.{result.pipeline}", controls=result.controls)


def test_quality_is_what_was_promised(result):
    """The reconstruction is good in its own right, whatever the baseline says."""
    metrics, controls = result.metrics, result.controls
    if result.pipeline == "network":
        assert metrics["aligned_amplitude_ssim"] >= 0.93
        assert metrics["aligned_amplitude_mae"] <= 0.6 * controls["untrained"]["aligned_amplitude_mae"]
    else:
        assert metrics["aligned_amplitude_ssim"] >= 0.95
        assert metrics["aligned_phase_ssim"] >= 0.90


def test_resources_stay_within_the_limits(result):
    """Peak memory of every process and the size of all artifacts are bounded."""
    artifacts: list[Path] = list(result.artifacts.values())
    assert all(0 < stage.peak_mb < LIMIT_MB for stage in result.stages)
    assert 0 < sum(path.stat().st_size for path in artifacts) < LIMIT_ARTIFACTS
