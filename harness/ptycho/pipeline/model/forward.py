"""The forward model in torch, and its adjoint.

Conventions are those of :mod:`harness.ptycho.scan.forward`, with one exception: detector arrays have their
zero frequency at the corner, as the FFT leaves it. Shifting it to the centre and back took a fifth of a
pipeline's time.

A *window* is the square of whole pixels that a position reads; the fraction of a pixel that remains is
done as a Fourier shift.

There are two ways to do that shift. :func:`patches` moves what the window reads, as the numpy model does.
:func:`moved_probes` moves the probe back by the same fraction instead, so that the object is read at whole
pixels, which saves one FFT on the way to the detector and one on the way back. A shift of the whole exit wave
changes no amplitude, so both are the same physics; they differ by what a window holds at its edges and near
the Nyquist frequency. That is a residual of 0.005 on the simulated fixture, whose photon noise is 0.027.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from harness.ptycho.scan.forward import first_pixels

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Where each of N positions reads an object of *shape* (M, M').

    Attributes
    ----------
    index : (N, H, W) int64
        Pixel of the flattened object that each window pixel reads.
    ramp : (N, H, W) complex64
        Phase ramp in Fourier space that does the subpixel shift.
    shape : (int, int)
        The object's, M and M'.
    """

    index: Tensor
    ramp: Tensor
    shape: tuple[int, int]

    @classmethod
    def centred_at(
        cls, x: np.ndarray, y: np.ndarray, *, patch: tuple[int, int], shape: tuple[int, int]
    ) -> Windows:
        """Return windows of *patch* (H, W) pixels centred at x, y (N,) float64, in pixels of the object."""
        (top, down), (left, right) = first_pixels(y, patch[0]), first_pixels(x, patch[1])
        rows = torch.from_numpy(top)[:, None] + torch.arange(patch[0])  # (N, H)
        columns = torch.from_numpy(left)[:, None] + torch.arange(patch[1])  # (N, W)
        index = rows[:, :, None] * shape[1] + columns[:, None, :]  # (N, H, W)
        ramp = _phase_ramp(down, patch[0])[:, :, None] * _phase_ramp(right, patch[1])[:, None, :]
        return cls(index, ramp.to(torch.complex64), shape)

    def take(self, positions: Tensor) -> Windows:
        """Return the windows of *positions*, (B,) int64."""
        return Windows(self.index[positions], self.ramp[positions], self.shape)


def patches(obj: Tensor, windows: Windows) -> Tensor:
    """Return the patches that *windows* read of *obj*, (M, M') complex64: (N, H, W) complex64."""
    whole = obj.reshape(-1)[windows.index]  # (N, H, W)
    return _fourier_shift(whole, windows.ramp)  # (N, H, W)


def place_patches(waves: Tensor, windows: Windows) -> Tensor:
    """Add *waves*, (N, H, W) complex64, into an object at their *windows*: (M, M') complex64.

    The adjoint of :func:`patches`: <patches(obj), waves> == <obj, place_patches(waves)>.
    """
    # The conjugate ramp shifts back. The shift is unitary, so its inverse is its adjoint.
    whole = _fourier_shift(waves, windows.ramp.conj())  # (N, H, W)
    return _add_at_windows(whole, windows)  # (M, M')


def whole_patches(obj: Tensor, windows: Windows) -> Tensor:
    """Return what *windows* read of *obj* at whole pixels, (M, M') complex64: (N, H, W) complex64."""
    return obj.reshape(-1)[windows.index]  # (N, H, W)


def place_whole_patches(values: Tensor, windows: Windows) -> Tensor:
    """Add *values*, (N, H, W), at whole pixels into an object at their *windows*: (M, M').

    The adjoint of :func:`whole_patches`.
    """
    return _add_at_windows(values, windows)  # (M, M')


