"""Members of an .npz archive: checked before they are read or mapped, so that damage cannot cost memory."""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.storage.atomic import is_regular
from harness.core.storage.digest import is_plain
from harness.core.storage.lfs import read_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from os import PathLike
    from typing import IO, TypeAlias

    _Layout: TypeAlias = tuple[tuple[int, ...], bool, np.dtype[Any]]

_ENCRYPTED = 0x1
_LOCAL_HEADER = struct.Struct("<26xHH")
_MAX_HEADER = 10_000
_END_MARK, _END_BYTES = b"PK\5\6", 22
_MAX_DIRECTORY = 1 << 22
"""Largest list of members in bytes: enough for 50,000. In memory, each takes ten times its bytes."""

_MAX_INFLATED = 1 << 28
"""Bytes by which all arrays together may exceed their file. Real data compress less; a zip bomb more."""

_BLOCK_BYTES = 1 << 22
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile would inflate others without a limit
_HEADER_READERS: Mapping[tuple[int, int], Callable[..., _Layout]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What zipfile raises for damaged archives, found by fuzzing: its documentation names only BadZipFile.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)


def is_member_name(name: str) -> bool:
    """Whether a member may have this name: printable, and not a path or drive on any system."""
    return name.isprintable() and name not in {"", ".", ".."} and not set(name) & set("/\\:")


class _LimitedFile(io.FileIO):
    """A file that refuses large single reads, so that a huge list of members never gets into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _MAX_DIRECTORY:
            raise _unreadable(str(self.name), f"a zip directory of {size} bytes")
        return super().read(size)


@dataclass(slots=True)
class _Header:
    """The start of a member, as a stream. The rest of a longer header cannot be read through it."""

    stream: IO[bytes]
    left: int = _MAX_HEADER + 16  # magic, version and length come before the text

    def read(self, size: int = -1, /) -> bytes:
        block = self.stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        return block


@contextlib.contextmanager
def open_archive(path: str | PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open *path* as a zip archive, or raise :class:`UnreadableError` that says what it is instead."""
    try:
        if not is_regular(path):
            raise _unreadable(path, "a directory, pipe or device")
        stream = _LimitedFile(path)
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    with stream:
        try:
            archive = zipfile.ZipFile(stream)
        except _ZIP_ERRORS as error:
            raise _unreadable(path, _what_it_is(path)) from error
        yield archive


def _what_it_is(path: str | PathLike[str]) -> str:
    with Path(path).open("rb") as stream:
        head = stream.read(64)
    if not head:
        return "an empty file"
    if read_pointer(path):
        return "a Git LFS pointer in place of the file; fetch it with `git lfs pull`"
    if head.startswith(b"PK"):
        return "a truncated or damaged zip archive"
    if head.startswith(b"\x93NUMPY"):
        return "a single .npy array"
    return "a file that is not a zip archive"


def _unreadable(path: str | PathLike[str], found: str) -> UnreadableError:
    return UnreadableError(
        str(path),
        expected="a .npz archive of plain arrays",
        found=found,
        remedy="Restore the file, or write it again with numpy.savez.",
    )


def _require_modest(path: str | PathLike[str], archive: zipfile.ZipFile) -> None:
    """Raise if the arrays together claim to be much larger than their file."""
    sizes = [info.file_size for info in archive.infolist()]
    held = os.stat(path).st_size  # noqa: PTH116 - of the path as it was given
    if sum(sizes) > held + _MAX_INFLATED:
        largest = archive.infolist()[sizes.index(max(sizes))].filename
        raise _unreadable(path, f"{largest} claiming {max(sizes)} of {sum(sizes)} bytes in a file of {held}")


