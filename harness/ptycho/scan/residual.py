"""How well stored probe, object and coordinates explain the stored diffraction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.forward import amplitude, fitted_scale, inside
from harness.ptycho.scan.mask import masked, of_positions
from harness.ptycho.scan.photons import photon_residual, quantum
from harness.ptycho.scan.rules import FORWARD_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_CONTRAST = 1.5
"""Above what faults reach (1.15 for mis-paired, swapped or shifted data, 1.34 for coordinates 4 px off) and
below what valid data keep: 14 at 10^6 photons per pattern, 2.4 at 10^4, 3.1 for a measured Siemens star."""

PERMUTATIONS = 8
"""Random permutations that the permuted residual is the mean of."""

PERMUTATION_SEED = 0
ROUNDING = 1.2e-7
"""One unit in the last place of float32, relative: no stored amplitude can be explained better."""

MAD_TO_DEVIATION = 1.4826
"""Standard deviation of a normal distribution divided by its median absolute deviation."""

STANDARD_ERRORS = 3.0
"""How many standard errors of ``residual ** 2`` are allowed for when photon noise is subtracted from it."""


@dataclass(frozen=True, slots=True)
class Residuals:
    """Forward residuals of one dataset: as stored, with permuted coordinates, and by photon noise alone.

    Attributes
    ----------
    residual : float
        Forward residual as stored, 0 to 1.
    permuted : float
        Mean residual with the coordinates permuted among the positions.
    photon : float
        The residual that photon noise alone would leave; 0 if the dose is unknown.
    spread : float
        Standard error of ``residual ** 2``, from its robust scatter among the patterns.
    """

    residual: float
    permuted: float
    photon: float = 0.0
    spread: float = 0.0

    @property
    def contrast(self) -> float:
        """Permuted over stored residual; 1 if pairing patterns with positions explains nothing."""
        return self.permuted / max(self.residual, ROUNDING)

    @property
    def noise_free_contrast(self) -> float:
        """The contrast after photon noise is subtracted from both residuals, as far as it is known."""
        noise = self.photon**2
        left = max(self.residual**2 - noise, STANDARD_ERRORS * self.spread, ROUNDING**2)
        return float(np.sqrt(max(self.permuted**2 - noise, 0.0) / left))

    @property
    def is_explained(self) -> bool:
        """Whether coordinates and patterns belong together, as far as the dose allows an answer."""
        if not self.photon:
            return self.contrast >= LEAST_CONTRAST
        return max(self.contrast, self.noise_free_contrast) >= LEAST_CONTRAST

    @property
    def is_all_noise(self) -> bool:
        """Whether photon noise accounts for the whole residual, so that the data decide nothing."""
        return bool(self.photon and self.residual**2 <= self.photon**2 + STANDARD_ERRORS * self.spread)


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The five arrays of a dataset that the forward model needs, in any stored dtype, and its mask.

    Attributes
    ----------
    diffraction : (N, H, W) real
        Amplitude, zero frequency at the centre.
    probe : (H, W) complex
    object : (M, M') complex
    x, y : (N,) float
        Patch centres in object pixels.
    mask : (H, W) or (N, H, W) bool, optional
        True where a pixel counts; without a mask, all do.
    """

    diffraction: np.ndarray
    probe: np.ndarray
    object: np.ndarray
    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray | None = None

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray]) -> Dataset:
        """Build a dataset from arrays under the contract's keys, with 0 in pixels that do not count."""
        stored = arrays.get("mask")
        mask = None if stored is None else np.asarray(stored, dtype=bool)
        stack, probe, obj, x, y = (np.asarray(arrays[key]) for key in FORWARD_KEYS)
        return cls(masked(stack, mask), probe, obj, x, y, mask)

    @property
    def shapes_match(self) -> bool:
        """Whether the stack has one pattern of the probe's size for every position."""
        return bool(self.diffraction.shape == (len(self.x), *self.probe.shape))

    @property
    def inside(self) -> np.ndarray:
        """Which patches lie inside the object, (N,) bool."""
        (height, width), (rows, columns) = self.probe.shape, self.object.shape
        return np.asarray(inside(self.x, width, columns) & inside(self.y, height, rows))

    @property
    def is_computable(self) -> bool:
        """Whether the forward model can be computed: shapes match and every patch lies inside the object."""
        return self.shapes_match and bool(self.inside.all())

    def take(self, index: np.ndarray) -> Dataset:
        """Return the dataset of the positions *index*, (n,) int."""
        return replace(
            self,
            diffraction=self.diffraction[index],
            x=self.x[index],
            y=self.y[index],
            mask=of_positions(self.mask, index),
        )

    def moved(self, dx: float, dy: float) -> Dataset:
        """Return the dataset with every position moved by (*dx*, *dy*) object pixels."""
        return replace(self, x=self.x + dx, y=self.y + dy)

    def predict(self) -> np.ndarray:
        """Return the amplitudes that the stored probe, object and coordinates predict, (N, H, W) float64.

        Every pixel is predicted, those that do not count included.

        Raises
        ------
        RefusedError
            A patch is not inside the object.
        """
        return amplitude(self.probe, self.object, self.x, self.y)

    def residuals(self) -> Residuals:
        """Measure the forward residual as stored and with permuted coordinates; raises as `predict`.

        Examples
        --------
        >>> from harness.ptycho.scan.simulate import simulate
        >>> scan = simulate(positions=16, detector=16, photons=None)
        >>> stored = Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)
        >>> swapped = Dataset(scan.diffraction, scan.probe, scan.object, scan.y, scan.x)
        >>> stored.residuals().is_explained, swapped.residuals().is_explained
        (True, False)
        """
        one_photon = quantum(masked(self.diffraction, self.mask))
        return residuals(self.predict(), self.diffraction, one_photon=one_photon, mask=self.mask)


