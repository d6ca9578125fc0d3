"""registry.json: read it, add entries to it, describe a file as one of them."""

from __future__ import annotations

import os
import time
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

_COARSE_NS = 3_000_000_000
"""The times of some file systems have steps of two seconds."""

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


class WatchedRegistry:
    """The registry at a path, for a process that asks for it often: read again only if the file has changed.

    Its inode, size and times say whether it has. They are not trusted for a file that was changed just before
    it was read: times may be too coarse to show another change.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("registry.json").write_text('{"entries": {}, "schema": 2}')
    >>> registry = WatchedRegistry(Path("registry.json"))
    >>> registry.read() is registry.read()
    True
    """

    __slots__ = ("_path", "_registry", "_state", "_text")

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[int, ...] | None = None
        self._text: bytes | None = None
        self._registry = Registry({})

    def read(self) -> Registry:
        """Return the registry as it is on disk now, an empty one if there is no file yet.

        Raises
        ------
        UnreadableError, StaleFormatError, RefusedError
            As :func:`read_registry`.
        """
        state = _file_state(self._path)
        if state is None or state != self._state:
            text = read_registry_text(self._path)
            if text is None or text != self._text:
                self._registry = Registry({}) if text is None else decode_registry(text, str(self._path))
            self._text, self._state = text, state
        return self._registry


def _file_state(path: Path) -> tuple[int, ...] | None:
    """Return what changes with a file; None if there is none, or if it has changed just now."""
    try:
        state = os.stat(path)  # noqa: PTH116 - verify starts without pathlib's cost
    except OSError:
        return None
    if time.time_ns() - max(state.st_mtime_ns, state.st_ctime_ns) < _COARSE_NS:
        return None
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


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
    from harness.core.system.restore import restore_remedy  # verify starts without it

    raise UnreadableError(
        str(path),
        expected="a registry that harness wrote",
        found=found,
        remedy=restore_remedy(path),
    )
