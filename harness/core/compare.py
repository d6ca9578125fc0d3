"""Two arrays or two sets of arrays -> how far apart they are, and where. Values, never text.

Names, dtypes, shapes and the positions of NaN and infinity are compared exactly, before any tolerance. Then
every element is: bit by bit, by ULP distance, by absolute and relative difference. Arrays are walked in
blocks, so that mapped ones larger than memory can be compared; how they are cut does not show in a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.archive import release
from harness.core.digest import is_plain
from harness.core.errors import UsageError
from harness.core.tolerance import Tolerance, default_tolerance, read_tolerances
from harness.core.ulp import absolute_difference, bits_differ, ulp_distance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_BLOCK_ELEMENTS = 1 << 16
"""What one comparison needs of so many stays in the processor's cache."""

_RELEASED_BYTES = 1 << 24
"""A golden archive is mapped: pages that were compared are given back after so many bytes."""


class Aspect(str, Enum):
    """In what an array differs; the first that applies."""

    NAME = "name"
    DTYPE = "dtype"
    SHAPE = "shape"
    NONFINITE = "positions of NaN and infinity"
    VALUES = "values"


@dataclass(frozen=True, slots=True)
class Difference:
    """One element that differs beyond the tolerance."""

    index: tuple[int, ...]
    expected: Any
    found: Any


@dataclass(frozen=True, slots=True)
class ArrayDrift:
    """One array against its golden copy.

    Attributes
    ----------
    aspect : Aspect or None
        In what the array drifted; None if it did not.
    expected, found : str
        Dtype and shape of both sides, ``nothing`` for a side without the array.
    tolerance : Tolerance
        What was allowed.
    size, differing, unequal_bits : int
        Elements in all; those beyond the tolerance; those that are not the same bit by bit.
    max_absolute, max_relative : float
        Largest finite differences; relative to the golden value, where that
        is not zero.
    max_ulp : int
        Largest count of representable numbers between two elements; 0 for dtypes without ULPs.
    worst : tuple of int or None
        Index of the first element that differs most, among those beyond the tolerance if there are any, else
        among those that are not the same bit by bit. NaN and infinities differ more than any number.
    """

    name: str
    aspect: Aspect | None
    expected: str
    found: str
    tolerance: Tolerance
    size: int = 0
    differing: int = 0
    unequal_bits: int = 0
    max_absolute: float = 0.0
    max_relative: float = 0.0
    max_ulp: int = 0
    worst: tuple[int, ...] | None = None
    _pair: tuple[np.ndarray, np.ndarray] | None = field(default=None, repr=False, compare=False)

    @property
    def accepted(self) -> bool:
        """Whether the array is its golden copy's equal, within the tolerance."""
        return self.aspect is None

    def differences(self) -> Iterator[Difference]:
        """Every element beyond the tolerance, in C order; none where names, dtypes or shapes differ."""
        if self._pair is None:
            return
        for start, expected, found in blocks(*self._pair):
            beyond = _measure(expected, found, bits_differ(expected, found), self.tolerance).beyond
            for index in np.argwhere(beyond):
                inner = tuple(int(i) for i in index)
                whole = _shifted(inner, start)[: self._pair[0].ndim]
                yield Difference(whole, expected[inner].item(), found[inner].item())


@dataclass(frozen=True, slots=True)
class Drift:
    """Two sets of arrays, one entry per name on either side, sorted by name."""

    arrays: tuple[ArrayDrift, ...]

    @property
    def accepted(self) -> bool:
        """Whether every array is accepted."""
        return all(array.accepted for array in self.arrays)

    @property
    def identical(self) -> bool:
        """Whether both sides are the same, bit by bit."""
        return all(array.accepted and not array.unequal_bits for array in self.arrays)


@dataclass(frozen=True, slots=True)
class _Measure:
    """One block's element-wise comparison; ``relative`` and ``ulp`` are 0 where ``absolute`` is infinite."""

    beyond: np.ndarray
    unequal: np.ndarray
    absolute: np.ndarray
    relative: np.ndarray
    ulp: np.ndarray
    misplaced: bool


