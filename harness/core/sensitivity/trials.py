"""Inject every known fault on purpose, one at a time, and see which check of CI catches it.

A fault is injected into a copy of the golden arrays, of the pipeline or of the repository; then the checks
of CI run. A *trial* is one injection and the checks after it. Trials are independent and may run in separate
processes, so a trial holds names (of the fault, the pipeline) rather than objects.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.core.baselines.baseline import read_baseline
from harness.core.domain.catalogue import find_catalogue
from harness.core.domain.generators import rerun
from harness.core.domain.run_pipeline import misread, series_of_runs
from harness.core.errors import HarnessError
from harness.core.fixtures.manifest import read_manifest
from harness.core.registry.golden_names import manifest_of, name_of
from harness.core.sensitivity import repository_faults
from harness.core.sensitivity.checks import (
    audit_findings,
    by_array_digests,
    by_audit,
    by_check,
    by_comparison,
    by_inputs,
    by_liveness,
    by_metrics,
    by_registry,
    refused,
)
from harness.core.sensitivity.golden_tests import Question, ask_tests
from harness.core.sensitivity.matrix import (
    AUDIT,
    COMPARISON,
    DIGEST,
    LIVENESS,
    METRICS,
    REFUSAL,
    REGISTRY,
    Detection,
    Matrix,
    Row,
    metrics_of,
)
from harness.core.sensitivity.scratch_copy import commit_copy, committed_state, scratch_copy
from harness.core.storage.digest import digest_arrays
from harness.core.storage.npz import read_archive, write_archive
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import CheckReport, Fault, PipelineResult
    from harness.core.provenance.finding import AuditFinding
    from harness.core.sensitivity.golden_tests import GoldenFile

_APPLICABLE: dict[tuple[Any, ...], tuple[str, ...]] = {}
"""Names of the checks that pass on golden arrays, by what they depend on; each trial asks again."""

_FINDINGS: dict[str, frozenset[AuditFinding]] = {}
"""What an audit finds before any fault, by the state of the copy; each trial asks again."""

CheckGroup = Literal["data", "metrics", "repository", "liveness"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What faults are injected into: a golden fixture, and the pipelines with a baseline of it.

    Attributes
    ----------
    root : Path
        The repository.
    golden_name : str
        Name of its golden directory.
    archive : str
        Path of the fixture's archive in the registry.
    pipelines : tuple of str
        Pipelines with a baseline of this fixture.
    """

    root: Path
    golden_name: str
    archive: str
    pipelines: tuple[str, ...]

    @property
    def project(self) -> Project:
        """The project at ``root``."""
        return Project(self.root, self.golden_name)

    @property
    def name(self) -> str:
        """The fixture's name."""
        return name_of(self.project, self.archive)

    @property
    def path(self) -> Path:
        """Path of the golden archive."""
        return self.root / self.archive

    def baseline(self, pipeline: str) -> Path:
        """Path of the baseline of *pipeline*."""
        return self.path.with_name(f"{self.path.stem}.{pipeline}.json")


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault and the group of checks to run; for metrics, also the pipeline."""

    subject: Subject
    fault: str
    group: CheckGroup
    pipeline: str = ""


def known_faults(catalogue: Catalogue) -> tuple[Fault, ...]:
    """Faults of repositories, which apply to every project, and those of the catalogue, sorted by id."""
    faults = {fault.id: fault for fault in (*repository_faults.FAULTS, *catalogue.load_faults())}
    return tuple(faults[number] for number in sorted(faults))


def plan_trials(subject: Subject, faults: Iterable[Fault], *, quick: bool = False) -> Iterator[Trial]:
    """All trials that *faults* need, the slowest first.

    With *quick*, metrics are judged only for the faults of pipelines that are marked for it.
    """
    faults = tuple(faults)
    if not faults:
        return
    manifest = read_manifest(manifest_of(subject.path))
    faults = tuple(fault for fault in faults if fault.applies(manifest))
    for fault in faults:
        for pipeline in _pipelines(subject, fault, quick=quick):
            yield Trial(subject, fault.id, "metrics", pipeline)
    groups: dict[str, CheckGroup] = {"generator": "liveness", "repository": "repository", "fixture": "data"}
    for kind in ("generator", "repository", "fixture"):
        for fault in faults:
            if fault.kind == kind:
                yield Trial(subject, fault.id, groups[kind])


def answer(asked: Trial | Question) -> tuple[Detection, ...] | list[GoldenFile]:
    """Run a trial, or the project's own tests; so that one executor does both at the same time."""
    return ask_tests(asked) if isinstance(asked, Question) else run_trial(asked)


