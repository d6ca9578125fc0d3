"""Down-sampling for the eye: means of blocks, the largest difference of a block, and envelopes of curves.

Nothing here is silent: what was done is part of the result, as text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_PIXELS = 192
"""Rows and columns of a picture."""

MOST_POINTS = 800
"""Points of a curve; a longer one is shown by the least and the largest value of each part."""


class Reduced(NamedTuple):
    """An array that was down-sampled, as float64.

    ``blank`` is where a block has an element that is not finite; ``step`` is the block's rows and columns.
    """

    values: np.ndarray
    blank: np.ndarray
    step: tuple[int, int]

    @property
    def is_whole(self) -> bool:
        """Whether every element is shown."""
        return self.step == (1, 1)


class Curve(NamedTuple):
    """Points of a curve; y is NaN where the array is not finite. ``step`` elements make one part."""

    x: np.ndarray
    y: np.ndarray
    step: int


def steps(shape: tuple[int, int], most: int = MOST_PIXELS) -> tuple[int, int]:
    """Return the rows and columns of a block with which an array of *shape* fits into *most* pixels.

    >>> steps((100, 516))
    (1, 3)
    """
    rows, columns = (max(1, -(-size // most)) for size in shape)
    return rows, columns


def block_means(values: np.ndarray, most: int = MOST_PIXELS) -> Reduced:
    """Return the mean of each block's finite elements; *values* is (rows, columns), real."""
    step = steps((values.shape[0], values.shape[1]), most)
    wide, finite = _finite(values)
    area = step[0] * step[1]
    share = _by_block(finite / area, step, np.add)
    sums = _by_block(wide / area, step, np.add)
    means = np.divide(sums, share, out=np.zeros_like(sums), where=share > 0)
    return Reduced(means, _by_block(~finite, step, np.logical_or), step)


def block_phases(values: np.ndarray, most: int = MOST_PIXELS) -> Reduced:
    """Return the phases of the blocks' means, (rows, columns) complex: angles themselves have no mean."""
    wide = values.astype(np.complex128)
    sizes = np.maximum(np.abs(wide.real), np.abs(wide.imag))
    unit = float(sizes.max(initial=0.0, where=np.isfinite(sizes))) or 1.0  # sums must not overflow
    real, imaginary = block_means(wide.real / unit, most), block_means(wide.imag / unit, most)
    phases = np.arctan2(imaginary.values, real.values)
    return Reduced(phases, real.blank | imaginary.blank, real.step)


def block_extremes(values: np.ndarray, most: int = MOST_PIXELS) -> Reduced:
    """Return of each block the finite element farthest from 0: a single difference stays visible."""
    step = steps((values.shape[0], values.shape[1]), most)
    wide, finite = _finite(values)
    high, low = _by_block(wide, step, np.maximum), _by_block(wide, step, np.minimum)
    return Reduced(np.where(high >= -low, high, low), _by_block(~finite, step, np.logical_or), step)


def block_any(flags: np.ndarray, most: int = MOST_PIXELS) -> np.ndarray:
    """Return whether a block has a flag."""
    return _by_block(flags, steps((flags.shape[0], flags.shape[1]), most), np.logical_or)


def envelope(values: np.ndarray, most: int = MOST_POINTS) -> Curve:
    """Return a one-dimensional array as a curve that keeps every extreme value.

    >>> curve = envelope(np.eye(1, 10_000, 5_000)[0])
    >>> len(curve.x), float(curve.y.max()), int(curve.x[curve.y.argmax()])
    (800, 1.0, 5000)
    """
    wide, finite = _finite(values)
    wide = np.where(finite, wide, np.nan)
    if len(values) <= most:
        return Curve(np.arange(len(values)), wide, 1)
    step = -(-2 * len(values) // most)
    padding = -len(values) % step
    table = np.pad(wide, (0, padding), constant_values=np.nan).reshape(-1, step)
    least = np.where(np.isnan(table), np.inf, table).argmin(axis=1)
    largest = np.where(np.isnan(table), -np.inf, table).argmax(axis=1)
    inner = np.sort(np.stack([least, largest], axis=1), axis=1)
    x = (inner + step * np.arange(len(table))[:, None]).ravel()
    return Curve(x, np.take_along_axis(table, inner, axis=1).ravel(), step)


def reduction_note(step: tuple[int, int], shape: tuple[int, ...], how: str) -> str:
    """Return what a picture shows of an array that was down-sampled; empty if it was not.

    >>> reduction_note((3, 3), (516, 516), "mean")
    '516 x 516 elements, shown by the mean of each block of 3 x 3.'
    """
    if step == (1, 1):
        return ""
    size = " x ".join(map(str, shape))
    return f"{size} elements, shown by the {how} of each block of {step[0]} x {step[1]}."


def curve_note(step: int, size: int) -> str:
    """Return what a curve shows of an array that was down-sampled; empty if it was not."""
    if step == 1:
        return ""
    return f"{size} elements, shown by the least and the largest of each {step}."


def _finite(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values as float64 with 0 where they are not finite, and where they are finite."""
    wide = values.astype(np.float64)
    finite = np.isfinite(wide)
    return np.where(finite, wide, 0.0), finite


def _by_block(
    values: np.ndarray, step: tuple[int, int], combine: Callable[..., np.ndarray] | np.ufunc
) -> np.ndarray:
    """Combine the elements of each block; blocks at the far edges may be smaller."""
    for axis, size in enumerate(step):
        if size > 1:
            starts = np.arange(0, values.shape[axis], size)
            values = combine.reduceat(values, starts, axis=axis)  # type: ignore[union-attr]
    return np.asarray(values)
