"""The only way golden files change: plan what would, then commit all of it at once."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.baselines.baseline import read_baseline
from harness.core.domain.code_digest import code_digest
from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.fixtures.manifest import describe_arrays, read_manifest
from harness.core.recording.cumulative_drift import Leash, measure_course, require_near
from harness.core.recording.differences import moved
from harness.core.recording.transaction import Write, apply, require_settled
from harness.core.registry.registry import (
    describe_file,
    encode_registry,
    new_record,
    read_registry,
    with_entries,
)
from harness.core.registry.verify import is_intact
from harness.core.storage.digest import digest_file
from harness.core.storage.lock import writing
from harness.core.storage.npz import map_archive
from harness.core.storage.project import REGISTRY, make_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.core.recording.cumulative_drift import Course
    from harness.core.registry.registry import Kind, Record, Registry
    from harness.core.storage.project import Project

_UNLEASHED = Leash()


@dataclass(frozen=True, slots=True)
class Staged:
    """A file that a test wants to become golden, and the test's name."""

    path: str
    kind: Kind
    data: Path
    test: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One golden file that would be written: its digest now (None if it is new) and then, and what moved.

    ``course`` is how far it will have walked, where it was recorded before and has tolerances.
    """

    path: str
    kind: Kind
    data: Path
    before: str | None
    after: str
    moved: tuple[str, ...] = ()
    course: Course | None = None

    @property
    def abbreviated(self) -> str:
        """Both digests, cut as git cuts a commit's."""
        return f"{_short(self.before)} -> {_short(self.after)}"


def staging_directory(project: Project) -> Path:
    """A new directory for files that shall become golden, on the golden files' own file system."""
    folder = make_workspace(project) / "staged"
    folder.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def plan(project: Project, staged: Iterable[Staged], leash: Leash = _UNLEASHED) -> tuple[Change, ...]:
    """What committing *staged* would write; touches nothing.

    A file whose content is already golden and registered is left out.

    Raises
    ------
    RefusedError
        If two tests record one name, or a file would walk farther than *leash* is long.
    """
    registry = read_registry(project.registry)
    chosen: dict[str, Staged] = {}
    for item in staged:
        known = chosen.setdefault(item.path, item)
        if known.test != item.test:
            raise RefusedError(
                item.path,
                expected="one test that records it",
                found=f"two, {known.test} and {item.test}",
                remedy="Give each of them a name of its own.",
            )
    wanted = (chosen[path] for path in sorted(chosen))
    changed = [item for item in wanted if not _is_golden(project, registry, item)]
    changes = tuple(_change(project, registry, item, leash) for item in changed)
    for change in changes:
        require_near(change.path, change.course, leash)
    return changes


def commit(
    project: Project,
    changes: Sequence[Change],
    *,
    reason: str,
    command: str,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Write every change and the registry as one transaction; one writer at a time.

    Parameters
    ----------
    project : Project
    changes : sequence of Change
        From :func:`plan`.
    reason, command : str
        For the record: why, and what was typed.
    say : callable
        Told if another process has to be waited for.

    Raises
    ------
    RefusedError
        If a golden file is no longer what the plan saw, or an earlier transaction was interrupted.
    """
    if not changes:
        return
    record = new_record(project, reason=reason, command=command)
    with writing(project, say=say):
        require_settled(project)
        for change in changes:
            _require_as_planned(project, change)
        writes = [Write(change.path, _read(change)) for change in changes]
        entries = {
            change.path: describe_file(change.data, change.kind, _with_particulars(record, change, project))
            for change in changes
        }
        registry = with_entries(read_registry(project.registry), entries)
        apply(project, [*writes, Write(REGISTRY, encode_registry(registry))])


def _with_particulars(record: Record, change: Change, project: Project) -> Record:
    """The record, with what is known of this change alone."""
    record = _with_code(record, change, project)
    return msgspec.structs.replace(record, walk=change.course.walk) if change.course else record


def _with_code(record: Record, change: Change, project: Project) -> Record:
    """The record, with the digest of the code behind a manifest's arrays, or behind a baseline's metrics."""
    call = _code_behind(change)
    code = code_digest(call, project.root) if call else None
    return msgspec.structs.replace(record, code=code) if code else record


def _code_behind(change: Change) -> str | None:
    if change.kind == "manifest":
        return read_manifest(change.data).generator.call
    return read_baseline(change.data).measure if change.kind == "baseline" else None


def _read(change: Change) -> bytes:
    try:
        return change.data.read_bytes()
    except OSError as error:
        raise UnreadableError(
            change.path,
            expected=f"its new content in {change.data}",
            found=error.strerror or str(error),
            remedy="Run the tests again.",
        ) from error


def _require_as_planned(project: Project, change: Change) -> None:
    found = _digest(project.locate(change.path))
    if found != change.before:
        raise RefusedError(
            change.path,
            expected=f"the file that was compared, {_short(change.before)}",
            found=_short(found),
            remedy="Another process changed it meanwhile: run the tests again.",
        )


def _change(project: Project, registry: Registry, item: Staged, leash: Leash) -> Change:
    path, entry = project.locate(item.path), registry.entries.get(item.path)
    before, after = _digest(path), digest_file(item.data)
    old = path if before is not None else None
    course = measure_course(project, item, entry, new_origin=leash.new_origin)
    return Change(item.path, item.kind, item.data, before, after, moved(item.kind, old, item.data), course)


def _digest(path: Path) -> str | None:
    return digest_file(path) if path.is_file() else None


def _is_golden(project: Project, registry: Registry, item: Staged) -> bool:
    """Whether the registered file holds the staged content, in whichever container."""
    path, entry = project.locate(item.path), registry.entries.get(item.path)
    if entry is None or not path.is_file() or not is_intact(path, entry):
        return False
    if digest_file(path) == digest_file(item.data):
        return True
    return item.kind in {"fixture", "result"} and _same_arrays(path, item.data)


def _short(digest: str | None) -> str:
    return digest.partition(":")[2][:12] if digest else "new"


def _same_arrays(one: Path, other: Path) -> bool:
    try:
        return describe_arrays(map_archive(one)) == describe_arrays(map_archive(other))
    except HarnessError:
        return False
