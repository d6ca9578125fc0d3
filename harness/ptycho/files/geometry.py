"""Units and centres of the field's files, in one place: metres, joules, wavelengths, and half pixels.

Everywhere else positions are centres of patches in object pixels, where 0 is the left (upper) edge of the
first pixel plus half a pixel, so that the centre of M pixels is at M/2 - 1/2 as an index and M/2 as a
coordinate of :mod:`harness.ptycho.scan`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

PLANCK = 6.62607015e-34
"""Planck's constant in J s (exact since 2019)."""

LIGHT = 299792458.0
"""Speed of light in m/s (exact)."""

ELECTRONVOLT = 1.602176634e-19
"""One electronvolt in J (exact since 2019)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """Lengths of an experiment, in metres; None where a file does not have them.

    Parameters
    ----------
    wavelength : float, optional
        In metres.
    distance : float, optional
        From the sample to the detector, in metres.
    detector_pixel, object_pixel : tuple of float, optional
        Size of one pixel in metres: height (along rows, y), then width (along columns, x).
    object_center : tuple of float, optional
        Where the centre of the object's canvas lies, in metres: y, then x.
    """

    wavelength: float | None = None
    distance: float | None = None
    detector_pixel: tuple[float, float] | None = None
    object_pixel: tuple[float, float] | None = None
    object_center: tuple[float, float] | None = None


def wavelength_of(energy: float) -> float:
    """Return the wavelength in metres of photons with an *energy* in joules: h c / E.

    >>> round(wavelength_of(8000 * ELECTRONVOLT) * 1e10, 4)  # 8 keV, in angstrom
    1.5498
    """
    return PLANCK * LIGHT / energy


def energy_of(wavelength: float) -> float:
    """Return the energy in joules of photons with a *wavelength* in metres.

    >>> round(energy_of(1.5498e-10) / ELECTRONVOLT)
    8000
    """
    return PLANCK * LIGHT / wavelength


def object_pixel_of(geometry: Geometry, detector: tuple[int, int]) -> tuple[float, float] | None:
    """Return the size of an object pixel, (height, width) in metres; None if the geometry does not give it.

    The far field of a window of n pixels of size dx samples angles of wavelength / (n dx):
    dx = wavelength * distance / (n * detector pixel).

    Examples
    --------
    >>> geometry = Geometry(wavelength=1e-10, distance=2.0, detector_pixel=(1e-4, 1e-4))
    >>> [f"{size:.4g}" for size in object_pixel_of(geometry, (100, 200))]
    ['2e-08', '1e-08']
    """
    if geometry.object_pixel is not None:
        return geometry.object_pixel
    if geometry.wavelength is None or geometry.distance is None or geometry.detector_pixel is None:
        return None
    length = geometry.wavelength * geometry.distance
    height, width = (
        length / (count * size) for count, size in zip(detector, geometry.detector_pixel, strict=True)
    )
    return height, width


def pixels_of(metres: np.ndarray, *, center: float, pixel: float, count: int) -> np.ndarray:
    """Return coordinates in object pixels of positions in metres, for a canvas of *count* pixels.

    Examples
    --------
    >>> import numpy as np
    >>> pixels_of(np.array([0.0, 2e-8]), center=0.0, pixel=1e-8, count=100)
    array([50., 52.])
    """
    return (metres - center) / pixel + count / 2


def metres_of(pixels: np.ndarray, *, center: float, pixel: float, count: int) -> np.ndarray:
    """Return positions in metres of coordinates in object pixels: the inverse of :func:`pixels_of`.

    Examples
    --------
    >>> import numpy as np
    >>> metres_of(np.array([50.0, 52.0]), center=0.0, pixel=1e-8, count=100)
    array([0.e+00, 2.e-08])
    """
    return (pixels - count / 2) * pixel + center


def completed(geometry: Geometry, detector: tuple[int, int]) -> tuple[Geometry, tuple[str, ...]]:
    """Return the geometry with every length, and what was assumed for that; the object's centre may be None.

    What follows from dx = wavelength * distance / (n * detector pixel) is computed. Before that, lengths are
    assumed in the order of :data:`ASSUMED` until at most one is missing. Given lengths are never changed.

    Parameters
    ----------
    geometry : Geometry
    detector : tuple of int
        Pixels (H, W) of a pattern.

    Examples
    --------
    >>> whole, assumed = completed(Geometry(object_pixel=(1e-8, 1e-8)), (64, 64))
    >>> assumed
    ('wavelength: 1.5498e-10 m', 'distance: 0.75 m')
    >>> [f"{size:.3g}" for size in whole.detector_pixel]
    ['0.000182', '0.000182']
    """
    assumed = []
    for name, value, text in ASSUMED:
        if sum(getattr(geometry, length) is None for length in _RELATED) > 1 and not getattr(geometry, name):
            geometry = replace(geometry, **{name: value})
            assumed.append(f"{name.replace('_', ' ')}: {text}")
    whole = _computed(geometry, detector)
    if assumed and geometry.object_pixel is None and whole.object_pixel is not None:
        height, width = whole.object_pixel
        size = f"{width:.5g} m" if height == width else f"{height:.5g} x {width:.5g} m"
        assumed.append(f"object pixel: {size}, which follows")
    return whole, tuple(assumed)


def _computed(geometry: Geometry, detector: tuple[int, int]) -> Geometry:
    """Return the geometry with the one length that is missing, if one is, from the other three."""
    if geometry.object_pixel is None:
        return replace(geometry, object_pixel=object_pixel_of(geometry, detector))
    (_, width), sizes = geometry.object_pixel, zip(detector, geometry.object_pixel, strict=True)
    if geometry.detector_pixel is None and geometry.wavelength and geometry.distance:
        rows, columns = (geometry.wavelength * geometry.distance / (count * size) for count, size in sizes)
        return replace(geometry, detector_pixel=(rows, columns))
    if geometry.detector_pixel is not None:
        product = width * detector[1] * geometry.detector_pixel[1]
        if geometry.distance is None and geometry.wavelength:
            return replace(geometry, distance=product / geometry.wavelength)
        if geometry.wavelength is None and geometry.distance:
            return replace(geometry, wavelength=product / geometry.distance)
    return geometry


_RELATED = ("wavelength", "distance", "detector_pixel", "object_pixel")

ASSUMED: tuple[tuple[str, Any, str], ...] = (
    ("wavelength", PLANCK * LIGHT / (8000 * ELECTRONVOLT), "1.5498e-10 m"),
    ("distance", 0.75, "0.75 m"),
    ("detector_pixel", (7.5e-5, 7.5e-5), "7.5e-05 m"),
)
"""Field of a geometry, what is assumed for it, and in words: photons of 8 keV, and a common detector."""
