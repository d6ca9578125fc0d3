"""Golden and new arrays -> how far apart they are, in the figures of a sample: every tolerance is zero."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.samples import ArraySample, Deviation, Spread
from harness.core.fixtures.blocks import blocks
from harness.core.fixtures.compare import Aspect, compare_arrays
from harness.core.fixtures.elementwise import absolute_difference, magnitude
from harness.core.fixtures.tolerance import Tolerance, largest_magnitude

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.fixtures.compare import ArrayDrift

_NUMBERS = "biufcmM"
_MOST = float(np.finfo(np.float64).max)


def array_sample(  # noqa: PLR0913 - what a check knows
    digest: str,
    golden: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    *,
    test: str,
    dtypes: Mapping[str, str] | None = None,
    rejected: frozenset[str] = frozenset(),
) -> ArraySample:
    """Return how far each array of a check is from its golden copy.

    Parameters
    ----------
    digest : str
        Of the golden arrays.
    golden, found : mapping of str to ndarray
    test : str
        The test's id.
    dtypes : mapping of str to str, optional
        Dtypes of values that are stored as another one, by array.
    rejected : frozenset of str
        Arrays that the check does not accept.
    """
    arrays = {
        name: deviation(
            name,
            golden.get(name),
            found.get(name),
            dtype=(dtypes or {}).get(name),
            accepted=name not in rejected,
        )
        for name in sorted(golden.keys() | found.keys())
    }
    return ArraySample(digest, (test,), arrays)


def deviation(
    name: str,
    golden: np.ndarray | None,
    found: np.ndarray | None,
    *,
    dtype: str | None = None,
    accepted: bool = True,
) -> Deviation:
    """Return how far one array is from its golden copy; None if there is no such array.

    Examples
    --------
    >>> found = deviation("power", np.array([1.0, 4.0]), np.array([1.0, 4.5]))
    >>> found.spread.absolute, found.spread.relative, found.spread.index
    (0.5, 0.125, (1,))
    """
    drift = compare_arrays(name, golden, found, Tolerance())
    if golden is None or found is None or drift.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}:
        known = found if golden is None else golden
        unlike = f"expected {drift.expected}, found {drift.found}"
        shape = () if known is None else known.shape
        return Deviation(str(getattr(known, "dtype", "")), shape, accepted=False, unlike=unlike)
    is_number = golden.dtype.kind in _NUMBERS
    scale = largest_magnitude(golden) if golden.dtype.kind in "biufc" else 0.0
    spread = spread_of(drift, golden, found, scale) if drift.drifted or drift.incomparable else Spread()
    shown = dtype or (golden.dtype.name if is_number else golden.dtype.str)
    return Deviation(shown, golden.shape, scale, spread, accepted)


def spread_of(drift: ArrayDrift, golden: np.ndarray, found: np.ndarray, scale: float) -> Spread:
    """Return the figures of two arrays of one dtype and shape that differ."""
    is_number = golden.dtype.kind in _NUMBERS
    relative: float | None = drift.max_relative
    if not is_number or not math.isfinite(drift.max_relative) or _zeros_differ(golden, found):
        relative = None
    return Spread(
        differing=drift.drifted + drift.incomparable,
        absolute=float(min(drift.max_absolute, _MOST)),
        relative=relative,
        ulp=drift.max_ulp,
        index=drift.worst,
        change=relative_change(golden, found, scale) if golden.dtype.kind in "biufc" else 0.0,
        moved=bool(drift.incomparable) or not is_number,
    )


def relative_change(golden: np.ndarray, found: np.ndarray, scale: float = 0.0) -> float:
    """Return the norm of the difference, relative to that of the larger array; only finite elements count.

    >>> relative_change(np.array([0.0, 4.0]), np.array([3.0, 4.0]))
    0.6
    """
    unit = scale or max(largest_magnitude(golden), largest_magnitude(found)) or 1.0
    moved = one = other = 0.0
    for _, block, its in blocks(golden, found):
        moved += _squares(absolute_difference(block, its), unit)
        one += _squares(magnitude(block), unit)
        other += _squares(magnitude(its), unit)
    size = max(one, other)
    return min(math.sqrt(moved / size), 2.0) if size and math.isfinite(size) else 2.0 * bool(moved)


def _squares(values: np.ndarray, unit: float) -> float:
    finite = values[np.isfinite(values)] / unit
    with np.errstate(over="ignore", under="ignore"):
        return float(np.sum(finite * finite))


def _zeros_differ(golden: np.ndarray, found: np.ndarray) -> bool:
    """Whether an element differs whose golden value is zero, so that no relative tolerance holds it."""
    if golden.dtype.kind not in "biufc":
        return True
    return any(bool(np.any((block == 0) & (its != 0))) for _, block, its in blocks(golden, found))
