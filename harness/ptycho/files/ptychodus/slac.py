"""Archives in the form that ptychodus reads as SLAC_NPZ: (H, W, N), intensities, and nominal positions.

That reader moves the last axis of ``diffraction`` to the front, without a word where N equals H, takes
patterns for intensities, and positions from ``xcoords_start``. All three are wrong for a canonical archive.
Here they are right. What tells the two apart is ``photon_energy_eV``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.storage.npz import write_archive
from harness.ptycho.files.arrays.intensity import amplitude_of, intensity_of
from harness.ptycho.files.arrays.named import Named, names_in_archive
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.arrays.positions import canvas_of, window_of
from harness.ptycho.files.content import LAYERS, MODES, Content
from harness.ptycho.files.format import Format, Written
from harness.ptycho.files.geometry import ELECTRONVOLT, Geometry, completed, energy_of, wavelength_of

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.format import Reading

ENERGY, DISTANCE, PIXEL = "photon_energy_eV", "detector_distance_m", "detector_pixel_size_m"
NEEDS = ("diffraction", "object", "probe", "x", "y")
_HAS = {"diffraction", "objectGuess", "probeGuess", "xcoords_start", "ycoords_start", ENERGY}
_SILENT = ("xcoords", "ycoords")


def read_slac(path: Path, _: Reading) -> Content:
    """Read an archive in the form of SLAC_NPZ.

    Raises
    ------
    UnreadableError, RefusedError
        A name is missing, or an array does not fit the others.
    """
    file = Named.of_archive(path)
    stack = file.array("diffraction", axes=3)
    patterns = np.ascontiguousarray(np.moveaxis(stack, -1, 0))
    amplitude, notes = amplitude_of(patterns, None, f"{file.name}: diffraction")
    probe = file.array("probeGuess", axes=(2, 3), kinds="fciu")
    obj = file.array("objectGuess", axes=(2, 3), kinds="fciu")
    x, y = (file.array(key, axes=1, length=len(patterns)) for key in ("xcoords_start", "ycoords_start"))
    pixel = file.optional(PIXEL)
    return Content(
        diffraction=amplitude,
        object=obj.reshape(-1, *obj.shape[-2:]),
        probe=probe.reshape(-1, *probe.shape[-2:]),
        x=x.astype(np.float64),
        y=y.astype(np.float64),
        geometry=Geometry(
            wavelength=wavelength_of(file.number(ENERGY) * ELECTRONVOLT),
            distance=file.optional(DISTANCE),
            detector_pixel=None if pixel is None else (pixel, pixel),
        ),
        transformations=(
            "diffraction: axes (H, W, N) -> (N, H, W), as in every archive of this form",
            *notes,
            "xcoords_start, ycoords_start: renamed to x, y",
        ),
        left_out=file.left_out("not part of a scan", silent=_SILENT),
    )


def write_slac(path: Path, content: Content) -> Written:
    """Write an archive in the form of SLAC_NPZ."""
    require_parts(content, NEEDS, "an archive in the form of SLAC_NPZ")
    geometry, assumed = completed(content.geometry, window_of(content))
    x, y = np.asarray(content.x), np.asarray(content.y)
    pixel = (geometry.detector_pixel or (0.0, 0.0))[1]
    arrays = {
        "diffraction": np.moveaxis(intensity_of(content), 0, -1),
        "objectGuess": _single(np.asarray(content.object)),
        "probeGuess": _single(np.asarray(content.probe)),
        "xcoords": x,
        "ycoords": y,
        "xcoords_start": x,
        "ycoords_start": y,
        ENERGY: energy_of(geometry.wavelength or 0.0) / ELECTRONVOLT,
        DISTANCE: geometry.distance,
        PIXEL: pixel,
    }
    write_archive(path, arrays)
    return Written(assumed=assumed, lost=_lost(content, geometry, x, y))


def _single(array: np.ndarray) -> np.ndarray:
    return array[0] if len(array) == 1 else array


def _lost(content: Content, geometry: Geometry, x: np.ndarray, y: np.ndarray) -> tuple[str, ...]:
    """Return what the form has no place for."""
    rows, columns = canvas_of(content)
    dx, dy = (x.min() + x.max() - columns) / 2, (y.min() + y.max() - rows) / 2
    away = f"{dx:+.3g} pixels in x and {dy:+.3g} in y from it"
    lost = (f"object center: ptychodus takes the middle of the scan, {away}",)
    height, width = geometry.detector_pixel or (0.0, 0.0)
    return lost if height == width else (*lost, f"detector pixel height: {height:g} m, the width is kept")


FORMAT = Format(
    name="slac-npz",
    title="an .npz archive in the form of SLAC_NPZ, for ptychodus",
    holds=frozenset({*NEEDS, LAYERS, MODES, "geometry.wavelength", "geometry.distance"}),
    recognise=lambda path: names_in_archive(path) >= _HAS,
    read=read_slac,
    write=write_slac,
)
FORMATS = (FORMAT,)
