"""A golden array that is known from the digests of its blocks to equal another array but in some of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.storage.arrays.stored import StoredArray, flat_start, part_of

if TYPE_CHECKING:
    from collections.abc import Iterable


class PatchedArray(StoredArray):
    """An array that is read from another one, and only where they differ from its own file.

    Parameters
    ----------
    known : ndarray or StoredArray
        An array of the same shape and dtype.
    own : ndarray
        The array itself, mapped, in C order. A store of objects would return these ranges of its file.
    elements : int
        Number of elements in each block but the last.
    differing : iterable of int
        Numbers of the blocks that differ.

    Examples
    --------
    >>> golden, found = np.array([1, 2, 3, 4]), np.array([1, 2, 5, 4])
    >>> patched = PatchedArray(found, golden, 2, [1])
    >>> patched.part((), 0, 4).tolist(), patched.may_differ((), 0, 2)
    ([1, 2, 3, 4], False)
    """

    slab_bytes = 1 << 24
    """Less than a store reads at once, which the other array keeps."""

    def __init__(
        self, known: np.ndarray | StoredArray, own: np.ndarray, elements: int, differing: Iterable[int]
    ) -> None:
        super().__init__(own.shape, own.dtype, known.chunks if isinstance(known, StoredArray) else None)
        self._known, self._own = known, own
        self._elements = elements
        self._differing = np.array(sorted(differing), dtype=np.int64)

    def is_patch_of(self, array: object) -> bool:
        """Whether this array equals *array* in all blocks that are not said to differ."""
        return array is self._known

    def may_differ(self, lead: tuple[int, ...], start: int, stop: int) -> bool:
        """Whether a block overlaps one of those that differ."""
        return bool(self._overlapping(lead, start, stop).size)

    def part(self, lead: tuple[int, ...], start: int, stop: int) -> np.ndarray:
        """Return a block of this array: equal elements from the other one, all others from its own file."""
        found = part_of(self._known, lead, start, stop)
        overlapping = self._overlapping(lead, start, stop)
        if not overlapping.size:
            return np.asarray(found, self.dtype)
        begin, values = flat_start(self.shape, lead, start), np.array(found, self.dtype, order="C")
        flat, own = values.reshape(-1), self._own.reshape(-1)
        for number in overlapping:
            first = max(int(number) * self._elements, begin)
            last = min((int(number) + 1) * self._elements, begin + flat.size)
            flat[first - begin : last - begin] = own[first:last]
        return values

    def __getitem__(self, index: Any) -> np.ndarray:
        """Return any part of the array, read at once from its own file."""
        found: np.ndarray = self._own[index]
        return found

    def release(self) -> None:
        """Free the memory of the pages of both files."""
        from harness.core.storage.arrays.mapped import release

        release(self._known)
        release(self._own)

    def _overlapping(self, lead: tuple[int, ...], start: int, stop: int) -> np.ndarray:
        """Return the numbers of those differing blocks of which a part lies in a block of the array."""
        begin = flat_start(self.shape, lead, start)
        rest = math.prod(self.shape[len(lead) + 1 :])
        end = begin + (min(stop, self.shape[len(lead)]) - start) * rest
        low, high = begin // self._elements, -(-end // self._elements)
        first, last = np.searchsorted(self._differing, (low, high))
        return self._differing[first:last]
