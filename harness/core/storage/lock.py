"""One writer at a time: a lock that a dead process cannot keep."""

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

_PATIENCE_SECONDS = 0.5
_LIMIT_SECONDS = 300.0


@contextlib.contextmanager
def writing(
    project: Project, *, say: Callable[[str], None] = lambda _: None, limit: float = _LIMIT_SECONDS
) -> Iterator[None]:
    """Hold the project's lock while the context lasts; the system frees it if the process dies.

    Parameters
    ----------
    project : Project
    say : callable
        Told once if another process holds the lock.
    limit : float
        Seconds to wait for it.

    Raises
    ------
    LockedError
        If the other process does not end in time.
    UnwritableError
        If there can be no lock: the disk is full, or closed to us.
    """
    path = make_workspace(project) / "lock"
    lock = FileLock(path)
    try:
        _acquire(lock, path, min(_PATIENCE_SECONDS, limit))
    except Timeout:
        say(f"waiting for another process that writes golden files (lock {path})")
        _wait(lock, limit)
    try:
        yield
    finally:
        lock.release()


def is_being_written(project: Project) -> bool:
    """Whether some process holds the lock now."""
    try:
        with FileLock(make_workspace(project) / "lock", timeout=0):
            return False
    except Timeout:
        return True


def _acquire(lock: FileLock, path: Path, seconds: float) -> None:
    """Take the lock; a :class:`Timeout` is an OSError, and no sign of a full disk."""
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
            expected=f"the lock to be free within {limit:g} s",
            found="another process that holds it",
            remedy=f"Wait for it to end, or end it; then repeat. The lock is {lock.lock_file}.",
        ) from error
