"""Change several files as one: all of them or none, even if the process is killed.

New and old bytes are first stored below ``.harness/transaction``, then a journal that names them is written,
then every file is replaced, golden files before history and registry, then the journal is removed. Without a
journal nothing has begun or everything is done. With one, :func:`roll_forward` finishes the change and
:func:`roll_back` undoes it, however often they are interrupted themselves.

What a step needs is on the disk before it begins: the stored bytes before the journal, the drafts before they
are renamed, the new names before the journal is removed. Within a step the order means nothing, so that its
files are flushed several at a time.

A large file is not copied where the file system can share its bytes: what is staged, what is stored, the
draft and the golden file are then names of one file, so that recording needs the disk for one new copy. Every
change is a new file under the old name, never a write into a file.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.errors import RefusedError, UnreadableError, UnwritableError
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage import atomic as files
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.journal_token import FOREIGN, is_foreign_journal, work_tree_token
from harness.core.storage.project import REGISTRY, TRANSACTION, make_workspace, require_own_workspace
from harness.core.system.interrupts import deferred_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1

_DRAFTS_BYTES = 1 << 28
"""Drafts of so many bytes are flushed and renamed together."""

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


class _Step(NamedTuple):
    """One file of a journal in one direction, its stored bytes, and the digest that it is to have."""

    change: FileChange
    target: Path
    kept: Path
    wanted: str | None


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
            files.remove_tree(transaction_directory(project))


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
    files.remove_tree(folder)
    changes, stored = [], []
    for side in ("new", "old"):
        files.make_directory(folder / side)
    for number, item in enumerate(writes):
        path, new, old = project.locate(item.path), folder / "new" / str(number), folder / "old" / str(number)
        if isinstance(item.data, bytes):
            files.write(new, item.data)
        elif item.data is not None:
            _keep(project, item.data, new)
        if path.is_file():
            files.share(path, old)
        before, after = (digest_file(file) if file.is_file() else None for file in (old, new))
        changes.append(FileChange(item.path, before, after))
        stored += [file for file, digest in ((old, before), (new, after)) if digest is not None]
    files.sync_files(stored)
    for side in ("new", "old"):
        files.sync_directory(folder / side)
    return tuple(changes)


def _keep(project: Project, data: Path, new: Path) -> None:
    """Store a file's bytes. Those that were staged are shared; other files may be changed by their owner."""
    if data.is_relative_to(project.workspace):
        files.share(data, new)
    else:
        files.copy(data, new)


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
    steps = [
        _Step(change, project.locate(change.path), folder / str(number), digest)
        for number, (change, digest) in enumerate(zip(journal.changes, wanted, strict=True))
    ]
    for step in steps:
        _require_kept(step)
        _require_untouched(step)
    for portion in _portions(steps):
        _set_all(portion)
    files.remove_drafts(step.target for step in steps)
    for step in steps:
        if step.wanted is None:
            _remove_empty_directories(project, step.target.parent)
    _flush_directories(project, steps)
    files.remove(project.journal)
    files.remove_tree(folder.parent)
    return tuple(change.path for change in journal.changes)


def _require_kept(step: _Step) -> None:
    if step.wanted is not None and step.wanted != _digest_if_file(step.kept):
        raise RefusedError(
            step.change.path,
            expected=f"stored bytes with digest {step.wanted}",
            found="other bytes" if step.kept.is_file() else "none",
            remedy="Run `harness recover` in the other direction (with or without --back), or restore "
            "the file with git.",
        )


def _require_untouched(step: _Step) -> None:
    """Raise if the file was changed since the interruption, so that no other work is overwritten."""
    change, found = step.change, _digest_if_file(step.target)
    if found not in {change.before, change.after}:
        raise RefusedError(
            change.path,
            expected="its old or its new bytes",
            found=f"other bytes, {found}" if found else "no file",
            message=f"{change.path} was changed after the interruption",
            remedy=f"Restore it with git and run `harness recover`, or delete {TRANSACTION} to keep it.",
        )


def _digest_if_file(path: Path) -> str | None:
    return digest_file(path) if path.is_file() else None


def _remove_empty_directories(project: Project, folder: Path) -> None:
    """Remove *folder* and those above it that are empty, up to the golden directory, as git does."""
    while folder != project.golden and folder.is_relative_to(project.golden):
        try:
            folder.rmdir()
        except OSError:  # it has other files
            return
        folder = folder.parent


def _flush_directories(project: Project, steps: Sequence[_Step]) -> None:
    """Flush every directory on the way to a file: a process that was killed may have made or changed it."""
    changed = {step.target.parent for step in steps}
    above = {up for folder in changed for up in (folder, *folder.parents) if up.is_relative_to(project.root)}
    for folder in sorted(above, reverse=True):
        files.sync_directory(folder)


def _portions(steps: Sequence[_Step]) -> Iterator[list[_Step]]:
    """Yield the steps in order, in portions whose drafts take little space beside the stored bytes.

    The history, the registry and what is removed are portions of their own: they come after what they are
    about, in this order.
    """
    portion: list[_Step] = []
    size = 0
    for _, group in itertools.groupby(steps, _rank):
        for step in group:
            size += step.kept.stat().st_size if step.wanted is not None else 0
            portion.append(step)
            if size > _DRAFTS_BYTES:
                yield portion
                portion, size = [], 0
        if portion:
            yield portion
        portion, size = [], 0


def _rank(step: _Step) -> str:
    """Return what tells steps apart that are not set in any order: history, registry, what is removed."""
    name = step.target.name
    return "removed" if step.wanted is None else name if name in {HISTORY_NAME, REGISTRY} else ""


def _set_all(steps: Sequence[_Step]) -> None:
    """Have the stored bytes in all targets, on the disk; remove those that are to have none."""
    right: list[Path] = []  # whoever wrote them may not have flushed them
    others: list[Path] = []
    try:
        for step in steps:
            if step.wanted is not None and _digest_if_file(step.target) == step.wanted:
                right.append(step.target)
            elif step.wanted is not None:
                others.append(step.target)
                files.make_directory(step.target.parent)
                files.copy_to_draft(step.kept, step.target)
        files.sync_files(right)
        files.at_once(files.sync_draft, others)
        files.at_once(files.rename_draft, others)
        files.at_once(files.unlink, [step.target for step in steps if step.wanted is None])
    except BaseException:
        files.drop_drafts(others)
        raise
