"""Rules that need one golden file, its registry entry and its records -> findings."""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePosixPath
from shlex import quote
from typing import TYPE_CHECKING

import msgspec

from harness.core.baselines.array_tolerances import SUFFIX, problems
from harness.core.baselines.measured_metrics import metric_problems
from harness.core.errors import DependencyError
from harness.core.provenance.evidence import PathState
from harness.core.provenance.finding import broken, note, restore, restore_state, weak
from harness.core.recording.cumulative_drift import drift_of
from harness.core.registry.committed_bytes import SHORT
from harness.core.registry.golden_names import split_baseline_name
from harness.core.registry.history import own_records
from harness.core.storage.lfs import fetch_again
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.provenance.evidence import FileEvidence
    from harness.core.provenance.finding import AuditFinding


def judge_file(file: FileEvidence) -> Iterator[AuditFinding]:
    """Yield what is wrong with one golden file by itself."""
    for rule in _RULES:
        yield from rule(file)


def judge_records(file: FileEvidence, history_path: str) -> Iterator[AuditFinding]:
    """Check that the records of a golden file are all there and vouch for its registry entry."""
    both = _restore_records(file, history_path)
    yield from _judge_seal(file, both)
    yield from _judge_chain(file, both)


def judge_baseline(file: FileEvidence, files: Mapping[str, FileEvidence]) -> Iterator[AuditFinding]:
    """Check that a baseline was measured on the fixture that is golden now."""
    if file.baseline is None or file.baseline.fixture is None:
        return
    path = PurePosixPath(file.path)
    fixture, pipeline = split_baseline_name(path.stem)
    manifest = files.get(str(path.with_name(f"{fixture}.json")))
    if manifest and manifest.declared and manifest.declared.manifest.digest != file.baseline.fixture:
        detail = "measured on arrays other than the golden fixture's"
        yield weak(file.path, "baseline", detail, f'Run `harness calibrate {pipeline} --reason "..."`.')


def judge_tolerances(file: FileEvidence, files: Mapping[str, FileEvidence]) -> Iterator[AuditFinding]:
    """Check that tolerances follow from what was measured, on the arrays that are golden now."""
    if file.tolerances is not None:
        name = file.path.removesuffix(SUFFIX)
        manifest = files.get(f"{name}.json")
        again = f'Run `harness calibrate {name} --reason "..."`.'
        if manifest and manifest.declared and manifest.declared.manifest.digest != file.tolerances.golden:
            detail = "measured on arrays other than the golden ones, so that no test uses it"
            yield weak(file.path, "tolerances", detail, again)
        for problem in problems(file.tolerances):
            finding = broken if problem.contradicts else weak
            yield finding(file.path, "tolerances", f"{problem.array}: {problem.detail}", again)
    if file.baseline is not None:
        try:
            yield from (
                weak(file.path, "tolerances", detail, _MEASURE) for detail in metric_problems(file.baseline)
            )
        except DependencyError as error:
            yield note(file.path, "tolerances", f"not compared with the samples: {error.found}", error.remedy)


def _judge_path(file: FileEvidence) -> Iterator[AuditFinding]:
    """The path must lead to a file in the repository, which is here."""
    if file.absent is not None:
        detail = f"{file.absent.found} to {file.state.value}: expected a file of {file.entry.size} bytes"
        yield broken(file.path, "missing", detail, f"Run `{file.absent.command}`.")
    elif file.state is PathState.MISSING:
        elsewhere = f", and {file.store_problem}" if file.store_problem else ""
        detail = f"expected a file of {file.entry.size} bytes, found none{elsewhere}"
        yield broken(file.path, "missing", detail, _restore(file))
    elif file.state not in {PathState.FILE, PathState.STORED}:
        detail = f"expected {PathState.FILE.value}, found {file.state.value}"
        yield broken(file.path, "path", detail, _restore(file) if file.kept_in else _REMOVE)


def _judge_store(file: FileEvidence) -> Iterator[AuditFinding]:
    """What git does not keep must be in the store, in all its versions."""
    if file.store_problem and file.state is PathState.FILE:
        detail = f"no commit has the file; expected its bytes, found {file.store_problem}"
        yield broken(file.path, "store", detail, _PUSH)
    for record in file.lost:
        detail = f"neither git nor the store has the version recorded at {record.at}, {record.sha256}"
        yield weak(file.path, "lost version", detail, _LOST)


