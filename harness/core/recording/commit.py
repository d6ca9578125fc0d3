"""Planned changes -> golden files, registry and history, written as one transaction.

This is the only way in which golden files change.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.baselines.baseline import read_baseline
from harness.core.domain.code_digest import code_digest
from harness.core.errors import RefusedError
from harness.core.fixtures.manifest import read_manifest
from harness.core.recording.plan import abbreviate, digest_if_file
from harness.core.recording.transaction import Write, apply, require_settled
from harness.core.registry.format import encode_registry
from harness.core.registry.history import (
    Environment,
    Record,
    append,
    decode_history,
    read_history_text,
    record_digest,
)
from harness.core.registry.registry import describe_file, history_path, read_registry, with_entries
from harness.core.storage.lock import write_lock
from harness.core.storage.project import REGISTRY
from harness.core.system.environment import author, fingerprint, revision

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.recording.plan import Change
    from harness.core.registry.format import Entry, Registry
    from harness.core.registry.history import History
    from harness.core.storage.project import Project


class Occasion(NamedTuple):
    """What all records of one recording share: when, who, why, at which commit, with what."""

    at: str
    by: str
    reason: str
    commit: str | None
    dirty: bool
    command: str
    environment: str


def commit(
    project: Project,
    changes: Sequence[Change],
    *,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write every change, the registry and the history as one transaction; one writer at a time.

    Parameters
    ----------
    project : Project
    changes : sequence of Change
        From :func:`harness.core.recording.plan.plan`.
    reason, command : str
        For the records: why, and what was typed.
    say : callable
        Called with a message if another process has to be waited for.

    Raises
    ------
    RefusedError
        If a golden file is not what the plan compared with, the history has lost a record, or an earlier
        transaction was interrupted.
    """
    if not changes:
        return
    environment = Environment(fingerprint())
    occasion = _occasion(project, environment, reason, command)
    with write_lock(project, say=say):
        require_settled(project)
        for change in changes:
            _require_as_planned(project, change)
        registry, text = read_registry(project.registry), read_history_text(project)
        history = decode_history(text, str(history_path(project)))
        entries, records = _record_all(project, changes, registry, history, occasion)
        apply(
            project,
            [
                *(Write(change.path, change.data) for change in changes),
                Write(project.relative(history_path(project)), append(text, [environment, *records])),
                Write(REGISTRY, encode_registry(with_entries(registry, entries))),
            ],
        )


def _occasion(project: Project, environment: Environment, reason: str, command: str) -> Occasion:
    state = revision(project.root)
    return Occasion(
        at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        by=_as_unicode(author(project.root)),
        reason=_as_unicode(reason),
        commit=state.commit,
        dirty=state.dirty,
        command=_as_unicode(command),
        environment=record_digest(environment),
    )


def _as_unicode(given: str) -> str:
    """Return *given* with U+FFFD for each half character, as undecodable bytes become."""
    return re.sub(r"[\ud800-\udfff]", "\ufffd", given)


def _record_all(
    project: Project, changes: Sequence[Change], registry: Registry, history: History, occasion: Occasion
) -> tuple[dict[str, Entry], list[Record]]:
    """Return new entries by path, and their records, each with the digest of the path's record before."""
    entries: dict[str, Entry] = {}
    records: list[Record] = []
    for change in changes:
        known = registry.entries.get(change.path)
        previous = known.record if known else None
        _require_kept(project, change.path, previous, history)
        entry = describe_file(change.data, change.kind)
        record = Record(
            path=change.path,
            sha256=entry.sha256,
            previous=previous,
            code=_code(project, change) or msgspec.UNSET,
            cumulative=change.drift.cumulative if change.drift else msgspec.UNSET,
            **occasion._asdict(),
        )
        entries[change.path] = entry._replace(record=record_digest(record))
        records.append(record)
    return entries, records


def _require_kept(project: Project, path: str, previous: str | None, history: History) -> None:
    """Raise unless the history has the record that the next one will follow."""
    record = history.records.get(previous or "")
    if previous is not None and (record is None or record.path != path):
        name = project.relative(history_path(project))
        raise RefusedError(
            name,
            expected=f"the newest record of {path}, {previous}",
            found="no such line",
            message=f"{name} has lost the newest record of {path}",
            remedy=f"Restore it with `git checkout -- {name}`.",
        )


def _code(project: Project, change: Change) -> str | None:
    """Digest of the code that made a manifest's arrays or a baseline's metrics; None for other files."""
    if change.kind == "manifest":
        generator = read_manifest(change.data).generator
        return code_digest(generator.call, project.root, path=generator.path)
    call = read_baseline(change.data).measure if change.kind == "baseline" else None
    return code_digest(call, project.root) if call else None


def _require_as_planned(project: Project, change: Change) -> None:
    """Raise if the golden file has changed since the plan compared it with the staged one."""
    found = digest_if_file(project.locate(change.path))
    if found != change.before:
        raise RefusedError(
            change.path,
            expected=f"the file that was compared, {abbreviate(change.before)}",
            found=abbreviate(found),
            message=f"another process has changed {change.path} since it was compared",
            remedy="Run the tests again.",
        )
