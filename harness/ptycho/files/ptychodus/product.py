"""Products of ptychodus: object, probe and positions in metres; no patterns. HDF5 and .npz.

x = (x_m - center_x_m) / pixel_width_m + M'/2, and y likewise. The probe has axes (variations, modes, H, W):
the first variation is the probe, the others say how it varies along the scan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.storage.npz import write_archive
from harness.ptycho.files.arrays.named import Named, names_in_archive
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.arrays.positions import METRES, in_pixels, metres, pixel_of, window_of
from harness.ptycho.files.content import LAYERS, MODES, Content
from harness.ptycho.files.format import Format, Written
from harness.ptycho.files.geometry import (
    ELECTRONVOLT,
    Geometry,
    completed,
    energy_of,
    wavelength_of,
)
from harness.ptycho.files.hdf5.reader import root_names
from harness.ptycho.files.ptychodus.flat import read_hdf5, write_hdf5
from harness.ptycho.files.ptychodus.indexes import read_index, written_index

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.format import Reading

INDEX, X, Y = "probe_position_indexes", "probe_position_x_m", "probe_position_y_m"
ENERGY, OLD_ENERGY, DISTANCE = "photon_energy_eV", "probe_energy_eV", "detector_object_distance_m"
PIXEL = ("object_pixel_height_m", "object_pixel_width_m")
PROBE_PIXEL = ("probe_pixel_height_m", "probe_pixel_width_m")
CENTER = ("object_center_y_m", "object_center_x_m")
SPACING = "object_layer_spacing_m"

ATTRIBUTES = {
    **{name: ("", name) for name in ("name", "comments", ENERGY, OLD_ENERGY, DISTANCE)},
    **{name: ("", name) for name in ("probe_photon_count", "exposure_time_s", "mass_attenuation_m2_per_kg")},
    **{name: ("", name) for name in ("tomography_angle_deg", "tilt_angle_deg", "focus_object_distance_m")},
    "far_field": ("", "far_field"),
    "object_pixel_height_m": ("object", "pixel_height_m"),
    "object_pixel_width_m": ("object", "pixel_width_m"),
    "object_center_y_m": ("object", "center_y_m"),
    "object_center_x_m": ("object", "center_x_m"),
    "probe_pixel_height_m": ("probe", "pixel_height_m"),
    "probe_pixel_width_m": ("probe", "pixel_width_m"),
}
"""Name in the archive -> dataset and attribute in HDF5."""

_SILENT = ("name", "comments", "loss_epochs", "loss_values", "probe_pixel_height_m", "probe_pixel_width_m")
_DEFAULTS = {
    "name": "",
    "comments": "",
    "probe_photon_count": 0.0,
    "exposure_time_s": 0.0,
    "mass_attenuation_m2_per_kg": 0.0,
    "tomography_angle_deg": 0.0,
    "tilt_angle_deg": 0.0,
    "focus_object_distance_m": 0.0,
    "far_field": True,
    "loss_epochs": np.zeros(0, np.int64),
    "loss_values": np.zeros(0),
}
"""What a product has besides; a content does not have it."""

_HAS = {"object", "probe", X, Y}
NEEDS = ("object", "probe", "x", "y")
HOLDS = frozenset(
    {*NEEDS, "scan_index", LAYERS, MODES}
    | {f"geometry.{name}" for name in ("wavelength", "distance", "object_pixel", "object_center")}
)


def content_of(file: Named) -> Content:
    """Return the content of a product by the names of its archive.

    Raises
    ------
    UnreadableError, RefusedError
        A name is missing, or an array does not fit the others.
    """
    obj, about_object = _object(file)
    probe, about_probe = _probe(file)
    geometry = _geometry(file)
    x, y = _positions(file, geometry, obj.shape[-2:])
    index, about_index = read_index(file, INDEX, len(x))
    return Content(
        object=obj,
        probe=probe,
        x=x,
        y=y,
        scan_index=index,
        geometry=geometry,
        transformations=(
            *about_object,
            *about_probe,
            METRES,
            *about_index,
            *_far_field(file),
        ),
        left_out=file.left_out("not part of a scan", silent=(*_SILENT, *_unset(file))),
    )


def _object(file: Named) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the layers (layers, M, M'), with a note if there was no axis for them."""
    array = file.array("object", axes=(2, 3), kinds="fciu")
    if array.ndim == 2:  # noqa: PLR2004 - (M, M')
        return array[None], ("object: axes (M, M') -> (1, M, M')",)
    return array, ()


