"""The steps of ``harness run``: generate, compare, verify, run pipelines, judge their metrics.

Each step returns a value. The caller decides which steps to take and shows them. No golden file is written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import MetricVerdict, judge, read_baseline, require_metrics
from harness.core.baselines.controls import compare_with_controls
from harness.core.domain.crash import describe_crash
from harness.core.domain.generators import rerun
from harness.core.domain.run_pipeline import misread
from harness.core.errors import HarnessError, RefusedError, SourceMissingError
from harness.core.fixtures.compare import Drift, compare
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import manifest_differences, read_manifest
from harness.core.registry.golden_names import manifest_of, split_baseline_name
from harness.core.registry.verify import verify
from harness.core.storage.npz import map_archive
from harness.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.core.baselines.baseline import Baseline
    from harness.core.domain.interface import PipelineResult
    from harness.core.fixtures.manifest import Manifest
    from harness.core.storage.project import Project


@dataclass(frozen=True, slots=True)
class Step:
    """One completed step: its name, outcome, a one-line detail, and its wall time in seconds.

    ``drift``, ``verdicts`` and ``comparison`` hold the full result of a step that compared arrays, verified
    files or ran a pipeline. ``made`` is false for a step that could not do its work.
    """

    name: str
    outcome: Outcome
    detail: str
    seconds: float
    drift: Drift | None = None
    verdicts: tuple[Verdict, ...] = ()
    comparison: PipelineComparison | None = None
    made: bool = True


@dataclass(frozen=True, slots=True)
class PipelineComparison:
    """A pipeline's result, its baseline and the verdict on each metric."""

    result: PipelineResult
    baseline: Baseline
    metrics: tuple[MetricVerdict, ...]


def generate_step(project: Project, manifest: Manifest, folder: Path, source: Path | None = None) -> Step:
    """Run the generator of a golden fixture again and write the new fixture to *folder*.

    *source* is the source file, for a generator that reads one. Raises as
    :func:`harness.core.domain.generators.rerun`.
    """
    start = time.perf_counter()
    try:
        fixture = rerun(manifest, project.root, source).named(manifest.name)
    except SourceMissingError as error:
        seconds = time.perf_counter() - start
        return Step(f"generate {manifest.name}", Outcome.MISSING, str(error), seconds, made=False)
    archive, _ = write_fixture(fixture, folder)
    detail = f"{len(fixture.arrays)} arrays, {archive.stat().st_size / 1e6:.2f} MB"
    return Step(f"generate {manifest.name}", Outcome.SAME, detail, time.perf_counter() - start)


def failed_step(name: str, error: Exception) -> Step:
    """Return a step that ended with an *error*, so that nothing was made.

    Raises
    ------
    Exception
        The *error* itself, if neither the project's code nor a rule of this package raised it.
    """
    if isinstance(error, HarnessError):
        refused = error.exit_code == RefusedError.exit_code
        return Step(name, Outcome.MISSING, str(error), 0.0, made=refused)
    crash = describe_crash(error)
    if not crash.of_project:
        raise error
    return Step(name, Outcome.MISSING, crash.cause, 0.0, made=False)


def compare_step(golden: Path, folder: Path) -> Step:
    """Compare the fixture in *folder* with its golden copy: by digests, and by elements if those differ."""
    start = time.perf_counter()
    expected = read_manifest(manifest_of(golden))
    made = folder / f"{expected.name}.npz"
    found = read_manifest(manifest_of(made))
    lines = manifest_differences(expected, found)
    drift = None
    # Equal digests settle it without reading an archive.
    if expected.digest == found.digest:
        outcome, detail = Outcome.SAME, f"all {len(found.arrays)} arrays have the same digest"
    else:
        drift = compare(map_archive(golden), map_archive(made))
        outcome = Outcome.TOLERATED if drift.accepted else Outcome.DRIFTED
        detail = f"{sum(not array.accepted for array in drift.arrays)} of {len(drift.arrays)} arrays drifted"
    if lines:
        outcome, detail = Outcome.DRIFTED, "; ".join(lines)
    return Step(f"compare {expected.name}", outcome, detail, time.perf_counter() - start, drift=drift)


