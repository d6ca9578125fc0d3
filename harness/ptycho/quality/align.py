"""Align a reconstruction with the ground truth: global complex factor, phase ramp, subpixel shift.

Diffraction data do not determine these. Coarse values come from registration (shift, of the amplitudes, which
a ramp does not change) and from the peak of the Fourier transform of ``truth * conj(image)`` (ramp);
Gauss-Newton steps then refine all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from harness.core.storage.digest import digest_array

LARGEST_SHIFT = 1.0
"""Pixels per axis. A larger shift is an error, not an ambiguity, and stays in the metrics."""

STEPS = 6

MOST_RECENT = 8
"""Alignments that are remembered: metrics and picture need the same ones, so do controls of other runs."""

_RECENT: dict[tuple[str, ...], Alignment] = {}


@dataclass(frozen=True, slots=True)
class Alignment:
    """The transformation of an image onto the truth: ``factor * exp(2 pi i ramp . r) * image(r + shift)``.

    Attributes
    ----------
    shift : (2,) float64
        Rows and columns, in pixels, within ``LARGEST_SHIFT``.
    ramp : (2,) float64
        Rows and columns, in cycles per pixel.
    factor : complex
    """

    shift: np.ndarray
    ramp: np.ndarray
    factor: complex

    def apply(self, image: np.ndarray) -> np.ndarray:
        """Return *image*, (M, M') complex, aligned; quintic splines shift it, mirrored at the edges."""
        return self.factor * _with_ramp(_shifted(image, self.shift), self.ramp)


def align(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return *image* aligned with *truth*, (M, M') complex128; they are compared inside *mask* alone.

    Parameters
    ----------
    image, truth : (M, M') complex
    mask : (M, M') bool

    Examples
    --------
    >>> truth = np.exp(1j * np.add.outer(np.arange(32) % 5, np.arange(32) % 7) / 10)
    >>> aligned = align(3j * truth, truth, np.ones((32, 32), dtype=bool))
    >>> bool(np.allclose(aligned, truth))
    True
    """
    return find_alignment(image, truth, mask).apply(image)


def find_alignment(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> Alignment:
    """Return the factor, ramp and shift that bring *image* nearest to *truth* in the least-squares sense.

    The factor's modulus is then fitted to the amplitudes alone: in the complex fit, phases that disagree
    would dim the image, so that phase errors would appear in its amplitude metrics.

    Parameters
    ----------
    image, truth : (M, M') complex
    mask : (M, M') bool
        Where the two are compared.
    """
    key = tuple(digest_array(np.asarray(array)) for array in (image, truth, mask))
    found = _RECENT.pop(key, None) or _find(image, truth, mask)
    _RECENT[key] = found  # as the newest
    if len(_RECENT) > MOST_RECENT:
        _RECENT.pop(next(iter(_RECENT)))
    return found


class _Fit(NamedTuple):
    """An alignment, and the image that it aligned."""

    alignment: Alignment
    aligned: np.ndarray


def _find(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> Alignment:
    shift = _coarse_shift(image, truth, mask)
    ramp = _coarse_ramp(_shifted(image, shift), truth, mask)
    best = _with_fitted_factor(image, truth, mask, shift, ramp)
    misfit = _misfit(best, truth, mask)
    for _ in range(STEPS):
        refined = _refined(image, truth, mask, best)
        left = _misfit(refined, truth, mask)
        if left >= misfit:
            break
        best, misfit = refined, left
    return _with_fitted_modulus(best, truth, mask)


def _coarse_shift(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the shift that registers the amplitudes to 1/20 px; zero if it is too large or one is flat."""
    from skimage.registration import phase_cross_correlation

    a, b = (_contrast(np.abs(v), mask) for v in (image, truth))
    if not a.any() or not b.any():
        return np.zeros(2)
    shift, _, _ = phase_cross_correlation(b, a, upsample_factor=20, normalization=None)  # type: ignore[no-untyped-call]
    return np.zeros(2) if np.abs(shift).max() > LARGEST_SHIFT else -np.asarray(shift, dtype=np.float64)


def _coarse_ramp(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the frequency of the strongest plane wave in ``truth * conj(image)``, to half a pixel."""
    shape = tuple(2 * n for n in truth.shape)
    spectrum = np.abs(np.fft.fft2(truth * np.conj(image) * mask, s=shape))
    row, column = np.unravel_index(int(spectrum.argmax()), shape)
    return np.array([np.fft.fftfreq(shape[0])[row], np.fft.fftfreq(shape[1])[column]])


def _refined(image: np.ndarray, truth: np.ndarray, mask: np.ndarray, fit: _Fit) -> _Fit:
    """Return *fit* after one Gauss-Newton step in shift and ramp, with the factor fitted again.

    To first order truth = c (1 + 2 pi i dk . r) (image + ds . grad image): linear in four real unknowns and a
    complex one. Unknowns that the image does not determine (a flat one has no shift) get no step.
    """
    now, at = fit.aligned, fit.alignment
    slope = np.gradient(now)
    centred = _centred(now.shape)
    waves = [now, 1j * now, *slope, *(2j * np.pi * r * now for r in centred)]
    columns = np.stack([_real(w[mask]) for w in waves], axis=1)
    # Columns of unit length make pixels and cycles per pixel comparable for *rcond*.
    size = np.maximum(np.linalg.norm(columns, axis=0), np.finfo(np.float64).tiny)
    step = np.linalg.lstsq(columns / size, _real((truth - now)[mask]), rcond=1e-6)[0] / size
    shift = np.clip(at.shift + step[2:4], -LARGEST_SHIFT, LARGEST_SHIFT)
    return _with_fitted_factor(image, truth, mask, shift, at.ramp + step[4:6])


def _with_fitted_factor(
    image: np.ndarray, truth: np.ndarray, mask: np.ndarray, shift: np.ndarray, ramp: np.ndarray
) -> _Fit:
    """Return the alignment of *shift* and *ramp* with the complex factor that fits best."""
    moved = _with_ramp(_shifted(image, shift), ramp)
    inside = moved[mask]
    energy = np.vdot(inside, inside).real
    factor = complex(np.vdot(inside, truth[mask]) / energy) if energy > 0 else 0j
    moved *= factor
    return _Fit(Alignment(shift, ramp, factor), moved)


def _with_fitted_modulus(fit: _Fit, truth: np.ndarray, mask: np.ndarray) -> Alignment:
    best, found, expected = fit.alignment, np.abs(fit.aligned[mask]), np.abs(truth[mask])
    energy = np.vdot(found, found)
    return (
        replace(best, factor=best.factor * float(np.vdot(found, expected) / energy)) if energy > 0 else best
    )


def _misfit(fit: _Fit, truth: np.ndarray, mask: np.ndarray) -> float:
    return float(np.linalg.norm((fit.aligned - truth)[mask]))


def _shifted(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    from scipy.ndimage import shift as spline_shift

    image = np.asarray(image, dtype=np.complex128)
    return image if not shift.any() else np.asarray(spline_shift(image, -shift, order=5, mode="mirror"))


def _with_ramp(image: np.ndarray, ramp: np.ndarray) -> np.ndarray:
    rows, columns = _centred(image.shape)
    return np.asarray(image * np.exp(2j * np.pi * (ramp[0] * rows + ramp[1] * columns)))


def _centred(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column coordinates from the middle: a ramp then hardly changes the global phase."""
    rows, columns = (np.arange(n) - n / 2 for n in shape)
    return rows[:, None], columns[None, :]


def _contrast(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return *values* less their mean inside the mask; zero outside it, and zero if flat to rounding."""
    mean = values[mask].mean()
    rest = np.where(mask, values - mean, 0.0)
    return rest if np.abs(rest).max() > 1e-9 * abs(mean) else np.zeros_like(rest)


def _real(values: np.ndarray) -> np.ndarray:
    """Return complex values as twice as many real ones: least squares then keeps real unknowns real."""
    return np.concatenate([values.real, values.imag])
