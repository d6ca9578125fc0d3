"""The residual that photon noise leaves, if the data still show that photons were counted.

Amplitudes that are square roots of counts are multiples of one quantum when squared. The quantum gives the
dose, and the dose gives the residual that a perfect model would have: the square root of a Poisson count of
mean m has a mean E, tabled here, and the variance m - E^2 (1/4 for bright pixels, m for dark ones).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.forward import BLOCK, fitted_scale

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = 0.02
LARGEST_COUNT = 5e4
"""How far a count may be from a whole number, up to this count: float32 amplitudes keep it to 0.012."""

LEAST_WHOLE = 0.98
"""Share of the values, or of the pixels, that must be whole counts; a few hot or corrected pixels are not.
Values that are no counts reach 0.04 by chance: twice ``WHOLE``."""

NEARLY = 0.05
"""Of several units that about as many values are multiples of, the largest is that of a photon."""

SAMPLED_PATTERNS = 512
"""Patterns whose pixels decide whether the numbers are counts: millions of them."""

SAMPLED_VALUES = 1 << 16
"""Values that a quantum is looked for in; they are spread over the stack."""

TRIED_LEVELS = 4
NEIGHBOURS = 33
MOST_DARK_COUNTS = 8
"""The quantum is one of the smallest levels divided by up to this: fainter counts may have been cut off."""

BRIGHT = 8.0
"""From this root of the mean on, the asymptotic series holds to 2 x 10^-4."""

STEP = 0.02
MOST_COUNTED = 0.75
"""Share of the patterns that must show a quantum of their own, where they have none in common."""

FEWEST_LEVELS = 3
"""Different values that counts have at least: flat or two-valued data are not counts."""


def quantum(diffraction: np.ndarray) -> float | None:
    """Return the amplitude of one photon, or None if the numbers are not square roots of counts.

    diffraction : (N, H, W), real. Intensities (multiples of one number before squaring) give None. A few
    values or pixels that are not counts do not matter.

    >>> quantum(0.5 * np.sqrt([[1.0, 2.0, 3.0], [4.0, 0.0, 1.0]]))
    0.5
    """
    stored = _spread_patterns(np.asarray(diffraction))
    some = _spread(stored[stored > 0]).astype(np.float64)
    unit = None if some.size == 0 else _unit(some)
    if unit is None or not _holds_counts(np.square(stored, dtype=np.float64) / unit):
        return None
    return float(np.sqrt(unit))


def usual_quantum(diffraction: np.ndarray) -> float | None:
    """Return the amplitude of one photon, also where each pattern was scaled by a factor of its own.

    diffraction : (n, H, W), real. If the patterns have no quantum in common, but most have their own, it is
    the root mean square of those: patterns that were normalised one by one still show their dose.

    >>> patterns = np.sqrt([[[1.0, 2.0, 3.0, 5.0]], [[1.0, 4.0, 5.0, 7.0]]]) * [[[1.0]], [[0.9]]]
    >>> quantum(patterns), round(usual_quantum(patterns), 3)
    (None, 0.951)
    """
    together = quantum(diffraction)
    if together is not None:
        return together
    own: list[float] = []
    for tried, pattern in enumerate(diffraction):
        if tried >= FEWEST_LEVELS and not own:
            return None
        found = quantum(pattern)
        own += [] if found is None else [found]
    lit = int(np.count_nonzero(np.any(diffraction, axis=(1, 2))))
    return float(np.sqrt(np.mean(np.square(own)))) if own and len(own) >= MOST_COUNTED * lit else None


def _spread_patterns(stack: np.ndarray) -> np.ndarray:
    """Return at most ``SAMPLED_PATTERNS`` of a stack, at even distances: large scans are not copied whole."""
    return stack[:: -(-len(stack) // SAMPLED_PATTERNS)] if stack.ndim == 3 and len(stack) else stack  # noqa: PLR2004


def _spread(values: np.ndarray) -> np.ndarray:
    """Return at most ``SAMPLED_VALUES`` of *values*, (n,), at even distances."""
    return values[:: max(1, -(-values.size // SAMPLED_VALUES))]


def _unit(amplitudes: np.ndarray) -> float | None:
    """Return the number that most squares of positive *amplitudes*, (n,), are whole multiples of, or None."""
    light = amplitudes**2
    if np.mean(light == light.max()) > 1 - LEAST_WHOLE:  # where the detector saturates
        light, amplitudes = light[light < light.max()], amplitudes[light < light.max()]
    shares: dict[float, float] = {}
    for unit in _candidates(light):
        whole, is_whole = _whole(light / unit)
        if len(np.unique(whole[is_whole])) >= FEWEST_LEVELS:
            shares[unit] = float(is_whole.mean())
        if shares.get(unit, 0) >= LEAST_WHOLE:
            break
    # Two hundredths of the pixels, all of them lit, may be many of few lit values: _holds_counts decides.
    most = max(shares.values(), default=0.0)
    if most < LEAST_WHOLE / 2:
        return None
    best = max(unit for unit, share in shares.items() if share >= most - NEARLY)
    return None if _are_multiples(amplitudes / np.sqrt(best)) else _refined(light, best)


def _candidates(light: np.ndarray) -> Iterator[float]:
    """Yield what may be the light of one photon, the likeliest first."""
    levels, times = np.unique(light, return_counts=True)
    often = levels[times > 1]
    yield from dict.fromkeys((*levels[:1], *often[:TRIED_LEVELS]))
    if len(often) > FEWEST_LEVELS:
        # With a background, no pixel counts as few photons as one; neighbouring levels still differ by one.
        yield _refined(often, float(np.median(np.diff(often[:NEIGHBOURS]))))
    for level in often[:1]:
        for count in range(2, MOST_DARK_COUNTS + 1):
            following = level * (count + np.arange(1, FEWEST_LEVELS + 1)) / count
            if all(np.abs(often - one).min() < WHOLE * level / count for one in following):
                yield level / count


def _refined(light: np.ndarray, unit: float) -> float:
    """Return *unit* by least squares over all counts: its smallest multiples are rounded to float32."""
    for _ in range(2):  # larger counts are whole when smaller ones have refined it
        whole, is_whole = _whole(light / unit)
        if is_whole.any():
            unit = float(light[is_whole] @ whole[is_whole] / (whole[is_whole] @ whole[is_whole]))
    return unit


def _whole(levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest whole numbers, and which of *levels* are that, as far as rounding can tell."""
    whole = np.rint(levels)
    return whole, (np.abs(levels - whole) <= WHOLE) & (whole > 0) & (levels <= LARGEST_COUNT)


