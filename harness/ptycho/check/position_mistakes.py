"""Coordinates that are off: a frame moved, scaled or turned, or rounded to whole pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.mistakes import Trial
from harness.ptycho.check.position_fit import Frame, fit, refined, room, slopes
from harness.ptycho.scan.residual import Dataset, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

LEAST_MOVE = 0.5
"""Pixels by which a position must be off to be called off; honest scans fit to 0.1 px, a measured one too."""

FEW = 16
"""Patterns that a search over many frames looks at."""

FACTORS = np.exp(np.arange(-12, 13) * 0.08)
"""Scales from 0.38 to 2.6, 8 % apart: within the reach of a fit."""

OFFSETS = np.arange(-16, 17, 4)
"""Offsets in pixels along each axis, near enough for a fit."""

LAST = 1
"""Steps of the fit to all patterns, from where a few have led."""

START = 0.25
"""A frame that fits by less than this many pixels in its first step is not fitted on."""

ROUNDED_GAIN = 0.003
ROUNDED_MOVE = 0.2
"""Root mean square of the fitted moves, in pixels: 0.24 to 0.5 for rounded positions, at most 0.17 for
others."""


def nearby_trials(data: Dataset, index: np.ndarray) -> Iterator[Trial]:
    """Yield frames that a fit from the stored one leads to, and positions fitted one by one where whole.

    data : the patterns *index* of the dataset.
    """
    frame = Frame()
    for rigid in (True, False):
        if fit(frame.move(data), rigid=rigid, steps=1).largest(data) >= START:
            frame = fitted(frame, data, rigid=rigid)
            yield from frame_trials(frame, data, index, rigid=rigid)
    if _are_whole(data) and _rounding(data) >= ROUNDED_MOVE:
        yield Trial(
            "coordinates rounded to whole pixels",
            "Store the coordinates as measured, with their fractions.",
            index,
            refined(data).predict(),
            least_gain=ROUNDED_GAIN,
        )


def searched_trials(data: Dataset, index: np.ndarray) -> Iterator[Trial]:
    """Yield the best frame of a grid of offsets and of two grids of scales, each fitted on from there."""
    few = _few(data)
    middle = complex(data.x.mean(), data.y.mean())
    grids = (
        [Frame(offset=complex(dx, dy)) for dx in OFFSETS for dy in OFFSETS],
        [Frame(factor) for factor in FACTORS],
        [Frame(factor, middle * (1 - factor)) for factor in FACTORS],
    )
    for number, grid in enumerate(grids):
        best = min(grid, key=lambda frame: _misfit(frame.move(few)))
        if np.isfinite(_misfit(best.move(few))):
            frame = fitted(best, data, rigid=number == 0)
            yield from frame_trials(frame, data, index, rigid=number == 0)


def fitted(start: Frame, data: Dataset, *, rigid: bool) -> Frame:
    """Return the frame that a fit leads to from *start*: steps on few patterns, and the last on all."""
    near = start.then(fit(start.move(_few(data)), rigid=rigid))
    return near.then(fit(near.move(data), rigid=rigid, steps=LAST))


def _few(data: Dataset) -> Dataset:
    count = len(data.x)
    return data.take(np.linspace(0, count - 1, min(FEW, count)).astype(np.intp))


def frame_trials(frame: Frame, data: Dataset, index: np.ndarray, *, rigid: bool) -> Iterator[Trial]:
    """Yield the trial of *frame*, where it moves positions by enough and keeps most in the object."""
    moved = frame.move(data)
    keep = np.flatnonzero(moved.inside)
    if frame.largest(data) >= LEAST_MOVE and len(keep) >= len(index) / 2:
        name, remedy = _named(frame, rigid=rigid)
        yield Trial(name, remedy, index[keep], moved.take(keep).predict())


def _named(frame: Frame, *, rigid: bool) -> tuple[str, str]:
    dx, dy = frame.offset.real, frame.offset.imag
    shift = f"({dx:+.2f}, {dy:+.2f}) px to (x, y)"
    if rigid:
        return f"a frame off by ({-dx:+.2f}, {-dy:+.2f}) px in (x, y)", f"Add {shift}."
    scale, turn = abs(frame.factor), np.degrees(np.angle(frame.factor))
    name = f"coordinates scaled by {1 / scale:.4g}"
    name += f" and turned by {-turn:.2f} degrees" if abs(turn) > 0.2 else ""  # noqa: PLR2004 - 0.2 px in 60
    return name, f"Multiply the coordinates by {scale:.4g} and add {shift}."


def _misfit(data: Dataset) -> float:
    keep = np.flatnonzero(data.inside)
    if len(keep) < len(data.x) / 2:
        return np.inf
    some = data.take(keep)
    return float(errors(some.predict(), some.diffraction).sum())


def _are_whole(data: Dataset) -> bool:
    return bool(np.all(data.x == np.rint(data.x)) and np.all(data.y == np.rint(data.y)))


def _rounding(data: Dataset) -> float:
    """Return the root mean square of each position's fitted move that noise would not give, in pixels."""
    some = data.take(room(data))
    if not len(some.x):
        return 0.0
    found = slopes(some)
    over = found.one_by_one() ** 2 - found.noise()
    return float(np.sqrt(max(np.mean(over.sum(axis=1)), 0.0)))
