"""The forward model of ptychography: from object and probe to diffraction amplitude.

Conventions of the whole domain:

- A patch is centred at its coordinate. Position (x, y) reads the *window* whose first row is
  ``rint(y - H / 2)`` and whose first column is ``rint(x - W / 2)``; pixel (H / 2, W / 2) of the patch lies
  at (x, y).
- The remaining fraction, between -0.5 and 0.5 px on each axis, is a Fourier shift of exactly that window. The
  window wraps around at its own edges, where a probe has little light; nothing outside the window is read.
- The far field is an orthonormal FFT with the zero frequency at the array's centre, so energy is conserved.
"""

from __future__ import annotations

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.scan.mask import masked

BLOCK = 128
"""Positions computed at once: 128 patches of 64 x 64 complex128 are 8 MB."""


def first_pixels(centre: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first pixel of each patch along one axis, split into a whole number and a fraction.

    Parameters
    ----------
    centre : (N,) float
        Patch centres in object pixels.
    size : int
        Patch length along this axis.

    Returns
    -------
    first : (N,) int
        First pixel of the window.
    fraction : (N,) float
        Distance from it to the patch's first pixel, in [-0.5, 0.5].
    """
    # The centre of n pixels is pixel n / 2, as for np.fft.fftshift: n / 2 pixels come before it.
    corner = np.asarray(centre, dtype=np.float64) - size / 2
    first = np.rint(corner)
    return first.astype(np.intp), corner - first


def inside(centre: np.ndarray, size: int, extent: int) -> np.ndarray:
    """Return whether each patch, ``centre -+ size / 2``, lies within 0 .. *extent* pixels, (N,) bool."""
    return (centre - size / 2 >= 0) & (centre + size / 2 <= extent)


def patches(obj: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the patches of *obj* centred at (x, y).

    Parameters
    ----------
    obj : (M, M') complex
    x, y : (N,) float
        Patch centres in object pixels.
    shape : (int, int)
        Patch rows and columns, H and W.

    Returns
    -------
    (N, H, W) complex128

    Raises
    ------
    RefusedError
        A patch is not inside the object.
    """
    _require_inside(obj, x, y, shape)
    (top, down), (left, right) = first_pixels(y, shape[0]), first_pixels(x, shape[1])
    # One gather for all windows: row and column indices broadcast to (N, H, W).
    rows = top[:, None, None] + np.arange(shape[0])[None, :, None]
    columns = left[:, None, None] + np.arange(shape[1])[None, None, :]
    return fourier_shift(obj[rows, columns].astype(np.complex128), down, right)


def fourier_shift(windows: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return each window sampled *down* rows and *right* columns further on, by the Fourier shift theorem.

    windows : (N, H, W) complex; down, right : (N,) float, in pixels. Returns (N, H, W) complex128.
    """
    height, width = windows.shape[-2:]
    rows = np.exp(2j * np.pi * np.fft.fftfreq(height)[None, :, None] * down[:, None, None])
    columns = np.exp(2j * np.pi * np.fft.fftfreq(width)[None, None, :] * right[:, None, None])
    return np.fft.ifft2(np.fft.fft2(windows) * rows * columns)


def far_field(exit_wave: np.ndarray) -> np.ndarray:
    """Return *exit_wave* propagated to the detector (Fraunhofer), zero frequency at the centre.

    exit_wave : (..., H, W) complex. Energy is conserved: sum |out|^2 == sum |exit_wave|^2.
    """
    axes = (-2, -1)
    # numpy's FFT has its origin at pixel (0, 0); ours is at the centre, on the way in and on the way out.
    spectrum = np.fft.fft2(np.fft.ifftshift(exit_wave, axes=axes), norm="ortho")
    return np.fft.fftshift(spectrum, axes=axes)


def amplitude(probe: np.ndarray, obj: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return the diffraction amplitude |F(probe * patch)| at every position.

    Parameters
    ----------
    probe : (H, W) complex
    obj : (M, M') complex
    x, y : (N,) float
        Patch centres in object pixels.

    Returns
    -------
    (N, H, W) float64

    Raises
    ------
    RefusedError
        A patch is not inside the object.

    Examples
    --------
    A flat object transmits the probe unchanged, so its whole energy arrives at the detector:

    >>> flat, probe = np.ones((32, 32)), np.ones((8, 8))
    >>> predicted = amplitude(probe, flat, x=np.array([16.0, 17.5]), y=np.array([16.0, 16.0]))
    >>> predicted.shape, round(float(np.sum(predicted[0] ** 2)), 6)
    ((2, 8, 8), 64.0)
    """
    out = np.empty((len(x), *probe.shape))
    for start in range(0, len(x), BLOCK):
        block = slice(start, start + BLOCK)
        out[block] = np.abs(far_field(probe * patches(obj, x[block], y[block], probe.shape)))
    return out


def fitted_scale(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return the factor s that minimises ``|| s * predicted - measured ||`` (0 for a dark prediction).

    predicted, measured : same shape; mask : bool that broadcasts to it, True where a pixel counts.
    """
    predicted, measured = masked(predicted, mask), masked(measured, mask)
    energy = np.vdot(predicted, predicted)
    return float(np.vdot(predicted, measured) / energy) if energy > 0 else 0.0


def residual(predicted: np.ndarray, measured: np.ndarray, mask: np.ndarray | None = None) -> float:
    """Return ``|| s * predicted - measured || / || measured ||`` with one fitted global scale s.

    predicted, measured : same shape, real amplitudes; mask : bool that broadcasts to it, True where a pixel
    counts. 0 is perfect, 1 explains nothing.

    >>> measured = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> residual(5 * measured, measured), residual(np.zeros((2, 2)), measured)
    (0.0, 1.0)
    """
    predicted, measured = masked(predicted, mask), masked(np.asarray(measured, dtype=np.float64), mask)
    norm = np.linalg.norm(measured)
    if norm == 0:
        return 1.0
    return float(np.linalg.norm(fitted_scale(predicted, measured) * predicted - measured) / norm)


def _require_inside(obj: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> None:
    fits = inside(x, shape[1], obj.shape[1]) & inside(y, shape[0], obj.shape[0])
    if not fits.all():
        j = int(np.flatnonzero(~fits)[0])
        rows, columns = obj.shape
        raise RefusedError(
            f"scan position {j}",
            expected=f"a {shape[0]} x {shape[1]} patch inside the object of {rows} x {columns} pixels",
            found=f"centre x = {x[j]:.3f}, y = {y[j]:.3f}",
            remedy="Store patch centres in object pixels: x along columns, y along rows.",
        )