def residuals(
    predicted: np.ndarray,
    measured: np.ndarray,
    *,
    one_photon: float | None = None,
    mask: np.ndarray | None = None,
) -> Residuals:
    """Compare predicted with measured amplitudes, position by position and with positions permuted.

    Permuting the coordinates permutes the predictions, so nothing is propagated a second time.

    Parameters
    ----------
    predicted, measured : (N, H, W) float
    one_photon : float, optional
        Amplitude of a single photon in *measured*, as :func:`harness.ptycho.scan.photons.quantum` finds it.
    mask : (H, W) or (N, H, W) bool, optional
        True where a pixel counts.
    """
    measured = masked(measured, mask)
    own = squared_errors(predicted, measured, mask)
    return Residuals(
        residual=float(np.sqrt(own.sum())),
        permuted=permuted_residual(predicted, measured, mask),
        photon=0.0 if one_photon is None else photon_residual(masked(predicted, mask), measured, one_photon),
        spread=float(MAD_TO_DEVIATION * np.median(np.abs(own - np.median(own))) * np.sqrt(len(own))),
    )


def squared_errors(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None = None) -> np.ndarray:
    """Return each pattern's share of the squared forward residual, (N,) float64; one global scale is fitted.

    predicted, measured : (N, H, W) real; mask : (H, W) or (N, H, W) bool, True where a pixel counts. Dark
    data (all zero) give 1 / N each: nothing is explained.
    """
    predicted, measured = masked(predicted, mask), masked(np.asarray(measured, dtype=np.float64), mask)
    energy = np.vdot(measured, measured)
    if energy == 0:
        return np.full(len(measured), 1 / len(measured))
    left = fitted_scale(predicted, measured) * predicted - measured
    return np.asarray(np.einsum("nij,nij->n", left, left) / energy)


def permuted_residual(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the mean forward residual over ``PERMUTATIONS`` of the positions.

    With a fitted scale the residual is ``sqrt(1 - c^2)``, c the normalised correlation of both stacks. A mask
    stays with its pattern: other pixels of a prediction count wherever it is moved.
    """
    measured = masked(np.asarray(measured, dtype=np.float64), mask)
    energy = np.vdot(measured, measured)
    rng = np.random.default_rng(PERMUTATION_SEED)  # the same permutations in every run
    orders = (rng.permutation(len(measured)) for _ in range(PERMUTATIONS))
    return float(
        np.mean([_unexplained(masked(predicted[order], mask), measured, energy) for order in orders])
    )


def _unexplained(predicted: np.ndarray, measured: np.ndarray, energy: float) -> float:
    """Return the residual of one permutation, whose scale is fitted; *energy* is that of *measured*."""
    both = energy * np.vdot(predicted, predicted)
    return float(np.sqrt(max(1 - np.vdot(predicted, measured) ** 2 / both, 0.0))) if both else 1.0