def _probe(file: Named) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the modes (modes, H, W) of the first variation."""
    array = file.array("probe", axes=(2, 3, 4), kinds="fciu")
    if array.ndim == 4:  # noqa: PLR2004 - (variations, modes, H, W)
        more = len(array) - 1
        note = f", the first; {more} variations along the scan left out" if more else ""
        return array[0], (f"probe: axes (variations, modes, H, W) -> (modes, H, W){note}",)
    if array.ndim == 2:  # noqa: PLR2004 - (H, W)
        return array[None], ("probe: axes (H, W) -> (1, H, W)",)
    return array, ()


def _geometry(file: Named) -> Geometry:
    energy = file.optional(ENERGY if ENERGY in file or OLD_ENERGY not in file else OLD_ENERGY)
    height, width = (file.number(key) for key in PIXEL)
    center_y, center_x = (file.number(key, positive=False) for key in CENTER)
    return Geometry(
        wavelength=None if energy is None else wavelength_of(energy * ELECTRONVOLT),
        distance=file.optional(DISTANCE),
        object_pixel=(height, width),
        object_center=(center_y, center_x),
    )


def _positions(file: Named, geometry: Geometry, canvas: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    x = file.array(X, axes=1).astype(np.float64)
    y = file.array(Y, axes=1, length=len(x)).astype(np.float64)
    return in_pixels(x, y, geometry, canvas)


def _far_field(file: Named) -> tuple[str, ...]:
    if "far_field" in file and not file.raw("far_field").reshape(-1).all():
        return ("far_field: False in the file, but harness only has a model of the far field",)
    return ()


def _unset(file: Named) -> list[str]:
    """Return the names whose values are the defaults, of which nothing is lost."""
    numbers = [name for name, value in _DEFAULTS.items() if isinstance(value, float) and name in file]
    unset = [name for name in numbers if not file.raw(name).any()]
    return [*unset, *([SPACING] if SPACING in file and not file.raw(SPACING).size else [])]


def values_of(content: Content) -> tuple[dict[str, Any], Written]:
    """Return what a product stores of a content by the names of its archive, and what was assumed.

    Raises
    ------
    RefusedError
        The content has no object, probe or positions.
    """
    require_parts(content, NEEDS, "a ptychodus product")
    obj, probe = np.asarray(content.object), np.asarray(content.probe)
    geometry, assumed = completed(content.geometry, window_of(content))
    x, y = metres(content, geometry)
    index, about_index = written_index(content, len(x))
    pixel, center = pixel_of(geometry), geometry.object_center or (0.0, 0.0)
    spacing = np.zeros(len(obj) - 1)
    values = {
        **_DEFAULTS,
        "object": obj,
        "probe": probe[None],
        INDEX: index,
        X: x,
        Y: y,
        ENERGY: energy_of(geometry.wavelength or 0.0) / ELECTRONVOLT,
        DISTANCE: geometry.distance,
        **dict(zip((*PIXEL, *PROBE_PIXEL, *CENTER), (*pixel, *pixel, *center), strict=True)),
        SPACING: spacing,
    }
    about_layers = ("layer spacing: 0 m",) if spacing.size else ()
    return values, Written(assumed=(*assumed, *about_index, *about_layers))


def read_product_hdf5(path: Path, _: Reading) -> Content:
    """Read a product from HDF5."""
    return read_hdf5(path, ATTRIBUTES, content_of)


def write_product_hdf5(path: Path, content: Content) -> Written:
    """Write a product as HDF5."""
    values, written = values_of(content)
    write_hdf5(path, values, ATTRIBUTES)
    return written


def read_product_npz(path: Path, _: Reading) -> Content:
    """Read a product from an archive."""
    return content_of(Named.of_archive(path))


def write_product_npz(path: Path, content: Content) -> Written:
    """Write a product as an archive."""
    values, written = values_of(content)
    write_archive(path, values)
    return written


HDF5 = Format(
    name="ptychodus-product",
    title="a ptychodus product (HDF5)",
    holds=HOLDS,
    recognise=lambda path: root_names(path) >= _HAS,
    read=read_product_hdf5,
    write=write_product_hdf5,
)
NPZ = Format(
    name="ptychodus-product-npz",
    title="a ptychodus product (.npz)",
    holds=HOLDS,
    recognise=lambda path: names_in_archive(path) >= _HAS,
    read=read_product_npz,
    write=write_product_npz,
)
FORMATS = (HDF5, NPZ)
