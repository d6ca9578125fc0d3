"""Make every fault of the catalogue on purpose, one at a time, and see which check of a user's CI finds it.

A fault is injected into a copy, of the golden arrays, of the pipeline, of the repository, and the checks are
asked that would run in CI after it. A *trial* is one injection and the checks that follow it; trials are
independent of each other, so they may run in processes of their own, and name what they need instead of
holding it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from harness.core.baselines.baseline import read_baseline
from harness.core.domain.catalogue import find_catalogue
from harness.core.domain.generators import make_again
from harness.core.domain.inputs import misread
from harness.core.errors import HarnessError
from harness.core.fixtures.manifest import read_manifest
from harness.core.sensitivity import repository_faults
from harness.core.sensitivity.checks import (
    by_array_digests,
    by_audit,
    by_check,
    by_comparison,
    by_inputs,
    by_liveness,
    by_metrics,
    by_registry,
    findings,
    refused,
)
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
from harness.core.sensitivity.scratch_copy import committed, rehearsal
from harness.core.storage.npz import read_archive, write_archive
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.fault import Fault
    from harness.core.domain.interface import CheckReport, PipelineResult

Ask = Literal["data", "metrics", "repository", "liveness"]


@dataclass(frozen=True, slots=True)
class Subject:
    """What faults are injected into: a golden fixture of a repository, and the pipelines with a baseline.

    Attributes
    ----------
    root : Path
        The repository.
    golden_name : str
        Its golden directory's name.
    archive : str
        The fixture's archive, as the registry has it.
    pipelines : tuple of str
    """

    root: Path
    golden_name: str
    archive: str
    pipelines: tuple[str, ...]

    @property
    def project(self) -> Project:
        """The repository."""
        return Project(self.root, self.golden_name)

    @property
    def path(self) -> Path:
        """The golden archive's path."""
        return self.root / self.archive

    def baseline(self, pipeline: str) -> Path:
        """The path of a pipeline's baseline."""
        return self.path.with_name(f"{self.path.stem}.{pipeline}.json")


@dataclass(frozen=True, slots=True)
class Trial:
    """One fault, and which kind of checks is asked about it; ``pipeline`` where metrics are."""

    subject: Subject
    fault: str
    ask: Ask
    pipeline: str = ""


def known_faults(catalogue: Catalogue) -> tuple[Fault, ...]:
    """Faults of repositories, which every project has, and those of all tables, sorted by number."""
    faults = {fault.id: fault for fault in (*repository_faults.FAULTS, *catalogue.load_faults())}
    return tuple(faults[number] for number in sorted(faults))


def trials(subject: Subject, faults: Iterable[Fault], *, quick: bool = False) -> Iterator[Trial]:
    """Every trial that *faults* need, those that take longest first.

    A quick look asks metrics about the faults marked for it, of pipelines, alone.
    """
    manifest = read_manifest(subject.path.with_suffix(".json"))
    faults = tuple(fault for fault in faults if fault.applies(manifest))
    for fault in faults:
        for pipeline in _pipelines(subject, fault, quick=quick):
            yield Trial(subject, fault.id, "metrics", pipeline)
    asks: dict[str, Ask] = {"generator": "liveness", "repository": "repository", "fixture": "data"}
    for ask in ("generator", "repository", "fixture"):
        for fault in faults:
            if fault.kind == ask:
                yield Trial(subject, fault.id, asks[ask])


def perform(trial: Trial) -> tuple[Detection, ...]:
    """Inject the fault, and ask. Nothing of the subject is changed."""
    catalogue = find_catalogue(trial.subject.root)
    fault = next(fault for fault in known_faults(catalogue) if fault.id == trial.fault)
    if trial.ask == "repository":
        return _ask_repository(trial.subject, fault)
    if trial.ask == "liveness":
        return _ask_generator(trial.subject, catalogue, fault)
    if trial.ask == "data":
        return _ask_data(trial.subject, catalogue, fault.inject(read_archive(trial.subject.path)))
    return _ask_metrics(trial.subject, catalogue, fault, trial.pipeline)


def matrix(faults: Iterable[Fault], answers: Mapping[Trial, tuple[Detection, ...]]) -> Matrix:
    """All answers, one row per fault, each row in the order in which CI runs the checks."""
    rows = []
    for fault in faults:
        found = [d for trial, detections in answers.items() if trial.fault == fault.id for d in detections]
        if found:
            rows.append(_row(fault, found))
    return Matrix(tuple(rows))


