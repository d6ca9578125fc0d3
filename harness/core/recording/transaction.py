"""Several files changed as one: all of them, or none, or a state that says it is in between.

New and old bytes are put aside first, below ``.harness/transaction``; then a journal that names them; then
every file is replaced, in the order given; then the journal goes. Without a journal nothing has begun or all
is done. With one, :func:`roll_forward` and :func:`roll_back` lead to either side, however often they are
interrupted themselves.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import RefusedError, UnreadableError, UnwritableError
from harness.core.storage import atomic as files
from harness.core.storage.digest import digest_file
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.project import TRANSACTION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file's digests before and after; None where there is no file."""

    path: str
    before: str | None
    after: str


class Journal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a transaction changes, in order."""

    schema: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Write:
    """A file below the root and the bytes that it shall hold."""

    path: str
    data: bytes


def transaction_directory(project: Project) -> Path:
    """Where a transaction keeps its journal and both sides' bytes."""
    return project.root / TRANSACTION


def require_settled(project: Project) -> None:
    """Raise :class:`RefusedError` if an earlier transaction was interrupted."""
    if project.is_interrupted:
        raise RefusedError(
            "golden files",
            expected="no regeneration that was interrupted",
            found="one that was",
            remedy="Finish or undo it with `harness recover`.",
        )


def apply(project: Project, writes: Sequence[Write]) -> None:
    """Write all files, in order, as one transaction. The caller holds the lock.

    Raises
    ------
    RefusedError
        If an earlier transaction was interrupted, or a path leaves the repository.
    UnwritableError
        If the disk is full, or closed to us. Either nothing has changed then, and what was put aside is gone;
        or the transaction is interrupted, and the message says so.
    """
    require_settled(project)
    try:
        _write_journal(project, Journal(SCHEMA, _put_aside(project, writes)))
    except BaseException:
        if not project.is_interrupted:
            shutil.rmtree(transaction_directory(project), ignore_errors=True)
        raise
    try:
        roll_forward(project)
    except UnwritableError as error:
        raise _interrupted(error) from error


def roll_forward(project: Project) -> tuple[str, ...]:
    """End an interrupted transaction with the new state; return the paths.

    Raises
    ------
    RefusedError
        If the new bytes are not what the journal says.
    UnreadableError
        If the journal is broken.
    """
    return _roll(project, "new")


def roll_back(project: Project) -> tuple[str, ...]:
    """End an interrupted transaction with the old state; return the paths.

    Raises
    ------
    RefusedError
        If the old bytes are not what the journal says.
    UnreadableError
        If the journal is broken.
    """
    return _roll(project, "old")


def _interrupted(error: UnwritableError) -> UnwritableError:
    return UnwritableError(
        error.thing,
        expected=error.expected,
        found=f"{error.found}, in the middle of a regeneration",
        remedy="Free space, or correct the permissions; then finish or undo it with `harness recover`.",
    )


def _put_aside(project: Project, writes: Sequence[Write]) -> tuple[Step, ...]:
    """Store both sides of every file; nothing refers to them yet."""
    folder = transaction_directory(project)
    shutil.rmtree(folder, ignore_errors=True)
    steps = []
    for side in ("new", "old"):
        files.make_directory(folder / side)
    for number, item in enumerate(writes):
        path = project.locate(item.path)
        files.write(folder / "new" / str(number), item.data)
        if path.is_file():
            files.write(folder / "old" / str(number), path.read_bytes())
        before = digest_file(path) if path.is_file() else None
        steps.append(Step(item.path, before, digest_file(folder / "new" / str(number))))
    return tuple(steps)


def _write_journal(project: Project, journal: Journal) -> None:
    files.replace_file(project.journal, encode_document(journal))


def _read_journal(project: Project) -> Journal:
    """The journal; git has no copy of a broken one, but of all that it speaks of."""
    try:
        return read_document(project.journal, Journal, schema=SCHEMA)
    except UnreadableError as error:
        raise UnreadableError(
            error.thing,
            expected="the journal of a regeneration",
            found=error.found,
            remedy=f"Delete {TRANSACTION}, and restore what `harness verify` finds with git.",
        ) from error


def _roll(project: Project, side: str) -> tuple[str, ...]:
    journal = _read_journal(project)
    folder = transaction_directory(project) / side
    wanted = [step.after if side == "new" else step.before for step in journal.steps]
    for number, (step, digest) in enumerate(zip(journal.steps, wanted, strict=True)):
        _require_kept(folder / str(number), step.path, digest)
        _require_untouched(project, step)
    for number, (step, digest) in enumerate(zip(journal.steps, wanted, strict=True)):
        _set(project.locate(step.path), folder / str(number), digest)
    files.remove_drafts(project.locate(step.path) for step in journal.steps)
    files.remove(project.journal)
    shutil.rmtree(folder.parent, ignore_errors=True)
    return tuple(step.path for step in journal.steps)


def _require_kept(kept: Path, path: str, digest: str | None) -> None:
    if digest is not None and (not kept.is_file() or digest_file(kept) != digest):
        raise RefusedError(
            path,
            expected=f"its bytes put aside, {digest}",
            found="others" if kept.is_file() else "none",
            remedy="Try `harness recover` in the other direction, or restore the file with git.",
        )


def _require_untouched(project: Project, step: Step) -> None:
    """Raise if somebody else changed the file since: their work is not ours to overwrite."""
    target = project.locate(step.path)
    found = digest_file(target) if target.is_file() else None
    if found not in {step.before, step.after}:
        raise RefusedError(
            step.path,
            expected="its old bytes or its new ones",
            found=f"others, {found or 'no file'}",
            remedy=f"It was changed since: restore it with git, or delete {TRANSACTION} to keep it.",
        )


def _set(target: Path, kept: Path, digest: str | None) -> None:
    """Let *target* hold the bytes that were put aside, or be absent where there are none."""
    if digest is None:
        files.remove(target)
        return
    if target.is_file() and digest_file(target) == digest:
        return
    files.replace_file(target, kept.read_bytes())
