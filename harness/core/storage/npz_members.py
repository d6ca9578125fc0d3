"""Members of an .npz archive: checked before they are read or mapped, so that damage cannot cost memory.

A zip archive can show different members to different readers: a script in front of it, data between its
members, a directory that contradicts the members' own headers. Such an archive is refused.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from harness.core.errors import UnreadableError
from harness.core.storage.atomic import is_regular
from harness.core.storage.lfs import read_pointer
from harness.core.system.file_kind import HEAD_BYTES, kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from os import PathLike
    from typing import IO

_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags: encrypted, strongly, or with the directory encrypted too
_DESCRIBED_AFTER = 0x8  # flag: checksum and sizes follow the data
_UTF_8 = 0x800  # flag: how the name is encoded
_FLAGS = _DESCRIBED_AFTER | _UTF_8 | 0x6  # how well it was compressed
_DIRECTORY = 0x10  # in the attributes that DOS has
_VERSION = 63  # of the zip format: programs skip members of later ones
_LOCAL = struct.Struct("<4sHHH4xLLLHH")
_CENTRAL = struct.Struct("<4s4xHH8xLLHHH8xL")
_EXTRA = struct.Struct("<HH")
_EXTRA_64, _EXTRA_NAME = 1, 0x7075
_SIZES_64 = struct.Struct("<QQ")
_IN_EXTRA = 0xFFFFFFFF  # in place of a size that needs 64 bits
_END = struct.Struct("<4sHHHHLLH")
_END_64, _LOCATOR_64 = struct.Struct("<4s12xLLQQQQ"), struct.Struct("<4sLQL")
_MAX_DIRECTORY = 1 << 22
"""Largest list of members in bytes: enough for 50,000. In memory, each takes ten times its bytes."""

MAX_INFLATED = 1 << 28
"""Bytes by which all arrays together may exceed their file. Real data compress less; a zip bomb more."""

REWRITE = "Restore the file, or write it again with numpy.savez."

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # zipfile would inflate others without a limit
# What zipfile raises for damaged archives, found by fuzzing: its documentation names only BadZipFile.
ZIP_ERRORS = (
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
            raise unreadable(str(self.name), f"a zip directory of {size} bytes")
        return super().read(size)


@contextlib.contextmanager
def open_archive(path: str | PathLike[str]) -> Iterator[zipfile.ZipFile]:
    """Open *path* as a zip archive, or raise :class:`UnreadableError` that says what it is instead."""
    try:
        if Path(path).is_dir():
            raise unreadable(path, "a directory", "Name a file in it.")
        if not is_regular(path):
            raise unreadable(path, "a directory, pipe or device")
        stream = _LimitedFile(path)
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    with stream:
        try:
            archive = zipfile.ZipFile(stream)
        except ZIP_ERRORS as error:
            raise unreadable(path, *_what_it_is(path)) from error
        yield archive


def _what_it_is(path: str | PathLike[str]) -> tuple[str, str]:
    """Return what a file is that is not a zip archive, and what to do with it."""
    with Path(path).open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    if not head:
        return "an empty file", REWRITE
    if read_pointer(path):
        return "a Git LFS pointer in place of the file; fetch it with `git lfs pull`", REWRITE
    if head.startswith(b"PK"):
        return "a truncated or damaged zip archive", REWRITE
    kind = kind_of(head)
    return (
        ("a file that is not a zip archive", REWRITE)
        if kind is None
        else (kind.name, kind.remedy(Path(path)))
    )


def unreadable(path: str | PathLike[str], found: str, remedy: str = REWRITE) -> UnreadableError:
    """Return the error that says what *path* has in place of plain arrays."""
    return UnreadableError(str(path), expected="a .npz archive of plain arrays", found=found, remedy=remedy)


def _require_modest(path: str | PathLike[str], archive: zipfile.ZipFile) -> None:
    """Raise if the arrays together claim to be much larger than their file."""
    sizes = [info.file_size for info in archive.infolist()]
    held = os.stat(path).st_size  # noqa: PTH116 - of the path as it was given
    if sum(sizes) > held + MAX_INFLATED:
        largest = archive.infolist()[sizes.index(max(sizes))].filename
        raise unreadable(path, f"{largest} claiming {max(sizes)} of {sum(sizes)} bytes in a file of {held}")


def checked_members(
    path: str | PathLike[str], archive: zipfile.ZipFile, is_name: Callable[[str], bool] = is_member_name
) -> dict[str, zipfile.ZipInfo]:
    """Return the members by array name, or raise :class:`UnreadableError` if one is not a plain .npy.

    Raises it, too, if another program could find other members in the file, or if *is_name* refuses a name.
    Values are not read.
    """
    _require_modest(path, archive)
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        name = info.filename.removesuffix(".npy")
        found = f"two members named {info.filename!r}" if name in members else _fault(info, is_name)
        if found:
            raise unreadable(path, found)
        members[name] = info
    if both := next((name for name in members if f"{name}.npy" in members), None):
        raise unreadable(path, f"arrays {both!r} and {both + '.npy'!r}, which numpy confuses")
    try:
        found = _ambiguity(archive)
    except (struct.error, OSError):
        found = "a truncated zip archive"
    if found:
        raise unreadable(path, found)
    return members


def start_of_values(stream: IO[bytes], info: zipfile.ZipInfo) -> int:
    """Return where the bytes of a member begin in the file."""
    header = _read_local_header(stream, info.header_offset)
    if header is None:
        raise zipfile.BadZipFile("no header")
    return header.start


def _fault(info: zipfile.ZipInfo, is_name: Callable[[str], bool]) -> str:
    """What is wrong with a member by its entry in the zip directory alone; empty if nothing is."""
    name, flags, kind = info.filename, info.flag_bits, stat.S_IFMT(info.external_attr >> 16)
    faults = (
        (not name.endswith(".npy"), f"a member named {name!r}, which is not a .npy array"),
        (not is_name(name[:-4]), f"a member named {name!r}"),
        (info.orig_filename != name, f"a member named {info.orig_filename!r}"),  # zipfile ends it at a zero
        (flags & _ENCRYPTED, f"{name} encrypted"),
        (flags & ~_FLAGS, f"{name} with zip flags {flags & ~_FLAGS:#x}, which numpy does not set"),
        (
            info.compress_type not in METHODS,
            f"{name} compressed by method {info.compress_type}, not as numpy does",
        ),
        # A comment of a wrong length would have the next members in it.
        (info.comment, f"{name} with a comment, which may hide other members"),
        (info.volume, f"{name} in another part of a split archive"),
        (kind not in {0, stat.S_IFREG} or info.external_attr & _DIRECTORY, f"{name} marked as no plain file"),
    )
    return next((fault for wrong, fault in faults if wrong), "")


def _ambiguity(archive: zipfile.ZipFile) -> str:
    """What another reader could take for other members; empty if there is nothing.

    Each member must begin where the one before ends, with a header of its own that agrees with the directory.
    The directory must follow, then its end. Programs differ in which of these they believe.
    """
    stream, place = cast("IO[bytes]", archive.fp), 0
    headers: dict[int, _LocalHeader] = {}
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset != place:
            return f"other data in front of {info.filename if place else 'a zip archive'}"
        header = _read_local_header(stream, place)
        end = header and _end_of_member(stream, info, header)
        if header is None or end is None:
            return f"{info.filename} with a header that contradicts the zip directory"
        headers[place], place = header, end
    if archive.start_dir != place:
        return f"other data in front of {'the zip directory' if place else 'a zip archive'}"
    return _ambiguity_of_directory(stream, place, [headers[i.header_offset] for i in archive.infolist()])


class _LocalHeader(NamedTuple):
    """What a member's own header says; ``start`` is where its data begin."""

    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    name: bytes
    start: int


