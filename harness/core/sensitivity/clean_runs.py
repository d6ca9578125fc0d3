"""Run checks on valid data repeatedly to measure the false-alarm rate.

Specimens that only checks look at come first: they are many, and take little time each.

On the golden fixture, every repetition runs a pipeline under another perturbation and judges it by the stored
baseline. A specimen has no baseline: it is calibrated first, as the golden fixture was; then runs are judged.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.baselines.baseline import judge, read_baseline
from harness.core.baselines.calibrate import calibrated_baseline
from harness.core.baselines.perturbations import Perturbation, Sample, perturbations
from harness.core.domain.catalogue import find_catalogue
from harness.core.domain.generators import is_simulated, rerun
from harness.core.domain.interface import Specimen
from harness.core.domain.run_pipeline import run_under, series_of_runs
from harness.core.errors import HarnessError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source, read_manifest
from harness.core.fixtures.noise import add_last_bit_noise
from harness.core.registry.golden_names import manifest_of
from harness.core.sensitivity.checks import (
    audit_findings,
    by_array_digests,
    by_audit,
    by_check,
    by_comparison,
    by_metrics,
    by_registry,
    by_verdicts,
    refused,
)
from harness.core.sensitivity.matrix import Detection, metrics_of
from harness.core.sensitivity.scratch_copy import commit_copy, scratch_copy
from harness.core.sensitivity.trials import applicable_checks
from harness.core.storage.digest import digest_file
from harness.core.storage.npz import read_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import CheckReport, PipelineResult
    from harness.core.fixtures.fixture import Fixture
    from harness.core.sensitivity.trials import Subject

FIRST_NOISE = 10_000
"""First seed of the noise; calibration uses smaller ones, so no run is judged by its own sample."""

THREADS = (1, 2)


@dataclass(frozen=True, slots=True)
class CleanRun:
    """One clean run: of the golden fixture, or of a specimen by name, then at every thread count.

    Without a pipeline, only the checks run, once.
    """

    subject: Subject
    number: int
    pipeline: str
    threads: int = 1
    specimen: str = ""

    @property
    def repetitions(self) -> int:
        """How many repetitions it is."""
        return len(THREADS) if self.specimen and self.pipeline else 1


@dataclass(frozen=True, slots=True)
class Repetition:
    """One clean repetition and the result of each check."""

    name: str
    detections: tuple[Detection, ...]

    @property
    def false_alarms(self) -> tuple[Detection, ...]:
        """The checks that failed, though the data are valid."""
        return tuple(detection for detection in self.detections if detection.caught)


def plan_clean_runs(
    subject: Subject, specimens: tuple[Specimen, ...], repetitions: int
) -> Iterator[CleanRun]:
    """Clean runs that give *repetitions*: each specimen once, then the golden fixture.

    Specimens that only checks look at come first. Pipelines and thread counts take turns.
    """
    checked = [specimen for specimen in specimens if specimen.checks_only][:repetitions]
    yield from (CleanRun(subject, n, "", specimen=specimen.name) for n, specimen in enumerate(checked))
    left = repetitions - len(checked)
    for number, specimen in enumerate(specimen for specimen in specimens if not specimen.checks_only):
        suitable = [name for name in subject.pipelines if name in (specimen.pipelines or subject.pipelines)]
        if left < len(THREADS) or not suitable:
            continue
        pipeline = suitable[number % len(suitable)]
        yield CleanRun(subject, number, pipeline, specimen=specimen.name)
        left -= len(THREADS)
    for number in range(left if subject.pipelines else 0):
        pipeline = subject.pipelines[number % len(subject.pipelines)]
        threads = THREADS[number // len(subject.pipelines) % len(THREADS)]
        yield CleanRun(subject, number, pipeline, threads)


def run_clean(clean: CleanRun) -> tuple[Repetition, ...]:
    """Run the checks on valid data, and an unchanged pipeline on them."""
    catalogue = find_catalogue(clean.subject.root)
    if not clean.specimen:
        return (_on_golden(clean, catalogue),)
    return _on_specimen(clean, catalogue, _find(catalogue, clean.specimen))


def specimen_from_file(path: Path) -> Specimen:
    """A specimen from a dataset in an archive, named after its path."""
    return Specimen(str(path), partial(_fixture_of, path))


def _find(catalogue: Catalogue, name: str) -> Specimen:
    known = {specimen.name: specimen for specimen in catalogue.load_specimens()}
    return known[name] if name in known else specimen_from_file(Path(name))


def _fixture_of(path: Path) -> Fixture:
    source = Source(path.name, digest_file(path))
    return make_fixture("dataset", read_archive(path), generator=Generator("file", 1), source=source)


def _on_golden(clean: CleanRun, catalogue: Catalogue) -> Repetition:
    """Check the golden fixture with last-bit noise, run a pipeline, regenerate, verify and audit."""
    subject, perturbation = clean.subject, Perturbation(clean.threads, noise=FIRST_NOISE + clean.number)
    golden, manifest = read_archive(subject.path), read_manifest(manifest_of(subject.path))
    noisy = add_last_bit_noise(golden, FIRST_NOISE + clean.number)
    found = _of_checks(applicable_checks(catalogue, golden), noisy)
    if is_simulated(manifest, subject.root):
        again = dict(rerun(manifest, subject.root).arrays)
        found += (by_array_digests(manifest, again), by_comparison(golden, again))
    found += _of_copy(subject)
    run, baseline = (
        catalogue.load("pipelines", clean.pipeline),
        read_baseline(subject.baseline(clean.pipeline)),
    )
    with tempfile.TemporaryDirectory() as folder, series_of_runs():
        go = partial(run_under, perturbation, run, subject.path, Path(folder))
        metrics, _ = by_metrics(clean.pipeline, go, baseline)
    name = f"{subject.path.stem}, {clean.pipeline}, {clean.threads} threads, noise {perturbation.noise}"
    return Repetition(name, (*found, metrics))


def _of_copy(subject: Subject) -> tuple[Detection, ...]:
    """Verify and audit a copy of the repository; report findings that the repository itself does not have."""
    before = audit_findings(subject.project)
    with scratch_copy(subject.project) as copy:
        commit_copy(copy, "Before the fault")
        return by_registry(copy), by_audit(copy, before)


def _on_specimen(clean: CleanRun, catalogue: Catalogue, specimen: Specimen) -> tuple[Repetition, ...]:
    """Make a specimen twice, check it, calibrate a pipeline on it, and judge later runs."""
    try:
        made, again = specimen.make(), specimen.make()
        found = _of_checks(catalogue.load_checks(), dict(made.arrays))
        found += (
            by_array_digests(made.manifest, dict(again.arrays)),
            by_comparison(made.arrays, again.arrays),
        )
    except HarnessError as error:
        return (Repetition(specimen.name, (refused("generator", error),)),)
    if not clean.pipeline:
        return (Repetition(specimen.name, found),)
    run = catalogue.load("pipelines", clean.pipeline)
    with tempfile.TemporaryDirectory() as folder:
        path, _ = write_fixture(made, Path(folder))
        metrics = _judged_runs(run, path, clean.pipeline, FIRST_NOISE + 100 * clean.number)
    return tuple(
        Repetition(f"{specimen.name}, {clean.pipeline}, {threads} threads", (*found, answer))
        for threads, answer in zip(THREADS, metrics, strict=True)
    )


def _judged_runs(
    run: Callable[..., PipelineResult], path: Path, pipeline: str, noise: int
) -> tuple[Detection, ...]:
    """Calibrate a pipeline on the fixture at *path*, then judge one more run at each thread count."""
    try:
        results = [_measured(run, path, perturbation) for perturbation in perturbations()]
        samples = [Sample(c, r.metrics, r.controls) for c, r in zip(perturbations(), results, strict=True)]
        first = results[0]
        baseline = calibrated_baseline(samples, better=first.better, resolution=first.resolution)
        later = [_measured(run, path, Perturbation(t, noise=noise + t)) for t in THREADS]
    except HarnessError as error:
        return tuple(refused(metrics_of(pipeline), error) for _ in THREADS)
    check = metrics_of(pipeline)
    return tuple(by_verdicts(check, judge(baseline, r.metrics, r.controls)) for r in later)


def _measured(run: Callable[..., PipelineResult], path: Path, perturbation: Perturbation) -> PipelineResult:
    with tempfile.TemporaryDirectory() as folder, series_of_runs():
        return run_under(perturbation, run, path, Path(folder))


def _of_checks(
    checks: dict[str, Callable[..., CheckReport]], arrays: dict[str, Any]
) -> tuple[Detection, ...]:
    return tuple(by_check(name, check, arrays) for name, check in checks.items())
