"""What files were when they were last read: their digests, as long as the system says that nothing changed.

Nobody is asked to trust this: only ``harness verify --trust-mtime`` does. A file's size, times and number are
compared with what they were; its bytes are read where any of them is another, or where its times are so young
that a later change could leave them as they are.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError
from harness.core.storage.atomic import replace_file
from harness.core.storage.digest import holds
from harness.core.storage.documents import read_text
from harness.core.storage.json_limits import Limit
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.storage.project import Project

SCHEMA = 1
COARSEST_CLOCK = 2_000_000_000
"""Nanoseconds between two times that every file system tells apart; FAT's are 2 seconds."""

_LIMIT = Limit(256, 1 << 24)
_NAME = "verified.msgpack"  # nobody reads it, and nobody merges it


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """What the system says of a file: its size, when its bytes and when anything of it changed, its number.

    Times are in nanoseconds. The second cannot be set by a program, as the first can.
    """

    size: int
    modified: int
    changed: int
    inode: int


class _Known(msgspec.Struct, frozen=True, array_like=True):
    """A digest, and the stamp of the file that had it."""

    stamp: Stamp
    digest: str


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    schema: int
    files: dict[str, _Known]


class StatCache:
    """Digests of files by path, each with the stamp that it is good for.

    Parameters
    ----------
    known : mapping of str to (stamp, digest)
        What was kept.
    now : int
        The file system's time when this was begun, in nanoseconds: younger files are not kept.
    """

    def __init__(self, known: Mapping[str, _Known], now: int) -> None:
        self._known = known
        self._settled = now - COARSEST_CLOCK
        self._kept: dict[str, _Known] = {}
        self._trusted: list[str] = []  # threads append to it

    def holds(self, path: str, size: int, digest: str) -> bool:
        """Whether a file has just *size* bytes, of *digest*; not read where its stamp is the known one's."""
        before = stamp(path)
        if before is None:
            return False
        now = _Known(before, digest)
        if before.size == size and self._known.get(path) == now:
            self._trusted.append(path)
            self._kept[path] = now
            return True
        if not holds(path, size, digest):
            return False
        if stamp(path) == before and max(before.modified, before.changed) < self._settled:
            self._kept[path] = now
        return True

    @property
    def trusted(self) -> int:
        """How many files' digests were not asked of their bytes."""
        return len(self._trusted)

    @property
    def is_news(self) -> bool:
        """Whether there is anything to keep that was not kept already."""
        return self._kept != self._known

    def encoded(self) -> bytes:
        """What to keep for the next time."""
        return msgspec.msgpack.encode(_Kept(SCHEMA, self._kept))


def stamp(path: str) -> Stamp | None:
    """What the system says of the file at *path*, not of one that it links to; None if it says nothing."""
    try:
        told = os.lstat(path)
    except OSError:
        return None
    return Stamp(told.st_size, told.st_mtime_ns, told.st_ctime_ns, told.st_ino)


def recall(project: Project) -> StatCache:
    """What was kept for a project; nothing where there is none, or none that can be read."""
    try:
        kept = msgspec.msgpack.decode(read_text(_path(project), _LIMIT), type=_Kept)
    except (HarnessError, msgspec.MsgspecError, ValueError, RecursionError):
        kept = _Kept(SCHEMA, {})
    return StatCache(kept.files if kept.schema == SCHEMA else {}, _clock(project))


def keep(project: Project, cache: StatCache) -> None:
    """Keep it for the next time; where nothing can be written, the next time reads all files again."""
    with contextlib.suppress(HarnessError):
        if cache.is_news:
            make_workspace(project)
            replace_file(_path(project), cache.encoded())


def _clock(project: Project) -> int:
    """The time by the clock that stamps the project's files, which may be another machine's."""
    with contextlib.suppress(HarnessError, OSError):
        probe = make_workspace(project) / f"clock.{os.getpid()}"
        try:
            probe.touch()
            return probe.stat().st_mtime_ns
        finally:
            probe.unlink(missing_ok=True)
    return time.time_ns()


def _path(project: Project) -> Path:
    return project.workspace / _NAME
