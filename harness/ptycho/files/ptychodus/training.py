"""Training data of ptychodus: patterns, probe, object and positions in pixels, in one HDF5 file.

Positions are indices of pixels, so that x = probe_position_x_px + 0.5. The object has one layer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.files.arrays.intensity import intensity_of
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.arrays.positions import pixel_of, window_of
from harness.ptycho.files.content import MODES
from harness.ptycho.files.format import Format, Written
from harness.ptycho.files.geometry import ELECTRONVOLT, Geometry, completed, energy_of, wavelength_of
from harness.ptycho.files.hdf5.reader import root_names
from harness.ptycho.files.ptychodus.diffraction import BAD_PIXELS, PATTERNS, bad_pixels, patterns_of
from harness.ptycho.files.ptychodus.flat import read_hdf5, write_hdf5

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.arrays.named import Named
    from harness.ptycho.files.content import Content
    from harness.ptycho.files.format import Reading

X, Y = "probe_position_x_px", "probe_position_y_px"
PIXEL = ("object_pixel_height_m", "object_pixel_width_m")
ENERGY, DISTANCE = "photon_energy_eV", "detector_object_distance_m"
HALF = 0.5
"""From the index of a pixel to the coordinate of its centre."""

NEEDS = ("diffraction", "object", "probe", "x", "y")
HOLDS = frozenset(
    {*NEEDS, "mask", MODES, "geometry.wavelength", "geometry.distance", "geometry.object_pixel"}
)


def content_of(file: Named) -> Content:
    """Return the content of training data by the names of the datasets.

    Raises
    ------
    UnreadableError, RefusedError
        A name is missing, or an array does not fit the others.
    """
    content = patterns_of(file)
    count = len(np.asarray(content.diffraction))
    probe = file.array("probe", axes=(2, 3), kinds="fciu")
    obj = file.array("object", axes=(2, 3), kinds="fciu")
    x, y = (file.array(key, axes=1, length=count).astype(np.float64) + HALF for key in (X, Y))
    energy = file.optional(ENERGY)
    height, width = (file.number(key) for key in PIXEL)
    return replace(
        content.noted("object: axes (M, M') -> (1, M, M')", "x, y: indices of pixels, 0.5 added"),
        probe=probe.reshape(-1, *probe.shape[-2:]),
        object=obj.reshape(-1, *obj.shape[-2:]),
        x=x,
        y=y,
        geometry=Geometry(
            wavelength=None if energy is None else wavelength_of(energy * ELECTRONVOLT),
            distance=file.optional(DISTANCE),
            object_pixel=(height, width),
        ),
        left_out=file.left_out("not part of a scan"),
    )


def read_training(path: Path, _: Reading) -> Content:
    """Read training data."""
    return read_hdf5(path, {}, content_of)


def write_training(path: Path, content: Content) -> Written:
    """Write training data."""
    require_parts(content, NEEDS, "ptychodus training data")
    geometry, assumed = completed(content.geometry, window_of(content))
    values = {
        PATTERNS: intensity_of(content),
        BAD_PIXELS: bad_pixels(content),
        "probe": content.probe,
        "object": np.asarray(content.object)[0],
        X: np.asarray(content.x) - HALF,
        Y: np.asarray(content.y) - HALF,
        ENERGY: energy_of(geometry.wavelength or 0.0) / ELECTRONVOLT,
        DISTANCE: geometry.distance,
        **dict(zip(PIXEL, pixel_of(geometry), strict=True)),
    }
    write_hdf5(path, values, {})
    return Written(assumed=assumed)


FORMAT = Format(
    name="ptychodus-training",
    title="ptychodus training data (HDF5)",
    holds=HOLDS,
    recognise=lambda path: root_names(path) >= {PATTERNS, X, Y},
    read=read_training,
    write=write_training,
)
FORMATS = (FORMAT,)
