""".npz in and out: stored, ordered, mapped, never pickled.

An archive written here has its members in sorted order, uncompressed, in .npy format 1.0, with fixed
timestamps and attributes: the same arrays give the same bytes, whichever zlib, clock or platform wrote them.
Any .npz is read, as long as it holds plain arrays.
"""

from __future__ import annotations

import io
import math
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import RefusedError, UnreadableError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike
    from typing import BinaryIO

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_LOCAL_HEADER = struct.Struct("<26xHH")
_MAX_HEADER = 10_000
_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_LFS_MARK = b"version https://git-lfs"


def write_archive(path: str | PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Write named arrays as a stored .npz, the same bytes for the same arrays.

    Parameters
    ----------
    path : path
        The file to write; its directory must exist.
    arrays : mapping of str to array_like
        Any shape and memory order; not of object dtype. Stored little-endian, in C order.

    Raises
    ------
    RefusedError
        If an array would have to be pickled.
    """
    members = {name: _member_bytes(name, array) for name, array in arrays.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(members):
            archive.writestr(_member_info(name), members[name])


def read_archive(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """All arrays of a .npz, in memory.

    Raises
    ------
    UnreadableError
        If the file is missing, empty, truncated, no zip archive, or holds anything but plain arrays.
    """
    with _opened(path) as archive:
        return {name: _read_member(path, archive, info) for name, info in _members(path, archive).items()}


def read_array(path: str | PathLike[str], name: str) -> np.ndarray:
    """One array of a .npz; the others are not read.

    Raises
    ------
    UnreadableError
        As :func:`read_archive`, and if the archive has no such array.
    """
    with _opened(path) as archive:
        members = _members(path, archive)
        if name not in members:
            raise UnreadableError(
                f"{path}: {name}",
                expected="an array of that name",
                found=f"only {', '.join(members) or 'an empty archive'}",
                remedy="Name one of those.",
            )
        return _read_member(path, archive, members[name])


def map_archive(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """All arrays of a .npz, mapped from disk where they are stored, read where they are compressed.

    Raises
    ------
    UnreadableError
        As :func:`read_archive`. A mapped array's checksum is not verified: its digest is for that.
    """
    with _opened(path) as archive:
        members = _members(path, archive)
        return {
            name: _map_member(path, info)
            if info.compress_type == zipfile.ZIP_STORED
            else _read_member(path, archive, info)
            for name, info in members.items()
        }


def _member_bytes(name: str, array: Any) -> bytes:
    values = np.asarray(array)
    if values.dtype.hasobject:
        raise RefusedError(
            f"array {name!r}",
            expected="a plain dtype",
            found="Python objects, which only pickle can store",
            remedy="Store numbers or strings, and put metadata into the manifest.",
        )
    values = np.asarray(values, dtype=values.dtype.newbyteorder("<"), order="C")
    stream = io.BytesIO()
    np.lib.format.write_array(stream, values, version=(1, 0), allow_pickle=False)
    return stream.getvalue()


def _member_info(name: str) -> zipfile.ZipInfo:
    if not name or name != PurePath(name).name or "\\" in name:
        raise UsageError(
            f"array {name!r}",
            expected="a name without separators",
            found="one that would be a path in the archive",
            remedy="Rename the array.",
        )
    info = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
    info.create_system = _UNIX
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info


def _opened(path: str | PathLike[str]) -> zipfile.ZipFile:
    """Open *path* as a zip archive, or say what it is instead."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            raise _unreadable(path, "no regular file")
        return zipfile.ZipFile(path)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _unreadable(path, _what_it_is(path)) from error


def _what_it_is(path: str | PathLike[str]) -> str:
    with Path(path).open("rb") as stream:
        head = stream.read(64)
    if not head:
        return "an empty file"
    if head.startswith(_LFS_MARK):
        return "a Git LFS pointer in place of the file; fetch it with `git lfs pull`"
    if head.startswith(b"PK"):
        return "a truncated or damaged zip archive"
    if head.startswith(b"\x93NUMPY"):
        return "a single .npy array"
    return "no zip archive"


def _unreadable(path: str | PathLike[str], found: str) -> UnreadableError:
    return UnreadableError(
        str(path),
        expected="a .npz archive of plain arrays",
        found=found,
        remedy="Restore the file, or write it again with numpy.savez.",
    )


def _members(path: str | PathLike[str], archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise _unreadable(path, f"two members named {info.filename!r}")
        if name == info.filename or name != PurePath(name).name or "\\" in name:
            raise _unreadable(path, f"a member named {info.filename!r}")
        members[name] = info
    return members


def _read_member(path: str | PathLike[str], archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    try:
        with archive.open(info) as stream:
            shape, fortran, dtype, header = _read_header(path, info, stream)  # type: ignore[arg-type]
            body = stream.read(info.file_size - header)
            if len(body) != info.file_size - header or stream.read(1):
                raise _unreadable(path, f"{info.filename} shorter or longer than it declares")
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise _unreadable(path, f"{info.filename} damaged ({error})") from error
    flat = np.frombuffer(bytearray(body), dtype=dtype)
    return flat.reshape(shape, order="F" if fortran else "C")


def _map_member(path: str | PathLike[str], info: zipfile.ZipInfo) -> np.ndarray:
    with Path(path).open("rb") as stream:
        stream.seek(info.header_offset)
        fixed = stream.read(_LOCAL_HEADER.size)
        start = info.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(fixed))
        stream.seek(start)
        shape, fortran, dtype, header = _read_header(path, info, stream)
    if not all(shape):
        return np.empty(shape, dtype)
    if start + info.file_size > Path(path).stat().st_size:
        raise _unreadable(path, f"{info.filename} truncated")
    return np.memmap(path, dtype, "r", start + header, shape, "F" if fortran else "C")


def _read_header(
    path: str | PathLike[str], info: zipfile.ZipInfo, stream: BinaryIO
) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, order, dtype and header length of a member, which must be as long as they say."""
    begin = stream.tell()
    try:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}[
            version
        ]
        shape, fortran, dtype = read(stream, max_header_size=_MAX_HEADER)
    except (ValueError, KeyError, EOFError, SyntaxError, TypeError, RecursionError) as error:
        raise _unreadable(path, f"{info.filename} with a broken array header") from error
    if dtype.hasobject:
        raise _unreadable(path, f"{info.filename} pickled (dtype object), which could run code when loaded")
    header = stream.tell() - begin
    claimed, held = math.prod(shape) * dtype.itemsize, info.file_size - header
    if claimed != held:
        raise _unreadable(path, f"{info.filename} claiming {claimed} bytes of values and holding {held}")
    return shape, fortran, dtype, header
