"""What values an array has: least, largest, how many are not finite; and which colours show them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.fixtures.blocks import blocks
from harness.core.fixtures.elementwise import plain_value
from harness.report.drawing.colours import Scale, digits_for, number

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAMPLED = 100_000
"""Elements by which it is decided whether colours are logarithmic."""

_ROUNDING = 16
"""Last places of its largest value by which a constant array may vary."""

_STEEP = 100.0
"""Largest value over the median from which most of a picture would have the darkest colour."""

_DECADES = 1e6
"""Largest over least value on a logarithmic scale."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Values of an array of numbers; of complex ones, the amplitudes.

    Attributes
    ----------
    low, high : int, float or None
        Least and largest finite value; None if there is none. Integers are exact.
    at : tuple of int
        Index of the largest.
    nans, infinities : int
        Elements that are not finite.
    """

    low: float | None
    high: float | None
    at: tuple[int, ...] = ()
    nans: int = 0
    infinities: int = 0

    @property
    def text(self) -> str:
        """The range in words: ``0 to 2.96``."""
        if self.low is None or self.high is None:
            return "no finite value"
        digits = digits_for(self.low, self.high)
        low, high = number(self.low, digits), number(self.high, digits)
        return low if self.low == self.high else f"{low} to {high}"

    @property
    def not_finite(self) -> str:
        """How many elements are not finite; empty if all are."""
        counts = ((self.nans, "NaN"), (self.infinities, "infinite"))
        return " and ".join(f"{count} {what}" for count, what in counts if count)


def extent_of(array: np.ndarray) -> Extent:
    """Return the extent of an array of numbers; a mapped one is read in blocks.

    Examples
    --------
    >>> extent_of(np.array([1.0, np.nan, -2.0]))
    Extent(low=-2.0, high=1.0, at=(0,), nans=1, infinities=0)
    """
    low = high = None
    at: tuple[int, ...] = ()
    nans = infinities = 0
    for start, block, _ in blocks(array, array):
        sizes = sizes_of(block)
        finite = np.isfinite(sizes)
        nans += int(np.isnan(sizes).sum())
        infinities += int(np.isinf(sizes).sum())
        if not finite.any():
            continue
        kept = sizes[finite]
        least, largest = plain_value(kept.min()), plain_value(kept.max())
        low = least if low is None else min(low, least)
        if high is None or largest > high:
            high, at = largest, _index_of(finite & (sizes == largest), start, array.ndim)
    return Extent(low, high, at, nans, infinities)


def sizes_of(values: np.ndarray) -> np.ndarray:
    """Return real values as they are, truth values as 0 and 1, and complex ones by their amplitude."""
    if values.dtype.kind == "c":
        with np.errstate(all="ignore"):
            return np.asarray(np.hypot(values.real.astype(np.float64), values.imag.astype(np.float64)))
    return values.astype(np.uint8) if values.dtype.kind == "b" else values


def shared_limits(extents: Iterable[Extent]) -> tuple[float, float]:
    """Return the least and the largest value of all; 0 and 0 if there is none.

    >>> shared_limits([Extent(0, 2), Extent(None, None), Extent(-1, 1)])
    (-1.0, 2.0)
    """
    known = [(extent.low, extent.high) for extent in extents]
    lows = [float(low) for low, _ in known if low is not None]
    highs = [float(high) for _, high in known if high is not None]
    return min(lows, default=0.0), max(highs, default=0.0)


def shared_scale(arrays: Iterable[np.ndarray], limits: tuple[float, float]) -> Scale:
    """Return the scale on which arrays are compared: logarithmic if it would hide most of the first.

    An array that is constant but for rounding has one colour: its noise would look like a pattern.
    """
    low, high = limits
    first = next(iter(arrays))
    if first.dtype.kind in "fc" and high - low <= _ROUNDING * float(np.finfo(first.dtype).eps) * abs(high):
        return Scale("sequential", high, high)
    if low >= 0 and math.isfinite(high) and first.dtype.kind in "iuf" and first.size:
        sample = first.reshape(-1)[:: max(1, first.size // _SAMPLED)].astype(np.float64)
        positive = sample[np.isfinite(sample) & (sample > 0)]
        if positive.size and high > _STEEP * float(np.median(positive)):
            return Scale("log", max(float(positive.min()), high / _DECADES), high)
    return Scale("sequential", low, high)


def _index_of(flags: np.ndarray, start: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Index in the whole array of the first flag in the block that begins at *start*."""
    inner = np.unravel_index(int(flags.argmax()), flags.shape)
    *lead, first = start
    return (*lead, int(inner[0]) + first, *map(int, inner[1:]))[:ndim]
