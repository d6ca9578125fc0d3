"""The forward model in torch, and its adjoint; conventions as in :mod:`harness.ptycho.scan.forward`, but one.

A *window* is where a position reads the object: whole pixels by index, the fraction by a Fourier shift.
Detector arrays have their zero frequency at the corner, as the FFT leaves it: shifting it to the centre and
back took a fifth of a pipeline's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from harness.ptycho.scan.forward import origins

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
        Phase, in Fourier space, of the subpixel shift.
    """

    index: Tensor
    ramp: Tensor
    shape: tuple[int, int]

    @classmethod
    def at(cls, x: np.ndarray, y: np.ndarray, *, patch: tuple[int, int], shape: tuple[int, int]) -> Windows:
        """Lay windows of *patch* (H, W) pixels centred at x, y (N,), in pixels of an object of *shape*."""
        (top, down), (left, right) = origins(y, patch[0]), origins(x, patch[1])
        rows = torch.from_numpy(top)[:, None] + torch.arange(patch[0])  # (N, H)
        columns = torch.from_numpy(left)[:, None] + torch.arange(patch[1])  # (N, W)
        index = rows[:, :, None] * shape[1] + columns[:, None, :]  # (N, H, W)
        ramp = _turn(down, patch[0])[:, :, None] * _turn(right, patch[1])[:, None, :]
        return cls(index, ramp.to(torch.complex64), shape)

    def take(self, positions: Tensor) -> Windows:
        """Return the windows of *positions*, (B,) int64."""
        return Windows(self.index[positions], self.ramp[positions], self.shape)


def patches(obj: Tensor, windows: Windows) -> Tensor:
    """Read the patches of *obj*, (M, M') complex64, at subpixel *windows*: (N, H, W) complex64."""
    whole = obj.reshape(-1)[windows.index]  # (N, H, W)
    return _shifted(whole, windows.ramp)  # (N, H, W)


def place(waves: Tensor, windows: Windows) -> Tensor:
    """Add *waves*, (N, H, W) complex64, up where they were read: (M, M') complex64.

    The adjoint of :func:`patches`: <patches(obj), waves> == <obj, place(waves)>.
    """
    whole = _shifted(waves, windows.ramp.conj())  # (N, H, W)
    return _summed(whole, windows)  # (M, M')


def illumination(probe: Tensor, windows: Windows) -> Tensor:
    """Sum the intensity of *probe*, (H, W), over all *windows*, to the whole pixel: (M, M') float32."""
    return _summed((probe.abs() ** 2).expand(windows.index.shape), windows)  # (M, M')


def far_field(exit_wave: Tensor) -> Tensor:
    """Propagate *exit_wave*, (..., H, W) complex, to the detector; zero frequency at the corner.

    Orthonormal: sum |out|^2 == sum |exit_wave|^2. Its phase is that of an origin at the first pixel.
    """
    spectrum: Tensor = torch.fft.fft2(exit_wave, norm="ortho")  # (..., H, W)
    return spectrum


def near_field(spectrum: Tensor) -> Tensor:
    """Propagate *spectrum* back: the inverse, and the adjoint, of :func:`far_field`."""
    wave: Tensor = torch.fft.ifft2(spectrum, norm="ortho")  # (..., H, W)
    return wave


def amplitude(probe: Tensor, obj: Tensor, windows: Windows) -> Tensor:
    """Compute |F(probe * patch)| at every position: (N, H, W) float32, zero frequency at the corner.

    probe : (H, W) complex64; obj : (M, M') complex64.
    """
    return far_field(probe * patches(obj, windows)).abs()  # (N, H, W)


def defocused(probe: Tensor, radians: float) -> Tensor:
    """Return *probe*, (H, W), out of focus: a quadratic phase on its spectrum, its energy unchanged.

    *radians* is that phase at the root-mean-square radius of the spectrum.
    """
    rows, columns = (torch.fft.fftfreq(n, dtype=torch.float64) for n in probe.shape)
    radius2 = rows[:, None] ** 2 + columns[None, :] ** 2  # (H, W)
    spectrum = torch.fft.fft2(probe.to(torch.complex128))  # (H, W)
    light = spectrum.abs() ** 2
    phase = radians * radius2 * light.sum() / (light * radius2).sum()
    wave: Tensor = torch.fft.ifft2(spectrum * torch.exp(1j * phase))  # (H, W)
    return wave.to(probe.dtype)


def _shifted(waves: Tensor, ramp: Tensor) -> Tensor:
    shifted: Tensor = torch.fft.ifft2(torch.fft.fft2(waves) * ramp)  # (N, H, W)
    return shifted


def _summed(values: Tensor, windows: Windows) -> Tensor:
    rows, columns = windows.shape
    canvas = torch.zeros(rows * columns, dtype=values.dtype)
    return canvas.index_add(0, windows.index.reshape(-1), values.reshape(-1)).reshape(rows, columns)


def _turn(fraction: np.ndarray, size: int) -> Tensor:
    """Return the Fourier phases, (N, size) complex128, that read *fraction* of a pixel further on."""
    return torch.exp(
        2j * torch.pi * torch.from_numpy(fraction)[:, None] * torch.fft.fftfreq(size, dtype=torch.float64)
    )