def _read_local_header(stream: IO[bytes], offset: int) -> _LocalHeader | None:
    """Return the header of the member at *offset*; None if there is none that every program understands."""
    stream.seek(offset)
    magic, version, flags, method, *sizes, length, more = _LOCAL.unpack(stream.read(_LOCAL.size))
    name, extra = stream.read(length), _extra_fields(stream.read(more))
    if magic != b"PK\3\4" or version > _VERSION or extra is None or not _is_only_name(name, flags, extra):
        return None
    checksum, packed, size = sizes
    if _EXTRA_64 in extra or _IN_EXTRA in {packed, size}:
        both = extra.get(_EXTRA_64, b"")
        if len(both) != _SIZES_64.size:
            return None
        large = size, packed = _SIZES_64.unpack(both)
        # Python before 3.11 writes the sizes in both places.
        if sizes[1:] != [_IN_EXTRA, _IN_EXTRA] and sizes[1:] != [large[1], large[0]]:
            return None
    return _LocalHeader(flags, method, checksum, packed, size, name, offset + _LOCAL.size + length + more)


def _extra_fields(data: bytes) -> dict[int, bytes] | None:
    """Return the extra fields of a header by number; None if they are damaged, or one is there twice."""
    fields: dict[int, bytes] = {}
    while data:
        if len(data) < _EXTRA.size:
            return None
        key, length = _EXTRA.unpack_from(data)
        end = _EXTRA.size + length
        if key in fields or end > len(data):
            return None
        fields[key], data = data[_EXTRA.size : end], data[end:]
    return fields


