"""How far the elements of two arrays differ, counted in steps, and where in the array they are.

Blocks are compared one after the other, so that mapped arrays larger than memory can be shown. Elements whose
bits are the same cost next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.core.fixtures.block_comparison import compare_block
from harness.core.fixtures.blocks import blocks
from harness.core.fixtures.elementwise import bits_differ
from harness.core.fixtures.tolerance import tolerances_of
from harness.report.drawing.reduction import MOST_PIXELS, MOST_POINTS, steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.fixtures.block_comparison import BlockComparison
    from harness.core.fixtures.tolerance import AnyTolerance, Part

    Index = tuple[np.ndarray, ...]

ULP_STEPS = 65
"""0, 1, 2 to 3, 4 to 7, ...: the last one is 2**63 and more."""

SHARES = (1e-3, 1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
"""Upper ends of the steps in which differences are counted in tolerances; one more step is above."""


class Layout(NamedTuple):
    """Which axes of an array are the rows and columns of its pictures; the others are gone through.

    For a curve, ``rows`` is None.
    """

    rows: int | None
    columns: int
    others: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Spread:
    """Differences of two arrays of one shape.

    Attributes
    ----------
    unequal, drifted, one_sided : int
        Elements that are not the same bit by bit; that are beyond the tolerance; that have a value on one
        side only.
    ulp : (65,) int
        Elements by their distance in ULP: see ``ULP_STEPS``.
    shares : (8,) int
        Elements by their difference as a share of the tolerance: see ``SHARES``.
    intolerable : int
        Elements that differ although no difference is allowed.
    largest, largest_share : float
        Largest finite difference, and largest finite share.
    worst : tuple of int or None
        Index of the element that differs most.
    on_picture : ndarray, (rows, columns)
        For each block of a picture or part of a curve, the largest difference: as a share of the tolerance,
        or absolute where nothing is allowed. Infinite where only one side has a value.
    on_others : ndarray, (parts,)
        The same along the other axes, taken together in C order.
    steps : (int, int, int)
        Rows, columns and parts of the other axes that one number of the last two stands for.
    in_tolerances : bool
        Whether they are shares.
    """

    unequal: int
    drifted: int
    one_sided: int
    ulp: np.ndarray
    shares: np.ndarray
    intolerable: int
    largest: float
    largest_share: float
    worst: tuple[int, ...] | None
    on_picture: np.ndarray
    on_others: np.ndarray
    steps: tuple[int, int, int]
    in_tolerances: bool


class _Found(NamedTuple):
    """What differs in one block, as one-dimensional arrays, and where it is."""

    place: Index
    comparison: BlockComparison


def measure(
    name: str, golden: np.ndarray, obtained: np.ndarray, tolerance: AnyTolerance | None, layout: Layout
) -> Spread:
    """Compare two arrays of one dtype and one shape, with at least one axis."""
    counts = _Counts(golden.shape, layout)
    for found in _differences(name, golden, obtained, tolerance):
        counts.add(found)
    return counts.result()


def _differences(
    name: str, golden: np.ndarray, obtained: np.ndarray, tolerance: AnyTolerance | None
) -> Iterator[_Found]:
    for part, allowed in tolerances_of(name, golden, tolerance):
        one, other = (side[part] if part else side for side in (golden, obtained))
        for start, expected, found in blocks(one, other):
            unequal = bits_differ(expected, found)
            if not unequal.any():
                continue
            index = _whole_index(np.nonzero(unequal), start, part, golden.ndim)
            flags = np.ones(len(index[0]), bool)
            yield _Found(index, compare_block(expected[unequal], found[unequal], flags, allowed))


def _whole_index(inner: Index, start: tuple[int, ...], part: Part, ndim: int) -> Index:
    """Indices in the whole array of elements in the block of a part that begins at *start*."""
    *lead, first = start
    count = len(inner[0])
    index = [np.full(count, number) for number in lead] + [inner[0] + first, *inner[1:]]
    if part:
        *before, number = part
        index.insert(len(before), np.full(count, number))
    return tuple(index[:ndim])


class _Counts:
    """The counts of :class:`Spread` over the blocks added so far."""

    def __init__(self, shape: tuple[int, ...], layout: Layout) -> None:
        self._shape, self._layout = shape, layout
        rows = 1 if layout.rows is None else shape[layout.rows]
        most = MOST_POINTS if layout.rows is None else MOST_PIXELS
        self._step = steps((rows, shape[layout.columns]), most)
        others = int(np.prod([shape[axis] for axis in layout.others], dtype=np.int64))
        self._part = max(1, -(-others // MOST_POINTS))
        picture = -(-rows // self._step[0]), -(-shape[layout.columns] // self._step[1])
        # Largest share, and largest absolute difference, for each place.
        self._on_picture = np.zeros((2, *picture))
        self._on_others = np.zeros((2, -(-others // self._part)))
        self._ulp = np.zeros(ULP_STEPS, np.int64)
        self._shares = np.zeros(len(SHARES) + 1, np.int64)
        self._unequal = self._drifted = self._one_sided = self._intolerable = 0
        self._largest = self._largest_share = 0.0
        self._worst: tuple[int, ...] | None = None
        self._rank = (False, -1.0)

    def add(self, found: _Found) -> None:
        """Add what differs in one block."""
        block = found.comparison
        comparable = ~block.nonfinite_moved
        self._unequal += len(block.absolute)
        self._drifted += int(block.drifted.sum())
        self._one_sided += int(block.nonfinite_moved.sum())
        self._intolerable += int((np.isinf(block.in_tolerances) & comparable).sum())
        self._ulp += np.bincount(_ulp_steps(block.ulp[comparable]), minlength=ULP_STEPS)
        finite = comparable & np.isfinite(block.in_tolerances)
        steps_of = np.searchsorted(SHARES, block.in_tolerances[finite])
        self._shares += np.bincount(steps_of, minlength=len(SHARES) + 1)
        self._largest_share = max(self._largest_share, float(block.in_tolerances[finite].max(initial=0)))
        self._find_worst(found)
        self._place(found)

    def result(self) -> Spread:
        """Return the counts."""
        in_tolerances = self._largest_share > 0
        which = 0 if in_tolerances else 1
        return Spread(
            unequal=self._unequal,
            drifted=self._drifted,
            one_sided=self._one_sided,
            ulp=self._ulp,
            shares=self._shares,
            intolerable=self._intolerable,
            largest=self._largest,
            largest_share=self._largest_share,
            worst=self._worst,
            on_picture=self._on_picture[which],
            on_others=self._on_others[which],
            steps=(*self._step, self._part),
            in_tolerances=in_tolerances,
        )

    def _find_worst(self, found: _Found) -> None:
        block = found.comparison
        with np.errstate(over="ignore"):
            absolute = block.absolute / block.scale
        self._largest = max(self._largest, float(absolute.max(initial=0, where=np.isfinite(absolute))))
        drifted = bool(block.drifted.any())
        weight = np.where(block.drifted, absolute, -1.0) if drifted else absolute
        flat = int(weight.argmax())
        if (drifted, float(weight[flat])) > self._rank:
            self._rank = drifted, float(weight[flat])
            self._worst = tuple(int(axis[flat]) for axis in found.place)

    def _place(self, found: _Found) -> None:
        block, layout = found.comparison, self._layout
        columns = found.place[layout.columns] // self._step[1]
        rows = 0 * columns if layout.rows is None else found.place[layout.rows] // self._step[0]
        others = np.zeros(len(columns), np.int64)
        for axis in layout.others:
            others = others * self._shape[axis] + found.place[axis]
        for which, values in enumerate((block.in_tolerances, block.absolute)):
            known = np.where(block.nonfinite_moved, np.inf, values)
            np.maximum.at(self._on_picture[which], (rows, columns), known)
            np.maximum.at(self._on_others[which], others // self._part, known)


def _ulp_steps(distance: np.ndarray) -> np.ndarray:
    """Return the step of each distance: its number of binary digits. float64 would round 2**53 + 1."""
    steps_of = np.zeros(distance.shape, np.int64)
    rest = distance.copy()
    while rest.any():
        steps_of += rest > 0
        rest >>= np.uint64(1)
    return steps_of
