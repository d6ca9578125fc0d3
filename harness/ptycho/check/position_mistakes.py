"""Candidates for wrong coordinates: shifted, scaled or rotated together, or rounded to whole pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.mistakes import Candidate
from harness.ptycho.check.position_fit import (
    Similarity,
    fit_similarity,
    movable_positions,
    normal_equations,
    with_fitted_positions,
)
from harness.ptycho.scan.residual import Dataset, squared_errors

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_MOVE = 0.5
"""Pixels by which a position must be off to be reported; valid scans fit to 0.1 px, a measured one too."""

SEARCH_PATTERNS = 16
"""Patterns that a search over many similarities uses."""

SEARCHED_SCALES = np.exp(np.arange(-12, 13) * 0.08)
"""Scales from 0.38 to 2.6, 8 % apart: near enough for a fit to converge."""

SEARCHED_OFFSETS = np.arange(-16, 17, 4)
"""Offsets in pixels along each axis, near enough for a fit to converge."""

FINAL_STEPS = 1
"""Steps of the fit to all patterns, after the fit to a few."""

LEAST_FIRST_STEP = 0.25
"""A fit whose first step moves no position by this many pixels is not continued."""

ROUNDED_GAIN = 0.003
ROUNDED_MOVE = 0.2
"""Root mean square of the fitted moves, in pixels: 0.24 to 0.5 for rounded positions, at most 0.17 for
others."""

LEAST_ROTATION = 0.2
"""Degrees from which on a rotation is named: 0.2 px at 60 px from the middle."""


def local_candidates(data: Dataset, index: np.ndarray) -> Iterator[Candidate]:
    """Yield the similarities that a fit from the stored positions finds, and rounding if all are whole.

    Parameters
    ----------
    data : Dataset
        The patterns *index* of the whole dataset.
    index : (n,) int
    """
    found = Similarity()
    for offset_only in (True, False):  # the second fit starts from where the first one ended
        moved = found.move(data)
        if fit_similarity(moved, offset_only=offset_only, steps=1).largest_move(data) >= LEAST_FIRST_STEP:
            found = refined_similarity(found, data, offset_only=offset_only)
            yield from similarity_candidates(found, data, index, offset_only=offset_only)
    if _are_whole(data) and _rms_move(data) >= ROUNDED_MOVE:
        yield Candidate(
            name="coordinates rounded to whole pixels",
            remedy="Store the coordinates as measured, with their fractions.",
            index=index,
            predicted=with_fitted_positions(data).predict(),
            least_gain=ROUNDED_GAIN,
        )


def searched_candidates(data: Dataset, index: np.ndarray) -> Iterator[Candidate]:
    """Yield the best of a grid of offsets and of two grids of scales, each refined by a fit.

    Scales are searched about the coordinates' zero and about their middle. Parameters as for
    :func:`local_candidates`.
    """
    few = _few(data)
    middle = complex(data.x.mean(), data.y.mean())
    grids = (
        [Similarity(offset=complex(dx, dy)) for dx in SEARCHED_OFFSETS for dy in SEARCHED_OFFSETS],
        [Similarity(factor) for factor in SEARCHED_SCALES],
        [Similarity(factor, middle * (1 - factor)) for factor in SEARCHED_SCALES],
    )
    for number, grid in enumerate(grids):
        # Only 16 patterns per grid point: the fit that follows decides, the grid must only come near enough.
        best = min(grid, key=lambda similarity: _misfit(similarity.move(few)))
        if np.isfinite(_misfit(best.move(few))):
            found = refined_similarity(best, data, offset_only=number == 0)
            yield from similarity_candidates(found, data, index, offset_only=number == 0)


def refined_similarity(start: Similarity, data: Dataset, *, offset_only: bool) -> Similarity:
    """Return the similarity that a fit finds from *start*: first on few patterns, then one step on all."""
    near = start.then(fit_similarity(start.move(_few(data)), offset_only=offset_only))
    return near.then(fit_similarity(near.move(data), offset_only=offset_only, steps=FINAL_STEPS))


def similarity_candidates(
    similarity: Similarity, data: Dataset, index: np.ndarray, *, offset_only: bool
) -> Iterator[Candidate]:
    """Yield *similarity* as a candidate if it moves positions far enough and keeps most inside the object."""
    moved = similarity.move(data)
    keep = np.flatnonzero(moved.inside)
    if similarity.largest_move(data) >= LEAST_MOVE and len(keep) >= len(index) / 2:
        name, remedy = _described(similarity, offset_only=offset_only)
        yield Candidate(name, remedy, index[keep], moved.take(keep).predict())


def _few(data: Dataset) -> Dataset:
    count = len(data.x)
    return data.take(np.linspace(0, count - 1, min(SEARCH_PATTERNS, count)).astype(np.intp))


def _described(similarity: Similarity, *, offset_only: bool) -> tuple[str, str]:
    """Return name and remedy; the name says what was done to the right coordinates, the inverse."""
    dx, dy = similarity.offset.real, similarity.offset.imag
    shift = f"({dx:+.2f}, {dy:+.2f}) px to (x, y)"
    if offset_only:
        return f"coordinates off by ({-dx:+.2f}, {-dy:+.2f}) px in (x, y)", f"Add {shift}."
    scale, rotation = abs(similarity.factor), np.degrees(np.angle(similarity.factor))
    name = f"coordinates scaled by {1 / scale:.4g}"
    name += f" and rotated by {-rotation:.2f} degrees" if abs(rotation) > LEAST_ROTATION else ""
    return name, f"Multiply the coordinates by {scale:.4g} and add {shift}."


def _misfit(data: Dataset) -> float:
    """Return the squared residual of the patches inside the object; infinite if fewer than half are."""
    keep = np.flatnonzero(data.inside)
    if len(keep) < len(data.x) / 2:
        return np.inf
    some = data.take(keep)
    return float(squared_errors(some.predict(), some.diffraction).sum())


def _are_whole(data: Dataset) -> bool:
    return bool(np.all(data.x == np.rint(data.x)) and np.all(data.y == np.rint(data.y)))


def _rms_move(data: Dataset) -> float:
    """Return the root mean square of the positions' own fitted moves, less that of noise, in pixels."""
    some = data.take(movable_positions(data))
    if not len(some.x):
        return 0.0
    equations = normal_equations(some)
    excess = equations.displacements() ** 2 - equations.variances()
    return float(np.sqrt(max(np.mean(excess.sum(axis=1)), 0.0)))
