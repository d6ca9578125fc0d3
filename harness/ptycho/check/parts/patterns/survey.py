"""Each pattern compared with its own prediction: its brightness, its place on the detector, what is left."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.residual import MAD_TO_DEVIATION

if TYPE_CHECKING:
    from harness.ptycho.check.evidence import Evidence

EMPTY = 0.02
"""A pattern with less than this share of the light that is predicted is empty: nothing but background."""

TO_DEVIATION = 1.2533
"""Standard deviation of a normal distribution divided by its mean absolute deviation."""

TINY = float(np.finfo(np.float32).tiny)
LARGE_QUANTILE = 0.9
"""Where most patterns are empty, the usual light is that of the bright ones."""


@dataclass(frozen=True, eq=False)
class Survey:
    """All patterns, each beside its prediction.

    Attributes
    ----------
    energy, predicted, cross : (N,) float
        Energy of each pattern, of its prediction (unscaled), and their scalar product.
    shift : (N, 2) int
        Rows and columns by which the pattern lies further on than its prediction, to the nearest pixel.
    shifted : (N,) float
        Their scalar product once the pattern is moved back.
    left : (H, W) float
        Mean absolute difference of patterns and predictions, each pattern with its own scale.
    left_each : (N,) float
        The same for each pattern, over its pixels.
    brightest : (N,) float
        The largest excess of a pixel over its prediction.
    brightest_at : (N,) int
        Which pixel that is, counted along the rows.
    values : int
        Amplitudes in one pattern.
    one_photon : float or None
        Amplitude of a single photon.
    """

    energy: np.ndarray
    predicted: np.ndarray
    cross: np.ndarray
    shift: np.ndarray
    shifted: np.ndarray
    left: np.ndarray
    left_each: np.ndarray
    brightest: np.ndarray
    brightest_at: np.ndarray
    values: int
    one_photon: float | None

    @cached_property
    def is_empty(self) -> np.ndarray:
        """Which patterns hold next to no light, (N,) bool; none of a scan that is dark throughout."""
        share = self.energy / np.maximum(self.predicted, np.finfo(float).tiny)
        return np.asarray(share < EMPTY * np.quantile(share, LARGE_QUANTILE))

    @cached_property
    def brightness(self) -> np.ndarray:
        """Light of each pattern in that of its prediction, (N,); the median of lit patterns is 1."""
        share = self.energy / np.maximum(self.predicted, np.finfo(float).tiny)
        return np.asarray(share / (np.median(share[~self.is_empty]) or 1.0))

    @cached_property
    def factor(self) -> np.ndarray:
        """What fits each prediction to its pattern, (N,), in the usual one; 1 for empty patterns."""
        factor = self.cross / np.maximum(self.predicted, np.finfo(float).tiny)
        usual = float(np.median(factor[~self.is_empty])) or 1.0
        return np.where(self.is_empty | (factor <= 0), 1.0, factor / usual)

    @property
    def brightness_variance(self) -> np.ndarray:
        """Variance of a usual brightness by photon noise, (N,); 0 if the dose is unknown."""
        if self.one_photon is None:
            return np.zeros(len(self.energy))
        expected = self.energy / np.maximum(self.brightness, EMPTY) / self.one_photon**2
        return np.asarray(1 / np.maximum(expected, 1.0))

    @property
    def outstanding(self) -> np.ndarray:
        """The largest excess of a pixel, (N,), in deviations of its pixel and of its pattern."""
        usual = self.left.ravel()[self.brightest_at] + self.left_each
        return np.asarray(self.brightest / (TO_DEVIATION * usual + (self.one_photon or 0.0) / 2 + TINY))

    @cached_property
    def unexplained(self) -> np.ndarray:
        """What is left of each pattern's energy once its prediction has its own scale, (N,)."""
        return np.asarray(
            np.maximum(self.energy - self.cross**2 / np.maximum(self.predicted, np.finfo(float).tiny), 0.0)
        )

    @cached_property
    def moved(self) -> np.ndarray:
        """What is left once it is moved back to the nearest pixel as well, (N,)."""
        return np.asarray(
            np.maximum(self.energy - self.shifted**2 / np.maximum(self.predicted, np.finfo(float).tiny), 0.0)
        )


def survey(evidence: Evidence) -> Survey:
    """Compare all patterns of *evidence* with their predictions, in one pass."""
    found, parts = np.zeros(evidence.data.probe.shape), []
    blocks = (
        [(slice(None), evidence.predicted, evidence.measured)]
        if len(evidence.sample) == len(evidence.data.x)
        else evidence.blocks()
    )
    for _, predicted, measured in blocks:
        energy, light, cross = (
            np.einsum("nij,nij->n", a, b)
            for a, b in ((measured, measured), (predicted, predicted), (predicted, measured))
        )
        factor = cross / np.maximum(light, np.finfo(float).tiny)
        excess = measured - factor[:, None, None] * predicted
        found += np.abs(excess).sum(axis=0)
        flat = excess.reshape(len(excess), -1)
        top = flat.argmax(axis=1)
        each = (np.abs(flat).mean(axis=1), flat[np.arange(len(top)), top], top)
        parts.append((energy, light, cross, *_nearest(predicted, measured), *each))
    columns = [np.concatenate(values) for values in zip(*parts, strict=True)]
    energy, light, cross, shift, shifted, left_each, brightest, brightest_at = columns
    return Survey(
        energy=energy,
        predicted=light,
        cross=cross,
        shift=shift,
        shifted=shifted,
        left=found / len(energy),
        left_each=left_each,
        brightest=brightest,
        brightest_at=brightest_at,
        values=found.size,
        one_photon=evidence.one_photon,
    )


def _nearest(predicted: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the shift, (n, 2) int, at which each pattern correlates most, and the correlation, (n,)."""
    axes, shape = (1, 2), predicted.shape[1:]
    product = np.fft.rfft2(predicted, axes=axes).conj() * np.fft.rfft2(measured, axes=axes)
    found = np.fft.irfft2(product, s=shape, axes=axes).reshape(len(predicted), -1)
    best = found.argmax(axis=1)
    places = np.stack(np.unravel_index(best, shape), axis=1)
    size = np.array(shape)
    return np.where(places > size // 2, places - size, places), found[np.arange(len(best)), best]


def largest_usual(errors: np.ndarray, deviations: float, least: float) -> float:
    """Return the largest squared error that a pattern which belongs to the scan may have.

    The errors' square roots are compared: they are nearly normal, squares have a long tail.

    Parameters
    ----------
    errors : (n,) float
    deviations : float
        Robust standard deviations above the median.
    least : float
        The deviation is taken to be at least this share of the median: noise-free data scatter by rounding.
    """
    root = np.sqrt(np.maximum(errors, 0.0))
    middle = float(np.median(root))
    spread = max(MAD_TO_DEVIATION * float(np.median(np.abs(root - middle))), least * middle)
    return (middle + deviations * spread) ** 2
