"""The positions: another frame or unit, moved together, rounded, or each by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.position_fit import Similarity, fit_similarity
from harness.ptycho.check.position_mistakes import (
    LEAST_FIRST_STEP,
    LEAST_MOVE,
    SEARCHED_OFFSETS,
    SEARCHED_SCALES,
    refined_similarity,
)
from harness.ptycho.scan.residual import squared_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "position"
SEARCH_PATTERNS = 16


class Frame(NamedTuple):
    """A mistake in the coordinates' frame; *undo* returns the right x and y of a stored dataset."""

    name: str
    remedy: str
    undo: Callable[[Dataset], tuple[np.ndarray, np.ndarray]]


def _mirrored(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    return data.object.shape[1] - data.x, data.object.shape[0] - data.y


def _moved(rows: float, columns: float) -> Callable[[Dataset], tuple[np.ndarray, np.ndarray]]:
    return lambda d: (d.x + columns * d.probe.shape[1], d.y + rows * d.probe.shape[0])


FRAMES = (
    Frame("x and y swapped", "Exchange xcoords and ycoords.", lambda d: (d.y, d.x)),
    Frame(
        "top-left coordinates where patch centres are expected",
        "Add half the detector: xcoords + W / 2, ycoords + H / 2.",
        _moved(0.5, 0.5),
    ),
    Frame(
        "coordinates too large by half a detector",
        "Subtract half the detector: xcoords - W / 2, ycoords - H / 2.",
        _moved(-0.5, -0.5),
    ),
    Frame(
        "coordinates measured from the object's centre",
        "Add half the object: xcoords + M' / 2, ycoords + M / 2.",
        lambda d: (d.x + d.object.shape[1] / 2, d.y + d.object.shape[0] / 2),
    ),
    Frame(
        "x increasing from right to left",
        "Store M' - xcoords, where M' is the number of object columns.",
        lambda d: (_mirrored(d)[0], d.y),
    ),
    Frame(
        "y increasing upwards",
        "Store M - ycoords, where M is the number of object rows.",
        lambda d: (d.x, _mirrored(d)[1]),
    ),
    Frame("both coordinate axes reversed", "Store M' - xcoords and M - ycoords.", _mirrored),
)
"""Mistakes in the coordinates' frame, the most frequent ones first."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the similarities that a fit from the stored positions finds."""
    found = Similarity()
    for offset_only in (True, False):
        moved = found.move(evidence.few)
        first = fit_similarity(moved, offset_only=offset_only, steps=1)
        if first.largest_move(evidence.few) >= LEAST_FIRST_STEP:
            found = refined_similarity(found, evidence.few, offset_only=offset_only)
            yield from _similar(found, evidence.few, offset_only=offset_only)


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield the mistakes in the frame, and the best of grids of offsets and scales, refined by a fit."""
    yield from (_framed(frame) for frame in FRAMES)
    yield from _searched(evidence.few)


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield the mistakes in the frame that put patches outside the object."""
    return (_framed(frame) for frame in FRAMES)


def _framed(frame: Frame) -> Correction:
    def apply(data: Dataset) -> Dataset:
        x, y = frame.undo(data)
        return replace(data, x=x, y=y)

    return Correction(PART, frame.name, frame.remedy, apply)


def _searched(data: Dataset) -> Iterator[Correction]:
    few = data.take(np.linspace(0, len(data.x) - 1, min(SEARCH_PATTERNS, len(data.x))).astype(np.intp))
    middle = complex(data.x.mean(), data.y.mean())
    grids = (
        [Similarity(offset=complex(dx, dy)) for dx in SEARCHED_OFFSETS for dy in SEARCHED_OFFSETS],
        [Similarity(factor) for factor in SEARCHED_SCALES],
        [Similarity(factor, middle * (1 - factor)) for factor in SEARCHED_SCALES],
    )
    for number, grid in enumerate(grids):
        best = min(grid, key=lambda similarity: _misfit(similarity.move(few)))
        if np.isfinite(_misfit(best.move(few))):
            found = refined_similarity(best, data, offset_only=number == 0)
            yield from _similar(found, data, offset_only=number == 0)


def _similar(similarity: Similarity, data: Dataset, *, offset_only: bool) -> Iterator[Correction]:
    if similarity.largest_move(data) >= LEAST_MOVE:
        name, remedy = _described(similarity, offset_only=offset_only)
        yield Correction(
            PART, name, remedy, similarity.move, parameters=2 if offset_only else 4, is_material=True
        )


def _described(similarity: Similarity, *, offset_only: bool) -> tuple[str, str]:
    dx, dy = similarity.offset.real, similarity.offset.imag
    shift = f"({dx:+.2f}, {dy:+.2f}) px to (x, y)"
    if offset_only:
        return f"coordinates off by ({-dx:+.2f}, {-dy:+.2f}) px in (x, y)", f"Add {shift}."
    scale, rotation = abs(similarity.factor), np.degrees(np.angle(similarity.factor))
    return (
        f"coordinates scaled by {1 / scale:.4g} and rotated by {-rotation:.2f} degrees",
        f"Multiply the coordinates by {scale:.4g} and add {shift}.",
    )


def _misfit(data: Dataset) -> float:
    keep = np.flatnonzero(data.inside)
    if len(keep) < len(data.x) / 2:
        return np.inf
    some = data.take(keep)
    return float(squared_errors(some.predict(), some.diffraction).sum())
