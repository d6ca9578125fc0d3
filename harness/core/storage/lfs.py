"""Git LFS pointers: the small text files that a clone without Git LFS has in place of large files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.storage.atomic import is_regular

if TYPE_CHECKING:
    from os import PathLike

_START = b"version https://git-lfs"
_MAX_BYTES = 1024  # of a pointer, by the specification of Git LFS


@dataclass(frozen=True, slots=True)
class Pointer:
    """Digest (``sha256:...``) and size in bytes of the file that Git LFS would fetch; None if not given."""

    digest: str | None
    size: int | None


def read_pointer(path: str | PathLike[str]) -> Pointer | None:
    """Return the Git LFS pointer at *path*, or None if the file is something else.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if not is_regular(path):
        return None
    with Path(path).open("rb") as stream:
        return parse_pointer(stream.read(_MAX_BYTES))


def parse_pointer(text: bytes) -> Pointer | None:
    """Return the Git LFS pointer that a file's first bytes are, or None if they are something else."""
    if not text.startswith(_START):
        return None
    digest = re.search(rb"^oid (\w+:[0-9a-f]+)$", text, re.MULTILINE)
    size = re.search(rb"^size (\d{1,19})$", text, re.MULTILINE)
    return Pointer(digest[1].decode() if digest else None, int(size[1]) if size else None)
