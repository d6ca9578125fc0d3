"""What every engine starts from: a flat object, and the stored probe out of focus."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError

if TYPE_CHECKING:
    from harness.ptycho.scan.residual import Dataset

DEFOCUS = 0.3
"""Error of the start probe in radians, as in our own pipelines: with 0, learning it could not be tested."""


def starting_point(data: Dataset, defocus: float = DEFOCUS) -> Dataset:
    """Return *data* with a flat object and a start probe, both in stored units, complex64.

    The flat object is as bright as the patterns: behind it the probe has their power.

    Raises
    ------
    RefusedError
        Diffraction or probe are not finite, or all zero.

    Examples
    --------
    >>> from harness.ptycho.scan.residual import Dataset
    >>> from harness.ptycho.scan.simulate import simulate
    >>> scan = simulate(positions=16, detector=16, photons=None)
    >>> start = starting_point(Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y))
    >>> float(np.ptp(np.abs(start.object))), start.object.shape == scan.object.shape
    (0.0, True)
    """
    probe = data.probe.astype(np.complex128)
    light = _rms(data) / np.sqrt(np.mean(np.abs(probe) ** 2))
    if not (np.isfinite(light) and light > 0):
        raise RefusedError(
            "diffraction and probe",
            expected="finite values, not all zero",
            found=f"a ratio of their root mean squares of {light}",
            remedy="Run `harness check` for details.",
        )
    flat = np.full(data.object.shape, light, dtype=np.complex64)
    return replace(data, object=flat, probe=defocused(probe, defocus).astype(np.complex64))


def defocused(probe: np.ndarray, radians: float) -> np.ndarray:
    """Return *probe*, (H, W) complex, out of focus: with a quadratic phase on its spectrum.

    The phase is *radians* at the root-mean-square radius of the spectrum. Energy is conserved.

    >>> probe = np.pad(np.ones((4, 4)), 6)
    >>> round(float(np.sum(np.abs(defocused(probe, 0.3)) ** 2)), 9)
    16.0
    """
    rows, columns = (np.fft.fftfreq(n) for n in probe.shape)
    radius2 = rows[:, None] ** 2 + columns[None, :] ** 2
    spectrum = np.fft.fft2(probe)
    power = np.abs(spectrum) ** 2
    phase = radians * radius2 * power.sum() / (power * radius2).sum()
    return np.fft.ifft2(spectrum * np.exp(1j * phase))


def _rms(data: Dataset) -> float:
    """Return the root mean square of the pixels that count; the others are 0."""
    pixels = data.diffraction.size
    if data.mask is not None:
        pixels = int(np.count_nonzero(np.broadcast_to(data.mask, data.diffraction.shape)))
    squares = np.square(data.diffraction, dtype=np.float64)
    return float(np.sqrt(squares.sum() / max(pixels, 1)))
