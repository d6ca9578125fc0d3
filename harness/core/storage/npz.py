"""Read, map and write .npz archives, deterministically and without pickle.

An archive written here has its members in sorted order, in .npy format 1.0, with fixed timestamps and
attributes: the same arrays give the same bytes on every platform, at any time. If it is compressed, that
holds for one version of zlib: another one may pack the same arrays into other bytes.
Any .npz can be read if it has plain arrays only and is not much larger unpacked than its file.
"""

from __future__ import annotations

import io
import math
import stat
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import RefusedError, UsageError
from harness.core.storage import npz_members
from harness.core.storage.arrays.flat_blocks import flat_blocks, plain_values
from harness.core.storage.atomic import unwritable_on_error
from harness.core.storage.digest import is_plain
from harness.core.storage.npz_members import (
    ZIP_ERRORS,
    checked_members,
    is_member_name,
    open_archive,
    start_of_values,
    unreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from os import PathLike
    from typing import IO, TypeAlias

    from harness.core.storage.arrays.stored import StoredArray

    _Layout: TypeAlias = tuple[tuple[int, ...], bool, np.dtype[Any]]

_EPOCH = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_BLOCK_BYTES = 1 << 22
_PACKED_BYTES = 1 << 16
_MAX_HEADER = 10_000
_HEADER_READERS: Mapping[tuple[int, int], Callable[..., _Layout]] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def write_archive(path: str | PathLike[str], arrays: Mapping[str, Any], *, compress: bool = False) -> None:
    """Write named arrays as a .npz; the same arrays give the same bytes.

    Parameters
    ----------
    path : path
        The file to write; its directory must exist.
    arrays : mapping of str to array_like or StoredArray
        Any shape and memory order; a boolean, integer, floating (half to double), complex, string or date
        dtype. Stored little-endian, in C order. Mapped and stored arrays are read block by block.
    compress : bool
        Whether members are deflated. Arrays of more than 256 MiB together are stored as they are: unpacked
        they could be so much larger than their file that no reader would take them.

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
    if compress and sum(values.nbytes for _, values in members) <= npz_members.MAX_INFLATED:
        for info, _ in members:
            info.compress_type = zipfile.ZIP_DEFLATED
    with unwritable_on_error(path), zipfile.ZipFile(path, "w") as archive:
        for info, values in members:
            _write_member(archive, info, values)


def read_archive(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Read all arrays of a .npz into memory.

    Raises
    ------
    UnreadableError
        If the file is missing, empty, truncated or not a zip archive, if it has members other than plain
        arrays, if another program could find other members in it, or if its arrays would be more than 256 MiB
        larger than the file.
    """
    return {name: _read_member(path, info) for name, info in _members(path).items()}


def map_archive(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Map all arrays of a .npz from disk; compressed ones are read into memory.

    Raises
    ------
    UnreadableError
        As :func:`read_archive`.
    """
    members = _members(path)
    whole = _map(path)  # once for all: each mapping keeps a file open, and a process may have only so many
    return {name: _array(path, info, whole) for name, info in members.items()}


def map_unread(path: str | PathLike[str]) -> dict[str, np.ndarray]:
    """Map all arrays of a .npz from disk without reading their values; compressed ones are read into memory.

    So nothing is known of the values: whoever reads them compares their digests.

    Raises
    ------
    UnreadableError
        As :func:`read_archive`, but for damaged values.
    """
    members = _members(path)
    whole = _map(path)
    return {name: _array(path, info, whole, check=False) for name, info in members.items()}


class Arrays(Mapping[str, np.ndarray]):
    """The arrays of a .npz, each of them mapped, or read if it is compressed, whenever it is asked for.

    None is kept, so that going through an archive needs memory for its largest array, not for all of them.

    Parameters
    ----------
    path : path
    is_name : callable
        Which names are accepted; the default is those that :func:`write_archive` takes.

    Raises
    ------
    UnreadableError
        As :func:`read_archive`; for an array that is damaged, when it is asked for.
    """

    def __init__(self, path: str | PathLike[str], *, is_name: Callable[[str], bool] = is_member_name) -> None:
        with open_archive(path) as archive:
            self._path, self._members = path, checked_members(path, archive, is_name)

    def __getitem__(self, name: str) -> np.ndarray:
        """Return one array; the next call maps or reads it again."""
        return _array(self._path, self._members[name], _map(self._path))

    def __iter__(self) -> Iterator[str]:
        """Yield the names, in the order of the archive."""
        return iter(self._members)

    def __len__(self) -> int:
        """Return the number of arrays."""
        return len(self._members)


def _members(path: str | PathLike[str]) -> dict[str, zipfile.ZipInfo]:
    with open_archive(path) as archive:
        return checked_members(path, archive)


def _map(path: str | PathLike[str]) -> np.memmap[Any, np.dtype[np.uint8]]:
    """Map a whole file, which takes addresses and no memory until an array is used."""
    try:
        return np.memmap(path, np.uint8, "r")
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error


def _array(
    path: str | PathLike[str], info: zipfile.ZipInfo, whole: np.ndarray, *, check: bool = True
) -> np.ndarray:
    stored = info.compress_type == zipfile.ZIP_STORED
    return _map_member(path, info, whole, check=check) if stored else _read_member(path, info)


@dataclass(slots=True)
class _Header:
    """The start of a member, as a stream. The rest of a longer header cannot be read through it."""

    stream: _Values
    left: int = _MAX_HEADER + 16  # magic, version and length come before the text

    def read(self, size: int = -1, /) -> bytes:
        block = self.stream.read(self.left if size < 0 else min(size, self.left))
        self.left -= len(block)
        return block


class _Values:
    """A member's bytes as a stream, unpacked in blocks; at its end, nothing may be left."""

    def __init__(self, stream: IO[bytes], info: zipfile.ZipInfo, start: int) -> None:
        stream.seek(start)
        self._stream, self._left = stream, info.compress_size
        self._unpacker = zlib.decompressobj(-15) if info.compress_type == zipfile.ZIP_DEFLATED else None
        self._checksum, self._expected = 0, info.CRC
        self.place = 0

    def tell(self) -> int:
        """Return how many bytes were read."""
        return self.place

    def read(self, size: int = -1, /) -> bytes:
        """Return at most *size* bytes, and fewer only at the end."""
        block = self._packed(size) if self._unpacker is None else self._inflated(self._unpacker, size)
        self.place += len(block)
        self._checksum = zlib.crc32(block, self._checksum)
        return block

    def _packed(self, size: int) -> bytes:
        block = self._stream.read(min(size, self._left))
        self._left -= len(block)
        return block

    def _inflated(self, unpacker: zlib._Decompress, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and not unpacker.eof:
            packed = unpacker.unconsumed_tail or self._packed(_PACKED_BYTES)
            part = unpacker.decompress(packed, size)
            if not packed and not part:
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def require_end(self) -> None:
        """Raise :class:`zipfile.BadZipFile` unless all was read, and has its checksum."""
        unpacker = self._unpacker
        if self.read(1) or self._left or (unpacker and (not unpacker.eof or unpacker.unused_data)):
            raise zipfile.BadZipFile("shorter or longer than it declares")
        if self._checksum != self._expected:
            raise zipfile.BadZipFile("wrong checksum")


def _read_member(path: str | PathLike[str], info: zipfile.ZipInfo) -> np.ndarray:
    """Read one array into memory. Raises :class:`UnreadableError` if its header or values are damaged."""
    try:
        with Path(path).open("rb", buffering=0) as stream:
            values = _Values(stream, info, start_of_values(stream, info))
            shape, fortran, dtype, header = _read_header(path, info, values)
            body = _read_values(values, info.file_size - header)
            if body is None:
                raise unreadable(path, f"{info.filename} shorter or longer than it declares")
            values.require_end()
    except MemoryError as error:
        raise unreadable(path, f"{info.filename} claiming {info.file_size} bytes, beyond memory") from error
    except ZIP_ERRORS as error:
        raise unreadable(path, f"{info.filename} damaged ({error})") from error
    return body.view(dtype).reshape(shape, order="F" if fortran else "C")


def _read_values(stream: _Values, size: int) -> np.ndarray | None:
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


def _map_member(
    path: str | PathLike[str], info: zipfile.ZipInfo, whole: np.ndarray, *, check: bool
) -> np.ndarray:
    """Return one uncompressed array, a part of *whole*.

    Raises :class:`UnreadableError` if it is damaged; with *check*, also if only its values are.
    """
    try:
        with Path(path).open("rb", buffering=0) as stream:
            start = start_of_values(stream, info)
            values = _Values(stream, info, start)
            shape, fortran, dtype, header = _read_header(path, info, values)
            while check and values.read(_BLOCK_BYTES):
                pass
            if check:
                values.require_end()
    except ZIP_ERRORS as error:
        raise unreadable(path, f"{info.filename} damaged ({error})") from error
    if not all(shape):
        return np.empty(shape, dtype)
    part: np.ndarray = whole[start + header : start + info.file_size]
    return part.view(dtype).reshape(shape, order="F" if fortran else "C")


def _read_header(
    path: str | PathLike[str], info: zipfile.ZipInfo, stream: _Values
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
        raise unreadable(path, f"{info.filename} with a broken array header") from error
    if dtype.hasobject:
        raise unreadable(path, f"{info.filename} pickled (dtype object), which could run code when loaded")
    if not is_plain(dtype):
        raise unreadable(path, f"{info.filename} of dtype {dtype}")
    header = stream.tell() - begin
    claimed, held = math.prod(shape) * dtype.itemsize, info.file_size - header
    if claimed != held:
        raise unreadable(path, f"{info.filename} claiming {claimed} bytes of values and holding {held}")
    return shape, fortran, dtype, header


def _plain(name: str, array: Any) -> np.ndarray | StoredArray:
    values = plain_values(array)
    if not is_plain(values.dtype):
        objects = "Python objects, which only pickle can store"
        raise RefusedError(
            f"array {name!r}",
            expected="a plain dtype",
            found=objects if values.dtype.hasobject else f"dtype {values.dtype}",
            remedy="Store numbers or strings, and put metadata into the manifest.",
        )
    return values


def _write_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, array: np.ndarray | StoredArray) -> None:
    """Write one array, little-endian and in C order, copying at most one block at a time."""
    dtype = array.dtype.newbyteorder("<")
    header = io.BytesIO()
    about = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": array.shape}
    np.lib.format.write_array_header_1_0(header, about)
    info.file_size = header.tell() + array.nbytes
    with archive.open(info, "w") as stream:
        stream.write(header.getvalue())
        for block in flat_blocks(array):
            stream.write(block.astype(dtype, copy=False).view(np.uint8).data)
            del block  # else it is in memory while the next one is read


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