def compare(
    expected: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    tolerances: Mapping[str, Tolerance | Mapping[str, float]] | None = None,
) -> Drift:
    """Compare two sets of named arrays, all of them, to the end.

    Parameters
    ----------
    expected, found : mapping of str to ndarray
        The golden arrays and the new ones; any shapes and plain dtypes.
    tolerances : mapping of str to Tolerance or mapping, optional
        By array name, keys ``atol``, ``rtol`` and ``ulp``; by dtype, as torch.testing has it, where absent.

    Raises
    ------
    UsageError
        If a tolerance names no array or has an unknown key, or an array's dtype is not a plain one.
    """
    names = expected.keys() | found.keys()
    allowed = read_tolerances(tolerances, set(names))
    return Drift(
        tuple(
            compare_arrays(name, expected.get(name), found.get(name), allowed.get(name))
            for name in sorted(names)
        )
    )


def compare_arrays(
    name: str, expected: np.ndarray | None, found: np.ndarray | None, tolerance: Tolerance | None = None
) -> ArrayDrift:
    """Compare one array with its golden copy; None stands for a side that has none."""
    told, seen = _describe(expected), _describe(found)
    for side in (expected, found):
        _require_plain(name, side)
    if expected is None or found is None:
        return ArrayDrift(name, Aspect.NAME, told, seen, tolerance or Tolerance())
    allowed = tolerance or default_tolerance(expected.dtype)
    if expected.dtype.newbyteorder("=") != found.dtype.newbyteorder("="):
        return ArrayDrift(name, Aspect.DTYPE, told, seen, allowed)
    if expected.shape != found.shape:
        return ArrayDrift(name, Aspect.SHAPE, told, seen, allowed)
    return _walk(ArrayDrift(name, None, told, seen, allowed, expected.size, _pair=(expected, found)))


def _walk(drift: ArrayDrift) -> ArrayDrift:
    """Fill in what all blocks of a pair come to."""
    assert drift._pair is not None  # noqa: S101, SLF001 - set by the only caller
    tally = _Tally(drift._pair[0].ndim)  # noqa: SLF001 - same room
    held = 0
    for start, expected, found in blocks(*drift._pair):  # noqa: SLF001 - same room
        held += expected.nbytes
        if held > _RELEASED_BYTES:
            held = 0
            for side in drift._pair:  # noqa: SLF001 - same room
                release(side)
        unequal = bits_differ(expected, found)
        if unequal.any():  # most blocks are the same bit by bit, and nothing else needs asking
            tally.add(start, _measure(expected, found, unequal, drift.tolerance))
    return ArrayDrift(
        drift.name,
        tally.aspect,
        drift.expected,
        drift.found,
        drift.tolerance,
        drift.size,
        tally.differing,
        tally.unequal_bits,
        tally.max_absolute,
        tally.max_relative,
        tally.max_ulp,
        tally.worst,
        drift._pair,  # noqa: SLF001 - same room
    )


class _Tally:
    """What the blocks seen so far come to."""

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim
        self.misplaced = False
        self.differing = self.unequal_bits = self.max_ulp = 0
        self.max_absolute = self.max_relative = 0.0
        self.worst: tuple[int, ...] | None = None
        self._worst_rank = (False, 0.0)

    @property
    def aspect(self) -> Aspect | None:
        if self.misplaced:
            return Aspect.NONFINITE
        return Aspect.VALUES if self.differing else None

    def add(self, start: tuple[int, ...], block: _Measure) -> None:
        self.misplaced |= block.misplaced
        self.differing += int(np.count_nonzero(block.beyond))
        self.unequal_bits += int(np.count_nonzero(block.unequal))
        finite = np.isfinite(block.absolute)
        self.max_absolute = max(self.max_absolute, float(block.absolute.max(initial=0, where=finite)))
        self.max_relative = max(self.max_relative, float(block.relative.max(initial=0)))
        self.max_ulp = max(self.max_ulp, int(block.ulp.max(initial=0)))
        self._find_worst(start, block)

    def _find_worst(self, start: tuple[int, ...], block: _Measure) -> None:
        """Keep the largest difference, one beyond the tolerance before any within it."""
        beyond = bool(block.beyond.any())
        candidates = block.beyond if beyond else block.unequal
        if not candidates.any():
            return
        weight = np.where(candidates, block.absolute, -1.0)
        flat = int(np.argmax(weight))
        rank = (beyond, float(weight.flat[flat]))
        if self.worst is None or rank > self._worst_rank:
            inner = tuple(int(i) for i in np.unravel_index(flat, block.beyond.shape))
            self.worst, self._worst_rank = _shifted(inner, start)[: self.ndim], rank


