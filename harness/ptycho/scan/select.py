"""Select positions that are spread over the scan's area, and find groups of neighbours.

A raster's first n positions cover one strip of it (5.8 % of y for 64 of 1087), so positions are selected by
where they are, never by file order.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Return groups of neighbours: each position with its nearest ones at other places, as indices.

    Positions that coincide are visits of one place. A group holds one visit of each of its places: the second
    visit of one with the second visits of its neighbours, as far as there are any.

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
        which three or more members all lie on one line.

    Examples
    --------
    Three places that make a triangle, and the first of them visited again:

    >>> groups(np.array([0.0, 1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0, 0.0]), size=3)
    array([[0, 1, 2],
           [1, 2, 3]])
    """
    from scipy.spatial import cKDTree  # slow to import

    points = np.stack([x, y], axis=1)
    places = _Places.of(points)
    if len(places.first) < size:
        return np.empty((0, size), dtype=np.intp)
    nearest = cKDTree(points[places.first]).query(points[places.first], k=size)[1]
    # Neighbours that choose each other give the same group twice; sorting makes the duplicates equal.
    candidates = np.unique(np.sort(places.visits(np.reshape(nearest, (-1, size))), axis=1), axis=0)
    return np.asarray(candidates[_are_spread(points[candidates])], dtype=np.intp)


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Positions by the place where they are.

    Attributes
    ----------
    first : (P,) int
        The first position at each place, in the order of the positions.
    place : (N,) int
        The place of each position.
    """

    first: np.ndarray
    place: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray) -> _Places:
        """Return the places of *points*, (N, 2): those nearer than ``TOUCHING`` coincide."""
        from scipy.spatial import cKDTree

        # Rounded first, so that thousands of points at one place never make all their pairs.
        first, cell = _by_first(np.unique(np.rint(points / TOUCHING), axis=0, return_inverse=True)[1])
        # Points that are near each other on both sides of a border of rounding:
        lower, higher = cKDTree(points[first]).query_pairs(TOUCHING, output_type="ndarray").T
        nearest = np.arange(len(first))
        np.minimum.at(nearest, higher, lower)
        merged, place = _by_first(nearest[nearest])
        return cls(first[merged], place[cell])

    def visits(self, nearest: np.ndarray) -> np.ndarray:
        """Return one group for each position, of positions, from the *nearest* places of each place.

        nearest : (P, size) int. Returns (N, size) int.
        """
        count = np.bincount(self.place)
        by_place = np.argsort(self.place, kind="stable")
        start = np.cumsum(count) - count
        visit = np.empty(len(self.place), dtype=np.intp)
        visit[by_place] = np.arange(len(self.place)) - start[self.place[by_place]]
        around = nearest[self.place]
        return np.asarray(by_place[start[around] + np.minimum(visit[:, None], count[around] - 1)])


def _by_first(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where each label occurs first, ascending, and for each element the number of its label."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return first[order], rank[inverse.ravel()]


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


def _are_spread(members: np.ndarray) -> np.ndarray:
    """Return which groups, (G, size, 2), lie apart and, if they have three members or more, on no line."""
    apart = np.linalg.norm(members[:, :, None] - members[:, None, :], axis=3) + np.eye(members.shape[1])
    spread = apart.min(axis=(1, 2)) >= TOUCHING
    if members.shape[1] < 3:  # noqa: PLR2004 - two points always lie on a line
        return np.asarray(spread)
    # The smallest singular value of the centred points measures their distance from the best-fitting line.
    centred = members - members.mean(axis=1, keepdims=True)
    return np.asarray(spread & (np.linalg.svd(centred, compute_uv=False)[:, -1] > TOUCHING))
