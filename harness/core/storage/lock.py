"""A lock that lets one process at a time write golden files. It ends with its process, even a killed one."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from harness.core.errors import LockedError
from harness.core.storage.atomic import unwritable_on_error
from harness.core.storage.project import make_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.core.storage.project import Project

_NAME = "lock"
_SILENT_SECONDS = 0.5
_LIMIT_SECONDS = 300.0


@contextlib.contextmanager
def write_lock(
    project: Project, *, say: Callable[[str], None] = lambda _: None, limit: float = _LIMIT_SECONDS
) -> Iterator[None]:
    """Hold the project's lock during the block.

    Parameters
    ----------
    project : Project
    say : callable
        Called once with a message if another process holds the lock.
    limit : float
        Seconds to wait for the other process.

    Raises
    ------
    LockedError
        If the other process does not finish in time.
    UnwritableError
        If the lock file cannot be made: the disk is full or write-protected.
    """
    path = make_workspace(project) / _NAME
    lock = FileLock(path)
    try:
        _acquire(lock, path, min(_SILENT_SECONDS, limit))
    except Timeout:
        say(f"waiting for another process that writes golden files (lock {path})")
        _wait(lock, limit)
    try:
        yield
    finally:
        lock.release()


def is_write_locked(project: Project) -> bool:
    """Whether a process holds the lock now. Makes no file."""
    path = project.workspace / _NAME
    if not path.exists():
        return False
    try:
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True


def _acquire(lock: FileLock, path: Path, seconds: float) -> None:
    """Take the lock. A :class:`Timeout` is an OSError too, but not one of a full disk."""
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise
    except OSError as error:
        with unwritable_on_error(path):
            raise error from None


def _wait(lock: FileLock, limit: float) -> None:
    try:
        lock.acquire(timeout=limit)
    except Timeout as error:
        raise LockedError(
            "golden files",
            expected=f"a free lock within {limit:g} s",
            found="another process that holds it",
            message=f"another process is still writing golden files after {limit:g} s",
            remedy=f"Wait for it to end, or stop it, then repeat. The lock is {lock.lock_file}.",
        ) from error
