"""The operations by which files change: each durable before it returns, each one step for a reader.

A disk that is full or closed to us ends in :class:`UnwritableError`, with the file's name.

Whatever is written below a repository goes through these functions, so that a test can stop the process at
every one of them.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from harness.core.errors import UnwritableError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike
    from pathlib import Path


def is_regular(path: str | PathLike[str]) -> bool:
    """Whether *path* is a file with an end: no directory, and no pipe or device, which may be waited for.

    Raises
    ------
    OSError
        If there is nothing, or nothing that may be looked at.
    """
    return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116 - verify starts without pathlib's cost


@contextlib.contextmanager
def writing_to(path: str | PathLike[str]) -> Iterator[None]:
    """Turn what the system says against writing *path* into a refusal."""
    try:
        yield
    except OSError as error:
        raise UnwritableError(
            str(path),
            expected="a place that can be written",
            found=error.strerror or str(error),
            remedy="Free space, or correct the permissions, and repeat.",
        ) from error


def write(path: Path, data: bytes) -> None:
    """Write *data* to a file that nobody reads yet, and to the disk."""
    with writing_to(path), path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def replace(source: Path, target: Path) -> None:
    """Let *target* be what *source* was: a reader sees the old file or the new one."""
    with writing_to(target):
        source.replace(target)
    _sync_directory(target.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    with writing_to(path):
        path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make a directory and those above it, if they are not there."""
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)


def _sync_directory(path: Path) -> None:
    """Put a directory's entries on the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
