"""The forward model of ptychography: object and probe in, diffraction amplitude out.

Conventions, stated once for the whole domain:

- A patch is centred at its coordinate. Position (x, y) reads the *window* whose first row is
  ``rint(y - H / 2)`` and whose first column is ``rint(x - W / 2)``; pixel (H / 2, W / 2) of the patch sits
  at (x, y).
- What is left, between -0.5 and 0.5 px on each axis, is done as a Fourier shift of exactly that window. The
  window wraps around at its own edges, where a probe has little light: nothing outside the window is read.
- The far field is an orthonormal FFT with the zero frequency at the array's centre, so energy is conserved.
"""

from __future__ import annotations

import numpy as np

from harness.core.errors import RefusedError

BLOCK = 128
"""Positions computed at once: 128 patches of 64 x 64 complex128 are 8 MB."""


def origins(centre: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Split patch centres along one axis into whole and fractional first pixels.

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
        The rest, in [-0.5, 0.5].
    """
    corner = np.asarray(centre, dtype=np.float64) - size / 2
    first = np.rint(corner)
    return first.astype(np.intp), corner - first


def inside(centre: np.ndarray, size: int, extent: int) -> np.ndarray:
    """Say for each centre whether its patch, ``centre -+ size / 2``, stays within *extent* pixels."""
    return (centre - size / 2 >= 0) & (centre + size / 2 <= extent)


def patches(obj: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Read the patches of *obj* centred at (x, y).

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
        A patch leaves the object.
    """
    _require_inside(obj, x, y, shape)
    (top, down), (left, right) = origins(y, shape[0]), origins(x, shape[1])
    rows = top[:, None, None] + np.arange(shape[0])[None, :, None]
    columns = left[:, None, None] + np.arange(shape[1])[None, None, :]
    return fourier_shift(obj[rows, columns].astype(np.complex128), down, right)


def fourier_shift(windows: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Sample each window *down* rows and *right* columns further on, by the Fourier shift theorem.

    windows : (N, H, W) complex; down, right : (N,) float, in pixels. Returns (N, H, W) complex128.
    """
    height, width = windows.shape[-2:]
    rows = np.exp(2j * np.pi * np.fft.fftfreq(height)[None, :, None] * down[:, None, None])
    columns = np.exp(2j * np.pi * np.fft.fftfreq(width)[None, None, :] * right[:, None, None])
    return np.fft.ifft2(np.fft.fft2(windows) * rows * columns)


def far_field(exit_wave: np.ndarray) -> np.ndarray:
    """Propagate *exit_wave* to the detector (Fraunhofer), zero frequency at the centre.

    exit_wave : (..., H, W) complex. Energy is conserved: sum |out|^2 == sum |exit_wave|^2.
    """
    axes = (-2, -1)
    spectrum = np.fft.fft2(np.fft.ifftshift(exit_wave, axes=axes), norm="ortho")
    return np.fft.fftshift(spectrum, axes=axes)


def amplitude(probe: np.ndarray, obj: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the diffraction amplitude |F(probe * patch)| at every position.

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
        A patch leaves the object.
    """
    out = np.empty((len(x), *probe.shape))
    for start in range(0, len(x), BLOCK):
        block = slice(start, start + BLOCK)
        out[block] = np.abs(far_field(probe * patches(obj, x[block], y[block], probe.shape)))
    return out


def fitted_scale(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the one factor s that minimises ``|| s * predicted - measured ||`` (0 for a dark prediction)."""
    energy = np.vdot(predicted, predicted)
    return float(np.vdot(predicted, measured) / energy) if energy > 0 else 0.0


def residual(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return ``|| s * predicted - measured || / || measured ||`` with one fitted global scale s.

    predicted, measured : same shape, real amplitudes. 0 is perfect, 1 explains nothing.
    """
    measured = np.asarray(measured, dtype=np.float64)
    norm = np.linalg.norm(measured)
    if norm == 0:
        return 1.0
    return float(np.linalg.norm(fitted_scale(predicted, measured) * predicted - measured) / norm)


def _require_inside(obj: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> None:
    stays = inside(x, shape[1], obj.shape[1]) & inside(y, shape[0], obj.shape[0])
    if not stays.all():
        j = int(np.flatnonzero(~stays)[0])
        rows, columns = obj.shape
        raise RefusedError(
            f"scan position {j}",
            expected=f"a {shape[0]} x {shape[1]} patch inside the object of {rows} x {columns} pixels",
            found=f"centre x = {x[j]:.3f}, y = {y[j]:.3f}",
            remedy="Check that coordinates are patch centres in object pixels, x along columns.",
        )
