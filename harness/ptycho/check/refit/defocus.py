"""How far the stored probe is out of focus: one number, fitted to the patterns.

A probe propagated to another plane differs by a phase that grows with the square of the spatial frequency. It
is given in radians at the probe's root-mean-square frequency, which needs neither wavelength nor pixel size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.linear import finite
from harness.ptycho.scan.mask import masked
from harness.ptycho.scan.photons import root_of_counts

if TYPE_CHECKING:
    from harness.ptycho.check.refit.waves import ProbeWaves, Target

MOST_STEPS = 4
CONVERGED = 0.1
"""The fit ends with a step of fewer standard errors than this."""

SEARCHED = np.array([-12, -9, -7, -5, -3.5, -2.5, -1.8, -1.2, -0.6, 0.6, 1.2, 1.8, 2.5, 3.5, 5, 7, 9, 12])
"""Defocus, in radians, that a search begins from."""


class Defocus(NamedTuple):
    """A fitted defocus and its standard error, in radians at the probe's rms frequency."""

    radians: float
    uncertainty: float

    @property
    def deviations(self) -> float:
        """By how many standard errors it differs from zero."""
        return abs(self.radians) / self.uncertainty if self.uncertainty > 0 else 0.0


def refocused(probe: np.ndarray, radians: float) -> np.ndarray:
    """Return *probe*, (H, W) complex, propagated: *radians* is its phase at its rms frequency.

    >>> probe = np.ones((8, 8), dtype=np.complex64)
    >>> probe[3, 4] = 2
    >>> bool(np.allclose(refocused(refocused(probe, 0.7), -0.7), probe, atol=1e-6))
    True
    """
    spectrum = np.fft.fft2(probe)
    wave = np.fft.ifft2(spectrum * np.exp(1j * radians * _square(spectrum)))
    return np.asarray(wave, dtype=np.result_type(probe.dtype, np.complex64))


def fit_defocus(waves: ProbeWaves, target: Target, start: float = 0.0) -> Defocus:
    """Return the defocus that explains *target* best: Gauss-Newton from *start*, with a free scale."""
    spectrum = np.fft.fft2(waves.start)
    square = _square(spectrum)
    found = Defocus(start, 0.0)
    for _ in range(MOST_STEPS):
        probe = np.fft.ifft2(spectrum * np.exp(1j * found.radians * square))
        slope = np.fft.ifft2(1j * square * spectrum * np.exp(1j * found.radians * square))
        fields, slopes = (waves.fields(wave.astype(np.complex64)) for wave in (probe, slope))
        step = _step(fields, slopes, target)
        found = Defocus(found.radians + step.radians, step.uncertainty)
        if step.deviations < CONVERGED:
            break
    return found


def _square(spectrum: np.ndarray) -> np.ndarray:
    """Return the squared frequency of each pixel, in units of its mean over the probe's light."""
    rows, columns = (np.fft.fftfreq(side) for side in spectrum.shape)
    square = rows[:, None] ** 2 + columns[None, :] ** 2
    light = np.abs(spectrum) ** 2
    return np.asarray(square * (light.sum() / max(np.vdot(light, square), np.finfo(float).tiny)))


def _step(fields: np.ndarray, slopes: np.ndarray, target: Target) -> Defocus:
    """Return one Gauss-Newton step, (n, H, W) *slopes* being the fields' own."""
    modulus = np.maximum(np.abs(fields), np.float32(1e-20))
    slope = masked((fields.real * slopes.real + fields.imag * slopes.imag) / modulus, target.mask)
    modulus = masked(modulus, target.mask)
    left = target.amplitude - _expected(modulus, target)
    matrix = np.array([[_dot(slope, slope), _dot(slope, modulus)], [0, _dot(modulus, modulus)]])
    matrix[1, 0] = matrix[0, 1]
    moved = np.linalg.lstsq(finite(matrix), np.array([_dot(slope, left), _dot(modulus, left)]), rcond=None)[0]
    free = slope - modulus * np.float32(matrix[0, 1] / matrix[1, 1] if matrix[1, 1] else 0.0)
    rest = left - np.float32(moved[0]) * slope - np.float32(moved[1]) * modulus
    # Each pixel with its own noise: dark pixels have less.
    spread, curvature = np.linalg.norm(free * rest), _dot(free, free)
    return Defocus(float(moved[0]), float(spread / curvature) if curvature > 0 else np.inf)


def _expected(modulus: np.ndarray, target: Target) -> np.ndarray:
    """Return the mean measured amplitude; the root of dark counts is on average below that of their mean."""
    if target.one_photon is None:
        return modulus
    root, _ = root_of_counts(modulus / np.float32(target.one_photon))
    return np.asarray(root * target.one_photon, dtype=np.float32)


def _dot(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.vdot(first, second))
