"""Mapped arrays: which ones they are, and how the memory of their pages is freed."""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

from harness.core.storage.arrays.stored import StoredArray

_SHARED = frozenset({"r", "r+", "w+"})
"""Modes in which a page that is freed can be read again as it was. A copy on write would lose its changes."""


def is_mapped(array: Any) -> bool:
    """Whether an array's elements are in a mapped file.

    >>> is_mapped(np.zeros(3))
    False
    """
    return _mapping(array) is not None


def release(array: Any) -> None:
    """Free the memory of a mapped array's pages; they are read again when needed.

    Does nothing for other arrays, and for those that are mapped as copy on write.
    """
    if isinstance(array, StoredArray):
        array.release()
    found = _mapping(array)
    if found is not None and found.mode in _SHARED and hasattr(mmap, "MADV_DONTNEED"):
        found._mmap.madvise(mmap.MADV_DONTNEED)  # noqa: SLF001 - numpy has no other way to it


def _mapping(array: Any) -> Any:
    """Return the array of numpy that has mapped the file of *array*; None if there is none."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap) and getattr(array, "_mmap", None) is not None:
            return array
        array = array.base
    return None
