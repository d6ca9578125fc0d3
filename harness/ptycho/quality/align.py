"""Remove what a reconstruction cannot know: a global complex factor, a phase ramp, a subpixel shift.

Coarse values come from registration (shift, on the amplitudes, which no ramp touches) and from the peak of
the Fourier transform of ``image * conj(truth)`` (ramp); Gauss-Newton then refines all of them together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

LARGEST_SHIFT = 1.0
"""Pixels per axis. A larger shift is no ambiguity but a frame error, and stays in the figures."""

STEPS = 6


@dataclass(frozen=True, slots=True)
class Alignment:
    """What takes an image onto the truth: ``factor * exp(2 pi i ramp . r) * image(r + shift)``.

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
        return self.factor * _tilted(_moved(image, self.shift), self.ramp)


def align(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return *image* aligned with *truth*, (M, M') complex128, judged inside *mask* alone."""
    return find_alignment(image, truth, mask).apply(image)


def find_alignment(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> Alignment:
    """Find the factor, ramp and shift that bring *image* nearest to *truth* in the least-squares sense.

    The factor's modulus is then fitted to the amplitudes alone: in the complex fit, phases that disagree
    would dim the image, and its amplitude figures would tell of its phase.

    Parameters
    ----------
    image, truth : (M, M') complex
    mask : (M, M') bool
        Where the two are compared.
    """
    shift = _coarse_shift(image, truth, mask)
    ramp = _coarse_ramp(_moved(image, shift), truth, mask)
    best = _fitted(image, truth, mask, shift, ramp)
    for _ in range(STEPS):
        moved = _refined(image, truth, mask, best)
        if _misfit(moved, image, truth, mask) >= _misfit(best, image, truth, mask):
            break
        best = moved
    return _relit(best, image, truth, mask)


def _coarse_shift(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Register the amplitudes to 1/20 px; zero where the image is too flat to say, or says too much."""
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


def _refined(image: np.ndarray, truth: np.ndarray, mask: np.ndarray, at: Alignment) -> Alignment:
    """Take one Gauss-Newton step in shift and ramp; the factor is fitted anew.

    To first order truth = c (1 + 2 pi i dk . r) (image + ds . grad image): linear in four real unknowns and a
    complex one. Directions that the image does not show (a flat one has no shift) get no step.
    """
    now = at.apply(image)
    slope = np.gradient(now)
    centred = _centred(now.shape)
    waves = [now, 1j * now, *slope, *(2j * np.pi * r * now for r in centred)]
    columns = np.stack([_real(w[mask]) for w in waves], axis=1)
    size = np.maximum(np.linalg.norm(columns, axis=0), np.finfo(np.float64).tiny)
    step = np.linalg.lstsq(columns / size, _real((truth - now)[mask]), rcond=1e-6)[0] / size
    shift = np.clip(at.shift + step[2:4], -LARGEST_SHIFT, LARGEST_SHIFT)
    return _fitted(image, truth, mask, shift, at.ramp + step[4:6])


def _fitted(
    image: np.ndarray, truth: np.ndarray, mask: np.ndarray, shift: np.ndarray, ramp: np.ndarray
) -> Alignment:
    """Fit the complex factor for a given shift and ramp."""
    moved = Alignment(shift, ramp, 1.0).apply(image)[mask]
    energy = np.vdot(moved, moved).real
    return Alignment(shift, ramp, complex(np.vdot(moved, truth[mask]) / energy) if energy > 0 else 0j)


def _relit(best: Alignment, image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> Alignment:
    bright, told = np.abs(best.apply(image)[mask]), np.abs(truth[mask])
    energy = np.vdot(bright, bright)
    return replace(best, factor=best.factor * float(np.vdot(bright, told) / energy)) if energy > 0 else best


def _misfit(alignment: Alignment, image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    return float(np.linalg.norm((alignment.apply(image) - truth)[mask]))


def _moved(image: np.ndarray, shift: np.ndarray) -> np.ndarray:
    from scipy.ndimage import shift as spline_shift

    image = np.asarray(image, dtype=np.complex128)
    return image if not shift.any() else np.asarray(spline_shift(image, -shift, order=5, mode="mirror"))


def _tilted(image: np.ndarray, ramp: np.ndarray) -> np.ndarray:
    rows, columns = _centred(image.shape)
    return np.asarray(image * np.exp(2j * np.pi * (ramp[0] * rows + ramp[1] * columns)))


def _centred(shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return row and column coordinates from the middle: the ramp then does not turn the global phase."""
    rows, columns = (np.arange(n) - n / 2 for n in shape)
    return rows[:, None], columns[None, :]


def _contrast(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return *values* less their mean inside the mask; zero outside, and where flat to rounding."""
    mean = values[mask].mean()
    rest = np.where(mask, values - mean, 0.0)
    return rest if np.abs(rest).max() > 1e-9 * abs(mean) else np.zeros_like(rest)


def _real(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values.real, values.imag])
