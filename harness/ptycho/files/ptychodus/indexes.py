"""Indexes that ptychodus gives to patterns and positions: both are joined by them, not by their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.ptycho.files.arrays.named import Named
    from harness.ptycho.files.content import Content


def read_index(file: Named, key: str, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the scan index, (count,) int, with a note.

    Raises
    ------
    UnreadableError, RefusedError
        It is missing; it has another length, negative or repeated values.
    """
    index = file.array(key, axes=1, kinds="iu", length=count)
    if index.min() < 0 or len(np.unique(index)) != count:
        raise file.refused(key, "one index for each row, and no negative one", "repeated or negative indexes")
    return index, (f"{key}: renamed to scan_index",)


def written_index(content: Content, count: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the index that is written, and what was assumed: without one, rows are counted from 0."""
    if content.scan_index is None:
        return np.arange(count), ("scan_index: counted from 0",)
    return content.scan_index, ()