def _judge_bytes(file: FileEvidence) -> Iterator[AuditFinding]:
    """Size and both digests must be those of the registry entry."""
    if file.on_disk is None:
        return
    if file.repacked:
        yield note(file.path, "repacked", _PACKED, _restore(file))
        return
    for key in ("size", "sha256", "xxh128"):
        expected, found = getattr(file.entry, key), getattr(file.on_disk, key)
        if expected != found:
            detail = f"expected {key} {expected}, found {found}"
            yield broken(file.path, "bytes", detail, _restore(file))
            return


def _restore(file: FileEvidence) -> str:
    """How to restore the recorded bytes, which the index and the newest commit may not have."""
    if file.is_damaged:
        return fetch_again(file.kept_at)
    return restore(file.kept_at or file.path, file.kept_in)


def _restore_entry(file: FileEvidence, otherwise: str = "") -> str:
    """How to restore the registry entry with the bytes that a record vouches for."""
    if file.sound_in:
        return restore_state(file.sound_paths, file.sound_in)
    return (
        otherwise or f"Restore {REGISTRY} and the file from a copy, because no commit has both as recorded."
    )


def _restore_records(file: FileEvidence, history_path: str) -> str:
    """How to restore records that the registry relies on."""
    if file.lines_in:
        where = quote(f"{file.lines_in[:SHORT]}:./{history_path}")
        return f"Add them again with `git show {where} >> {quote(history_path)}`, then commit."
    if file.sound_in:
        return _restore_entry(file)
    return f"Restore {REGISTRY} and {history_path} from a copy."


def _judge_content(file: FileEvidence) -> Iterator[AuditFinding]:
    """The file must be readable, and a manifest must describe the arrays beside it."""
    if file.contradiction:
        yield broken(file.path, "content", file.contradiction, file.remedy or _restore(file))


def _judge_seal(file: FileEvidence, both: str) -> Iterator[AuditFinding]:
    """The newest record must vouch for the bytes of the registry entry."""
    record = file.record
    if file.recorded_as:
        yield weak(file.path, "renamed", f"its record is of {file.recorded_as}", _RENAMED)
    elif record is None:
        detail = f"the history has no record {file.entry.record} of this file"
        yield broken(file.path, "record", detail, both)
    elif record.ends:
        detail = f"{REGISTRY} relies on the record of {record.at}, which says that the file is gone"
        yield broken(file.path, "record", detail, both)
    elif record.sha256 != file.entry.sha256:
        detail = f"{REGISTRY} has {file.entry.sha256}, its newest record vouches for {record.sha256}"
        yield broken(file.path, "seal", detail, _restore_entry(file))


def _judge_chain(file: FileEvidence, both: str) -> Iterator[AuditFinding]:
    """No record may be missing between the newest and the first one."""
    first = file.records[0] if file.records else None
    if first is not None and first.previous is not None:
        detail = f"the record of {first.at} follows {first.previous}, which the history does not have"
        yield broken(file.path, "chain", detail, both)
    elif first is not None and first.moved_from:
        detail = f"the record of {first.at} renames {first.moved_from}, and follows no record of it"
        yield broken(file.path, "chain", detail, both)
    for before, record in pairwise(file.records):
        keeps_bytes = record.ends or (record.moved_from and file.entry.kind != "manifest")
        if keeps_bytes and record.sha256 != before.sha256:
            done = "removes" if record.removed else "renames"
            detail = f"the record of {record.at} {done} {before.path}, and vouches for other bytes"
            yield broken(file.path, "moved", detail, both)
    if file.records and file.environment is None:
        record = file.version or file.records[-1]
        detail = f"the history does not have the environment {record.environment} of its record"
        yield broken(file.path, "environment", detail, both)


def _judge_reasons(file: FileEvidence) -> Iterator[AuditFinding]:
    """Every record should have a reason; only the newest can still be replaced by a better one."""
    silent = [record for record in file.records if not record.reason.strip()]
    if silent and silent[-1] is file.record:
        yield weak(file.path, "reason", f"recorded without a reason at {silent.pop().at}", _REASON)
    if silent:
        dates = ", ".join(record.at for record in silent)
        yield note(file.path, "reason", f"recorded without a reason at {dates}")