def _are_multiples(levels: np.ndarray) -> bool:
    """Return whether numbers are multiples of the smallest before they are squared: counts, not their roots.

    The smallest says nothing, because it is a multiple of itself.
    """
    above = levels[np.rint(levels) > 1]
    return above.size == 0 or bool(_whole(above)[1].mean() >= LEAST_WHOLE)


def _holds_counts(levels: np.ndarray) -> bool:
    """Return whether most of the positive *levels*, (..., H, W), are whole, or all but a few pixels' are.

    The largest, and all that equal it, do not matter: it may be where the detector saturates.
    """
    lit = (levels > 0) & (levels <= LARGEST_COUNT) & (levels < levels.max())
    whole = lit & (np.abs(levels - np.rint(levels)) <= WHOLE) & (levels > 1 - WHOLE)
    if 2 * lit.sum() < (levels > 0).sum():
        return False
    if whole.sum() >= LEAST_WHOLE * lit.sum():
        return True
    axes = tuple(range(levels.ndim - 2))
    is_counting = whole.sum(axis=axes) >= LEAST_WHOLE * lit.sum(axis=axes)
    return bool(is_counting.mean() >= LEAST_WHOLE)


def photons_per_pattern(diffraction: np.ndarray, one_photon: float) -> float:
    """Return the mean number of photons in a pattern, given the amplitude of a single photon."""
    blocks = (diffraction[start : start + BLOCK] for start in range(0, len(diffraction), BLOCK))
    energy = sum(float(np.sum(np.square(block, dtype=np.float64))) for block in blocks)
    return float(energy / one_photon**2 / len(diffraction))


def photon_residual(predicted: np.ndarray, measured: np.ndarray, one_photon: float) -> float:
    """Return the forward residual that photon noise alone would leave if *predicted* were the truth.

    Parameters
    ----------
    predicted, measured : same shape, real amplitudes
    one_photon : float
        Amplitude of a single photon in *measured*.

    Returns
    -------
    float
        Comparable with :func:`harness.ptycho.scan.forward.residual` of the same two.
    """
    energy = float(np.sum(np.square(measured, dtype=np.float64)))
    total = float(np.sum(predicted**2))
    if energy == 0 or total == 0:
        return 0.0
    root = predicted * (np.sqrt(energy / total) / one_photon)
    mean, variance = root_of_counts(root)
    # The fitted scale follows the roots' mean, which lies below the root of the mean where it is dark.
    fitted = predicted * (fitted_scale(predicted, measured) / one_photon)
    return float(np.sqrt(np.sum(variance + (mean - fitted) ** 2) * one_photon**2 / energy))


def root_of_counts(root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of the square root of Poisson counts whose mean is ``root ** 2``."""
    # For a large mean m: E sqrt(n) = sqrt(m) (1 - 1 / (8 m)) and Var sqrt(n) = 1/4 + 3 / (32 m), nearly.
    bright = np.maximum(root, BRIGHT)
    grid, table = _table()
    mean = np.where(root < BRIGHT, np.interp(root, grid, table), bright - 1 / (8 * bright))
    variance = np.where(root < BRIGHT, root**2 - mean**2, 0.25 + 3 / (32 * bright**2))
    return mean, np.maximum(variance, 0.0)


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """Return (root of the mean, mean of the root): sqrt(n) summed over its Poisson probabilities."""
    grid = np.arange(0, BRIGHT + STEP, STEP)
    counts = np.arange(1, int(3 * BRIGHT**2))
    mean = np.maximum(grid[:, None], 1e-12) ** 2
    # In logarithms: m^n and n! overflow for the counts that matter.
    log = counts * np.log(mean) - mean - np.cumsum(np.log(counts))
    return grid, (np.exp(log) * np.sqrt(counts)).sum(axis=1)
