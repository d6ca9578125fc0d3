"""Fit each pattern's own displacement to its light, by least squares.

Why it works: a pattern recorded a little away from its stored position, by (dx, dy), differs from the
predicted one by ``dx * dA/dx + dy * dA/dy``, where A is the predicted amplitude as a function of position. So
each pattern gives two normal equations for its own displacement, and any model of the scan's errors that is
linear in its parameters (offset, scale, drift, ...) is fitted to these equations alone, at no further cost.

The slopes need no shifted object: the far field of P O' is that of (P O)' less that of P' O, where ' is the
derivative along x or y, and (P O)' only turns phases. So the slope is that of the probe moved the other way.

The amplitude is not quite linear in the displacement, so the step is repeated (Gauss-Newton). It converges
from about two pixels away; from further away ``search`` comes first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.linear import finite
from harness.ptycho.scan.forward import BLOCK, patches

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

DARK = 0.25
"""Photons that are added to a pixel's expected number where it divides: one photon in a dark pixel then moves
nothing far."""

TINY = float(np.finfo(np.float32).tiny)
ROUNDING = 1e-7
"""Relative error of stored amplitudes at least: that of float32."""


@dataclass(frozen=True, slots=True, eq=False)
class Displacements:
    """Normal equations of each pattern's own displacement, in units of its noise.

    Attributes
    ----------
    precision : (n, 2, 2) float
        Inverse covariance of the displacement (x, y), per square pixel; singular where a pattern does not
        change along an axis.
    pull : (n, 2) float
        The precision times the displacement.
    misfit : (n,) float
        How many times larger than photon noise the squared error is that no displacement explains; at least
        1, and 1 if the dose is unknown.
    """

    precision: np.ndarray
    pull: np.ndarray
    misfit: np.ndarray

    @property
    def moves(self) -> np.ndarray:
        """Each pattern's own displacement, (n, 2): x, y in pixels; 0 where the pattern says nothing."""
        return _solved(self.precision, self.pull)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance that noise gives the displacements, (n, 2, 2) in square pixels."""
        return np.asarray(np.linalg.pinv(finite(self.precision), hermitian=True, rcond=SINGULAR))

    def less(self, moves: np.ndarray) -> Displacements:
        """Return the equations of what is left after *moves*, (n, 2), taken as small."""
        pull = self.pull - np.einsum("nab,nb->na", self.precision, moves)
        return Displacements(self.precision, pull, self.misfit)

    @property
    def chi_squared(self) -> np.ndarray:
        """What each pattern's own displacement explains, (n,): 2 on average if there is only noise."""
        return np.asarray(np.einsum("na,na->n", self.pull, self.moves))


SINGULAR = 1e-6
"""An axis along which a pattern says this many times less than along the other is not fitted."""


