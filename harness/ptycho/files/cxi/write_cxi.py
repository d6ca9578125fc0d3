"""Write a CXI file of version 1.60, with the reconstruction where ptychodus looks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.files.arrays.intensity import intensity_of
from harness.ptycho.files.arrays.positions import metres, pixel_of, window_of
from harness.ptycho.files.cxi import layout
from harness.ptycho.files.format import Written
from harness.ptycho.files.geometry import completed, energy_of
from harness.ptycho.files.hdf5.writing import new_hdf5

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.content import Content
    from harness.ptycho.files.geometry import Geometry


def write_cxi(path: Path, content: Content) -> Written:
    """Write a CXI file.

    Raises
    ------
    RefusedError
        The content has neither patterns nor a probe.
    """
    window = window_of(content)
    if not all(window):
        raise RefusedError(
            "a CXI file",
            expected="patterns or a probe",
            found="neither",
            message="a CXI file needs patterns or a probe",
            remedy="Convert a file that has them.",
        )
    geometry, assumed = completed(content.geometry, window)
    values = {**_lengths(geometry), **_raw(content, geometry), **_reconstruction(content, geometry)}
    links = _links(values)
    spacing = ("layer spacing: 0 m",) if layout.SPACING in values else ()
    with new_hdf5(path) as file:
        import h5py

        for key in sorted(values):
            file.create_dataset(key, data=values[key])
        for key, target in links.items():
            file[key] = h5py.SoftLink(f"/{target}")
        for key, axes in _AXES.items():
            if key in values:
                file[key].attrs["axes"] = axes
    return Written(assumed=(*assumed, *spacing))


_AXES = {
    layout.DETECTOR_DATA: "translation:y:x",
    layout.PROBE: "coherent:incoherent:y:x",
    layout.OBJECT: "layer:y:x",
}
"""Attribute of a dataset that names its axes."""


def _lengths(geometry: Geometry) -> dict[str, Any]:
    wavelength, (height, width) = geometry.wavelength or 0.0, geometry.detector_pixel or (0.0, 0.0)
    return {
        "cxi_version": layout.VERSION,
        "number_of_entries": 1,
        layout.WAVELENGTH: wavelength,
        layout.ENERGY: energy_of(wavelength),
        layout.DISTANCE: geometry.distance,
        layout.PIXEL[0]: height,
        layout.PIXEL[1]: width,
    }


def _raw(content: Content, geometry: Geometry) -> dict[str, Any]:
    """Return intensities, mask, positions and their index.

    Beside patterns the index has a name of its own: ptychodus would take the one of its extension for rows of
    the patterns.
    """
    values: dict[str, Any] = {}
    if content.diffraction is not None:
        values[layout.DETECTOR_DATA] = intensity_of(content)
    if content.mask is not None:
        values[layout.MASKS[0]] = np.where(content.mask, 0, layout.INVALID).astype(np.uint32)
    if content.x is not None:
        x, y = metres(content, geometry)
        values[layout.TRANSLATION] = np.stack([x, y, np.zeros_like(x)], axis=1)
    if content.scan_index is not None:
        is_raw = content.diffraction is not None
        values[layout.SCAN_INDEX if is_raw else layout.POSITION_INDEX] = content.scan_index
    return values


def _reconstruction(content: Content, geometry: Geometry) -> dict[str, Any]:
    """Return probe and object with the lengths of ptychodus's extension."""
    values: dict[str, Any] = {}
    pixel, center = pixel_of(geometry), geometry.object_center or (0.0, 0.0)
    if content.probe is not None:
        values[layout.PROBE] = content.probe[None]
        values |= _image("image_1", content.probe, pixel)
        values |= dict(zip(layout.PROBE_PIXEL, pixel, strict=True))
    if content.object is not None:
        values[layout.OBJECT] = content.object
        values |= _image("image_2", content.object, pixel)
        values |= dict(zip((*layout.OBJECT_PIXEL, *layout.OBJECT_CENTER), (*pixel, *center), strict=True))
        if len(content.object) > 1:
            values[layout.SPACING] = np.zeros(len(content.object) - 1)
    return values


def _image(name: str, array: np.ndarray, pixel: tuple[float, float]) -> dict[str, Any]:
    """Return what CXI says of an image beside its values: its size as x, y, z, in real space."""
    rows, columns = array.shape[-2:]
    image = f"{layout.ENTRY}/{name}"
    return {
        f"{image}/image_size": np.array([pixel[1] * columns, pixel[0] * rows, 0.0]),
        f"{image}/data_space": "real",
        f"{image}/data_type": "amplitude" if name == "image_1" else "electron density",
    }


def _links(values: dict[str, Any]) -> dict[str, str]:
    """Return the soft links that CXI puts into data_1 and beside the source."""
    wanted = {
        layout.PATTERNS[0]: layout.DETECTOR_DATA,
        layout.TRANSLATIONS[0]: layout.TRANSLATION,
        layout.ILLUMINATION: layout.PROBE,
    }
    return {key: target for key, target in wanted.items() if target in values}