def moved_probes(probe: Tensor, windows: Windows) -> Tensor:
    """Return *probe*, (H, W) complex64, as it lies over the whole pixels of *windows*: (N, H, W) complex64.

    |F(moved probe * whole patch)| is |F(probe * patch)|.
    """
    moved: Tensor = torch.fft.ifft2(torch.fft.fft2(probe) * windows.ramp.conj())  # (N, H, W)
    return moved


def collect_probes(waves: Tensor, windows: Windows) -> Tensor:
    """Return the sum of *waves*, (N, H, W) complex64, each moved back to the probe's place: (H, W) complex64.

    The adjoint of :func:`moved_probes`.
    """
    total: Tensor = torch.fft.ifft2((torch.fft.fft2(waves) * windows.ramp).sum(dim=0))  # (H, W)
    return total


def illumination(probe: Tensor, windows: Windows) -> Tensor:
    """Return the intensity of *probe*, (H, W), summed over all *windows*: (M, M') float32.

    Windows are taken at whole pixels, without the subpixel shift.
    """
    return _add_at_windows((probe.abs() ** 2).expand(windows.index.shape), windows)  # (M, M')


def far_field(exit_wave: Tensor) -> Tensor:
    """Return *exit_wave*, (..., H, W) complex64, at the detector, zero frequency at the corner.

    Orthonormal: sum |out|^2 == sum |exit_wave|^2. The phase's origin is the first pixel, not the centre,
    which leaves amplitudes unchanged.
    """
    spectrum: Tensor = torch.fft.fft2(exit_wave, norm="ortho")  # (..., H, W)
    return spectrum


def near_field(spectrum: Tensor) -> Tensor:
    """Return *spectrum*, (..., H, W) complex64, back at the object.

    The inverse and the adjoint of :func:`far_field`.
    """
    wave: Tensor = torch.fft.ifft2(spectrum, norm="ortho")  # (..., H, W)
    return wave


def amplitude(probe: Tensor, obj: Tensor, windows: Windows) -> Tensor:
    """Return |F(probe * patch)| at every position: (N, H, W) float32, zero frequency at the corner.

    probe : (H, W) complex64; obj : (M, M') complex64.
    """
    return far_field(probe * patches(obj, windows)).abs()  # (N, H, W)


def defocused(probe: Tensor, radians: float) -> Tensor:
    """Return *probe*, (H, W) complex64, out of focus: with a quadratic phase on its spectrum.

    The phase is *radians* at the root-mean-square radius of the spectrum. Energy is conserved.
    """
    rows, columns = (torch.fft.fftfreq(n, dtype=torch.float64) for n in probe.shape)
    radius2 = rows[:, None] ** 2 + columns[None, :] ** 2  # (H, W)
    spectrum = torch.fft.fft2(probe.to(torch.complex128))  # (H, W)
    power = spectrum.abs() ** 2  # (H, W)
    phase = radians * radius2 * power.sum() / (power * radius2).sum()  # (H, W)
    wave: Tensor = torch.fft.ifft2(spectrum * torch.exp(1j * phase))  # (H, W)
    return wave.to(probe.dtype)


def _fourier_shift(waves: Tensor, ramp: Tensor) -> Tensor:
    shifted: Tensor = torch.fft.ifft2(torch.fft.fft2(waves) * ramp)  # (N, H, W)
    return shifted


def _add_at_windows(values: Tensor, windows: Windows) -> Tensor:
    rows, columns = windows.shape
    canvas = torch.zeros(rows * columns, dtype=values.dtype)
    return canvas.index_add(0, windows.index.reshape(-1), values.reshape(-1)).reshape(rows, columns)


def _phase_ramp(fraction: np.ndarray, size: int) -> Tensor:
    """Return the Fourier phases that shift by *fraction*, (N,) pixels, along an axis: (N, size) complex128.

    With them a window is read *fraction* of a pixel further on, by the Fourier shift theorem.
    """
    return torch.exp(
        2j * torch.pi * torch.from_numpy(fraction)[:, None] * torch.fft.fftfreq(size, dtype=torch.float64)
    )
