"""The residual that photon noise leaves, if the data still show that photons were counted.

Amplitudes that are square roots of counts are multiples of one quantum when squared. The quantum gives the
dose, and the dose gives the residual that a perfect model would have: the square root of a Poisson count of
mean m has a mean E, tabled here, and the variance m - E^2 (1/4 for bright pixels, m for dark ones).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from harness.ptycho.scan.forward import fitted_scale

WHOLE = 0.02
LARGEST_COUNT = 5e4
"""How far a count may be from a whole number, up to this count: float32 amplitudes keep it to 0.012."""

BRIGHT = 8.0
"""From this root of the mean on, the asymptotic series holds to 2 x 10^-4."""

STEP = 0.02
FEWEST_LEVELS = 3
"""Different values that counts have at least: flat or two-valued data are not counts."""


def quantum(diffraction: np.ndarray) -> float | None:
    """Return the amplitude of one photon, or None if the numbers are not square roots of counts.

    diffraction : (N, H, W), real. Intensities (multiples of one number before squaring) give None.

    >>> quantum(0.5 * np.sqrt([[1.0, 2.0, 3.0], [4.0, 0.0, 1.0]]))
    0.5
    """
    stored = np.asarray(diffraction, dtype=np.float64)
    lit = stored[stored > 0]
    # Whole multiples before squaring are counts themselves, not their roots.
    if lit.size == 0 or are_counts(lit) or not are_counts(lit**2):
        return None
    return float(lit.min())


def are_counts(lit: np.ndarray) -> bool:
    """Return whether positive numbers are whole multiples of the smallest, with at least three values."""
    levels = lit / lit.min()
    small = levels[levels <= LARGEST_COUNT]
    whole = np.rint(small)
    return bool(2 * small.size >= lit.size and np.abs(small - whole).max() <= WHOLE and _is_varied(whole))


def photons_per_pattern(diffraction: np.ndarray, one_photon: float) -> float:
    """Return the mean number of photons in a pattern, given the amplitude of a single photon."""
    return float(np.sum(np.square(diffraction, dtype=np.float64)) / one_photon**2 / len(diffraction))


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


def _is_varied(whole: np.ndarray) -> bool:
    return len(np.unique(whole[: 1 << 16])) >= FEWEST_LEVELS