def sound_checks(catalogue: Catalogue, golden: dict[str, Any]) -> dict[str, Callable[..., CheckReport]]:
    """The checks that have nothing against the golden arrays: another field's would refuse everything."""
    checks = catalogue.load_checks().items()
    return {name: check for name, check in checks if not by_check(name, check, golden).caught}


def _row(fault: Fault, found: Sequence[Detection]) -> Row:
    """The answers to one fault; of two answers of one check, the one that caught it."""
    answers: dict[str, Detection] = {}
    for detection in sorted(found, key=lambda item: item.caught):
        answers[detection.check] = detection
    story = " ".join((fault.inject.__doc__ or "").split())
    return Row(
        fault.id,
        fault.title,
        fault.kind,
        tuple(sorted(answers.values(), key=lambda item: _turn(item.check))),
        story=story,
        unseen=fault.unseen,
        harmless=fault.harmless,
    )


def _turn(check: str) -> int:
    """When CI asks a check: those of the data first, in their own order."""
    order = (DIGEST, COMPARISON, METRICS, REGISTRY, AUDIT, LIVENESS, REFUSAL)
    word = METRICS if check.endswith(f" {METRICS}") else check
    return 1 + order.index(word) if word in order else 0


def _pipelines(subject: Subject, fault: Fault, *, quick: bool) -> tuple[str, ...]:
    """The pipelines whose metrics are asked about a fault."""
    if fault.kind not in {"fixture", "pipeline"} or (quick and not fault.quick):
        return ()
    able = tuple(name for name in subject.pipelines if not fault.pipelines or name in fault.pipelines)
    return able[:1] if quick else able


def _asked(check: str, ask: Callable[[], Detection]) -> Detection:
    """The answer, where a refusal is one too."""
    try:
        return ask()
    except HarnessError as error:
        return refused(check, error)


def _ask_data(subject: Subject, catalogue: Catalogue, arrays: dict[str, Any]) -> tuple[Detection, ...]:
    """Ask the checks of the data alone, and those that need the golden copy."""
    golden, manifest = read_archive(subject.path), read_manifest(subject.path.with_suffix(".json"))
    checks = sound_checks(catalogue, golden)
    found = [_asked(name, partial(by_check, name, check, arrays)) for name, check in checks.items()]
    found += [
        _asked(DIGEST, lambda: by_array_digests(manifest, arrays)),
        _asked(COMPARISON, lambda: by_comparison(golden, arrays)),
    ]
    return tuple(found)


def _ask_metrics(
    subject: Subject, catalogue: Catalogue, fault: Fault, pipeline: str
) -> tuple[Detection, ...]:
    """Run a pipeline with the fault in it, or on a fixture with the fault; also ask what it read."""
    run = catalogue.load("pipelines", pipeline)
    with tempfile.TemporaryDirectory() as folder:
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
    if fault.kind == "fixture" or result is None or not result.inputs:
        return (found,)
    lines = misread(read_manifest(subject.path.with_suffix(".json")), result.inputs)
    return (by_inputs(lines), found)


def _ask_generator(subject: Subject, catalogue: Catalogue, fault: Fault) -> tuple[Detection, ...]:
    """Ask of what a faulty generator makes, and of the generator itself."""
    manifest = fault.inject(read_manifest(subject.path.with_suffix(".json")))
    made = make_again(manifest)
    found = _ask_data(subject, catalogue, dict(made.arrays))
    return (*found, _asked(LIVENESS, lambda: by_liveness(manifest, made.manifest.digest)))


def _ask_repository(subject: Subject, fault: Fault) -> tuple[Detection, ...]:
    """Make the fault in a copy of the repository, commit it there, and ask as CI would."""
    arrays = read_archive(subject.path)
    with rehearsal(subject.project) as copy:
        committed(copy, "As it was")
        before = findings(copy)
        try:
            fault.inject(copy)
        except HarnessError as error:
            return (refused(REFUSAL, error),)
        committed(copy, "The fault")
        archive = copy.root / subject.archive
        found = (
            _asked(DIGEST, lambda: by_array_digests(read_manifest(archive.with_suffix(".json")), arrays)),
            _asked(COMPARISON, lambda: by_comparison(read_archive(archive), arrays)),
            _asked(REGISTRY, lambda: by_registry(copy)),
            _asked(AUDIT, lambda: by_audit(copy, before)),
        )
        return tuple(replace(d, detail=d.detail.replace(f"{copy.root}/", "")) for d in found)