def displacements(data: Dataset, one_photon: float | None) -> Displacements:
    """Return the equations of the displacements of *data*, whose patches must all be inside the object.

    Parameters
    ----------
    data : Dataset
        Masked pixels of its patterns must be 0.
    one_photon : float or None
        Amplitude of a single photon, if it is known.

    Examples
    --------
    >>> from harness.ptycho.scan.residual import Dataset
    >>> from harness.ptycho.scan.simulate import simulate
    >>> scan = simulate(positions=16, detector=32, step=6, photons=None)
    >>> data = Dataset(scan.diffraction, scan.probe, scan.object, scan.x - 0.1, scan.y)
    >>> displacements(data, None).moves.mean(axis=0).round(1)
    array([0.1, 0. ])
    """
    starts = range(0, len(data.x), BLOCK)
    parts = [
        _of_block(data.take(np.arange(start, min(start + BLOCK, len(data.x)))), one_photon)
        for start in starts
    ]
    if not parts:
        return Displacements(np.zeros((0, 2, 2)), np.zeros((0, 2)), np.zeros(0))
    return Displacements(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def fitted_each(data: Dataset, one_photon: float | None, moves: np.ndarray, steps: int) -> np.ndarray:
    """Return *moves*, (n, 2), improved by *steps* steps of each pattern's own fit.

    A step is at most a pixel. Patterns whose patch would leave the object stay where they are.
    """
    for _ in range(steps):
        at = moved(data, moves)
        index = np.flatnonzero(at.inside)
        step = displacements(at.take(index), one_photon).moves
        length = np.maximum(np.hypot(*step.T), 1.0)
        moves = moves.copy()
        moves[index] += step / length[:, None]
    return moves


def moved(data: Dataset, moves: np.ndarray) -> Dataset:
    """Return *data* with each position moved by its own (x, y), (n, 2) in pixels."""
    return replace(data, x=data.x + moves[:, 0], y=data.y + moves[:, 1])


def _of_block(data: Dataset, one_photon: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    predicted, slopes = _prediction_and_slopes(data)
    measured = np.fft.ifftshift(data.diffraction, axes=(1, 2)).astype(np.float32)
    predicted, slopes = _of_equal_energy(predicted, slopes, measured)
    if one_photon is None:
        least = (ROUNDING * float(np.abs(measured).max(initial=0.0))) ** 2 + TINY
        return _equations(measured - predicted, slopes, None, least)
    predicted, slopes, measured = predicted / one_photon, slopes / one_photon, measured / one_photon
    light = predicted**2
    root = np.sqrt(light + DARK)
    # The error of a root is that of the count over twice the root; expected to be zero also where it is dark.
    lit = predicted / root
    return _equations((measured**2 - light) / (2 * root), slopes * lit[:, None], lit**2 / 4)


def _prediction_and_slopes(data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Return amplitudes, (n, H, W), and their slopes along x and y, (n, 2, H, W); zero frequency first."""
    shape = data.probe.shape
    patch = patches(data.object, data.x, data.y, shape).astype(np.complex64)
    # A shift of the exit wave turns phases alone, so it need not begin at the array's corner.
    wave = np.fft.fft2(data.probe.astype(np.complex64) * patch, norm="ortho")
    predicted = np.abs(wave)
    turned = wave.conj() / np.maximum(predicted, TINY)
    slopes = np.empty((len(data.x), 2, *shape), dtype=np.float32)
    for axis, slope in enumerate(_probe_slopes(data.probe)):
        slopes[:, axis] = -(turned * np.fft.fft2(slope * patch, norm="ortho")).real
    if data.mask is not None:
        counts = np.fft.ifftshift(data.mask, axes=(-2, -1))
        predicted, slopes = predicted * counts, slopes * (counts if counts.ndim == 2 else counts[:, None])  # noqa: PLR2004 - (H, W) or (N, H, W)
    return predicted, slopes


def _probe_slopes(probe: np.ndarray) -> list[np.ndarray]:
    """Return the derivatives of the probe along x and y, (H, W) complex64 each."""
    spectrum = np.fft.fft2(probe)
    down, right = (2j * np.pi * np.fft.fftfreq(n) for n in probe.shape)
    return [np.fft.ifft2(spectrum * q).astype(np.complex64) for q in (right[None, :], down[:, None])]


def _of_equal_energy(
    predicted: np.ndarray, slopes: np.ndarray, measured: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scale each prediction to its pattern's energy: the beam current says nothing about positions."""
    energy = np.einsum("nij,nij->n", predicted, predicted)
    energy[energy == 0] = 1.0
    along = np.einsum("naij,nij->na", slopes, predicted) / energy[:, None]
    scale = np.sqrt(np.einsum("nij,nij->n", measured, measured) / energy)[:, None, None]
    return predicted * scale, (slopes - along[..., None, None] * predicted[:, None]) * scale[:, None]


def _equations(
    error: np.ndarray, slopes: np.ndarray, noise: np.ndarray | None, least: float = 0.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return precision, pull and misfit from errors, slopes and the noise's variance in each pixel.

    error : (n, H, W); slopes : (n, 2, H, W); noise : (n, H, W), or None if it must be estimated.
    """
    flat, ahead = error.reshape(len(error), -1), slopes.reshape(*slopes.shape[:2], -1)
    matrix = (ahead @ ahead.swapaxes(1, 2)).astype(np.float64)
    pull = np.matmul(ahead, flat[..., None])[..., 0].astype(np.float64)
    left = np.einsum("np,np->n", flat, flat) - np.einsum("na,na->n", pull, _solved(matrix, pull))
    if noise is None:
        variance, misfit = np.maximum(left / max(flat.shape[1] - 2, 1), least), np.ones(len(error))
    else:
        each = noise.reshape(len(error), -1)
        misfit = np.maximum(left / np.maximum(each.sum(axis=1), 1e-12), 1.0)
        # The noise where the slopes are: less than 1/4 if much of it is dark.
        weight = np.einsum("nap,nap->np", ahead, ahead)
        total = np.maximum(weight.sum(axis=1), 1e-30)
        variance = np.maximum(np.einsum("np,np->n", weight, each) / total, 1e-12) * misfit
    return matrix / variance[:, None, None], pull / variance[:, None], misfit


def _solved(matrix: np.ndarray, right: np.ndarray) -> np.ndarray:
    inverse = np.linalg.pinv(finite(matrix), hermitian=True, rcond=SINGULAR)
    return np.asarray((inverse @ right[..., None])[..., 0])
