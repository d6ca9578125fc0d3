"""Arrays that are read in parts and never held as a whole: those of zarr and HDF5, and golden ones.

All blocks are contiguous in C order: a slice along one axis, with a single index in every axis before it and
all of every axis after it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SLAB_BYTES = 1 << 26
"""What is read from a store at once, unless a single chunk of the store is larger."""
_MOST_SLABS = 4
"""By how much more is read at once where a row of chunks is longer than that."""


class Slab(NamedTuple):
    """A block of an array: the index in every axis before that of the slice, and where the slice is."""

    lead: tuple[int, ...]
    start: int
    stop: int


class StoredArray(ABC):
    """An array of which only parts are in memory.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    chunks : tuple of int
        Lengths, by axis, of what the store reads as one.
    """

    slab_bytes = SLAB_BYTES

    def __init__(self, shape: Sequence[int], dtype: Any, chunks: Sequence[int] | None = None) -> None:
        self.shape = tuple(int(length) for length in shape)
        self.dtype = np.dtype(dtype)
        self.chunks = (1,) * len(self.shape) if chunks is None else tuple(int(length) for length in chunks)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return int(self.size * self.dtype.itemsize)

    @abstractmethod
    def part(self, lead: tuple[int, ...], start: int, stop: int) -> np.ndarray:
        """Return a block of an array of one axis or more; its first axis is that of the slice."""

    @abstractmethod
    def __getitem__(self, index: Any) -> np.ndarray:
        """Return any part of the array, read at once."""

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Return the whole array, for those who need it; nothing here does."""
        return np.array(self[...], dtype=dtype)

    def release(self) -> None:  # noqa: B027 - most stores have nothing to free
        """Free the memory of mapped pages; they are read again when needed."""

    def slabs(self) -> Iterator[Slab]:
        """Yield blocks of about :data:`SLAB_BYTES` that cover the array, in C order, along its chunks."""
        return slabs_of(self.shape, self.chunks, self._most_elements())

    def _most_elements(self) -> int:
        """Number of elements that are read at once: more if else each chunk would be read several times."""
        row = self.chunks[0] * self.nbytes // max(1, self.shape[0]) if self.shape else 0
        most = self.slab_bytes if row <= self.slab_bytes else _MOST_SLABS * self.slab_bytes
        return int(max(1, most // max(1, self.dtype.itemsize)))


class ChunkedArray(StoredArray):
    """An array in a store that returns any part of it as an array of numpy.

    The block that was read last is kept, so that small blocks in C order read each chunk once.

    Parameters
    ----------
    source : object
        With ``shape``, ``dtype`` and ``__getitem__``; ``chunks`` if it has them.
    """

    def __init__(self, source: Any) -> None:
        chunks = getattr(source, "chunks", None)
        super().__init__(source.shape, source.dtype, chunks if isinstance(chunks, tuple) else None)
        self._source = source
        self._axis, self._bounds = _division(self.shape, self.chunks, self._most_elements())
        self._held: tuple[Slab, np.ndarray] | None = None

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return any part of the array, read at once."""
        found: np.ndarray = np.asarray(self._source[index])[()]
        return found

    def part(self, lead: tuple[int, ...], start: int, stop: int) -> np.ndarray:
        """Return a block; the chunks that it lies in are read once for all blocks in them."""
        deeper = len(lead) > self._axis
        if len(lead) < self._axis:  # a block that is larger than what is read at once
            return self[(*lead, slice(start, stop))]
        outer = lead[: self._axis]
        if deeper:
            inner = lead[self._axis]
            slab, held = self._slab(outer, inner)
            index: Any = (inner - slab.start, *lead[self._axis + 1 :], slice(start, stop))
            return _apart(held[index], held)
        pieces = []
        while start < min(stop, self.shape[self._axis]):
            slab, held = self._slab(outer, start)
            pieces.append(_apart(held[start - slab.start : stop - slab.start], held))
            start = slab.stop
            del held  # else it is in memory while the next one is read
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)

    def _slab(self, lead: tuple[int, ...], index: int) -> tuple[Slab, np.ndarray]:
        """Return the block of a whole number of chunks that has an index of the axis along which it lies."""
        if self._held is None or self._held[0].lead != lead or not _is_in(self._held[0], index):
            start, stop = next(bounds for bounds in self._bounds if bounds[0] <= index < bounds[1])
            self._held = None  # else two of them are in memory
            self._held = Slab(lead, start, stop), self[(*lead, slice(start, stop))]
        return self._held


def _apart(block: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return a copy of a small block, which would keep all of *held* in memory while the next one is read."""
    return block if block.nbytes == held.nbytes else block.copy()


def _is_in(slab: Slab, index: int) -> bool:
    return slab.start <= index < slab.stop


def slabs_of(shape: tuple[int, ...], chunks: tuple[int, ...], most: int) -> Iterator[Slab]:
    """Yield blocks of at most *most* elements that cover an array, in C order, along its chunks."""
    if not shape or not math.prod(shape):
        return
    axis, bounds = _division(shape, chunks, most)
    for lead in np.ndindex(shape[:axis]):
        for start, stop in bounds:
            yield Slab(lead, start, stop)


def part_of(array: np.ndarray | StoredArray, lead: tuple[int, ...], start: int, stop: int) -> np.ndarray:
    """Return a block of any array of one axis or more; its first axis is that of the slice."""
    if isinstance(array, StoredArray):
        return array.part(lead, start, stop)
    index: Any = (*lead, slice(start, stop))
    return np.asarray(array[index])


def flat_start(shape: tuple[int, ...], lead: tuple[int, ...], start: int) -> int:
    """Return how many elements come before a block, in C order."""
    place = 0
    for length, index in zip(shape, (*lead, start), strict=False):
        place = place * length + index
    return place * math.prod(shape[len(lead) + 1 :])


def _division(
    shape: tuple[int, ...], chunks: tuple[int, ...], most: int
) -> tuple[int, list[tuple[int, int]]]:
    """Return the first axis whose single steps have at most *most* elements, and where to divide it."""
    if not shape or not math.prod(shape):
        return 0, []
    axis, rest = 0, math.prod(shape[1:])
    while rest > most:
        axis, rest = axis + 1, rest // shape[axis + 1]
    return axis, list(_bounds(shape[axis], max(1, chunks[axis]), max(1, most // rest)))


def _bounds(length: int, chunk: int, most: int) -> Iterator[tuple[int, int]]:
    """Divide an axis into parts of at most *most* indices: whole chunks, or equal parts of each chunk."""
    whole = most >= chunk
    span = most - most % chunk if whole else chunk
    step = span if whole else math.ceil(chunk / math.ceil(chunk / most))
    for begin in range(0, length, span):
        end = min(begin + span, length)
        yield from ((start, min(start + step, end)) for start in range(begin, end, step))
