"""The wave on the detector as a linear function of the probe, or of the object, and what it is compared with.

All detector arrays here have the zero frequency at the corner, as numpy's FFT leaves it: the modulus is the
same, and no stack is moved in every step. Single precision is enough: a fit is judged by the exact model.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.forward import first_pixels, fourier_shift, patches
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

DARK_SHARE = 1e-3
"""Share of the brightest light below which a pixel of probe or object is held back."""

AXES = (-2, -1)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """Amplitudes to be explained.

    Attributes
    ----------
    amplitude : (n, H, W) float32
        Measured, in units of the prediction; 0 where a pixel does not count.
    mask : (H, W) or (n, H, W) bool, or None
        True where a pixel counts.
    one_photon : float or None
        Amplitude of a single photon, in the same units.
    """

    amplitude: np.ndarray
    mask: np.ndarray | None
    one_photon: float | None

    @classmethod
    def of(cls, data: Dataset, scale: float, one_photon: float | None) -> Target:
        """Return the patterns of *data*, whose predictions are multiplied by *scale* to explain them."""
        unit = scale if scale > 0 else 1.0
        mask = None if data.mask is None else np.fft.ifftshift(data.mask, axes=AXES)
        amplitude = np.fft.ifftshift(data.diffraction, axes=AXES).astype(np.float32) / np.float32(unit)
        return cls(masked(amplitude, mask), mask, one_photon and one_photon / unit)

    def take(self, index: np.ndarray) -> Target:
        """Return the patterns *index*, (k,) int."""
        mask = self.mask[index] if self.mask is not None and self.mask.ndim == 3 else self.mask  # noqa: PLR2004 - (n, H, W)
        return replace(self, amplitude=self.amplitude[index], mask=mask)

    def left(self, fields: np.ndarray) -> np.ndarray:
        """Return what *fields*, (n, H, W) complex, exceed the measured amplitudes by, at their own phase."""
        modulus = np.maximum(np.abs(fields), np.float32(1e-20))
        return masked(fields - self.amplitude * (fields / modulus), self.mask)


@dataclass(frozen=True, slots=True, eq=False)
class ProbeWaves:
    """The fields as a function of the probe; *patches* are (n, H, W) complex64, *start* is (H, W)."""

    start: np.ndarray
    patches: np.ndarray

    @classmethod
    def of(cls, data: Dataset) -> ProbeWaves:
        """Return them for all patterns of *data*."""
        read = patches(data.object, data.x, data.y, data.probe.shape)
        return cls(data.probe.astype(np.complex64), read.astype(np.complex64))

    @property
    def parameters(self) -> int:
        """Two for each pixel."""
        return 2 * self.start.size

    @property
    def weight(self) -> np.ndarray:
        """(H, W) float32."""
        return _inverse(np.asarray(np.sum(_light(self.patches), axis=0)))

    def fields(self, unknown: np.ndarray) -> np.ndarray:
        """Return the far fields of *unknown*, (H, W)."""
        return np.asarray(np.fft.fft2(unknown * self.patches, norm="ortho"))

    def gradient(self, fields: np.ndarray) -> np.ndarray:
        """Return (H, W) complex64."""
        return np.asarray(np.sum(np.conj(self.patches) * np.fft.ifft2(fields, norm="ortho"), axis=0))

    def holds(self, unknown: np.ndarray) -> bool:
        """Return whether it has the probe's shape."""
        return unknown.shape == self.start.shape

    def take(self, index: np.ndarray) -> ProbeWaves:
        """Return those of the patterns *index*."""
        return replace(self, patches=self.patches[index])


@dataclass(frozen=True, slots=True, eq=False)
class ObjectWaves:
    """The fields as a function of the object.

    The probe is moved by the fraction of a pixel, not the patch: for a band-limited exit wave it is the same,
    and it is done once.

    Attributes
    ----------
    start : (M, M') complex64
    probes : (n, H, W) complex64
        The probe, moved to each position's place in its window.
    top, left : (n,) int
        First row and column of each window.
    """

    start: np.ndarray
    probes: np.ndarray
    top: np.ndarray
    left: np.ndarray

    @classmethod
    def of(cls, data: Dataset) -> ObjectWaves:
        """Return them for all patterns of *data*."""
        (top, down), (left, right) = (
            first_pixels(centre, side)
            for centre, side in zip((data.y, data.x), data.probe.shape, strict=True)
        )
        probes = fourier_shift(data.probe[None].astype(np.complex128), -down, -right)
        return cls(data.object.astype(np.complex64), probes.astype(np.complex64), top, left)

    @property
    def parameters(self) -> int:
        """Two for each pixel that gets light."""
        light = self.light
        return 2 * int(np.sum(light > DARK_SHARE * light.max()))

    @property
    def light(self) -> np.ndarray:
        """The light that each pixel gets, (M, M') float32."""
        return self._gathered(_light(self.probes))

    @property
    def weight(self) -> np.ndarray:
        """(M, M') float32."""
        return _inverse(self.light)

    def fields(self, unknown: np.ndarray) -> np.ndarray:
        """Return the far fields of *unknown*, (M, M')."""
        windows = np.lib.stride_tricks.sliding_window_view(unknown, self.probes.shape[1:])
        return np.asarray(np.fft.fft2(windows[self.top, self.left] * self.probes, norm="ortho"))

    def gradient(self, fields: np.ndarray) -> np.ndarray:
        """Return (M, M') complex64."""
        return self._gathered(np.conj(self.probes) * np.fft.ifft2(fields, norm="ortho"))

    def holds(self, unknown: np.ndarray) -> bool:
        """Return whether all windows lie inside an object of its shape."""
        (rows, columns), (height, width) = unknown.shape, self.probes.shape[1:]
        return bool(self.top.max() + height <= rows and self.left.max() + width <= columns)

    def take(self, index: np.ndarray) -> ObjectWaves:
        """Return those of the patterns *index*."""
        return replace(self, probes=self.probes[index], top=self.top[index], left=self.left[index])

    def _gathered(self, windows: np.ndarray) -> np.ndarray:
        """Return the sum of (n, H, W) *windows*, each at its place."""
        out = np.zeros(self.start.shape, dtype=windows.dtype)
        height, width = windows.shape[1:]
        for window, top, left in zip(windows, self.top, self.left, strict=True):
            out[top : top + height, left : left + width] += window
        return out


Waves = ProbeWaves | ObjectWaves
"""The fields on the detector as a linear function of one unknown array."""


def _light(stack: np.ndarray) -> np.ndarray:
    return np.asarray(stack.real**2 + stack.imag**2)


def _inverse(light: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (light + np.float32(DARK_SHARE * light.max() + 1e-30)))
