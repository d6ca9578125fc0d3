"""A datum's whole walk, step by step: generate, compare, verify, reconstruct, judge.

Each step is a value; who runs the walk shows the steps as they come. Nothing golden is written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import MetricVerdict, judge, read_baseline
from harness.core.domain.generators import make_again, needs_source
from harness.core.domain.inputs import misread
from harness.core.errors import RefusedError
from harness.core.fixtures.compare import Drift, compare
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import manifest_differences, read_manifest
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify
from harness.core.storage.npz import map_archive
from harness.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.core.baselines.baseline import Baseline
    from harness.core.domain.interface import PipelineResult
    from harness.core.fixtures.manifest import Manifest
    from harness.core.storage.project import Project


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was taken: what it did, what it came to, and how long it took (seconds)."""

    name: str
    outcome: Outcome
    detail: str
    seconds: float
    drift: Drift | None = None
    verdicts: tuple[Verdict, ...] = ()
    trial: Trial | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A pipeline's run, its baseline and the verdict on each metric."""

    result: PipelineResult
    baseline: Baseline
    metrics: tuple[MetricVerdict, ...]


def fixtures(project: Project) -> Iterator[tuple[Path, Manifest]]:
    """Every golden fixture's archive, with its manifest."""
    for path, entry in read_registry(project.registry).entries.items():
        if entry.kind == "fixture":
            archive = project.locate(path)
            yield archive, read_manifest(archive.with_suffix(".json"))


def baselines(project: Project) -> Iterator[tuple[Path, str, Path]]:
    """Every golden baseline's fixture archive, pipeline name and file."""
    for path, entry in read_registry(project.registry).entries.items():
        if entry.kind == "baseline":
            file = project.locate(path)
            fixture, _, pipeline = file.stem.partition(".")
            yield file.with_name(f"{fixture}.npz"), pipeline, file


def generate_step(manifest: Manifest, folder: Path) -> Step:
    """Make a fixture again and write it to *folder*."""
    start = time.perf_counter()
    fixture = make_again(manifest)
    archive, _ = write_fixture(fixture, folder)
    detail = f"{len(fixture.arrays)} arrays, {archive.stat().st_size / 1e6:.2f} MB"
    return Step(f"generate {manifest.name}", Outcome.SAME, detail, time.perf_counter() - start)


def compare_step(golden: Path, folder: Path) -> Step:
    """Compare the fixture made in *folder* with its golden copy: digests first, then elements."""
    start = time.perf_counter()
    expected, found = (
        read_manifest(golden.with_suffix(".json")),
        read_manifest(folder / f"{golden.stem}.json"),
    )
    lines = manifest_differences(expected, found)
    if expected.digest == found.digest:
        outcome, drift, detail = Outcome.SAME, None, f"{len(found.arrays)} digests equal"
    else:
        drift = compare(map_archive(golden), map_archive(folder / golden.name))
        outcome = Outcome.TOLERATED if drift.accepted else Outcome.DRIFTED
        detail = f"{sum(not array.accepted for array in drift.arrays)} of {len(drift.arrays)} arrays drifted"
    if lines:
        outcome, detail = Outcome.DRIFTED, "; ".join(lines)
    return Step(f"compare {golden.stem}", outcome, detail, time.perf_counter() - start, drift=drift)


def verify_step(project: Project) -> Step:
    """Compare every golden file with the registry."""
    start = time.perf_counter()
    verdicts = verify(project)
    refused = [verdict for verdict in verdicts if not verdict.outcome.accepted]
    detail = f"{len(verdicts) - len(refused)} of {len(verdicts)} golden files are intact"
    outcome = refused[0].outcome if refused else Outcome.SAME
    return Step("verify registry", outcome, detail, time.perf_counter() - start, verdicts=verdicts)


def pipeline_step(
    run: Callable[..., PipelineResult],
    fixture: Path,
    golden: Path,
    folder: Path,
    progress: Callable[[str, float], None] | None = None,
) -> Step:
    """Run a pipeline on a fixture and judge its metrics by the *golden* baseline, and what it read.

    Raises
    ------
    RefusedError
        If the baseline was measured on another fixture: then the two have nothing to say of each other.
    """
    start = time.perf_counter()
    baseline = read_baseline(golden)
    _require_same_fixture(fixture, golden, baseline)
    result = run(fixture, folder, progress=progress)
    metrics = judge(baseline, result.metrics, result.controls)
    wrong = misread(read_manifest(fixture.with_suffix(".json")), result.inputs)
    refused = [verdict for verdict in metrics if not verdict.outcome.accepted]
    exact = all(verdict.outcome is Outcome.SAME for verdict in metrics)
    outcome = refused[0].outcome if refused else Outcome.SAME if exact else Outcome.TOLERATED
    outcome = Outcome.DRIFTED if wrong and outcome.accepted else outcome
    detail = "; ".join((*wrong, f"{len(metrics) - len(refused)} of {len(metrics)} comparisons accepted"))
    trial = Trial(result, baseline, metrics)
    return Step(f"pipeline {result.pipeline}", outcome, detail, time.perf_counter() - start, trial=trial)


def _require_same_fixture(fixture: Path, golden: Path, baseline: Baseline) -> None:
    found = read_manifest(fixture.with_suffix(".json")).digest
    if baseline.fixture not in {None, found}:
        raise RefusedError(
            f"baseline {golden.name}",
            expected=f"the fixture it was measured on, {baseline.fixture}",
            found=f"{fixture.name}, {found}",
            remedy=f"Measure it anew with `harness calibrate {golden.suffixes[0].lstrip('.')}`.",
        )


def reproducible(manifest: Manifest) -> bool:
    """Whether a fixture can be made again without a source file."""
    from harness.core.domain.catalogue import load_reference

    return not needs_source(load_reference(manifest.generator.call))