def _judge_imported(file: FileEvidence) -> Iterator[AuditFinding]:
    """What another tool or another machine has made was not made again before it became golden."""
    version = next((record for record in reversed(file.records) if record.is_version), None)
    remedy = {"fixture": _MADE_AGAIN, "baseline": _COMPARED}.get(file.entry.kind)
    if version is not None and version.imported_from and remedy is not None:
        detail = f"imported from {version.imported_from}, not yet made again"
        yield note(file.path, "imported", detail, remedy)


def _judge_fetched(file: FileEvidence) -> Iterator[AuditFinding]:
    """What was published by others has its first records from there."""
    own = own_records(file.records)
    if own and own[0].fetched_from:
        earlier = len(file.records) - len(own)
        detail = f"from {own[0].fetched_from} at {own[0].at}, earlier records: {earlier}"
        yield note(file.path, "fetched", detail)


def _judge_metrics(file: FileEvidence) -> Iterator[AuditFinding]:
    """A baseline's metrics must be those of its stored arrays, measured by the recorded code."""
    again = file.remeasured
    if again is None or file.baseline is None:
        return
    if again.obstacle:
        yield note(file.path, "metrics", f"not measured again: {again.obstacle}", again.remedy)
    for name, value in again.differing.items():
        expected = file.baseline.metrics[name].value
        detail = f"{name}: the stored arrays give {value:.6g}, the baseline has {expected:.6g}"
        if file.record is not None and file.measuring_code == file.record.code:
            yield broken(file.path, "edited", detail, _restore_entry(file, _MEASURE_AGAIN))
        else:
            yield weak(file.path, "metric code", f"{detail}; the code that measures has changed", _MEASURE)


def _judge_drift(file: FileEvidence) -> Iterator[AuditFinding]:
    """Many small changes should not add up to a large one."""
    drift = drift_of(file.records)
    if drift is not None and drift.slow_drift is not None:
        detail = (
            f"{drift.slow_drift.tolerances:.3g} tolerances from the first version ({drift.slow_drift.name}) "
            f"in {drift.records} records since {drift.since}, although no change was more than one"
        )
        yield note(file.path, "cumulative drift", detail, _LIMIT)


def _judge_declared(file: FileEvidence) -> Iterator[AuditFinding]:
    """The source and the generator's code should be those that the manifest was recorded with."""
    declared = file.declared
    if declared is None or file.entry.kind != "manifest":
        return
    source = declared.manifest.source
    if declared.source_digest is not None and declared.source_digest != source.digest:
        detail = f"source {source.name}: expected {source.digest}, found {declared.source_digest}"
        remedy = "List the directory of the original in [tool.harness] sources."
        yield weak(file.path, "source", detail, remedy)
    elif declared.source is None and source.name != "simulated":
        yield note(file.path, "source", f"source {source.name} was not found and not compared", _SOURCES)
    code = file.record.code if file.record else msgspec.UNSET
    if code is not msgspec.UNSET and code != declared.code:
        detail = f"the code of {declared.manifest.generator.call} has changed since it was recorded"
        yield note(file.path, "code", detail, f"See `harness reproduce {declared.manifest.name}`.")


_RULES = (
    _judge_path,
    _judge_store,
    _judge_bytes,
    _judge_content,
    _judge_reasons,
    _judge_drift,
    _judge_declared,
    _judge_imported,
    _judge_fetched,
    _judge_metrics,
)
_COMPARED = "`pytest` compares it with what its test measures here; this note ends when others are recorded."
_MADE_AGAIN = "`harness reproduce` runs its test again; this note ends when other arrays are recorded."
_MEASURE_AGAIN = 'Restore it from a copy, or measure again with `harness calibrate --reason "..."`.'
_REMOVE = f"Remove the entry from {REGISTRY}, or what is there."
_LIMIT = "Read their reasons; golden_max_drift sets a limit."
_MEASURE = 'Review the change, then run `harness calibrate --reason "..."`.'
_LOST = "Run `harness push` in a clone that still has it in its cache, or live without it."
_PUSH = "Delete the object if there is one, then run `harness push` here."
_PACKED = "the bytes differ from those recorded, the arrays do not"
_RENAMED = f"Rename it back, or delete its entry from {REGISTRY} and register it with `harness add`."
_REASON = "Give one with --golden-reason, and set golden_require_reason = true."
_SOURCES = "List its directory in pyproject.toml, [tool.harness] sources."
