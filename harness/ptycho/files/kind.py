"""What a file is at its beginning: which formats are worth a look."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from os import PathLike

_STARTS = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),  # without a member
    (b"\x93NUMPY", "npy"),
    (b"MATLAB 5.0", "mat"),
)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_PLACES = (0, *(512 << power for power in range(8)))
"""Where HDF5 may begin: MATLAB and others put a header of their own in front of it."""

_HEADER = 9
"""Bytes that begin a safetensors file: the length of its JSON header, and the brace that opens it."""

_LARGEST_HEADER = 100_000_000


def kind_of_file(path: str | PathLike[str]) -> str | None:
    """Return the kind of a file by its first bytes, or ``folder``; None for a kind that is not read here.

    A missing file has none, and neither has a pipe or device, which is not opened.

    Examples
    --------
    >>> kind_of_file(__file__) is None
    True
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - the path may be a plain string
        if stat.S_ISDIR(mode):
            return "folder"
        return _kind_of_bytes(Path(path)) if stat.S_ISREG(mode) else None
    except (OSError, ValueError):
        return None


def _kind_of_bytes(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(16)
        for start, kind in _STARTS:
            if head.startswith(start):
                return kind
        if _begins_safetensors(head, path.stat().st_size):
            return "safetensors"
        for place in _PLACES:
            stream.seek(place)
            if stream.read(len(_HDF5)) == _HDF5:
                return "hdf5"
    return None


def _begins_safetensors(head: bytes, size: int) -> bool:
    length = int.from_bytes(head[: _HEADER - 1], "little")
    return head[_HEADER - 1 : _HEADER] == b"{" and 1 < length <= min(size, _LARGEST_HEADER)
