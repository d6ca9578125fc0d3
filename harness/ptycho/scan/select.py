"""Select positions that are spread over the scan's area, and find groups of neighbours.

A raster's first n positions cover one strip of it (5.8 % of y for 64 of 1087), so positions are selected by
where they are, never by file order.
"""

from __future__ import annotations

import numpy as np

from harness.core.errors import UsageError

TOUCHING = 1e-3
"""Distance in pixels below which two positions coincide, and below which a point lies on a line."""


def stratified(x: np.ndarray, y: np.ndarray, count: int) -> np.ndarray:
    """Return the indices of *count* positions, evenly spread: one from each of *count* equally filled cells.

    The cells come from halving the positions across their longer side, again and again; each cell gives the
    position nearest to its middle. No random numbers are used: the same scan gives the same selection.

    Parameters
    ----------
    x, y : (N,) float
        Scan positions in object pixels.
    count : int
        From 1 to N.

    Returns
    -------
    (count,) int
        Ascending indices into x and y.

    Raises
    ------
    UsageError
        *count* is out of range.

    Examples
    --------
    >>> row, column = np.divmod(np.arange(16), 4)
    >>> stratified(column, row, 4)
    array([ 0,  2,  8, 10])
    """
    if not 1 <= count <= len(x):
        raise UsageError(
            "positions",
            expected=f"a number from 1 to the source's {len(x)}",
            found=str(count),
            remedy=f"Ask for at most {len(x)} positions.",
        )
    points = np.stack([x, y], axis=1)
    cells = _cells(points, np.arange(len(x)), count)
    return np.sort(np.array([_middle(points, cell) for cell in cells]))


def coverage(selected: np.ndarray, source: np.ndarray) -> float:
    """Return the share of the source's range, along one axis, that the selected coordinates span (0 to 1).

    selected, source : (n,) and (N,) float. A source without extent along the axis counts as covered (1).
    """
    whole = float(np.ptp(source))
    return float(np.ptp(selected)) / whole if whole > 0 else 1.0


def groups(x: np.ndarray, y: np.ndarray, size: int = 4) -> np.ndarray:
    """Return groups of neighbours: each position with its nearest ones, as indices.

    Parameters
    ----------
    x, y : (N,) float
        Scan positions in object pixels.
    size : int
        Members of a group, the position itself included; 4 is the field's "gridsize 2".

    Returns
    -------
    (G, size) int
        Ascending indices in each row, rows in order and unique. Degenerate groups are left out: those in
        which two members coincide, or three or more members all lie on one line.
    """
    from scipy.spatial import cKDTree  # slow to import

    if len(x) < size:
        return np.empty((0, size), dtype=np.intp)
    points = np.stack([x, y], axis=1)
    nearest = cKDTree(points).query(points, k=size)[1].reshape(-1, size)
    # Neighbours that choose each other give the same group twice; sorting makes the duplicates equal.
    candidates = np.unique(np.sort(nearest, axis=1), axis=0)
    keep = [_is_spread(points[group]) for group in candidates]
    return np.asarray(candidates[np.array(keep, dtype=bool)], dtype=np.intp)


def _cells(points: np.ndarray, index: np.ndarray, count: int) -> list[np.ndarray]:
    """Split *index* into *count* cells of (nearly) equal size, always across the longer side."""
    if count == 1:
        return [index]
    members = points[index]
    along = int(np.argmax(np.ptp(members, axis=0)))
    ordered = index[np.argsort(members[:, along], kind="stable")]
    first = count // 2
    # Each side gets positions in proportion to its cells, which differ by one if *count* is odd.
    cut = round(len(index) * first / count)
    return _cells(points, ordered[:cut], first) + _cells(points, ordered[cut:], count - first)


def _middle(points: np.ndarray, cell: np.ndarray) -> int:
    members = points[cell]
    middle = (members.min(axis=0) + members.max(axis=0)) / 2
    return int(cell[np.argmin(np.sum((members - middle) ** 2, axis=1))])


def _is_spread(members: np.ndarray) -> bool:
    """Return whether all members lie apart and, if there are three or more, not on one line."""
    apart = np.linalg.norm(members[:, None] - members[None, :], axis=2) + np.eye(len(members))
    if apart.min() < TOUCHING:
        return False
    # The smallest singular value of the centred points measures their distance from the best-fitting line.
    off_line = np.linalg.svd(members - members.mean(axis=0), compute_uv=False)[-1]
    return len(members) < 3 or bool(off_line > TOUCHING)  # noqa: PLR2004 - two points always lie on a line
