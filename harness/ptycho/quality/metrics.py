"""Metrics of a reconstruction: how far it is from the ground truth, and from the data.

A reconstruction is known up to a global complex factor, a linear phase ramp and a subpixel shift. These are
removed first (:mod:`harness.ptycho.quality.align`), and every metric is taken inside the region that the scan
illuminated; the names say so: ``aligned_...``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.errors import UsageError
from harness.ptycho.quality.align import align
from harness.ptycho.scan.forward import amplitude, first_pixels, residual

ILLUMINATED = 0.1
"""A pixel is illuminated if it received at least this share of the brightest pixel's summed intensity."""

SSIM_WINDOW = 7
"""Pixels; as in scikit-image by default."""

SOFT_EDGE = 8.0
"""Pixels over which the mask of an FRC rises from 0 to 1."""

SKIPPED_RINGS = 3
"""The lowest rings often dip below any threshold (slow phase drift); see :func:`frc`."""

NEAR_THRESHOLD = 0.05
"""A ring whose correlation is this near to the threshold is above or below it by chance; see :func:`frc`."""


@dataclass(frozen=True, slots=True)
class Frc:
    """A Fourier ring correlation.

    Attributes
    ----------
    frequency : (R,) float64
        Ring radii in cycles per pixel; Nyquist is 0.5.
    correlation, threshold : (R,) float64
        Correlation of each ring, and the 1/2-bit threshold for its number of pixels.
    mean : float
        Mean correlation of all rings but the lowest.
    cutoff : float
        Frequency that the rings above their threshold reach when counted from the lowest; at most 0.5.
    """

    frequency: np.ndarray
    correlation: np.ndarray
    threshold: np.ndarray
    mean: float
    cutoff: float


def object_metrics(
    reconstruction: np.ndarray, truth: np.ndarray, *, probe: np.ndarray, x: np.ndarray, y: np.ndarray
) -> dict[str, float]:
    """Compare a reconstruction with the truth inside the illuminated region.

    Parameters
    ----------
    reconstruction, truth : (M, M') complex
        In the same frame, pixel by pixel.
    probe : (H, W) complex
        Determines, with the positions, which region was illuminated.
    x, y : (N,) float
        Patch centres in object pixels.

    Returns
    -------
    dict of str to float
        Always finite. Amplitudes in the truth's units, phases in radians, PSNR in dB, the FRC cutoff in
        cycles per pixel.

    Raises
    ------
    UsageError
        The shapes differ.

    Examples
    --------
    >>> from harness.ptycho.scan.simulate import simulate
    >>> scan = simulate(positions=16, detector=32, step=6.0)
    >>> found = object_metrics(scan.object, scan.object, probe=scan.probe, x=scan.x, y=scan.y)
    >>> round(found["aligned_amplitude_ssim"], 6), round(found["aligned_phase_mae"], 6)
    (1.0, 0.0)
    """
    _require_same_shape(reconstruction, truth)
    mask = illuminated(probe, x, y, truth.shape)
    aligned = align(_finite(reconstruction), truth, mask)
    pairs = {"amplitude": (np.abs(aligned), np.abs(truth)), "phase": phases(aligned, truth, mask)}
    ring = frc(aligned, truth, mask)
    return {
        **{f"aligned_{name}_ssim": ssim(*pair, mask) for name, pair in pairs.items()},
        **{f"aligned_{name}_mae": float(np.abs(a - b)[mask].mean()) for name, (a, b) in pairs.items()},
        "aligned_amplitude_psnr": psnr(*pairs["amplitude"], mask),
        "aligned_correlation": correlation(aligned[mask], truth[mask]),
        "aligned_frc_mean": ring.mean,
        "aligned_frc_cutoff": ring.cutoff,
    }


