"""Where pixels are on the detector, in words: rows, columns, a disc, or one by one."""

from __future__ import annotations

import numpy as np

MOST_PLACES = 4
"""Pixels whose places are listed one by one."""

COMPACT = 0.6
"""Share of their bounding box that pixels fill if they are a disc or a rectangle."""

NEAR_CENTRE = 2.0
"""Pixels that the middle of a disc may be off the detector's centre."""


def grown(found: np.ndarray, candidates: np.ndarray) -> np.ndarray:
    """Return *found* with the candidates that complete its rows, columns and areas, (H, W) bool each.

    A dead row also covers pixels that no light would have reached.
    """
    rows = np.asarray(candidates.all(axis=1) & found.any(axis=1))
    columns = np.asarray(candidates.all(axis=0) & found.any(axis=0))
    out = found | rows[:, None] | columns[None, :]
    for _ in range(3):
        out |= candidates & (_neighbours(out) >= 5)  # noqa: PLR2004 - more than half of eight
    return np.asarray(out)


def _neighbours(found: np.ndarray) -> np.ndarray:
    """Return how many of the eight pixels around each are *found*, (H, W) int."""
    padded = np.pad(found.astype(int), 1)
    height, width = found.shape
    windows = [padded[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.asarray(sum(windows) - found)


def described(found: np.ndarray, kind: str) -> str:
    """Return what and where the pixels *found* are, (H, W) bool with at least one True.

    >>> described(np.eye(4, dtype=bool) & (np.arange(4) < 1), "hot")
    '1 hot pixel (row 0, column 0)'
    """
    rows, columns = np.asarray(found.all(axis=1)), np.asarray(found.all(axis=0))
    rest = found & ~rows[:, None] & ~columns[None, :]
    names = [_lines(where, kind, name) for where, name in ((rows, "row"), (columns, "column")) if where.any()]
    return " and ".join([*names, *([_pixels(rest, kind)] if rest.any() else [])])


def _lines(which: np.ndarray, kind: str, name: str) -> str:
    index = np.flatnonzero(which)
    if len(index) == 1:
        return f"1 {kind} {name} ({index[0]})"
    return f"{len(index)} {kind} {name}s ({_ranges(index)})"


def _ranges(index: np.ndarray) -> str:
    """Return ascending numbers with runs joined.

    >>> _ranges(np.array([3, 4, 5, 9]))
    '3-5, 9'
    """
    runs = np.split(index, np.flatnonzero(np.diff(index) > 1) + 1)
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _pixels(found: np.ndarray, kind: str) -> str:
    row, column = np.nonzero(found)
    count = len(row)
    places = [f"row {r}, column {c}" for r, c in zip(row, column, strict=True)]
    if count == 1:
        return f"1 {kind} pixel ({places[0]})"
    rows, columns = slice(row.min(), row.max() + 1), slice(column.min(), column.max() + 1)
    if count > MOST_PLACES and found[rows, columns].mean() >= COMPACT:
        return f"{_area(found, rows, columns)} of {count} {kind} pixels{_around(found)}"
    more = f"; and {count - MOST_PLACES} more" if count > MOST_PLACES else ""
    return f"{count} {kind} pixels ({'; '.join(places[:MOST_PLACES])}{more})"


def _area(found: np.ndarray, rows: slice, columns: slice) -> str:
    return "a rectangle" if found[rows, columns].all() else "a disc"


def _around(found: np.ndarray) -> str:
    middle = np.array([index.mean() for index in np.nonzero(found)])
    if np.abs(middle - np.array(found.shape) // 2).max() <= NEAR_CENTRE:
        return " around the centre"
    return f" around row {middle[0]:.0f}, column {middle[1]:.0f}"
