"""Arrays of any layout, mapped or stored, as blocks of their elements in C order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.storage.arrays.mapped import is_mapped, release
from harness.core.storage.arrays.stored import SLAB_BYTES, StoredArray, part_of, slabs_of

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK_BYTES = 1 << 24


def flat_blocks(array: np.ndarray | StoredArray) -> Iterator[np.ndarray]:
    """Yield all elements in C order, as contiguous arrays of one axis.

    Only a block is in memory at a time: 16 MiB; 64 MiB of a stored array, or of a mapped one in another
    order, whose file is read in many places for each block.

    Parameters
    ----------
    array : ndarray or StoredArray
        Any shape, memory layout and dtype.

    Examples
    --------
    >>> [block.tolist() for block in flat_blocks(np.array([[1, 2], [3, 4]]).T)]
    [[1, 3, 2, 4]]
    """
    if isinstance(array, StoredArray):
        blocks = _of_stored(array)
    elif array.flags.c_contiguous:
        blocks = _of_contiguous(array)
    else:
        blocks = _of_other(array)
    return blocks


def _of_contiguous(array: np.ndarray) -> Iterator[np.ndarray]:
    flat = array.reshape(-1)
    step = max(1, BLOCK_BYTES // max(1, array.itemsize))
    for start in range(0, flat.size, step):
        yield np.asarray(flat[start : start + step])
        release(array)


def _of_other(array: np.ndarray) -> Iterator[np.ndarray]:
    most = SLAB_BYTES if is_mapped(array) else BLOCK_BYTES
    for slab in slabs_of(array.shape, (1,) * array.ndim, max(1, most // array.itemsize)):
        yield np.ascontiguousarray(part_of(array, *slab)).reshape(-1)
        release(array)


def _of_stored(array: StoredArray) -> Iterator[np.ndarray]:
    if not array.ndim:
        yield np.asarray(array[()]).reshape(1)
    for slab in array.slabs():
        yield np.ascontiguousarray(array.part(*slab)).reshape(-1)
        array.release()


def plain_values(array: Any) -> np.ndarray | StoredArray:
    """Return an array as it can be gone through: a stored one as it is, anything else as ndarray."""
    return array if isinstance(array, StoredArray) else np.asarray(array)