def diffraction_error(  # noqa: PLR0913 - the arrays of a dataset
    diffraction: np.ndarray,
    *,
    probe: np.ndarray,
    obj: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    mask: np.ndarray | None = None,
) -> float:
    """Return the relative error of the amplitudes that a reconstruction predicts, with one fitted scale.

    diffraction : (N, H, W); probe : (H, W); obj : (M, M'); x, y : (N,) in object pixels; mask : (H, W) or
    (N, H, W) bool, True where a pixel counts. 0 is perfect; see
    :func:`harness.ptycho.scan.forward.residual`. Raises ``RefusedError`` if a patch is not inside the object.
    """
    return residual(amplitude(_finite(probe), _finite(obj), x, y), diffraction, mask)


def illumination(probe: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the probe's intensity summed over all positions, rounded to whole pixels.

    probe : (H, W); x, y : (N,) in object pixels; shape : the object's. Returns float64 of that shape.
    """
    (top, _), (left, _) = first_pixels(y, probe.shape[0]), first_pixels(x, probe.shape[1])
    intensity, dose = np.abs(probe) ** 2, np.zeros(shape)
    for row, column in zip(top, left, strict=True):
        dose[row : row + probe.shape[0], column : column + probe.shape[1]] += intensity
    return dose


def illuminated(probe: np.ndarray, x: np.ndarray, y: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the mask of pixels that received at least ``ILLUMINATED`` of the brightest pixel's dose.

    Parameters as for :func:`illumination`. Returns bool of the object's shape.
    """
    dose = illumination(probe, x, y, shape)
    return np.asarray(dose >= ILLUMINATED * dose.max())


def phases(aligned: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both phases in radians around the truth's mean phase; they differ by at most pi.

    The difference is wrapped, not the phase: a value just beyond pi stays near its neighbours.
    A dark reconstruction (0) has no phase, and gets the mean, 0.

    aligned, truth : (M, M') complex; mask : (M, M') bool. Returns two (M, M') float64.
    """
    expected = np.angle(truth * np.exp(-1j * np.angle(truth[mask].sum())))
    return np.where(aligned == 0, 0.0, expected + np.angle(aligned * np.conj(truth))), expected


def ssim(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the mean structural similarity over the pixels whose whole window lies in *mask*.

    image, truth : (M, M') real. The data range is the truth's own within the mask. All of the mask counts
    if no whole window lies in it.
    """
    from scipy.ndimage import binary_erosion  # scipy and scikit-image are slow to import
    from skimage.metrics import structural_similarity

    _, local = structural_similarity(  # type: ignore[no-untyped-call]
        image, truth, win_size=SSIM_WINDOW, data_range=_range(truth[mask]), full=True
    )
    inner = binary_erosion(mask, structure=np.ones((SSIM_WINDOW, SSIM_WINDOW), dtype=bool))
    return float(local[inner if inner.any() else mask].mean())


def psnr(image: np.ndarray, truth: np.ndarray, mask: np.ndarray) -> float:
    """Return the peak signal-to-noise ratio in dB within *mask*; at most 313, float64 rounding error.

    image, truth : (M, M') real. The peak is the truth's range within the mask.
    """
    data_range = _range(truth[mask])
    error = max(float(np.mean((image - truth)[mask] ** 2)), (data_range * np.finfo(np.float64).eps) ** 2)
    return float(10 * np.log10(data_range**2 / error))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return the modulus of the complex Pearson correlation of two arrays; 0 if one is constant."""
    a, b = a - a.mean(), b - b.mean()
    norm = np.linalg.norm(a) * np.linalg.norm(b)
    return float(np.abs(np.vdot(b, a)) / norm) if norm > 0 else 0.0


def frc(a: np.ndarray, b: np.ndarray, mask: np.ndarray) -> Frc:
    """Return the Fourier ring correlation (FRC) of two aligned objects.

    Halves must be independent: reconstructions that share data correlate by that alone. The 1/2-bit threshold
    is that of van Heel and Schatz, J. Struct. Biol. 151 (2005) 250.

    The cutoff is not the first ring below the threshold: where a curve is flat near the threshold, chance
    decides which ring that is. The rings above the threshold are counted instead, those near it in part. A
    steep curve has the same cutoff either way, and that of a flat curve moves smoothly with it.

    Parameters
    ----------
    a, b : (M, M') complex
    mask : (M, M') bool
        Where both are known; its edge is softened so that it does not correlate with itself.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((64, 64))
    >>> same = frc(noise, noise, np.ones((64, 64), dtype=bool))
    >>> round(same.mean, 6), round(same.cutoff, 6)
    (1.0, 0.5)
    """
    window = _soft(mask)
    fa, fb = (np.fft.fft2(_windowed(image, window)) for image in (a, b))
    ring, count = _rings(mask.shape)
    cross, *powers = (_ring_sum(v, ring, count) for v in ((fa * fb.conj()).real, _power(fa), _power(fb)))
    norm = np.sqrt(powers[0] * powers[1])
    curve = np.divide(cross, norm, out=np.zeros(count), where=norm > 0)
    frequency = np.arange(count) / min(mask.shape)
    # A tapered window correlates neighbouring Fourier pixels: fewer of a ring's pixels are independent.
    threshold = half_bit(_ring_sum(np.ones(mask.shape), ring, count) * np.mean(window**2))
    kept = slice(SKIPPED_RINGS, None)
    rings = SKIPPED_RINGS + _above((curve - threshold)[kept]).sum()
    cutoff = min(rings / min(mask.shape), 0.5)
    return Frc(frequency, curve, threshold, float(curve[kept].mean()), float(cutoff))


def _above(excess: np.ndarray) -> np.ndarray:
    """Return 1 for each ring above the threshold, 0 below it, and a share of 1 near it."""
    return np.asarray(np.clip((excess / NEAR_THRESHOLD + 1) / 2, 0, 1))


def half_bit(pixels: np.ndarray) -> np.ndarray:
    """Return the 1/2-bit threshold of rings with *pixels* independent pixels, (R,) float64, at most 1.

    The curve of van Heel and Schatz (2005); see :func:`frc`.
    """
    root = np.sqrt(np.maximum(pixels, 1))
    return np.asarray(np.minimum((0.2071 + 1.9102 / root) / (1.2071 + 0.9102 / root), 1.0))


def _soft(mask: np.ndarray) -> np.ndarray:
    """Return the mask with an edge that rises from 0 to 1 as a squared sine, ``SOFT_EDGE`` pixels wide."""
    from scipy.ndimage import distance_transform_edt

    depth = np.asarray(distance_transform_edt(mask))
    return np.asarray(np.sin(np.pi / 2 * np.clip(depth / SOFT_EDGE, 0, 1)) ** 2)


def _windowed(image: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return *image* less its mean, times *window*: a mean would correlate through the window's own shape."""
    mean = (image * window).sum() / window.sum()
    return np.asarray((image - mean) * window)


def _rings(shape: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Return each Fourier pixel's ring, one per pixel of the shorter side, and their number up to Nyquist."""
    side = min(shape)
    rows, columns = (np.fft.fftfreq(n) * side for n in shape)
    return np.rint(np.hypot(rows[:, None], columns[None, :])).astype(np.intp), side // 2 + 1


def _ring_sum(values: np.ndarray, ring: np.ndarray, count: int) -> np.ndarray:
    return np.asarray(np.bincount(ring.ravel(), weights=values.ravel())[:count])


def _power(spectrum: np.ndarray) -> np.ndarray:
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def _range(values: np.ndarray) -> float:
    """Return max - min, or 1 if the values are flat, so that it can be divided by."""
    return float(np.ptp(values)) or 1.0


def _finite(image: np.ndarray) -> np.ndarray:
    """Return *image* with zeros where it diverged: the metrics are then bad, but still numbers."""
    return np.asarray(np.nan_to_num(image, nan=0.0, posinf=0.0, neginf=0.0))


def _require_same_shape(reconstruction: np.ndarray, truth: np.ndarray) -> None:
    if reconstruction.shape != truth.shape:
        raise UsageError(
            "reconstruction",
            expected=f"the truth's shape {truth.shape}",
            found=str(reconstruction.shape),
            remedy="Reconstruct on the canvas of the fixture's objectGuess.",
        )
