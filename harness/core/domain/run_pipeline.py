"""One run of a pipeline under a condition, in whichever process it is asked for."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.baselines.calibrate import Sample, applied
from harness.core.domain.catalogue import find_catalogue
from harness.core.fixtures.noise import with_last_bit_noise
from harness.core.storage.npz import read_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.core.baselines.calibrate import Condition
    from harness.core.domain.interface import PipelineResult


@dataclass(frozen=True, slots=True)
class Call:
    """What to run, by name: a project's pipeline on a fixture, and where to keep what it was measured on."""

    root: Path
    pipeline: str
    fixture: Path
    condition: Condition
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What a run measured, and what it said of its metrics."""

    sample: Sample
    better: Mapping[str, str]
    resolution: Mapping[str, float]
    measure: str | None = None


def perform(call: Call) -> Run:
    """Run a pipeline under the condition of *call*.

    Raises
    ------
    HarnessError
        The pipeline's own refusal.
    """
    run = find_catalogue(call.root).load("pipelines", call.pipeline)
    with tempfile.TemporaryDirectory() as folder:
        result = run_under(call.condition, run, call.fixture, Path(folder))
        kept = call.keep is not None and result.measured is not None
        if call.keep and result.measured:
            shutil.copyfile(result.measured, call.keep)
    sample = Sample(call.condition, dict(result.metrics), {k: dict(v) for k, v in result.controls.items()})
    return Run(sample, dict(result.better), dict(result.resolution), result.measure if kept else None)


def run_under(
    condition: Condition, run: Callable[..., PipelineResult], fixture: Path, folder: Path
) -> PipelineResult:
    """Run a pipeline on a fixture, or on a copy in *folder* with the condition's noise."""
    if condition.noise is not None:
        noisy = folder / fixture.name
        write_archive(noisy, with_last_bit_noise(read_archive(fixture), condition.noise))
        fixture = noisy
    seed: dict[str, Any] = {"seed": condition.seed} if condition.seed else {}
    with applied(condition):
        return run(fixture, folder / "output", threads=condition.threads, **seed)
