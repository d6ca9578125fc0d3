"""What each detector pixel measured over the patterns, beside what is predicted for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.photons import root_of_counts
from harness.ptycho.scan.residual import MAD_TO_DEVIATION

if TYPE_CHECKING:
    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "pixel"

LEAST_DEVIATIONS = 7.0
"""Standard deviations at which a pixel is broken: 6.2 is exceeded by one of 4096 pixels in 10^6 scans, and
counts are skewed."""

CLASS = 64
"""Pixels of about the same brightness that are compared."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """What each detector pixel measured and what is predicted for it, over n patterns.

    Attributes
    ----------
    measured, predicted : (n, H, W) float
        Amplitudes; the prediction is scaled by what most of the light agrees on.
    one_photon : float or None
    """

    measured: np.ndarray
    predicted: np.ndarray
    one_photon: float | None

    @classmethod
    def of(cls, evidence: Evidence) -> Pixels | None:
        """Return the pixels of the sampled patterns; None if nothing is predicted or measured."""
        scale = robust_scale(evidence.predicted, evidence.measured)
        if scale <= 0:
            return None
        return cls(evidence.measured, scale * evidence.predicted, evidence.one_photon)

    @cached_property
    def light(self) -> np.ndarray:
        """Mean predicted intensity, (H, W)."""
        return np.asarray(np.mean(self.predicted**2, axis=0))

    @cached_property
    def stored(self) -> np.ndarray:
        """Mean measured intensity, (H, W)."""
        return np.asarray(np.mean(self.measured**2, axis=0))

    @cached_property
    def left(self) -> np.ndarray:
        """Measured minus predicted amplitudes, (n, H, W)."""
        return np.asarray(self.measured - self.predicted)

    @cached_property
    def errors(self) -> np.ndarray:
        """Mean squared error of the amplitude, (H, W)."""
        return np.asarray(np.mean(self.left**2, axis=0))

    @cached_property
    def usual(self) -> np.ndarray:
        """Median error of pixels that are as bright, (H, W)."""
        return _class_median(self.errors, self.light)

    @cached_property
    def deviations(self) -> np.ndarray:
        """By how many standard deviations each pixel's error differs from the usual one, (H, W)."""
        scatter = MAD_TO_DEVIATION * _class_median(np.abs(self.errors - self.usual), self.light)
        noise, spread = self._photon_noise()
        return np.asarray(
            (self.errors - np.maximum(self.usual, noise)) / np.maximum(np.maximum(scatter, spread), 1e-30)
        )

    def _photon_noise(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the errors that photon noise leaves; 0 if it is unknown."""
        if self.one_photon is None:
            return np.zeros_like(self.light), np.zeros_like(self.light)
        true = self.predicted / self.one_photon
        root, variance = root_of_counts(true)
        noise = variance + (root - true) ** 2
        unit = self.one_photon**2
        # In dark pixels a single photon has an error of 1, however seldom it comes.
        spread = np.sqrt(np.mean(2 * variance**2 + noise * (true < 1), axis=0) / len(true))
        return unit * noise.mean(axis=0), unit * spread


def robust_scale(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the scale that half of the predicted light lies below, and half above; 0 if there is none.

    Pixels vote with their light, so that a few hot or covered ones do not matter.
    """
    light = np.einsum("nij,nij->ij", predicted, predicted).ravel()
    if light.sum() == 0:
        return 0.0
    # Of intensities: the mean of the root of few counts lies below the root of their mean.
    squares = np.einsum("nij,nij->ij", measured, measured).ravel() / np.maximum(light, 1e-300)
    order = np.argsort(squares)
    votes = np.cumsum(light[order])
    return float(np.sqrt(squares[order][np.searchsorted(votes, votes[-1] / 2)]))


def varying_scale(pixels: Pixels) -> float:
    """Return the factor of the predicted light that explains how the measured one varies between patterns.

    A background is the same in all patterns, and takes no part in it.
    """
    light = np.square(pixels.predicted) - pixels.light
    stored = np.square(pixels.measured) - pixels.stored
    return float(np.vdot(light, stored) / max(np.vdot(light, light), 1e-300))


def excluding(data: Dataset, broken: np.ndarray) -> Dataset:
    """Return *data* with a mask that excludes the pixels *broken*, (H, W) or (N, H, W), as well."""
    counts = ~broken if data.mask is None else data.mask & ~broken
    return replace(data, mask=counts)


def _class_median(values: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Return the median of *values* over pixels of about the same *light*, (H, W) each."""
    order = np.argsort(light, axis=None)
    out = np.empty(values.size)
    for some in np.array_split(order, max(1, values.size // CLASS)):
        out[some] = np.median(values.ravel()[some])
    return out.reshape(values.shape)
