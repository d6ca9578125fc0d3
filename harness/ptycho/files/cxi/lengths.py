"""Lengths of a CXI file in metres, and where its axes go.

Without ``basis_vectors`` the detector's rows run along -y and its columns along -x; the beam moves against
the sample, whose translations are stored. Both signs cancel: the stored x goes along the object's columns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.files.cxi import layout
from harness.ptycho.files.geometry import Geometry, object_pixel_of, wavelength_of

if TYPE_CHECKING:
    from harness.ptycho.files.arrays.named import Named

_LARGEST_ENERGY = 1e-10
"""In joules, 600 MeV: what is larger was meant as electronvolts."""

_WAVELENGTHS = (1e-14, 1e-4)
"""From gamma rays to far infrared, in metres: what is outside was meant in another unit."""

DEFAULT_DIRECTIONS = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
"""Where rows and columns of the object go, as unit vectors (x, y, z) of the stored translations."""


def geometry_of(file: Named, detector: tuple[int, int], obj: np.ndarray | None) -> Geometry:
    """Return the lengths that the file has, and the size of an object pixel if they give it.

    Parameters
    ----------
    file : Named
        Datasets by their paths.
    detector : tuple of int
        Pixels (H, W) of a pattern.
    obj : (layers, M, M') ndarray, optional

    Raises
    ------
    RefusedError
        A length is not a positive number, or was meant in another unit.
    """
    geometry = Geometry(
        wavelength=_wavelength(file), distance=_distance(file), detector_pixel=_detector_pixel(file)
    )
    size = (
        _pair(file, layout.OBJECT_PIXEL) or object_pixel_of(geometry, detector) or _from_image_size(file, obj)
    )
    return replace(
        geometry, object_pixel=size, object_center=_pair(file, layout.OBJECT_CENTER, positive=False)
    )


def directions_of(file: Named) -> np.ndarray:
    """Return where rows and columns of the object go, (2, 3) float64: unit vectors of the translations."""
    basis = basis_of(file)
    if basis is None:
        return DEFAULT_DIRECTIONS
    return np.asarray(0.0 - basis / np.linalg.norm(basis, axis=1, keepdims=True))


def basis_of(file: Named) -> np.ndarray | None:
    """Return the steps along a row's and a column's index, (2, 3) float64 in metres; None if not stored."""
    if layout.BASIS not in file:
        return None
    basis = file.array(layout.BASIS, axes=2).astype(np.float64)
    if basis.shape not in ((2, 3), (3, 2)):
        raise file.refused(layout.BASIS, "shape (2, 3) or (3, 2)", f"shape {basis.shape}")
    basis = basis if basis.shape == (2, 3) else basis.T
    if not np.linalg.norm(np.cross(*basis)) > 0:
        raise file.refused(layout.BASIS, "vectors in two directions", "one direction")
    return basis


def _pair(file: Named, keys: tuple[str, str], *, positive: bool = True) -> tuple[float, float] | None:
    """Return a height and a width; None unless the file has both."""
    height, width = (file.optional(key, positive=positive) for key in keys)
    return None if height is None or width is None else (height, width)


def _from_image_size(file: Named, obj: np.ndarray | None) -> tuple[float, float] | None:
    """Return the size of an object pixel from the size of the whole image, stored as x, y, z."""
    if obj is None or layout.IMAGE_SIZE not in file:
        return None
    size = file.array(layout.IMAGE_SIZE, axes=1)
    if len(size) < 2 or size[0] <= 0 or size[1] <= 0:  # noqa: PLR2004 - x and y
        raise file.refused(layout.IMAGE_SIZE, "lengths x, y, z", f"{size}")
    return float(size[1]) / obj.shape[-2], float(size[0]) / obj.shape[-1]


def _wavelength(file: Named) -> float | None:
    """Return the wavelength in metres; other units are refused."""
    wavelength, energy = (file.optional(key) for key in (layout.WAVELENGTH, layout.ENERGY))
    if wavelength is None and energy is not None:
        if energy > _LARGEST_ENERGY:
            remedy = "Store joules: electronvolts times 1.602176634e-19."
            raise file.refused(layout.ENERGY, "an energy in joules", f"{energy:g}", remedy)
        return wavelength_of(energy)
    if wavelength is not None and not _WAVELENGTHS[0] < wavelength < _WAVELENGTHS[1]:
        raise file.refused(layout.WAVELENGTH, "a wavelength in metres", f"{wavelength:g}", "Store metres.")
    return wavelength


def _distance(file: Named) -> float | None:
    """Return the distance to the detector's plane, from its corner if that is all there is."""
    distance, basis = file.optional(layout.DISTANCE), basis_of(file)
    if distance is not None or basis is None or layout.CORNER not in file:
        return distance
    normal = np.cross(*basis)
    corner = file.array(layout.CORNER, axes=1, length=len(normal))
    return float(abs(corner @ normal) / np.linalg.norm(normal)) or None


def _detector_pixel(file: Named) -> tuple[float, float] | None:
    """Return height and width of a detector pixel; one of them is taken for both."""
    basis = basis_of(file)
    if basis is not None:
        return float(np.linalg.norm(basis[0])), float(np.linalg.norm(basis[1]))
    height, width = (file.optional(key) for key in layout.PIXEL)
    one = height or width
    return None if one is None else (height or one, width or one)
