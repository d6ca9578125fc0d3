"""Planned changes -> golden files, registry and history, written as one transaction.

This is the only way in which golden files change. :mod:`harness.core.recording.removal` and
:mod:`harness.core.recording.renaming` use :class:`Ledger` too.
"""

from __future__ import annotations

import contextlib
import functools
import re
from datetime import datetime, timezone
from pathlib import Path
from types import MappingProxyType
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
from harness.core.registry.stored.pushing import push_recorded
from harness.core.storage.lock import write_lock
from harness.core.storage.project import REGISTRY
from harness.core.system.environment import author, fingerprint, revision
from harness.core.system.restore import restore_remedy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

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


class Ledger(NamedTuple):
    """Registry and history as they are, to be written together with golden files.

    Attributes
    ----------
    project : Project
    registry : Registry
    text : bytes
        Of the history.
    history : History
    environment : Environment
        For the new records.
    occasion : Occasion
        Likewise.
    ends : dict of str to str
        Digests of the records that ended files, by path.
    say : callable
        Called with a message about what takes long.
    """

    project: Project
    registry: Registry
    text: bytes
    history: History
    environment: Environment
    occasion: Occasion
    ends: Mapping[str, str]
    say: Callable[[str], None] = lambda _: None

    def require_kept(self, path: str) -> str | None:
        """Return the digest of the record that the next one of *path* follows; None for a new file.

        A file that is added again follows the record of its removal.

        Raises
        ------
        RefusedError
            If the history does not have the record.
        """
        known = self.registry.entries.get(path)
        previous = known.record if known else self.ends.get(path)
        record = self.history.records.get(previous or "")
        if previous is not None and (record is None or record.path != path):
            name = self.project.relative(history_path(self.project))
            raise RefusedError(
                name,
                expected=f"the newest record of {path}, {previous}",
                found="no such line",
                message=f"{name} has lost the newest record of {path}",
                remedy=restore_remedy(history_path(self.project)),
            )
        return previous

    def write(self, writes: Sequence[Write], registry: Registry, records: Sequence[Record]) -> None:
        """Write files, the history with *records*, and *registry*; last of all remove files.

        Before anything is written, the files are sent to the project's store, if it has one. So a process
        that is killed leaves at most objects that no registry names.

        Raises
        ------
        UnwritableError
            If the store does not take them, or the disk is full. Then nothing is recorded.
        """
        files = {item.path: item.data for item in writes if isinstance(item.data, Path)}
        push_recorded(self.project, registry.entries, files, self.say)
        history = self.project.relative(history_path(self.project))
        apply(
            self.project,
            [
                *(item for item in writes if item.data is not None),
                Write(history, append(self.text, [self.environment, *records])),
                Write(REGISTRY, encode_registry(registry)),
                *(item for item in writes if item.data is None),
            ],
        )


@contextlib.contextmanager
def open_ledger(
    project: Project,
    *,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Ledger]:
    """Hold the project's lock during the block, which gets registry and history as they are then.

    The records have *environment*, by default that of this process.

    Raises
    ------
    RefusedError
        If an earlier transaction was interrupted.
    """
    made_in = Environment(fingerprint() if environment is None else dict(environment))
    occasion = _occasion(project, made_in, reason, command)
    with write_lock(project, say=say):
        require_settled(project)
        registry, text = read_registry(project.registry), read_history_text(project)
        history = decode_history(text, str(history_path(project)))
        yield Ledger(project, registry, text, history, made_in, occasion, history.ends(), say)


def commit(  # noqa: PLR0913 - what all records of a recording share, by name
    project: Project,
    changes: Sequence[Change],
    *,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
    imported_from: Mapping[str, str] = MappingProxyType({}),
    environment: Mapping[str, str] | None = None,
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
        Called with a message if another process has to be waited for, or much is sent to the store.
    imported_from : mapping of str to str
        Where content comes from that nothing has made again, by path.
    environment : mapping of str to str, optional
        The environment in which the content was made; the default is this process's.

    Raises
    ------
    RefusedError
        If a golden file is not what the plan compared with, the history has lost a record, or an earlier
        transaction was interrupted.
    """
    if not changes:
        return
    with open_ledger(project, reason=reason, command=command, say=say, environment=environment) as ledger:
        for change in changes:
            require_as_planned(project, change)
        entries, records = _record_all(ledger, changes, imported_from)
        writes = [Write(change.path, change.data) for change in changes]
        ledger.write(writes, with_entries(ledger.registry, entries), records)


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
    """Return *given* with its escaped bytes decoded as UTF-8, and U+FFFD for those that are something else.

    Python escapes what the locale cannot decode: in an ASCII locale every letter beyond ASCII.
    """
    escaped = re.sub(r"[\ud800-\udc7f\udd00-\udfff]", "\ufffd", given)  # no bytes, but half characters
    return escaped.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _record_all(
    ledger: Ledger, changes: Sequence[Change], imported_from: Mapping[str, str]
) -> tuple[dict[str, Entry], list[Record]]:
    """Return new entries by path, and their records, each with the digest of the path's record before."""
    entries: dict[str, Entry] = {}
    records: list[Record] = []
    digest = functools.cache(code_digest)  # the tests of one file have the same code behind them
    for change in changes:
        previous = ledger.require_kept(change.path)
        entry = describe_file(change.data, change.kind)
        record = Record(
            path=change.path,
            sha256=entry.sha256,
            previous=previous,
            code=_code(ledger.project, change, digest) or msgspec.UNSET,
            cumulative=change.drift.cumulative if change.drift else msgspec.UNSET,
            imported_from=imported_from.get(change.path, msgspec.UNSET),
            **ledger.occasion._asdict(),
        )
        entries[change.path] = entry._replace(record=record_digest(record))
        records.append(record)
    return entries, records


def _code(project: Project, change: Change, digest: Callable[..., str | None]) -> str | None:
    """Digest of the code that made a manifest's arrays or a baseline's metrics; None for other files."""
    if change.kind == "manifest":
        generator = read_manifest(change.data).generator
        module, path = generator.call.partition(":")[0], generator.path
        return digest(module, project.root, path=path if isinstance(path, str) else None)
    call = read_baseline(change.data).measure if change.kind == "baseline" else None
    return digest(call.partition(":")[0], project.root) if call else None


def require_as_planned(project: Project, change: Change) -> None:
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