def verify_step(project: Project) -> Step:
    """Compare every golden file with the registry. If only the store gave no answer, it is not made."""
    start = time.perf_counter()
    verdicts = verify(project)
    rejected = [verdict.outcome for verdict in verdicts if not verdict.outcome.accepted]
    detail = f"{len(verdicts) - len(rejected)} of {len(verdicts)} golden files match the registry"
    differing = (outcome for outcome in rejected if outcome is not Outcome.UNKNOWN)
    outcome = next(differing, Outcome.UNKNOWN if rejected else Outcome.SAME)
    seconds, made = time.perf_counter() - start, outcome is not Outcome.UNKNOWN
    return Step("verify registry", outcome, detail, seconds, verdicts=verdicts, made=made)


def pipeline_step(
    run: Callable[..., PipelineResult],
    fixture: Path,
    golden: Path,
    folder: Path,
    progress: Callable[[str, float], None] | None = None,
) -> Step:
    """Run a pipeline on a fixture, then compare its metrics with the *golden* baseline, and what it read.

    Parameters
    ----------
    run : callable
        The pipeline.
    fixture, golden : Path
        The fixture's archive, and the baseline's file.
    folder : Path
        Where the pipeline writes.
    progress : callable, optional
        Called with a stage's name and its completed share, 0 to 1.

    Raises
    ------
    RefusedError
        If the baseline was measured on another fixture: their metrics cannot be compared.
    """
    start = time.perf_counter()
    baseline, manifest = read_baseline(golden), read_manifest(manifest_of(fixture))
    _require_same_fixture(fixture, manifest, golden, baseline)
    result = run(fixture, folder, progress=progress)
    measured = require_metrics(f"pipeline {result.pipeline!r}", result.metrics, result.controls)
    metrics = (*judge(baseline, measured, result.controls), *_other_controls(baseline, measured, result))
    wrong = misread(manifest, result.inputs)
    count = sum(verdict.outcome.accepted for verdict in metrics)
    detail = "; ".join((*wrong, f"{count} of {len(metrics)} comparisons passed"))
    comparison = PipelineComparison(result, baseline, metrics)
    return Step(
        f"pipeline {result.pipeline}",
        _worst(metrics, wrong),
        detail,
        time.perf_counter() - start,
        comparison=comparison,
    )


def _other_controls(
    baseline: Baseline, measured: dict[str, float], result: PipelineResult
) -> tuple[MetricVerdict, ...]:
    """Compare with the controls for which the baseline has no margin."""
    others = {name: control for name, control in result.controls.items() if name not in baseline.controls}
    verdicts = compare_with_controls(measured, others, result.better, decisive=result.decisive)
    return tuple(verdict for verdict in verdicts if verdict.control is not None)


def _worst(metrics: tuple[MetricVerdict, ...], wrong: tuple[str, ...]) -> Outcome:
    """The first rejected metric's outcome; else DRIFTED if an input was misread; else SAME or TOLERATED."""
    rejected = [verdict.outcome for verdict in metrics if not verdict.outcome.accepted]
    if rejected:
        return rejected[0]
    if wrong:
        return Outcome.DRIFTED
    exact = all(verdict.outcome is Outcome.SAME for verdict in metrics)
    return Outcome.SAME if exact else Outcome.TOLERATED


def _require_same_fixture(fixture: Path, manifest: Manifest, golden: Path, baseline: Baseline) -> None:
    if baseline.fixture not in {None, manifest.digest}:
        _, pipeline = split_baseline_name(golden.stem)
        raise RefusedError(
            f"baseline {golden.name}",
            expected=f"the fixture that it was measured on, with digest {baseline.fixture}",
            found=f"{fixture.name} with digest {manifest.digest}",
            remedy=f'Measure it again: `harness calibrate {pipeline} --reason "..."`.',
        )