def run_trial(trial: Trial) -> tuple[Detection, ...]:
    """Inject the fault of *trial* into a copy and run its checks; the subject itself does not change."""
    catalogue = find_catalogue(trial.subject.root)
    fault = next(fault for fault in known_faults(catalogue) if fault.id == trial.fault)
    if trial.group == "repository":
        return _try_repository(trial.subject, fault)
    if trial.group == "liveness":
        return _try_generator(trial.subject, catalogue, fault)
    if trial.group == "data":
        return _try_data(trial.subject, catalogue, fault.inject(read_archive(trial.subject.path)))
    return _try_metrics(trial.subject, catalogue, fault, trial.pipeline)


def build_matrix(faults: Iterable[Fault], answers: Mapping[Trial, tuple[Detection, ...]]) -> Matrix:
    """The detection matrix of all results: one row per fault and fixture, checks in the order of CI.

    A fault that one fixture shows may be missed in another, so each has its own row.
    """
    found: dict[tuple[str, str], list[Detection]] = {}
    for trial, detections in answers.items():
        found.setdefault((trial.fault, trial.subject.name), []).extend(detections)
    several = len({fixture for _, fixture in found}) > 1
    rows = [
        replace(_row(fault, detections), fixture=fixture if several and fault.kind != "repository" else "")
        for fault in faults
        for (number, fixture), detections in found.items()
        if number == fault.id and detections
    ]
    return Matrix(tuple(rows))


def applicable_checks(catalogue: Catalogue, golden: dict[str, Any]) -> dict[str, Callable[..., CheckReport]]:
    """The checks that pass on the golden arrays; a check made for other data would fail on everything."""
    checks = catalogue.load_checks()
    key = (*checks.values(), digest_arrays(golden))
    if key not in _APPLICABLE:
        _APPLICABLE[key] = tuple(n for n, check in checks.items() if not by_check(n, check, golden).caught)
    return {name: checks[name] for name in _APPLICABLE[key]}


def _row(fault: Fault, found: Sequence[Detection]) -> Row:
    """All results for one fault; of two results of one check, the one that caught it."""
    answers: dict[str, Detection] = {}
    for detection in sorted(found, key=lambda item: item.caught):  # caught ones last, so that they stay
        answers[detection.check] = detection
    description = " ".join((fault.inject.__doc__ or "").split())
    return Row(
        fault.id,
        fault.title,
        fault.kind,
        tuple(sorted(answers.values(), key=lambda item: _position(item.check))),
        description=description,
        unseen=fault.unseen,
        harmless=fault.harmless,
    )


def _position(check: str) -> int:
    """Position of a check in CI: checks of the data alone come first."""
    order = (DIGEST, COMPARISON, METRICS, REGISTRY, AUDIT, LIVENESS, REFUSAL)
    name = METRICS if check.endswith(f" {METRICS}") else check
    return 1 + order.index(name) if name in order else 0


def _pipelines(subject: Subject, fault: Fault, *, quick: bool) -> tuple[str, ...]:
    """The pipelines whose metrics are judged for a fault."""
    if fault.kind not in {"fixture", "pipeline"} or (quick and not fault.quick):
        return ()
    suitable = tuple(name for name in subject.pipelines if not fault.pipelines or name in fault.pipelines)
    return suitable[:1] if quick else suitable


