"""What the forward model needs and what it has to explain, and how well it does."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from harness.ptycho.scan.forward import amplitude, fitted_scale, inside
from harness.ptycho.scan.photons import photon_residual, quantum

LEAST_CONTRAST = 1.5
"""Between what faults reach (1.15 for mis-paired, swapped or shifted data, 1.34 for a frame 4 px off) and
what honest data keep: 14 at 10^6 photons per pattern, 2.4 at 10^4, 3.1 for a measured Siemens star."""

CLEAR_CONTRAST = 2.5
"""What no reading keeps that is wrong in part: a frame 2 px off keeps 2.2 without noise."""

DEALS = 8
"""Permutations that the permuted residual is the mean of."""

DEALING_SEED = 0
ROUNDING = 1.2e-7
"""One unit in the last place of float32, relative: no stored amplitude is better explained."""

NORMAL = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""

SURE = 3.0
"""Standard errors that the error beyond photon noise is known to."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """How well stored probe, object and coordinates explain the stored diffraction.

    Attributes
    ----------
    residual : float
        Forward residual as stored, 0 to 1.
    permuted : float
        Mean residual with the coordinates permuted among the positions.
    photon : float
        The residual that photon noise alone would leave; 0 where the data do not tell their dose.
    spread : float
        Standard error of ``residual ** 2``, from its robust scatter among the patterns.
    """

    residual: float
    permuted: float
    photon: float = 0.0
    spread: float = 0.0

    @property
    def contrast(self) -> float:
        """Permuted over stored residual; 1 where the pairing carries nothing."""
        return self.permuted / max(self.residual, ROUNDING)

    @property
    def clean_contrast(self) -> float:
        """The contrast with photon noise taken from both residuals, as far as it is known."""
        noise = self.photon**2
        left = max(self.residual**2 - noise, SURE * self.spread, ROUNDING**2)
        return float(np.sqrt(max(self.permuted**2 - noise, 0.0) / left))

    @property
    def is_clear(self) -> bool:
        """Whether they are explained so well that nothing else is left to look for."""
        return max(self.contrast, self.clean_contrast) >= CLEAR_CONTRAST

    @property
    def is_explained(self) -> bool:
        """Whether coordinates and patterns belong together, as far as the dose lets the data tell."""
        if not self.photon:
            return self.contrast >= LEAST_CONTRAST
        return max(self.contrast, self.clean_contrast) >= LEAST_CONTRAST

    @property
    def is_all_noise(self) -> bool:
        """Whether photon noise accounts for all that is left; there is then nothing to tell by."""
        return bool(self.photon and self.residual**2 <= self.photon**2 + SURE * self.spread)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """What the forward model needs, and what it has to explain; the argument of every measurement here.

    Attributes
    ----------
    diffraction : (N, H, W) real
        Amplitude, zero frequency at the centre.
    probe : (H, W) complex
    object : (M, M') complex
    x, y : (N,) float
        Patch centres in object pixels.
    """

    diffraction: np.ndarray
    probe: np.ndarray
    object: np.ndarray
    x: np.ndarray
    y: np.ndarray

    @property
    def fits(self) -> bool:
        """Whether the stack has one pattern of the probe's size for every position."""
        return bool(self.diffraction.shape == (len(self.x), *self.probe.shape))

    @property
    def inside(self) -> np.ndarray:
        """Which patches stay in the object, (N,) bool."""
        (height, width), (rows, columns) = self.probe.shape, self.object.shape
        return np.asarray(inside(self.x, width, columns) & inside(self.y, height, rows))

    @property
    def is_possible(self) -> bool:
        """Whether the forward model can be computed: shapes fit and patches stay in the object."""
        return self.fits and bool(self.inside.all())

    def take(self, index: np.ndarray) -> Dataset:
        """Return the dataset of the positions *index*."""
        return replace(self, diffraction=self.diffraction[index], x=self.x[index], y=self.y[index])

    def predict(self) -> np.ndarray:
        """Return the amplitudes that the stored probe, object and coordinates predict, (N, H, W) float64.

        Raises
        ------
        RefusedError
            A patch leaves the object.
        """
        return amplitude(self.probe, self.object, self.x, self.y)

    def measure(self) -> Consistency:
        """Measure the forward residual as stored and with permuted coordinates; raises as `predict`."""
        return compare(self.predict(), self.diffraction, one=quantum(self.diffraction))


def compare(predicted: np.ndarray, measured: np.ndarray, *, one: float | None = None) -> Consistency:
    """Compare amplitudes, both (N, H, W), position by position and dealt at random.

    Permuting the coordinates permutes the predictions: nothing is propagated anew.

    Parameters
    ----------
    predicted, measured : (N, H, W) float
    one : float, optional
        Amplitude of a single photon in *measured*, as :func:`harness.ptycho.scan.photons.quantum` tells it.
    """
    own = errors(predicted, measured)
    return Consistency(
        residual=float(np.sqrt(own.sum())),
        permuted=permuted_residual(predicted, measured),
        photon=0.0 if one is None else photon_residual(predicted, measured, one),
        spread=float(NORMAL * np.median(np.abs(own - np.median(own))) * np.sqrt(len(own))),
    )


def errors(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return each pattern's share of the squared forward residual, (N,); one global scale is fitted."""
    measured = np.asarray(measured, dtype=np.float64)
    energy = np.vdot(measured, measured)
    if energy == 0:
        return np.full(len(measured), 1 / len(measured))
    left = fitted_scale(predicted, measured) * predicted - measured
    return np.asarray(np.einsum("nij,nij->n", left, left) / energy)


def permuted_residual(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the mean residual over ``DEALS``, each 1 - correlation^2 by the fitted scale."""
    measured = np.asarray(measured, dtype=np.float64)
    energy = np.vdot(measured, measured) * np.vdot(predicted, predicted)
    if energy == 0:
        return 1.0
    deal = np.random.default_rng(DEALING_SEED)
    cross = [np.vdot(predicted[deal.permutation(len(measured))], measured) for _ in range(DEALS)]
    return float(np.mean(np.sqrt(np.maximum(1 - np.square(cross) / energy, 0.0))))
