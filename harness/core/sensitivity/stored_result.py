"""The result of the last complete run of ``harness sensitivity``, kept in ``.harness/sensitivity.json``."""

from __future__ import annotations

import contextlib
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import RefusedError, UnwritableError
from harness.core.storage.atomic import replace_file
from harness.core.storage.documents import encode_document, read_document
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.sensitivity.golden_tests import GoldenFile
    from harness.core.sensitivity.matrix import Detection, Matrix, Row
    from harness.core.storage.project import Project

SCHEMA = 1


class StoredAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one check answered to a fault: whether it caught it, and by how much."""

    check: str
    caught: bool
    margin: str


class StoredFault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One injected fault with the answers of all checks that ran; the label is unique."""

    label: str
    title: str
    harmless: bool
    unseen: str
    answers: tuple[StoredAnswer, ...]

    @property
    def caught(self) -> bool:
        """Whether a check caught it."""
        return any(answer.caught for answer in self.answers)

    def by(self, check: str) -> StoredAnswer | None:
        """Return the answer of a check; None if it did not run."""
        return next((answer for answer in self.answers if answer.check == check), None)


class StoredMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A generic fault of one array or metric that no test saw, and why."""

    name: str
    fault: str
    case: str
    why: str
    explained: bool


class StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many moves of a golden file's arrays or metrics its tests saw, and which they did not."""

    path: str
    moved: int
    seen: int
    problem: str
    blind: tuple[StoredMove, ...]


class StoredResult(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``harness sensitivity`` found, and when; ``quick`` if it ran pipelines for a few faults only."""

    schema: int
    at: str
    quick: bool
    checks: tuple[str, ...]
    faults: tuple[StoredFault, ...]
    files: tuple[StoredFile, ...]


def stored_result(matrix: Matrix, files: Sequence[GoldenFile], *, quick: bool) -> StoredResult:
    """Return what is kept of a run."""
    return StoredResult(
        SCHEMA,
        datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        quick,
        matrix.checks,
        tuple(map(_fault, matrix.rows)),
        tuple(map(_file, files)),
    )


def save_result(project: Project, result: StoredResult) -> None:
    """Keep a result in the workspace; a checkout that is only read has none."""
    with contextlib.suppress(UnwritableError, RefusedError):
        replace_file(make_workspace(project) / _NAME, encode_document(result))


def load_result(project: Project) -> StoredResult | None:
    """Return the result that was kept last; None if there is none.

    Raises
    ------
    UnreadableError, StaleFormatError
        If it is damaged, or of another version.

    Examples
    --------
    >>> from pathlib import Path
    >>> from harness import Project
    >>> load_result(Project(Path.cwd())) is None
    True
    """
    path = _path(project)
    return read_document(path, StoredResult, schema=SCHEMA) if path.exists() else None


_NAME = "sensitivity.json"


def _path(project: Project) -> Path:
    return project.workspace / _NAME


def _fault(row: Row) -> StoredFault:
    return StoredFault(row.label, row.title, row.harmless, row.unseen, tuple(map(_answer, row.detections)))


def _answer(found: Detection) -> StoredAnswer:
    return StoredAnswer(found.check, found.caught, found.margin)


def _file(file: GoldenFile) -> StoredFile:
    blind = tuple(
        StoredMove(move.name, move.fault, move.case, move.why, move.explained) for move in file.blind
    )
    seen = sum(move.seen for move in file.moves)
    return StoredFile(file.path, len(file.moves), seen, file.problem, blind)
