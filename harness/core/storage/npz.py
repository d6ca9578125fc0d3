"""Read, map and write .npz archives, deterministically and without pickle.

An archive written here has its members in sorted order, uncompressed, in .npy format 1.0, with fixed
timestamps and attributes: the same arrays give the same bytes on every platform, at any time.
Any .npz can be read if it has plain arrays only and is not much larger unpacked than its file.
"""

from __future__ import annotations

import io
import mmap
import stat
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.atomic import unwritable_on_error
from harness.core.storage.digest import is_plain
from harness.core.storage.npz_members import (
    checked_members,
    is_member_name,
    map_member,
    open_archive,
    read_member,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_BLOCK_BYTES = 1 << 22


def write_archive(path: str | PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write named arrays as an uncompressed .npz; the same arrays give the same bytes.

    Parameters
    ----------
    path : path
        The file to write; its directory must exist.
    arrays : mapping of str to array_like
        Any shape and memory order; a boolean, integer, floating (half to double), complex, string or date
        dtype. Stored little-endian, in C order.

    Raises
    ------
    RefusedError
        If an array would have to be pickled, or its dtype differs between machines.
    UsageError
        If a name contains a separator or an unprintable character.
    UnwritableError
        If the file cannot be written. After the other errors, it was not touched.
    """
    members = [(_member_info(name), _plain(name, arrays[name])) for name in sorted(arrays)]
    with unwritable_on_error(path), zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for info, values in members:
            _write_member(archive, info, values)


def read_archive(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Read all arrays of a .npz into memory.

    Raises
    ------
    UnreadableError
        If the file is missing, empty, truncated or not a zip archive, if it has members other than plain
        arrays, or if its arrays would be more than 256 MiB larger than the file.
    """
    with open_archive(path) as archive:
        return {
            name: read_member(path, archive, info) for name, info in checked_members(path, archive).items()
        }


def map_archive(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Map all arrays of a .npz from disk; compressed ones are read into memory.

    Raises
    ------
    UnreadableError
        As :func:`read_archive`, except that the zip checksum of a mapped array is not verified.
    """
    with open_archive(path) as archive:
        members = checked_members(path, archive)
        return {
            name: map_member(path, info)
            if info.compress_type == zipfile.ZIP_STORED
            else read_member(path, archive, info)
            for name, info in members.items()
        }


def release(array: np.ndarray) -> None:
    """Free the memory of a mapped array's pages; they are read again when needed.

    Does nothing for arrays that are not mapped read-only: a private mapping would lose its changes.
    """
    mapping = getattr(array, "_mmap", None)
    if mapping is not None and getattr(array, "mode", None) == "r" and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _plain(name: str, array: Any) -> np.ndarray:
    values = np.asarray(array)
    if not is_plain(values.dtype):
        objects = "Python objects, which only pickle can store"
        raise RefusedError(
            f"array {name!r}",
            expected="a plain dtype",
            found=objects if values.dtype.hasobject else f"dtype {values.dtype}",
            remedy="Store numbers or strings, and put metadata into the manifest.",
        )
    return values


def _write_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, array: np.ndarray) -> None:
    """Write one array, little-endian and in C order, copying at most one block at a time."""
    values = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
    info.file_size = header.tell() + values.nbytes
    rows = values.reshape(-1)
    step = max(1, _BLOCK_BYTES // max(1, values.itemsize))
    with archive.open(info, "w") as stream:
        stream.write(header.getvalue())
        for start in range(0, rows.size, step):
            stream.write(rows[start : start + step].view(np.uint8).data)


def _member_info(name: str) -> zipfile.ZipInfo:
    if not is_member_name(name):
        raise UsageError(
            f"array {name!r}",
            expected="a printable name without separators",
            found="one with / \\ : or an unprintable character, or an empty one",
            remedy="Rename the array.",
        )
    info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    info.create_system = _UNIX
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info
