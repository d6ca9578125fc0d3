"""The physics of a scan, written from the dataset contract alone: another method than the package's.

A patch is read off the *whole* object, taken as periodic and band-limited, by Dirichlet kernels: exact
interpolation in real space, without a Fourier shift, without a window. The far field is a matrix product.
"""

from __future__ import annotations

import numpy as np


def sampling_matrix(length: int, first: float, count: int) -> np.ndarray:
    """Return the (count, length) matrix that reads a periodic sequence at *first*, *first* + 1, ...

    It is exact for a sequence without its Nyquist frequency. A row of a whole *first* picks one element.
    """
    distance = first + np.arange(count)[:, None] - np.arange(length)[None, :]
    angle = np.pi * distance / length
    below = np.sin(angle) if length % 2 else np.tan(angle)
    with np.errstate(divide="ignore", invalid="ignore"):
        kernel = np.sin(np.pi * distance) / (length * below)
    return np.where(np.abs(np.sin(angle)) < 1e-12, 1.0, kernel)


def transform_matrix(length: int) -> np.ndarray:
    """Return the unitary (length, length) discrete Fourier transform with both origins at ``length // 2``."""
    index = np.arange(length) - length // 2
    return np.exp(-2j * np.pi * np.outer(index, index) / length) / np.sqrt(length)


def read_patch(obj: np.ndarray, x: float, y: float, shape: tuple[int, int]) -> np.ndarray:
    """Return the patch of *obj* whose first pixel is at row ``y - H / 2`` and column ``x - W / 2``."""
    down = sampling_matrix(obj.shape[0], y - shape[0] / 2, shape[0])
    right = sampling_matrix(obj.shape[1], x - shape[1] / 2, shape[1])
    # Real products are twice as fast as complex ones.
    return (down @ obj.real) @ right.T + 1j * ((down @ obj.imag) @ right.T)


def far_field(wave: np.ndarray) -> np.ndarray:
    """Return the wave on the detector, zero frequency at pixel (H // 2, W // 2); energy is conserved."""
    return transform_matrix(wave.shape[-2]) @ wave @ transform_matrix(wave.shape[-1]).T


def intensities(
    probes: np.ndarray, obj: np.ndarray, x: np.ndarray, y: np.ndarray, moved: tuple[float, float] = (0, 0)
) -> np.ndarray:
    """Return the light on the detector, summed over the incoherent modes of the probe.

    probes : (modes, H, W) complex; obj : (M, M') complex; x, y : (N,) patch centres in object pixels;
    moved : by how many pixels, (rows, columns), the zero frequency lies beyond the detector's centre.
    Returns (N, H, W) float64.
    """
    height, width = probes.shape[1:]
    lit = probes * _ramp(height, moved[0])[:, None] * _ramp(width, moved[1])[None, :]
    rows, columns = transform_matrix(height), transform_matrix(width).T
    out = np.empty((len(x), height, width))
    for j in range(len(x)):
        wave = rows @ (lit * read_patch(obj, x[j], y[j], (height, width))) @ columns
        out[j] = np.sum(wave.real**2 + wave.imag**2, axis=0)
    return out


def _ramp(length: int, moved: float) -> np.ndarray:
    return np.exp(2j * np.pi * moved * (np.arange(length) - length // 2) / length)