def _run_check(check: str, run: Callable[[], Detection]) -> Detection:
    """Result of a check; an error counts as a detection."""
    try:
        return run()
    except HarnessError as error:
        return refused(check, error)


def _try_data(subject: Subject, catalogue: Catalogue, arrays: dict[str, Any]) -> tuple[Detection, ...]:
    """Run the checks of the data alone, and those that compare with the golden files."""
    golden, manifest = read_archive(subject.path), read_manifest(manifest_of(subject.path))
    checks = applicable_checks(catalogue, golden)
    found = [_run_check(name, partial(by_check, name, check, arrays)) for name, check in checks.items()]
    found += [
        _run_check(DIGEST, lambda: by_array_digests(manifest, arrays)),
        _run_check(COMPARISON, lambda: by_comparison(golden, arrays)),
    ]
    return tuple(found)


def _try_metrics(
    subject: Subject, catalogue: Catalogue, fault: Fault, pipeline: str
) -> tuple[Detection, ...]:
    """Run a pipeline with the fault, or on a fixture with the fault, and judge its metrics and inputs."""
    run = catalogue.load("pipelines", pipeline)
    with tempfile.TemporaryDirectory() as folder, series_of_runs():
        path = subject.path
        if fault.kind == "fixture":
            path = Path(folder) / subject.path.name
            try:
                write_archive(path, fault.inject(read_archive(subject.path)))
            except HarnessError as error:
                return (refused(metrics_of(pipeline), error),)
        else:
            run = fault.inject(run)
        go: Callable[[], PipelineResult] = partial(run, path, Path(folder) / "output")
        found, result = by_metrics(pipeline, go, read_baseline(subject.baseline(pipeline)))
        found = replace(found, detail=found.detail.replace(f"{folder}/", ""))
    if fault.kind == "fixture" or result is None or not result.inputs:
        return (found,)
    lines = misread(read_manifest(manifest_of(subject.path)), result.inputs)
    return (by_inputs(lines), found)


def _try_generator(subject: Subject, catalogue: Catalogue, fault: Fault) -> tuple[Detection, ...]:
    """Check the arrays that a faulty generator makes, and look for inert parameters."""
    manifest = fault.inject(read_manifest(manifest_of(subject.path)))
    made = rerun(manifest, subject.root)
    found = _try_data(subject, catalogue, dict(made.arrays))
    return (*found, _run_check(LIVENESS, lambda: by_liveness(manifest, made.manifest.digest, subject.root)))


def _try_repository(subject: Subject, fault: Fault) -> tuple[Detection, ...]:
    """Inject the fault into a copy of the repository, commit it there, and run the checks of CI.

    The faults change the first golden fixture, whichever fixture the subject is.
    """
    original = repository_faults.first_archive(subject.project)
    arrays = read_archive(original)
    with scratch_copy(subject.project) as copy:
        commit_copy(copy, "Before the fault")
        before = _findings_before(copy)
        try:
            fault.inject(copy)
        except HarnessError as error:
            return (refused(REFUSAL, error),)
        commit_copy(copy, "The fault")
        archive = copy.root / subject.project.relative(original)
        found = (
            _run_check(DIGEST, lambda: by_array_digests(read_manifest(manifest_of(archive)), arrays)),
            _run_check(COMPARISON, lambda: by_comparison(read_archive(archive), arrays)),
            _run_check(REGISTRY, lambda: by_registry(copy)),
            _run_check(AUDIT, lambda: by_audit(copy, before)),
        )
        return tuple(replace(d, detail=d.detail.replace(f"{copy.root}/", "")) for d in found)


def _findings_before(copy: Project) -> frozenset[AuditFinding]:
    state = committed_state(copy)
    if state is None:
        return audit_findings(copy)
    if state not in _FINDINGS:
        _FINDINGS[state] = audit_findings(copy)
    return _FINDINGS[state]