def checked_members(path: str | PathLike[str], archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by array name, or raise :class:`UnreadableError` if one is not a plain .npy.

    Their headers and values are not read.
    """
    _require_modest(path, archive)
    _require_no_more(path, archive)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise _unreadable(path, f"two members named {info.filename!r}")
        if name == info.filename or not is_member_name(name):
            raise _unreadable(path, f"a member named {info.filename!r}")
        if info.flag_bits & _ENCRYPTED:
            raise _unreadable(path, f"{info.filename} encrypted")
        if info.compress_type not in _METHODS:
            raise _unreadable(
                path, f"{info.filename} compressed by method {info.compress_type}, not as numpy does"
            )
        if info.comment:  # a wrong length would make the next member a part of it
            raise _unreadable(path, f"{info.filename} with a comment, which may hide other members")
        members[name] = info
    if both := next((name for name in members if f"{name}.npy" in members), None):
        raise _unreadable(path, f"arrays {both!r} and {both + '.npy'!r}, which numpy confuses")
    return members


def _require_no_more(path: str | PathLike[str], archive: zipfile.ZipFile) -> None:
    """Raise if the file has bytes before or after its archive, in which other readers may find more."""
    with Path(path).open("rb") as stream:
        head = stream.read(4)
        stream.seek(-min(_END_BYTES, os.fstat(stream.fileno()).st_size), os.SEEK_END)
        end = stream.read(4)
    offsets = [info.header_offset for info in archive.infolist()]
    if min(offsets, default=0) or head not in {b"PK\3\4", _END_MARK}:
        raise _unreadable(path, "other data in front of a zip archive")
    if archive.comment or end != _END_MARK:
        raise _unreadable(path, "other data after a zip archive")


def read_member(path: str | PathLike[str], archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    """Read one array into memory. Raises :class:`UnreadableError` if its header or values are damaged."""
    try:
        with archive.open(info) as stream:
            shape, fortran, dtype, header = _read_header(path, info, stream)
            body = _read_values(stream, info.file_size - header)
            if body is None or stream.read(1):
                raise _unreadable(path, f"{info.filename} shorter or longer than it declares")
    except MemoryError as error:
        raise _unreadable(path, f"{info.filename} claiming {info.file_size} bytes, beyond memory") from error
    except _ZIP_ERRORS as error:
        raise _unreadable(path, f"{info.filename} damaged ({error})") from error
    return body.view(dtype).reshape(shape, order="F" if fortran else "C")


def _read_values(stream: IO[bytes], size: int) -> np.ndarray | None:
    """Read *size* bytes of a member; None if it ends before. Memory fills as bytes arrive."""
    body = np.empty(size, np.uint8)
    filled = 0
    while filled < size:
        block = stream.read(min(_BLOCK_BYTES, size - filled))
        if not block:
            return None
        body[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
        filled += len(block)
    return body


def map_member(path: str | PathLike[str], info: zipfile.ZipInfo) -> np.ndarray:
    """Map one uncompressed array, read-only. Raises :class:`UnreadableError` if its header is damaged."""
    try:
        with Path(path).open("rb") as stream:
            stream.seek(info.header_offset)
            fixed = stream.read(_LOCAL_HEADER.size)
            start = info.header_offset + _LOCAL_HEADER.size + sum(_LOCAL_HEADER.unpack(fixed))
            stream.seek(start)
            shape, fortran, dtype, header = _read_header(path, info, stream)
    except _ZIP_ERRORS as error:
        raise _unreadable(path, f"{info.filename} damaged ({error})") from error
    if start + info.file_size > Path(path).stat().st_size:
        raise _unreadable(path, f"{info.filename} truncated")
    if not all(shape):
        return np.empty(shape, dtype)
    return np.memmap(path, dtype, "r", start + header, shape, "F" if fortran else "C")


def _read_header(
    path: str | PathLike[str], info: zipfile.ZipInfo, stream: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return a member's shape, order, dtype and header length; raise if the member's size does not match."""
    begin, head = stream.tell(), _Header(stream)
    try:
        with warnings.catch_warnings():  # Python and numpy warn about old or odd headers
            warnings.simplefilter("ignore")
            read = _HEADER_READERS[np.lib.format.read_magic(head)]
            shape, fortran, dtype = read(head, max_header_size=_MAX_HEADER)
        np.broadcast_to(np.empty((), dtype), shape)  # raises for a shape that no array can have
    except (zipfile.BadZipFile, zlib.error):
        raise
    except Exception as error:  # numpy's parser does not document what it raises
        raise _unreadable(path, f"{info.filename} with a broken array header") from error
    if dtype.hasobject:
        raise _unreadable(path, f"{info.filename} pickled (dtype object), which could run code when loaded")
    if not is_plain(dtype):
        raise _unreadable(path, f"{info.filename} of dtype {dtype}")
    header = stream.tell() - begin
    claimed, held = math.prod(shape) * dtype.itemsize, info.file_size - header
    if claimed != held:
        raise _unreadable(path, f"{info.filename} claiming {claimed} bytes of values and holding {held}")
    return shape, fortran, dtype, header
