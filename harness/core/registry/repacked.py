"""Whether an archive with other bytes than recorded still has the recorded arrays, for every reader.

Content is compared by SHA-256. A zip archive can show different members to different readers: a script in
front of it, members that its directory does not list, a directory that contradicts the members' own headers.
Such an archive is refused, whatever the arrays are that this package and numpy find in it.
"""

from __future__ import annotations

import struct
import zipfile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import describe_arrays
from harness.core.storage.npz import read_archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO

    from harness.core.fixtures.manifest import ArraySpec, Manifest

_LOCAL = struct.Struct("<4s2xHH4xLLLHH")
_CENTRAL = struct.Struct("<4s24xHHH12x")
_END = struct.Struct("<4s16xH")
_EXTRA = struct.Struct("<HH")
_SIZES_64 = struct.Struct("<QQ")
_END_64_BYTES = 56 + 20
_DESCRIBED_AFTER = 0x8  # flag: checksum and sizes follow the data
_IN_EXTRA = 0xFFFFFFFF  # in place of a size that needs 64 bits
_EXTRA_64 = 1


def is_repacked(path: Path, manifest: Manifest) -> bool:
    """Whether the archive at *path* has exactly the arrays that *manifest* describes.

    Raises
    ------
    UnreadableError
        If it is not an archive of plain arrays, or one in which other readers may find something else.
    """
    arrays = describe_arrays(read_archive(path))
    if found := _ambiguity(path) or _numpy_difference(path, arrays):
        raise UnreadableError(
            str(path),
            expected="an archive in which every reader finds the same arrays",
            found=found,
            remedy="Restore the file, or write it again with numpy.savez.",
        )
    return arrays == manifest.arrays


def _numpy_difference(path: Path, arrays: dict[str, ArraySpec]) -> str:
    """How the arrays that numpy loads differ from *arrays*; empty if they do not."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            loaded = describe_arrays({name: archive[name] for name in archive.files})
    except Exception as error:  # noqa: BLE001 - numpy does not document what it raises
        return f"a file that numpy does not load ({error})"
    return "" if loaded == arrays else "other arrays when numpy loads it"


def _ambiguity(path: Path) -> str:
    """What another reader could take for other members; empty if there is nothing."""
    try:
        return _ambiguity_of_members(path)
    except (struct.error, zipfile.BadZipFile):
        return "a truncated directory"


def _ambiguity_of_members(path: Path) -> str:
    with path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        place = 0
        for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
            if info.header_offset != place:
                return f"bytes in front of {info.filename} that belong to no member"
            end = _end_of_member(stream, info)
            if end is None:
                return f"a header of {info.filename} that contradicts the directory"
            place = end
        if archive.start_dir != place:
            return "bytes in front of the directory that belong to no member"
        complete = _ends_with_directory(stream, place, len(archive.infolist()))
        return "" if complete else "bytes behind the directory that do not belong to it"


class _Header(NamedTuple):
    """What a member's own header says."""

    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    start: int


def _end_of_member(stream: IO[bytes], info: zipfile.ZipInfo) -> int | None:
    """Where a member ends, with what describes it; None if its own header contradicts the directory."""
    header = _read_header(stream, info.header_offset)
    if header is None or header.method != info.compress_type:
        return None
    end = header.start + info.compress_size
    expected = (info.CRC, info.compress_size, info.file_size)
    if not header.flags & _DESCRIBED_AFTER:
        return end if (header.checksum, header.packed, header.size) == expected else None
    stream.seek(end)
    after = stream.read(24)
    small = max(expected) < _IN_EXTRA
    forms = [struct.pack(form, *expected) for form in (("<LLL", "<LQQ") if small else ("<LQQ",))]
    for text in [b"PK\x07\x08" + form for form in forms] + forms:
        if after.startswith(text):
            return end + len(text)
    return None


def _read_header(stream: IO[bytes], offset: int) -> _Header | None:
    stream.seek(offset)
    text = stream.read(_LOCAL.size)
    if len(text) < _LOCAL.size:
        return None
    magic, flags, method, checksum, packed, size, name, extra = _LOCAL.unpack(text)
    if magic != b"PK\x03\x04":
        return None
    stream.seek(name, 1)
    for key, value in _extra_fields(stream.read(extra)):
        if key == _EXTRA_64 and packed == size == _IN_EXTRA and len(value) == _SIZES_64.size:
            size, packed = _SIZES_64.unpack(value)
    return _Header(flags, method, checksum, packed, size, offset + _LOCAL.size + name + extra)


def _extra_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each extra field of a header."""
    while len(data) >= _EXTRA.size:
        key, length = _EXTRA.unpack_from(data)
        yield key, data[_EXTRA.size : _EXTRA.size + length]
        data = data[_EXTRA.size + length :]


def _ends_with_directory(stream: IO[bytes], start: int, count: int) -> bool:
    """Whether a directory of *count* members is at *start*, and nothing but its end record follows."""
    stream.seek(start)
    data = stream.read()
    place = 0
    for _ in range(count):
        magic, *lengths = _CENTRAL.unpack_from(data, place)
        if magic != b"PK\x01\x02":
            return False
        place += _CENTRAL.size + sum(lengths)
    if data[place : place + 4] == b"PK\x06\x06":
        place += _END_64_BYTES
    if len(data) - place != _END.size:
        return False
    magic, comment = _END.unpack_from(data, place)
    return bool(magic == b"PK\x05\x06" and not comment)
