"""Read the arrays of a store, once all that they say of themselves has been checked."""

from __future__ import annotations

import itertools
import math
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError, UnreadableError
from harness.ptycho.files.package import needed_module
from harness.ptycho.files.zarr_store.files import REWRITE, StoreFiles
from harness.ptycho.files.zarr_store.metadata import array_names, attributes_of, metadata_of

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.zarr_store.metadata import ArrayMetadata

_WINDOW_BITS = {"zlib": zlib.MAX_WBITS, "gzip": zlib.MAX_WBITS | 16}
_PACKAGED = ("zstd", "blosc", "lz4")


class ZarrStore:
    """An open store.

    Parameters
    ----------
    path : Path
        A folder or a zip archive, in zarr format 2 or 3.

    Raises
    ------
    UnreadableError
        It is not a store, or a damaged or hostile one.

    Attributes
    ----------
    name : str
        The store's name without its folder.
    names : frozenset of str
        Of the arrays; the empty name if the store is an array itself.
    """

    def __init__(self, path: Path) -> None:
        self._files = StoreFiles(path)
        self.name = self._files.name
        self.names = array_names(self._files)

    def attributes(self) -> dict[str, Any]:
        """Return the attributes of the root."""
        return attributes_of(self._files)

    def shape(self, name: str) -> tuple[int, ...]:
        """Return an array's shape; no value is read."""
        return metadata_of(self._files, name).shape

    def array(self, name: str) -> np.ndarray:
        """Return an array, in native byte order.

        Raises
        ------
        UnreadableError
            It is damaged, lacks chunks, or claims more than the store can hold.
        DependencyError
            The package that unpacks its chunks is not installed.
        """
        metadata = metadata_of(self._files, name)
        self._require_modest(name, metadata)
        if not metadata.nbytes:
            return np.empty(metadata.shape, metadata.dtype.newbyteorder("="))
        self._require_all_chunks(name, metadata)
        values = np.empty(metadata.shape, metadata.dtype.newbyteorder("="))
        for index in itertools.product(*map(range, metadata.grid)):
            self._fill(name, metadata, index, values)
        return values

    def error(self, name: str, expected: str, found: str, remedy: str = REWRITE) -> UnreadableError:
        """Return an error about one array."""
        thing = f"{self.name}: {name}" if name else self.name
        return UnreadableError(thing, expected=expected, found=found, remedy=remedy)

    def _require_modest(self, name: str, metadata: ArrayMetadata) -> None:
        budget = self._files.budget
        found = budget.claim(math.prod(metadata.shape), metadata.dtype.itemsize)
        if not found and metadata.chunk_bytes > budget.limit:
            found = f"chunks of {metadata.chunk_bytes} bytes in a store of {budget.held}"
        if found:
            raise self.error(name, "as much data as its store can hold", found)

    def _require_all_chunks(self, name: str, metadata: ArrayMetadata) -> None:
        """Refuse an array with missing chunks: zarr would read a fill value there, silently."""
        count = 1
        for chunks in metadata.grid:
            count *= chunks
        stored = 0
        if count <= len(self._files):
            indices = itertools.product(*map(range, metadata.grid))
            stored = sum(_key(metadata, index) in self._files for index in indices)
        if stored < count:
            remedy = "Write all chunks (write_empty_chunks=True), or restore the store."
            raise self.error(name, f"{count} chunks", "fewer, the rest filled with one value", remedy)

    def _fill(self, name: str, metadata: ArrayMetadata, index: tuple[int, ...], values: np.ndarray) -> None:
        """Read one chunk into its place."""
        key = _key(metadata, index)
        data = self._unpacked(name, metadata, key)
        stored = np.frombuffer(data, metadata.dtype).reshape(
            [metadata.chunk[axis] for axis in metadata.order]
        )
        chunk = stored.transpose(np.argsort(metadata.order)) if metadata.order else stored
        starts = [i * size for i, size in zip(index, metadata.chunk, strict=True)]
        ends = zip(starts, metadata.chunk, strict=True)
        place: tuple[Any, ...] = (*(slice(start, start + size) for start, size in ends), ...)
        part = values[place]  # a view, of an array without axes, too
        part[...] = chunk[tuple(slice(length) for length in part.shape)]

    def _unpacked(self, name: str, metadata: ArrayMetadata, key: str) -> bytes | memoryview:
        packed, size = self._files.read(key), metadata.chunk_bytes
        try:
            data = _unpack(packed, metadata.compression, size)
        except HarnessError:
            raise
        except Exception as error:  # codecs do not document what they raise
            raise self.error(name, "intact chunks", f"a damaged one, {key} ({error})") from error
        if data is None or len(data) != size:
            raise self.error(name, f"chunks of {size} bytes", f"another size in {key}")
        return data


def _key(metadata: ArrayMetadata, index: tuple[int, ...]) -> str:
    """Return the name of a chunk's file; an array without axes has one chunk."""
    if index:
        return metadata.prefix + metadata.separator.join(map(str, index))
    return metadata.prefix.rstrip("/.") if metadata.prefix.endswith(("c/", "c.")) else metadata.prefix + "0"


def _unpack(packed: bytes, compression: str | None, size: int) -> bytes | memoryview | None:
    """Return a chunk's bytes, never more than *size* + 1 of them; None if it has others behind its end."""
    if compression is None:
        return packed
    if compression in _WINDOW_BITS:
        unpacker = zlib.decompressobj(_WINDOW_BITS[compression])
        data = unpacker.decompress(packed, size + 1)
        return data if unpacker.eof and not unpacker.unused_data else None
    return _unpack_by_package(packed, compression, size)


def _unpack_by_package(packed: bytes, compression: str, size: int) -> memoryview | None:
    """Unpack into memory of *size* bytes; the codec refuses a chunk that says it has more."""
    codec = needed_module(f"numcodecs.{compression}", f"zarr stores compressed with {compression}")
    if _claimed(packed, compression) not in (None, size):
        return None
    target = np.empty(size, np.uint8)
    codec.decompress(packed, target)
    return target.data


def _claimed(packed: bytes, compression: str) -> int | None:
    """Return the size that a chunk's own header says; None if it does not."""
    if compression == "blosc":
        return int.from_bytes(packed[4:8], "little")
    if compression == "lz4":
        return int.from_bytes(packed[:4], "little")
    return _claimed_by_zstd(packed)


def _claimed_by_zstd(packed: bytes) -> int | None:
    """Return the size in a frame header (RFC 8878, section 3.1.1.1)."""
    if len(packed) < 6:  # noqa: PLR2004 - the shortest header
        return None
    descriptor = packed[4]
    is_single = descriptor >> 5 & 1
    place = 6 - is_single + (0, 1, 2, 4)[descriptor & 3]
    width = (is_single, 2, 4, 8)[descriptor >> 6]
    more = 256 if descriptor >> 6 == 1 else 0
    return int.from_bytes(packed[place : place + width], "little") + more if width else None
