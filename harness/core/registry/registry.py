"""registry.json: read it, add entries to it, describe a file as one of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError
from harness.core.registry.format import MEBIBYTES, Entry, Kind, Registry, decode_registry
from harness.core.storage.atomic import is_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.storage.project import Project

HISTORY_NAME = "history.jsonl"
"""In the golden directory, where it is the only file of ours that the registry does not list."""

UNRECORDED = ""
"""In place of a record's digest, in an entry that is about to be recorded. It cannot be written."""


def read_registry(path: Path) -> Registry:
    """Return the registry at *path*, an empty one if there is no file yet.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        As :func:`harness.core.registry.format.decode_registry`; also if it cannot be read.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("registry.json").write_text('{"entries": {}, "schema": 2}')
    >>> read_registry(Path("registry.json")).entries
    {}
    """
    text = read_registry_text(path)
    return Registry({}) if text is None else decode_registry(text, str(path))


def read_registry_text(path: Path) -> bytes | None:
    """Return the bytes of the registry at *path*, None if there is no file yet.

    Raises
    ------
    UnreadableError
        If it cannot be read, or is not a regular file.
    """
    return _read(path) if os.path.lexists(path) else None  # a link that leads nowhere cannot be read


def history_path(project: Project) -> Path:
    """Return where the records are, ``golden/history.jsonl``."""
    return project.golden / HISTORY_NAME


def with_entries(registry: Registry, entries: Mapping[str, Entry]) -> Registry:
    """Return *registry* with *entries* added or replaced."""
    return Registry({**registry.entries, **entries})


def describe_file(path: Path, kind: Kind, record: str = UNRECORDED) -> Entry:
    """Return the entry of a file as it is on disk, read once.

    Raises
    ------
    UnreadableError
        If it cannot be read.
    """
    from harness.core.storage.digest import digests_of_file

    xxh128, sha256 = digests_of_file(path)
    return Entry(kind, path.stat().st_size, xxh128, sha256, record)


def _read(path: Path) -> bytes:
    """Return a regular file's bytes, or one byte more than a registry may have."""
    found = "something other than a regular file"
    try:
        if is_regular(path):
            with open(path, "rb", buffering=0) as stream:  # noqa: PTH123 - pathlib costs a twentieth of start-up
                return stream.read(min(os.fstat(stream.fileno()).st_size, MEBIBYTES << 20) + 1)
    except OSError as error:
        found = error.strerror or str(error)
    raise UnreadableError(
        str(path),
        expected="a registry that harness wrote",
        found=found,
        remedy=f"Restore it with `git checkout -- {path}`.",
    )
