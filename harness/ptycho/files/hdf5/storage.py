"""Where and how a dataset's values are stored: in this file, and unpacked by known filters to a known size.

HDF5's filters unpack a chunk to whatever size it says, however small the chunk should be. So each chunk is
looked at first.
"""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import DependencyError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.ptycho.files.hdf5.limits import Budget

_DEFLATE, _SHUFFLE, _FLETCHER32, _LZF = 1, 2, 3, 32000
_BLOSC, _LZ4, _BITSHUFFLE, _ZSTD = 32001, 32004, 32008, 32015
_REPACK = "Write the file again with gzip: `h5repack -f GZIP=4 OLD NEW`."
_RESTORE = "Restore the file, or write it again."
_IN_FILE = "values in this file"
_OVERHEAD = 4096
"""Bytes by which a chunk that cannot be compressed may grow, besides one part in eight."""

_UNCHECKED = 1 << 27
"""Bytes that a chunk may unpack to without being looked at first, which takes as long as to unpack it."""

_ZSTD_HEADER = 18
"""Longest header of a Zstandard frame in bytes."""

_WORST = {_DEFLATE: 1040, _LZF: 96}
"""At most this many bytes come out of one byte: deflate 1032, LZF 264 of 3."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A dataset, the bytes of one of its chunks, and its filters by number with their parameters."""

    thing: str
    item: Any
    chunk: int
    filters: dict[int, tuple[int, ...]]

    def error(self, expected: str, found: str, remedy: str = _RESTORE) -> UnreadableError:
        return UnreadableError(self.thing, expected=expected, found=found, remedy=remedy)


def require_own_storage(thing: str, item: Any, budget: Budget) -> None:
    """Refuse a dataset whose values are in other files, or unpack to more than they should.

    Parameters
    ----------
    thing : str
        File and key, for errors.
    item : h5py.h5d.DatasetID
    budget : Budget
        Of the file.

    Raises
    ------
    UnreadableError
        As said; also for filters that are not known here.
    DependencyError
        The package with the filter is not installed.
    """
    import h5py

    plist = item.get_create_plist()
    if plist.get_external_count():
        raise UnreadableError(
            thing,
            expected=_IN_FILE,
            found=f"values in {_external(plist)}",
            remedy="Copy the values into the file.",
        )
    layout = plist.get_layout()
    if layout == h5py.h5d.CONTIGUOUS:
        _require_inside(thing, item, budget)
    if layout == h5py.h5d.CHUNKED:
        chunk = math.prod(plist.get_chunk()) * item.get_type().get_size()
        stored = _Stored(thing, item, chunk, _filters(plist))
        if chunk > budget.limit:
            raise stored.error("as much data as its file can hold", f"a chunk of {chunk} bytes")
        _require_filters(stored, h5py)
        item.chunk_iter(lambda info: _require_modest_chunk(stored, info))


def _external(plist: Any) -> str:
    return str(plist.get_external(0)[0].decode(errors="backslashreplace"))


def _require_inside(thing: str, item: Any, budget: Budget) -> None:
    """Refuse values that would be behind the end of the file."""
    offset, size = item.get_offset(), item.get_storage_size()
    if offset is not None and offset + size > budget.held:
        found = f"values up to byte {offset + size} in a file of {budget.held}"
        raise UnreadableError(thing, expected=_IN_FILE, found=found, remedy=_RESTORE)


def _filters(plist: Any) -> dict[int, tuple[int, ...]]:
    found = (plist.get_filter(i) for i in range(plist.get_nfilters()))
    return {code: tuple(values) for code, _, values, _ in found}


def _require_filters(stored: _Stored, h5py: Any) -> None:
    """Refuse unknown filters, several compressions of one another, and those that are not installed."""
    unknown = stored.filters.keys() - _SIZES.keys() - {_SHUFFLE, _FLETCHER32}
    if unknown:
        raise stored.error("a known compression", f"HDF5 filter {min(unknown)}", _REPACK)
    packing = [code for code in stored.filters if code in _SIZES]
    if len(packing) > 1:
        raise stored.error("one compression", f"HDF5 filters {packing[0]} and {packing[1]}", _REPACK)
    for code in packing:
        if not (h5py.h5z.filter_avail(code) or _is_brought_by_plugin(code, h5py)):
            raise DependencyError(
                stored.thing,
                expected="the package hdf5plugin",
                found="it is not installed",
                message=f"{stored.thing} is compressed by HDF5 filter {code}, which needs hdf5plugin",
                remedy="Install it with `pip install 'golden-harness[detectors]'`.",
            )


