"""Detector pixels: hot, flickering, dead or covered ones, a background, read noise, and uneven gain.

Each pixel is compared, over all patterns, with what is predicted for it and with pixels that are as bright:
a wrong position or probe spreads over all of them, a broken pixel stands alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.parts.pixels.background import backgrounds
from harness.ptycho.check.parts.pixels.gain import uneven_gain
from harness.ptycho.check.parts.pixels.places import described, grown
from harness.ptycho.check.parts.pixels.sums import LEAST_DEVIATIONS, PART, Pixels, excluding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

LEAST_PHOTONS = 25.0
"""Photons by which a broken pixel is off: e^-25 is the chance that a lit one counts none."""

LEAST_FACTOR = 9.0
"""A broken pixel's error, in that of pixels as bright; a merely imperfect model does not reach it."""

LEAST_ERROR = 0.1
"""A broken pixel's squared error, in the mean light of a pixel. Where next to no light falls, two ways to
shift a patch by a fraction of a pixel differ by more than there is."""

MOST_BROKEN = 0.4
"""Share of the light in broken pixels; beyond, it is not the pixels that are wrong."""

STUCK = 0.05
"""Relative scatter over the patterns below which a pixel reads always the same."""

FEWEST_PATTERNS = 3
FLICKERING = 0.9
STEADY = 0.2
"""A flickering pixel is off in a smaller share of the patterns, and right in more than this share."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield masks of broken pixels, and backgrounds, noise and gains that are seen in all patterns."""
    pixels = Pixels.of(evidence)
    if pixels is not None:
        yield from _broken(pixels)
        yield from backgrounds(pixels)
        yield from uneven_gain(pixels)


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the rest of the scan must be explained first."""
    return iter(())


def _broken(pixels: Pixels) -> Iterator[Correction]:
    """Yield a mask of the hot and dead pixels."""
    off = _off(pixels)
    dead = grown(off & (pixels.stored == 0), pixels.stored == 0)
    hot = off & ~dead
    broken = dead | hot
    if not broken.any() or pixels.light[broken].sum() > MOST_BROKEN * pixels.light.sum():
        return
    names = [described(dead, "dead")] if dead.any() else []
    if hot.any():
        names.append(described(hot, _kind(pixels, hot)))
    yield Correction(
        PART,
        " and ".join(names) + " without a mask",
        f"Store a mask (H, W) that excludes {'it' if broken.sum() == 1 else 'them'}: "
        f"{int(broken.sum())} of {broken.size} pixels.",
        lambda data: excluding(data, broken),
        parameters=int(broken.sum()),
        significance=float(pixels.deviations[off].max()),
    )


def _off(pixels: Pixels) -> np.ndarray:
    """Return which pixels differ from their prediction more than noise, and than pixels as bright, (H, W)."""
    gone = (pixels.stored == 0) & (pixels.light > LEAST_FACTOR * pixels.usual)
    off = (pixels.deviations > LEAST_DEVIATIONS) & ((pixels.errors > LEAST_FACTOR * pixels.usual) | gone)
    off &= pixels.errors > LEAST_ERROR * pixels.light.mean()
    off &= gone | _is_lasting(pixels) & (pixels.errors > LEAST_FACTOR * _around(pixels.errors))
    if pixels.one_photon is not None:
        off &= len(pixels.measured) * pixels.errors > LEAST_PHOTONS * pixels.one_photon**2
    return np.asarray(off)


def _around(values: np.ndarray) -> np.ndarray:
    """Return the median of the 5 x 5 pixels around each, (H, W): an area may differ, a pixel may not."""
    padded = np.pad(values, 2, mode="reflect")
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, (5, 5)), axis=(2, 3)))


def _is_lasting(pixels: Pixels) -> np.ndarray:
    """Return which pixels are off in several patterns: what happens in one or two is the patterns' fault."""
    away = np.abs(pixels.left)
    return np.asarray(np.sum(away > away.max(axis=0) / 2, axis=0) >= FEWEST_PATTERNS)


def _kind(pixels: Pixels, hot: np.ndarray) -> str:
    """Return what pixels that are not dead are called."""
    measured, left = pixels.measured[:, hot], pixels.left[:, hot]
    if np.all(measured.std(axis=0) < STUCK * measured.mean(axis=0)):
        return "hot" if left.mean() > 0 else "stuck"
    away = np.abs(left)
    if np.mean(away > away.max(axis=0) / 2) < FLICKERING and np.mean(away < away.max(axis=0) / 8) > STEADY:
        return "flickering"
    return "hot" if left.mean() > 0 else "weak"
