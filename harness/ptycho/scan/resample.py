"""Crop or bin the detector, with probe, object and coordinates changed to match.

Real-space pixel size is (wavelength x distance) / (detector width), so the two ways differ:

- *crop* keeps the detector's middle. The width falls by k: object pixels grow by k, coordinates shrink by k,
  probe and object lose the frequencies that are no longer recorded. This is valid only if the beam's own far
  field fits onto the smaller detector, because light beyond it still scatters back in.
- *bin* adds k x k neighbouring pixels. The width stays: object and coordinates keep their scale, and the
  real-space window of a pattern shrinks by k. This is valid only if the beam fits into the smaller window.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError, UsageError
from harness.ptycho.scan.forward import far_field
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from harness.ptycho.scan.scan import Scan

FITTING = 0.99
"""Share of the probe's energy that the smaller window, or the smaller detector, must still hold."""


def crop(scan: Scan, factor: int) -> Scan:
    """Return *scan* with the middle 1 / *factor* of the detector's rows and columns.

    The object is cropped in Fourier space to pixels *factor* times larger (padded at its far edges to a whole
    number of them), coordinates are divided by *factor*, and the probe's far field is cropped in the same way
    as the detector.

    Parameters
    ----------
    scan : Scan
    factor : int
        1 returns the scan unchanged.

    Returns
    -------
    Scan
        With a note of the crop in its transformations.

    Raises
    ------
    UsageError
        *factor* does not divide the detector into an even number of pixels.
    RefusedError
        The beam's far field is wider than the smaller detector.
    """
    if factor == 1:
        return scan
    height, width = _divided(scan.detector, factor)
    _require_fitting(far_field(scan.probe), (height, width), "cropped detector")
    # _coarser keeps values; on fewer pixels the probe needs *factor* times the amplitude for the same energy.
    return replace(
        scan,
        diffraction=_central(scan.diffraction, height, width),
        probe=factor * _coarser(scan.probe, factor),
        object=_coarser(_padded(scan.object, factor), factor),
        x=scan.x / factor,
        y=scan.y / factor,
        x_start=None if scan.x_start is None else scan.x_start / factor,
        y_start=None if scan.y_start is None else scan.y_start / factor,
        mask=None if scan.mask is None else _central(scan.mask, height, width),
        truth=None if scan.truth is None else _coarser(scan.truth, factor),
    ).noted(
        f"detector: cropped by {factor} to {height} x {width}; coordinates, object and probe scaled to match"
    )


def bin_detector(scan: Scan, factor: int) -> Scan:
    """Return *scan* with the intensities of *factor* x *factor* neighbouring detector pixels added.

    Object and coordinates keep their scale. The probe is cut to the smaller window, and carries a phase ramp:
    the middle of a bin lies (factor - 1) / 2 old pixels beyond the pixel that holds the zero frequency. A
    binned pixel counts if all pixels that it is made of do: the light of the others is not known.

    Parameters
    ----------
    scan : Scan
    factor : int
        1 returns the scan unchanged.

    Returns
    -------
    Scan
        With a note of the binning in its transformations.

    Raises
    ------
    UsageError
        *factor* does not divide the detector into an even number of pixels.
    RefusedError
        The beam is wider than the smaller window.
    """
    if factor == 1:
        return scan
    height, width = _divided(scan.detector, factor)
    _require_fitting(scan.probe, (height, width), "binned pattern's window")
    probe = _central(scan.probe, height, width)
    blocks = _blocks(masked(scan.diffraction, scan.mask).astype(np.float64), factor)
    mask = None if scan.mask is None else np.all(_blocks(scan.mask, factor), axis=(-3, -1))
    return replace(
        scan,
        diffraction=masked(np.sqrt(np.sum(blocks**2, axis=(-3, -1))), mask),
        mask=mask,
        probe=probe * _half_bin_ramp(probe.shape, factor),
        truth=None if scan.truth is None else _central(scan.truth, height, width),
    ).noted(f"detector: binned by {factor} to {height} x {width}; probe cut to match, coordinates unchanged")


def _divided(detector: tuple[int, int], factor: int) -> tuple[int, int]:
    height, width = detector
    if factor < 1 or height % (2 * factor) or width % (2 * factor):
        raise UsageError(
            "crop or bin",
            expected=f"a factor that divides {height} x {width} detector pixels into an even number",
            found=str(factor),
            remedy="Use 1, 2 or 4.",
        )
    return height // factor, width // factor


def _blocks(stack: np.ndarray, factor: int) -> np.ndarray:
    """Return *stack*, (..., H, W), as (..., H / factor, factor, W / factor, factor)."""
    height, width = stack.shape[-2] // factor, stack.shape[-1] // factor
    return stack.reshape(*stack.shape[:-2], height, factor, width, factor)


def _central(stack: np.ndarray, height: int, width: int) -> np.ndarray:
    """Return the middle of the last two axes; the centre, pixel n / 2 of n, becomes pixel n' / 2 of n'."""
    top, left = (stack.shape[-2] - height) // 2, (stack.shape[-1] - width) // 2
    return stack[..., top : top + height, left : left + width]


def _coarser(image: np.ndarray, factor: int) -> np.ndarray:
    """Return *image* with pixels *factor* times larger, by a crop in Fourier space; values keep their level.

    Pixel (0, 0) stays where it is, so a coordinate c becomes c / factor.
    """
    axes = (-2, -1)
    spectrum = np.fft.fftshift(np.fft.fft2(image.astype(np.complex128)), axes=axes)
    height, width = image.shape[-2] // factor, image.shape[-1] // factor
    cut = _kept_frequencies(spectrum, height, width)
    return np.asarray(np.fft.ifft2(np.fft.ifftshift(cut, axes=axes)) / factor**2)


def _kept_frequencies(spectrum: np.ndarray, height: int, width: int) -> np.ndarray:
    """Crop a centred spectrum around its zero frequency, which is pixel n // 2 for odd n too."""
    top = spectrum.shape[-2] // 2 - height // 2
    left = spectrum.shape[-1] // 2 - width // 2
    return spectrum[..., top : top + height, left : left + width]


def _padded(obj: np.ndarray, factor: int) -> np.ndarray:
    """Return *obj* with its far edges repeated until *factor* divides both sides."""
    return np.pad(obj, [(0, -n % factor) for n in obj.shape], mode="edge")


def _half_bin_ramp(shape: tuple[int, ...], factor: int) -> np.ndarray:
    """Return the phase ramp that moves a far field by (factor - 1) / 2 pixels of the unbinned detector."""
    rows, columns = (np.arange(n) - n / 2 for n in shape)
    turns = (factor - 1) / (2 * factor) * (rows[:, None] / shape[0] + columns[None, :] / shape[1])
    return np.asarray(np.exp(-2j * np.pi * turns))


def _require_fitting(beam: np.ndarray, shape: tuple[int, int], where: str) -> None:
    """Refuse a *beam* (the probe or its far field) that loses light when it is cut to *shape*."""
    share = float(np.sum(np.abs(_central(beam, *shape)) ** 2) / np.sum(np.abs(beam) ** 2))
    if share < FITTING:
        raise RefusedError(
            "probeGuess",
            expected=f"{FITTING:.0%} of its energy inside the {where}, {shape[0]} x {shape[1]} pixels",
            found=f"{share:.1%}",
            remedy="Crop or bin by a smaller factor, or keep all pixels.",
        )