def _is_brought_by_plugin(code: int, h5py: Any) -> bool:
    try:
        import hdf5plugin  # noqa: F401 - registers its filters
    except ImportError:
        return False
    return bool(h5py.h5z.filter_avail(code))


def _require_modest_chunk(stored: _Stored, info: Any) -> None:
    """Refuse a chunk that would unpack to more than a chunk; called for each one that is stored."""
    if info.size > stored.chunk + stored.chunk // 8 + _OVERHEAD:
        raise stored.error(f"chunks of {stored.chunk} bytes", f"one stored in {info.size}")
    for place, code in enumerate(stored.filters):
        if code not in _SIZES or info.filter_mask & 1 << place:
            continue
        if info.size * _WORST.get(code, _UNCHECKED + 1) <= _UNCHECKED:
            continue
        _, packed = stored.item.read_direct_chunk(info.chunk_offset)
        size = _SIZES[code](packed, stored)
        if size != stored.chunk:
            found = "one of unknown size" if size is None else f"one that unpacks to {size} or more"
            raise stored.error(f"chunks of {stored.chunk} bytes", found)


def _inflated(packed: bytes, stored: _Stored) -> int | None:
    """Return the size of a chunk after inflating, up to one byte more than a chunk; blocks are dropped."""
    unpacker, size = zlib.decompressobj(), 0
    left = packed
    try:
        while left and not unpacker.eof and size <= stored.chunk:
            size += len(unpacker.decompress(left, 1 << 20))
            left = unpacker.unconsumed_tail
    except zlib.error:
        return None
    return size


def _of_lzf(packed: bytes, stored: _Stored) -> int | None:
    """Return the size after LZF: runs of literals (a byte below 32) and copies (a length, an offset)."""
    place, size = 0, 0
    end = len(packed) - (4 if _FLETCHER32 in stored.filters else 0)
    while place < end and size <= stored.chunk:
        control = packed[place]
        if control < 32:  # noqa: PLR2004 - the format's own
            size, place = size + control + 1, place + control + 2
            continue
        long = control >> 5 == 7  # noqa: PLR2004 - likewise: the length goes on in the next byte
        if long and place + 1 >= end:
            return None
        size += 2 + (7 + packed[place + 1] if long else control >> 5)
        place += 3 if long else 2
    return size


def _of_lz4(packed: bytes, _: _Stored) -> int | None:
    return int.from_bytes(packed[:8], "big")


def _of_bitshuffle(packed: bytes, stored: _Stored) -> int | None:
    """Return what the header says, which only a compressed chunk has."""
    values = stored.filters[_BITSHUFFLE]
    compresses = len(values) > 4 and values[4]  # noqa: PLR2004 - versions, item, block, method, as it writes them
    return int.from_bytes(packed[:8], "big") if compresses else stored.chunk


def _of_blosc(packed: bytes, _: _Stored) -> int | None:
    """Return the size in a header of Blosc 1: four bytes, then three little-endian numbers of four."""
    return int.from_bytes(packed[4:8], "little")


def _of_zstd(packed: bytes, _: _Stored) -> int | None:
    """Return the size in a frame header (RFC 8878, section 3.1.1.1), None if it does not say."""
    if len(packed) < _ZSTD_HEADER or packed[:4] != b"\x28\xb5\x2f\xfd":
        return None
    descriptor = packed[4]
    is_single = descriptor >> 5 & 1
    place = 6 - is_single + (0, 1, 2, 4)[descriptor & 3]
    width = (is_single, 2, 4, 8)[descriptor >> 6]
    if not width:
        return None
    from_two = 256 if descriptor >> 6 == 1 else 0
    return int.from_bytes(packed[place : place + width], "little") + from_two


_SIZES: dict[int, Callable[[bytes, _Stored], int | None]] = {
    _DEFLATE: _inflated,
    _LZF: _of_lzf,
    _BLOSC: _of_blosc,
    _LZ4: _of_lz4,
    _BITSHUFFLE: _of_bitshuffle,
    _ZSTD: _of_zstd,
}
"""Filter by number -> size of a chunk before it was packed, None if that cannot be said."""
