"""Change several files as one: all of them or none, even if the process is killed.

New and old bytes are first stored below ``.harness/transaction``, then a journal that names them is written,
then every file is replaced in the order given, then the journal is removed. Without a journal nothing has
begun or everything is done. With one, :func:`roll_forward` finishes the change and :func:`roll_back` undoes
it, however often they are interrupted themselves.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import RefusedError, UnreadableError, UnwritableError
from harness.core.storage import atomic as files
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.journal_token import FOREIGN, is_foreign_journal, work_tree_token
from harness.core.storage.project import REGISTRY, TRANSACTION, make_workspace, require_own_workspace
from harness.core.system.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1

_LONGEST_NAME = 255 - len("..4194304.draft")
"""Bytes of a file's name with which its draft's name, which has a process's number, is one too."""


class FileChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file's digests before and after; None if there was no file, or will be none."""

    path: str
    before: str | None
    after: str | None


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a transaction changes, in order."""

    schema: int
    changes: tuple[FileChange, ...]
    token: str = ""


@dataclass(frozen=True, slots=True)
class Write:
    """A file below the root and its new bytes, or the file that has them; None to remove it."""

    path: str
    data: bytes | Path | None


def transaction_directory(project: Project) -> Path:
    """Return where a transaction keeps its journal and the old and new bytes."""
    return project.root / TRANSACTION


def require_settled(project: Project) -> None:
    """Raise :class:`RefusedError` if an earlier transaction was interrupted."""
    if project.is_interrupted:
        _require_own_journal(project)
        raise RefusedError(
            "golden files",
            expected="no interrupted regeneration",
            found="one",
            message="a previous regeneration was interrupted",
            remedy="Run `harness recover` to finish it, or `harness recover --back` to undo it.",
        )


def apply(project: Project, writes: Sequence[Write]) -> None:
    """Write all files, in order, as one transaction. The caller holds the lock.

    Raises
    ------
    RefusedError
        If an earlier transaction was interrupted, or a path leaves the repository.
    UnwritableError
        If the disk is full or not writable. Then either nothing has changed, or the transaction is
        interrupted and the message says so.
    KeyboardInterrupt
        At Ctrl-C: before the journal is written nothing has changed, afterwards everything has.
    """
    require_settled(project)
    try:
        journal = _store(project, writes)
        with deferred_interrupts():
            files.replace_file(project.journal, journal)
            _finish(project)
    finally:
        if not project.is_interrupted:
            shutil.rmtree(transaction_directory(project), ignore_errors=True)


def _finish(project: Project) -> None:
    try:
        roll_forward(project)
    except UnwritableError as error:
        raise _interrupted(error) from error


def roll_forward(project: Project) -> tuple[str, ...]:
    """Finish an interrupted transaction and return the paths of its files.

    Raises
    ------
    RefusedError
        If the stored new bytes do not match the journal, or a file was changed since.
    UnreadableError
        If the journal cannot be read.
    """
    return _roll(project, "new")


def roll_back(project: Project) -> tuple[str, ...]:
    """Undo an interrupted transaction and return the paths of its files.

    Raises
    ------
    RefusedError
        If the stored old bytes do not match the journal, or a file was changed since.
    UnreadableError
        If the journal cannot be read.
    """
    return _roll(project, "old")


def _interrupted(error: UnwritableError) -> UnwritableError:
    return UnwritableError(
        error.thing,
        expected=error.expected,
        found=f"{error.found}, during a regeneration",
        remedy="Free disk space or correct the permissions, then run `harness recover`.",
    )


def _store_both_sides(project: Project, writes: Sequence[Write]) -> tuple[FileChange, ...]:
    """Store the old and new bytes of every file; nothing refers to them yet."""
    folder = transaction_directory(project)
    shutil.rmtree(folder, ignore_errors=True)
    changes = []
    for side in ("new", "old"):
        files.make_directory(folder / side)
    for number, item in enumerate(writes):
        path, new = project.locate(item.path), folder / "new" / str(number)
        if isinstance(item.data, bytes):
            files.write(new, item.data)
        elif item.data is not None:
            files.copy(item.data, new)
        if path.is_file():
            files.copy(path, folder / "old" / str(number))
        before, after = (digest_file(file) if file.is_file() else None for file in (path, new))
        changes.append(FileChange(item.path, before, after))
    for side in ("new", "old"):
        files.sync_directory(folder / side)
    return tuple(changes)


def _store(project: Project, writes: Sequence[Write]) -> bytes:
    """Store all bytes; return the journal that refers to them."""
    for item in writes:
        _require_golden(project, item.path)
        _require_free(project, item.path)
    make_workspace(project)
    token = work_tree_token(project)
    changes = _store_both_sides(project, writes)
    return encode_document(Journal(SCHEMA, changes, token))


def _require_golden(project: Project, path: str) -> None:
    """Raise unless a transaction may write *path*: the registry, or a file below the golden directory."""
    project.locate(path)
    if path != REGISTRY and not path.startswith(f"{project.golden_name}/"):
        found = "another file"
    elif ".git" in path.lower().split("/"):
        found = "a file of git's own"
    elif len(os.fsencode(path.rpartition("/")[2])) > _LONGEST_NAME:
        found = f"a name of {len(os.fsencode(path.rpartition('/')[2]))} bytes; at most {_LONGEST_NAME} fit"
    else:
        return
    raise RefusedError(
        path,
        expected=f"{REGISTRY} or a file below {project.golden_name}/",
        found=found,
        remedy="Choose another path.",
    )


def _require_free(project: Project, path: str) -> None:
    """Raise if a directory has the name of a file to write, or a file that of a directory to write it in."""
    file = project.root / path
    above = file.parents[: path.count("/")]
    wrong = [file] if file.is_dir() else []
    wrong += [folder for folder in above if os.path.lexists(folder) and not folder.is_dir()]
    if wrong:
        kinds = ("a directory", "a file") if wrong[0].is_dir() else ("a file", "a directory")
        raise RefusedError(
            project.relative(wrong[0]),
            expected=f"{kinds[1]}, or nothing",
            found=kinds[0],
            remedy="Nothing was written. Rename or delete it first.",
        )


def _require_own_journal(project: Project) -> None:
    """Raise unless the journal was written by this work tree, or is none at all."""
    require_own_workspace(project)
    if is_foreign_journal(project):
        raise RefusedError(
            str(project.journal),
            expected="a journal of this work tree",
            found="another one, as a copy or a clone brings along",
            message=f"{FOREIGN}: {project.journal}",
            remedy=f"Delete {TRANSACTION}, run `harness verify`, and restore with git what it reports.",
        )


def _read_journal(project: Project) -> Journal:
    """Return the journal. Git has no copy of it, but has the files that it names."""
    try:
        return read_document(project.journal, Journal, schema=SCHEMA)
    except UnreadableError as error:
        raise UnreadableError(
            error.thing,
            expected="the journal of a regeneration",
            found=error.found,
            remedy=f"Delete {TRANSACTION}, run `harness verify`, and restore with git what it reports.",
        ) from error


def _roll(project: Project, side: str) -> tuple[str, ...]:
    _require_own_journal(project)
    journal = _read_journal(project)
    for change in journal.changes:
        _require_golden(project, change.path)
    folder = transaction_directory(project) / side
    wanted = [change.after if side == "new" else change.before for change in journal.changes]
    for number, (change, digest) in enumerate(zip(journal.changes, wanted, strict=True)):
        _require_kept(folder / str(number), change.path, digest)
        _require_untouched(project, change)
    for number, (change, digest) in enumerate(zip(journal.changes, wanted, strict=True)):
        _set(project.locate(change.path), folder / str(number), digest)
    files.remove_drafts(project.locate(change.path) for change in journal.changes)
    for change, digest in zip(journal.changes, wanted, strict=True):
        if digest is None:
            _remove_empty_directories(project, project.locate(change.path).parent)
    _flush_directories(project, journal)
    files.remove(project.journal)
    shutil.rmtree(folder.parent, ignore_errors=True)
    return tuple(change.path for change in journal.changes)


def _require_kept(kept: Path, path: str, digest: str | None) -> None:
    if digest is not None and (not kept.is_file() or digest_file(kept) != digest):
        raise RefusedError(
            path,
            expected=f"stored bytes with digest {digest}",
            found="other bytes" if kept.is_file() else "none",
            remedy="Run `harness recover` in the other direction (with or without --back), or restore "
            "the file with git.",
        )


def _require_untouched(project: Project, change: FileChange) -> None:
    """Raise if the file was changed since the interruption, so that no other work is overwritten."""
    target = project.locate(change.path)
    found = digest_file(target) if target.is_file() else None
    if found not in {change.before, change.after}:
        raise RefusedError(
            change.path,
            expected="its old or its new bytes",
            found=f"other bytes, {found}" if found else "no file",
            message=f"{change.path} was changed after the interruption",
            remedy=f"Restore it with git and run `harness recover`, or delete {TRANSACTION} to keep it.",
        )


def _remove_empty_directories(project: Project, folder: Path) -> None:
    """Remove *folder* and those above it that are empty, up to the golden directory, as git does."""
    while folder != project.golden and folder.is_relative_to(project.golden):
        try:
            folder.rmdir()
        except OSError:  # it has other files
            return
        folder = folder.parent


def _flush_directories(project: Project, journal: Journal) -> None:
    """Flush every directory on the way to a file: a process that was killed may have made or changed it."""
    changed = {project.locate(change.path) for change in journal.changes}
    above = {folder for path in changed for folder in path.parents if folder.is_relative_to(project.root)}
    for folder in sorted(above, reverse=True):
        files.sync_directory(folder)


def _set(target: Path, kept: Path, digest: str | None) -> None:
    """Have the stored bytes in *target*, on the disk; remove it if *digest* is None."""
    if digest is None:
        files.remove(target)
        return
    if target.is_file() and digest_file(target) == digest:
        files.sync_file(target)  # whoever wrote it may not have flushed it
        return
    files.make_directory(target.parent)
    with files.replacing(target) as draft:
        files.copy(kept, draft)
