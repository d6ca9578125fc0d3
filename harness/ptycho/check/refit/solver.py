"""Conjugate gradients for amplitudes: the least squares of |L u| against what was measured.

Preconditioned by the light in each pixel. The fields are linear in the unknown array, so a step of any length
along a direction costs no further propagation: each step has one to the detector, and one back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.refit.waves import Target, Waves

LONGEST = 8.0
SHORTEST = 0.5
"""A step, in units of that which never overshoots."""


def descend(waves: Waves, start: np.ndarray, target: Target) -> Iterator[np.ndarray]:
    """Yield the unknown array after each step of preconditioned conjugate gradients, without end.

    Parameters
    ----------
    waves : Waves
    start : complex64
        Of the shape of ``waves.start``.
    target : Target
        The same patterns as *waves*.
    """
    unknown, fields, weight = start, waves.fields(start), waves.weight
    along: np.ndarray | None = None
    before = moved = start
    while True:
        left = target.left(fields)
        slope = waves.gradient(left)
        step = weight * slope
        along = -step if along is None else _conjugate(slope, step, before, moved) * along - step
        ahead = waves.fields(along)
        if _inner(left, ahead) >= 0:  # no descent any more: start over
            along, ahead = -step, waves.fields(-step)
        length = np.float32(_length(fields, ahead, left, target))
        unknown, fields = unknown + length * along, fields + length * ahead
        before, moved = slope, step
        yield unknown


def _conjugate(slope: np.ndarray, step: np.ndarray, before: np.ndarray, moved: np.ndarray) -> np.float32:
    """Return how much of the last direction is kept (Polak and Ribiere), at least none."""
    return np.float32(max(_inner(step, slope - before) / (_inner(moved, before) or 1.0), 0.0))


def _length(fields: np.ndarray, ahead: np.ndarray, left: np.ndarray, target: Target) -> float:
    """Return how far to go: a secant of the slope, from a first step that never overshoots."""
    down = _inner(left, ahead)
    safe = -down / (_inner(ahead, ahead) or 1.0)
    further = _inner(target.left(fields + np.float32(safe) * ahead), ahead)
    wanted = safe * down / (down - further) if down != further else safe
    return float(np.clip(wanted, SHORTEST * safe, LONGEST * safe))


def _inner(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.vdot(first, second).real)
