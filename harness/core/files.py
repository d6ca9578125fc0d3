"""The operations by which files change: each durable before it returns, each one step for a reader.

Whatever is written below a repository goes through these functions, so that a test can stop the process at
every one of them.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write *data* to a file that nobody reads yet, and to the disk."""
    with path.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def replace(source: Path, target: Path) -> None:
    """Let *target* be what *source* was: a reader sees the old file or the new one."""
    source.replace(target)
    _sync_directory(target.parent)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    path.unlink(missing_ok=True)
    _sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Make a directory and those above it, if they are not there."""
    path.mkdir(parents=True, exist_ok=True)


def _sync_directory(path: Path) -> None:
    """Put a directory's entries on the disk, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
