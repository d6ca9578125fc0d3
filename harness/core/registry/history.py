"""golden/history.jsonl: who changed a golden file, when, why and with what, one line each.

A line is a JSON object: a *record* of one change of one file, or an *environment* that records name by its
digest, so that it is written once. A line's digest is the SHA-256 of its bytes. A record names its file's
record before it, so that the records of a file are a chain, and a changed or removed one shows.

Lines are only ever added. Their order means nothing and duplicates are one, so that git may merge two
branches by keeping the lines of both (``merge=union``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import msgspec

from harness.core.errors import UnreadableError
from harness.core.registry.format import MEBIBYTES, VALUES
from harness.core.registry.registry import history_path
from harness.core.storage.documents import read_text
from harness.core.storage.json_limits import Limit, content_problem, size_problem, structure_problem
from harness.core.storage.project import require_inner
from harness.core.system.restore import restore_remedy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.storage.project import Project

LIMIT = Limit(MEBIBYTES, VALUES)
Sha256 = Annotated[str, msgspec.Meta(pattern=r"\Asha256:[0-9a-f]{64}\Z")]


class Distance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How far one version of a golden file is from an earlier one.

    Attributes
    ----------
    tolerances : float or None
        In tolerances of the earlier version. None where that is not a number: another name, dtype or shape,
        or other values where only equal ones are accepted.
    name : str
        The metric or array that is farthest away; empty where all are equal.
    """

    tolerances: float | None
    name: str


class CumulativeDrift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How far a golden file has come by a change, and by all changes before it.

    Attributes
    ----------
    from_last, from_first : Distance or None
        From the record before, and from the first one that counts: the file's first record, or the newest
        one with ``restart``. None where that version's bytes are lost.
    summed : float or None
        Tolerances of all changes since the first one that counts; None if one of them is not a number.
    restart : bool
        Whether later drift is measured from here, as somebody decided.
    """

    from_last: Distance | None
    from_first: Distance | None
    summed: float | None
    restart: bool


class Environment(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="environment", tag_field="type"
):
    """Versions and settings that golden files were recorded with, by name."""

    environment: dict[str, str]


class Record(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    gc=False,
    tag="record",
    tag_field="type",
    kw_only=True,
):
    """One change of one golden file.

    Attributes
    ----------
    path : str
        The file, as the registry has it.
    sha256 : str
        Digest of the bytes that the record vouches for.
    at : str
        When, in UTC: ``2026-01-31T12:00:00Z``.
    by, reason, command : str
        Who, why, and what was typed.
    commit : str or None
        HEAD of the work tree; None where git had no commit yet.
    dirty : bool
        Whether the work tree had uncommitted changes.
    environment : str
        Digest of the line of the :class:`Environment`.
    previous : str or None
        Digest of the file's record before; None for the first.
    code : str, optional
        Of a manifest or a baseline: digest of the code that made it,
        :func:`harness.core.domain.code_digest.code_digest`.
    cumulative : CumulativeDrift, optional
        Of a fixture's archive or a baseline that was recorded before.
    removed : bool, optional
        True if the record ends its file: the file was removed, and ``sha256`` is of its last bytes.
    moved_to : str, optional
        The file's new path, where the record ends its file in the same way because it was renamed.
    moved_from : str, optional
        The file's old path, in the first record of the new path, which follows the one with ``moved_to``.
    imported_from : str, optional
        Where the content comes from that was not made again before it was recorded: a file of another tool,
        or a pytest session on another machine.
    fetched_from : str, optional
        The publication that the file comes from. Records before this one were made in its project.
    """

    path: str
    sha256: Sha256
    at: str
    by: str
    reason: str
    commit: str | None
    dirty: bool
    command: str
    environment: Sha256
    previous: Sha256 | None
    code: str | msgspec.UnsetType = msgspec.UNSET
    cumulative: CumulativeDrift | msgspec.UnsetType = msgspec.UNSET
    removed: bool | msgspec.UnsetType = msgspec.UNSET
    moved_to: str | msgspec.UnsetType = msgspec.UNSET
    moved_from: str | msgspec.UnsetType = msgspec.UNSET
    imported_from: str | msgspec.UnsetType = msgspec.UNSET
    fetched_from: str | msgspec.UnsetType = msgspec.UNSET

    @property
    def ends(self) -> bool:
        """Whether there is no file at the path after this record: it was removed or renamed."""
        return bool(self.removed or self.moved_to)

    @property
    def is_version(self) -> bool:
        """Whether bytes were recorded: the file was neither removed nor renamed."""
        return not (self.ends or self.moved_from)


@dataclass(frozen=True, slots=True)
class History:
    """All lines of a history, by digest."""

    records: Mapping[str, Record] = field(default_factory=dict)
    environments: Mapping[str, Environment] = field(default_factory=dict)

    def chain(self, path: str, digest: str) -> tuple[Record, ...]:
        """Return the records of *path* that lead to the one of *digest*, the oldest first.

        Those of a file that was renamed begin with the records of its old path. The chain ends early where a
        record is missing or of another file: then the first of the records returned has a ``previous``, or
        there are none.
        """
        found: list[Record] = []
        wanted: str | None = digest
        while wanted is not None:
            record = self.records.get(wanted)
            if record is None or not _leads_to(record, path, found):
                break
            found.append(record)
            wanted, path = record.previous, record.moved_from or path
        return tuple(reversed(found))

    def version(self, digest: str) -> Record | None:
        """Return the record of a file's bytes behind its newest record: the same, unless it was renamed."""
        record = self.records.get(digest)
        while record is not None and not record.is_version:
            record = self.records.get(record.previous or "")
        return record

    def ends(self) -> dict[str, str]:
        """Return the digests of the records that ended files, by path; the newest of several.

        The first record of the next file at such a path follows it.
        """
        ends = [(record.at, digest) for digest, record in self.records.items() if record.ends]
        if not ends:
            return {}
        followed = {(record.path, record.previous) for record in self.records.values()}
        paths = {digest: self.records[digest].path for _, digest in ends}
        return {paths[end]: end for _, end in sorted(ends) if (paths[end], end) not in followed}

    @property
    def digests(self) -> frozenset[str]:
        """Digests of all lines, records and environments."""
        return frozenset((*self.records, *self.environments))