def _is_only_name(name: bytes, flags: int, extra: Mapping[int, bytes]) -> bool:
    """Whether every program reads the same name: in a known encoding, and not another in an extra field."""
    another = _EXTRA_NAME in extra and extra[_EXTRA_NAME][5:] != name
    return not another and (name.isascii() or bool(flags & _UTF_8))


def _end_of_member(stream: IO[bytes], info: zipfile.ZipInfo, header: _LocalHeader) -> int | None:
    """Where a member ends, with what describes it; None if its own header contradicts the directory."""
    end = header.start + info.compress_size
    expected, found = (info.CRC, info.compress_size, info.file_size), header[2:5]
    stored = info.compress_type == zipfile.ZIP_STORED
    if header.method != info.compress_type or (stored and info.compress_size != info.file_size):
        return None
    if not header.flags & _DESCRIBED_AFTER:
        return end if found == expected else None
    if any(there not in {0, right} for there, right in zip(found, expected, strict=True)):
        return None
    if stored and _seems_to_end_earlier(stream, header.start, end):
        return None
    stream.seek(end)
    after = stream.read(24)
    forms = ("<LQQ", "<LLL") if max(expected) < _IN_EXTRA else ("<LQQ",)
    texts = [b"PK\7\x08" + struct.pack(form, *expected) for form in forms]
    return next((end + len(text) for text in texts if after.startswith(text)), None)


def _seems_to_end_earlier(stream: IO[bytes], start: int, end: int) -> bool:
    """Whether stored values contain what describes the values before it, as if they ended there.

    A program that reads from the front, without the directory, would go on from there.
    """
    if end > os.fstat(stream.fileno()).st_size:
        return True
    with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = data.find(b"PK\7\x08", start, end)
        while place >= 0:
            if data[place + 8 : place + 12] == struct.pack("<L", (place - start) & 0xFFFFFFFF):
                return True
            place = data.find(b"PK\7\x08", place + 1, end)
    return False


def _ambiguity_of_directory(stream: IO[bytes], start: int, headers: Sequence[_LocalHeader]) -> str:
    """What contradicts the members' own *headers* in the directory at *start*, and what is behind it."""
    stream.seek(start)
    data = stream.read(_MAX_DIRECTORY) + stream.read(_END.size + _END_64.size + _LOCATOR_64.size + 1)
    rest, place = memoryview(data), 0
    for header in headers:
        length = _length_of_entry(rest[place:], header)
        if length is None:
            return f"a zip directory that contradicts the header of {header.name.decode(errors='replace')!r}"
        place += length
    # A locator in the last entry, without its record: some programs look for it there.
    located = data[max(0, place - _LOCATOR_64.size) : place].startswith(b"PK\6\7")
    complete = not located and _is_end(data[place:], len(headers), start, place)
    return "" if complete else "other data after a zip archive"


def _length_of_entry(data: memoryview, header: _LocalHeader) -> int | None:
    """Return the length of the entry that *data* start with; None if it contradicts the member's *header*."""
    magic, flags, method, packed, size, *lengths, offset = _CENTRAL.unpack_from(data)
    more = data[_CENTRAL.size :]
    name, fields = bytes(more[: lengths[0]]), _extra_fields(bytes(more[lengths[0] :][: lengths[1]]))
    if (magic, name, method, flags) != (b"PK\1\2", header.name, header.method, header.flags):
        return None
    if fields is None or not _is_only_name(name, flags, fields):
        return None
    if len(fields.get(_EXTRA_64, b"")) != 8 * [packed, size, offset].count(_IN_EXTRA):
        return None
    return _CENTRAL.size + int(sum(lengths))


def _is_end(data: bytes, count: int, start: int, size: int) -> bool:
    """Whether *data* are the end records, and nothing else, of a directory of *count* members at *start*."""
    if data.startswith(b"PK\6\6") and len(data) == _END_64.size + _LOCATOR_64.size + _END.size:
        end = (b"PK\6\6", 0, 0, count, count, size, start)
        if _END_64.unpack_from(data) != end or data[4:12] != struct.pack("<Q", _END_64.size - 12):
            return False
        if _LOCATOR_64.unpack_from(data, _END_64.size) != (b"PK\6\7", 0, start + size, 1):
            return False
        data = data[-_END.size :]
        limits = (0xFFFF, 0xFFFF, _IN_EXTRA, _IN_EXTRA)
    else:
        limits = (count, count, size, start)
    if len(data) != _END.size:
        return False
    magic, disk, first, *found, comment = _END.unpack(data)
    allowed = zip(found, (count, count, size, start), limits, strict=True)
    return (magic, disk, first, comment) == (b"PK\5\6", 0, 0, 0) and all(
        value in (true, limit) for value, true, limit in allowed
    )
