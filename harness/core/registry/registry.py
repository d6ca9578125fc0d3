"""registry.json: what the repository stands behind, one entry per golden file.

An entry holds the file's size and digests and the record of its last change. ``previous`` in a record is the
SHA-256 of the record before it, which ``history`` keeps, so that a rewritten record shows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from harness.core.registry import expected as outline
from harness.core.storage.digest import digests_of_file
from harness.core.storage.documents import decode_document, encode_document, read_text
from harness.core.storage.json_limits import Limit
from harness.core.storage.project import Project, require_inner

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SCHEMA = outline.SCHEMA  # which is read before this module would be imported
LIMIT = Limit(256, 1 << 22)
"""Some 150,000 golden files, each with the record of one change."""

Kind = Literal["fixture", "manifest", "baseline", "result", "file"]


class Distance(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """How far one version of a golden file is from an earlier one.

    Attributes
    ----------
    tolerances : float or None
        In tolerances of the earlier version; None where no number of them leads there: another name, dtype or
        shape, or other values where they are compared exactly.
    name : str
        The metric or array that is farthest away; empty where nothing moved.
    """

    tolerances: float | None
    name: str


class Walk(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Where a change led a golden file.

    Attributes
    ----------
    from_last, from_first : Distance or None
        From the record before and from the walk's origin; None where that version is nowhere to be had.
    summed : float or None
        Tolerances of all steps since the origin; None if some step has no number.
    origin : bool
        Whether the next walk starts here, on purpose; every file's first record is an origin as well.
    """

    from_last: Distance | None
    from_first: Distance | None
    summed: float | None
    origin: bool


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Who changed a golden file, when (UTC, ISO 8601), why, and with what.

    Attributes
    ----------
    code : str, optional
        Of a manifest: digest of the code behind the generator, :func:`harness.core.domain.code_digest.code_digest`.
    sha256 : str, optional
        Digest of the file that this is the record of, so that a record vouches for these bytes alone.
    walk : Walk, optional
        Of a fixture's archive or a baseline that was recorded before: how far it has come.
    """

    # What came later is unset in records made before it, not null: the chain's digests must not move.

    at: str
    by: str
    reason: str
    commit: str | None
    dirty: bool
    command: str
    environment: dict[str, str]
    previous: str | None = None
    code: str | msgspec.UnsetType = msgspec.UNSET
    sha256: str | msgspec.UnsetType = msgspec.UNSET
    walk: Walk | msgspec.UnsetType = msgspec.UNSET


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Size in bytes, digests and records of one golden file, the newest record apart."""

    kind: Kind
    size: int
    xxh128: str
    sha256: str
    record: Record
    history: tuple[Record, ...] = ()


class Registry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Entries by path: relative to the repository's root, with POSIX separators."""

    schema: int
    entries: dict[str, Entry]


def read_registry(path: Path) -> Registry:
    """Registry from a file; an empty one where there is no file yet.

    Raises
    ------
    UnreadableError, StaleFormatError
        As :func:`harness.core.storage.documents.decode_document`.
    RefusedError
        If an entry's path leaves the repository.
    """
    if not (path.exists() or path.is_symlink()):  # a link to nothing is no registry that never was
        return Registry(SCHEMA, {})
    return decode_registry(read_text(path, LIMIT), path)


def decode_registry(text: bytes, path: Path) -> Registry:
    """Registry from its text; *path* is what a refusal calls it. Raises as :func:`read_registry`."""
    registry = decode_document(text, Registry, name=str(path), schema=SCHEMA, limit=LIMIT)
    for relative in registry.entries:
        require_inner(relative)
    return registry


def encode_registry(registry: Registry) -> bytes:
    """Canonical JSON of *registry*."""
    return encode_document(registry, limit=LIMIT)


def with_entries(registry: Registry, entries: Mapping[str, Entry]) -> Registry:
    """*registry* with *entries* added, each record sealed; those replaced pass theirs on as history."""
    chained = {path: _chained(registry.entries.get(path), entry) for path, entry in entries.items()}
    return Registry(SCHEMA, dict(sorted((registry.entries | chained).items())))


def describe_file(path: Path, kind: Kind, record: Record) -> Entry:
    """Entry of a file as it is on disk."""
    return Entry(kind, path.stat().st_size, *digests_of_file(path), record)


def new_record(project: Project, *, reason: str, command: str) -> Record:
    """Record of a change made now, in this environment."""
    from datetime import datetime, timezone

    from harness.core.system.environment import author, fingerprint, revision

    state = revision(project.root)
    return Record(
        at=datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        by=author(project.root),
        reason=reason,
        commit=state.commit,
        dirty=state.dirty,
        command=command,
        environment=fingerprint(),
    )


def record_digest(record: Record) -> str:
    """SHA-256 of a record's canonical JSON."""
    import hashlib  # verify starts without it

    return f"sha256:{hashlib.sha256(encode_document(record)).hexdigest()}"


def _chained(before: Entry | None, entry: Entry) -> Entry:
    """An entry whose record names its file's digest and the record before it."""
    record = msgspec.structs.replace(entry.record, sha256=entry.sha256)
    if before is None:
        return msgspec.structs.replace(entry, record=record)
    record = msgspec.structs.replace(record, previous=record_digest(before.record))
    return msgspec.structs.replace(entry, record=record, history=(before.record, *before.history))