def _measure(expected: np.ndarray, found: np.ndarray, unequal: np.ndarray, tolerance: Tolerance) -> _Measure:
    absolute = absolute_difference(expected, found)
    ulp = ulp_distance(expected, found)
    misplaced = _nonfinite_unlike(expected, found)
    comparable = np.isfinite(absolute)
    with np.errstate(over="ignore", invalid="ignore"):
        magnitude = _magnitude(expected)
        beyond = absolute > tolerance.atol + tolerance.rtol * magnitude
        if tolerance.ulp and expected.dtype.kind in "fc":
            beyond &= ulp > tolerance.ulp
        relative = np.divide(
            absolute, magnitude, out=np.zeros_like(absolute), where=comparable & (magnitude > 0)
        )
    return _Measure(
        beyond=beyond | misplaced,
        unequal=unequal,
        absolute=absolute,
        relative=relative,
        ulp=np.where(comparable, ulp, 0),
        misplaced=bool(misplaced.any()),
    )


def _nonfinite_unlike(expected: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Where one side has NaN or an infinity and the other does not have the same; by part if complex."""
    if expected.dtype.kind == "c":
        real, imag = (
            _nonfinite_unlike(expected.real, found.real),
            _nonfinite_unlike(expected.imag, found.imag),
        )
        return np.asarray(real | imag)
    if expected.dtype.kind != "f":
        return np.zeros(expected.shape, bool)
    settled = np.isfinite(expected) & np.isfinite(found)
    alike = (np.isnan(expected) & np.isnan(found)) | (expected == found)
    return np.asarray(~settled & ~alike)


def _magnitude(values: np.ndarray) -> np.ndarray:
    """``|values|`` as float64, parts that are not finite left out; 0 for what has no magnitude."""
    if values.dtype.kind == "c":
        return np.asarray(np.hypot(_magnitude(values.real), _magnitude(values.imag)))
    if values.dtype.kind not in "biuf":
        return np.zeros(values.shape)
    wide: np.ndarray = np.abs(values.astype(np.float64))
    return np.asarray(np.where(np.isfinite(wide), wide, 0.0))


def blocks(
    expected: np.ndarray, found: np.ndarray
) -> Iterator[tuple[tuple[int, ...], np.ndarray, np.ndarray]]:
    """Pairs of blocks of one shape's arrays in C order, with the index of the first element; a scalar is one.

    A block is a run along the first axis whose steps are no larger than a block, whole in all axes after it.
    """
    one, other = np.atleast_1d(expected), np.atleast_1d(found)
    axis, rest = 0, math.prod(one.shape[1:])
    while rest > _BLOCK_ELEMENTS:
        axis, rest = axis + 1, rest // one.shape[axis + 1]
    step = max(1, _BLOCK_ELEMENTS // max(1, rest))
    for lead in np.ndindex(one.shape[:axis]):
        for start in range(0, one.shape[axis], step):
            inner = slice(start, start + step)
            yield (*lead, start), np.asarray(one[lead][inner]), np.asarray(other[lead][inner])


def _shifted(index: tuple[int, ...], start: tuple[int, ...]) -> tuple[int, ...]:
    """Index in the whole array of an element of the block that begins at *start*."""
    *lead, first = start
    return (*lead, index[0] + first, *index[1:])


def _require_plain(name: str, array: np.ndarray | None) -> None:
    if array is not None and not is_plain(array.dtype):
        raise UsageError(
            f"array {name!r}",
            expected="a boolean, integer, floating (half to double), complex, string or date dtype",
            found=f"{array.dtype}",
            remedy="Convert it with astype() first.",
        )


def _describe(array: np.ndarray | None) -> str:
    return "nothing" if array is None else f"{array.dtype.name} {array.shape}"
