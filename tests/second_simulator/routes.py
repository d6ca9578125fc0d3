"""Scan routes: in which order, and at which places, patterns are taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Route = Callable[[np.random.Generator, int, float], np.ndarray]

GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def fermat(rng: np.random.Generator, count: int, step: float) -> np.ndarray:
    """Return a Fermat spiral from its centre outwards, one point for each *step* squared."""
    index = np.arange(count) + 0.5
    radius, angle = step * np.sqrt(index / np.pi), GOLDEN_ANGLE * index + rng.uniform(0, 2 * np.pi)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)])


def raster(_: np.random.Generator, count: int, step: float) -> np.ndarray:
    """Return rows from left to right, the first row at the top."""
    columns = _columns(count)
    row, column = np.divmod(np.arange(count), columns)
    return step * np.stack([column - (columns - 1) / 2, row - row.max() / 2])


def snake(_: np.random.Generator, count: int, step: float) -> np.ndarray:
    """Return rows of which every second one is run through from right to left."""
    columns = _columns(count)
    row, column = np.divmod(np.arange(count), columns)
    return step * np.stack(
        [np.where(row % 2, columns - 1 - column, column) - (columns - 1) / 2, row - row.max() / 2]
    )


def jittered(rng: np.random.Generator, count: int, step: float) -> np.ndarray:
    """Return a raster whose positions differ from it by up to a quarter of the step."""
    return raster(rng, count, step) + rng.uniform(-0.25 * step, 0.25 * step, (2, count))


def sparse(rng: np.random.Generator, count: int, step: float) -> np.ndarray:
    """Return places half as dense as asked for, far from any raster, in no order."""
    wide = 1.4 * step
    return rng.permutation(
        raster(rng, count, wide) + rng.uniform(-0.45 * wide, 0.45 * wide, (2, count)), axis=1
    )


def twice(rng: np.random.Generator, count: int, step: float) -> np.ndarray:
    """Return a jittered raster that is run through, then run through again: every place is visited twice."""
    places = jittered(rng, (count + 1) // 2, step)
    return np.concatenate([places, places], axis=1)[:, :count]


ROUTES: dict[str, Route] = {
    "fermat": fermat,
    "raster": raster,
    "snake": snake,
    "jittered": jittered,
    "sparse": sparse,
    "twice": twice,
}


def columns_of(count: int) -> int:
    """Return how many positions a row of a raster or snake has."""
    return _columns(count)


def _columns(count: int) -> int:
    return int(np.ceil(np.sqrt(count)))