def own_records(records: Sequence[Record]) -> Sequence[Record]:
    """Return those of a file's records, the oldest first, that were made here: all, or from a fetch on."""
    fetchings = (number for number, record in enumerate(records) if record.fetched_from)
    return records[max(fetchings, default=0) :]


def versions(records: Sequence[Record]) -> Sequence[Record]:
    """Return those of a file's records, the oldest first, that recorded bytes of the file that is there now.

    That is not the one that was at its path before it was removed, or renamed to another path.
    """
    later = [*records[1:], None][: len(records)]
    starts = (
        number
        for number, (record, after) in enumerate(zip(records, later, strict=True), 1)
        if record.ends and not (after and after.moved_from)
    )
    return [record for record in records[max(starts, default=0) :] if record.is_version]


def read_history(project: Project) -> History:
    """Return the history of *project*, an empty one if there is no file yet.

    Raises
    ------
    UnreadableError, RefusedError
        As :func:`decode_history`; also if the file cannot be read.
    """
    return decode_history(read_history_text(project), str(history_path(project)))


def read_history_text(project: Project) -> bytes:
    """Return the bytes of the history, none if there is no file yet."""
    path = history_path(project)
    return read_text(path, LIMIT) if path.exists() or path.is_symlink() else b""


def decode_history(text: bytes, name: str) -> History:
    """Return the history that *text* is; *name* is what an error calls it.

    Raises
    ------
    UnreadableError
        If a line is not exactly what :func:`encode_line` writes, or the text is too large.
    RefusedError
        If a record's path leaves the repository.
    """
    if problem := size_problem(text, LIMIT):
        raise _unreadable(name, problem.found, problem.remedy)
    records: dict[str, Record] = {}
    environments: dict[str, Environment] = {}
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line:
            continue
        value = _decode_line(line, f"{name}, line {number}", text)
        if isinstance(value, Record):
            require_inner(value.path)
            records[_digest(line)] = value
        else:
            environments[_digest(line)] = value
    return History(records, environments)


def encode_line(line: Record | Environment) -> bytes:
    """Return a record or environment as a line of compact JSON, keys sorted, without its newline."""
    return _ENCODER.encode(line)


def record_digest(line: Record | Environment) -> str:
    """Return the digest of a record's or an environment's line, ``sha256:...``."""
    return _digest(encode_line(line))


def append(text: bytes, lines: Iterable[Record | Environment]) -> bytes:
    """Return the text of a history with *lines* added that it does not have yet; no other byte changes."""
    known = set(text.split(b"\n"))
    new = [line for line in dict.fromkeys(map(encode_line, lines)) if line not in known]
    separator = b"" if not text or text.endswith(b"\n") else b"\n"
    return text + separator + b"".join(line + b"\n" for line in new)


_ENCODER = msgspec.json.Encoder(order="sorted")
_DECODER = msgspec.json.Decoder(Record | Environment)


def _leads_to(record: Record, path: str, later: list[Record]) -> bool:
    """Whether a record is of *path* and may come before the last of *later*, the newest first."""
    moved = later[-1] if later and later[-1].moved_from else None
    return record.path == path and (moved is None or record.moved_to == moved.path)


def _decode_line(line: bytes, place: str, text: bytes) -> Record | Environment:
    try:
        value: Record | Environment = _DECODER.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if line.startswith(_MARKERS):
            raise _unreadable(place, "an unresolved merge conflict of git", _CONFLICT) from error
        problem = content_problem(text)
        raise _unreadable(place, *((problem.found, problem.remedy) if problem else (str(error),))) from error
    if encode_line(value) == line:
        return value
    if line.endswith(b"\r"):
        raise _unreadable(place, "Windows line endings", _LINE_ENDINGS)
    problem = structure_problem(line)
    raise _unreadable(place, problem.found if problem else "another spelling of the same values")


def _digest(line: bytes) -> str:
    return f"sha256:{hashlib.sha256(line).hexdigest()}"


def _unreadable(place: str, found: str, remedy: str | None = None) -> UnreadableError:
    name = place.partition(", line ")[0]
    return UnreadableError(
        place,
        expected="a line of history as harness wrote it",
        found=found,
        remedy=remedy or restore_remedy(name),
    )


_MARKERS = (b"<<<<<<<", b"|||||||", b"=======", b">>>>>>>")
_CONFLICT = (
    "Delete the lines with markers and keep all others. "
    "After `harness install-git`, git merges this file itself."
)
_LINE_ENDINGS = "Run `harness install-git`, delete the file and restore it with `git checkout`."
