"""Reconstructions of fold_slice and PtychoShelves: ``object``, ``probe``, ``outputs.probe_positions``, ``p``.

Verified against the sources of fold_slice (github.com/yijiang1/fold_slice), in which a window begins, as an
index from 0, at ``round(position + ceil((M - H) / 2)) - 1`` (find_reconstruction_ROI.m); against the reader
of PtyRAD 1.0, which has the same; and with files that scipy.io and hdf5storage write. No file of a
real reconstruction, and none written by MATLAB, was at hand. ptychodus 1.7.0 reads the same file with all
positions one pixel further on each axis (half a pixel, where M - H is odd).

MATLAB's arrays are (rows, columns, others). Positions are in object pixels: x, then y. Lengths are in metres
for X-rays and in angstrom for electrons. Patterns are not part of such a file; a variable ``dp`` of
intensities, (H, W, N), which is what fold_slice calls them in its data files, is read and written besides.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError
from harness.core.storage.atomic import unwritable_on_error
from harness.ptycho.files.arrays.intensity import amplitude_of, intensity_of
from harness.ptycho.files.arrays.named import Named
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.content import LAYERS, MODES, Content
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.geometry import Geometry, completed
from harness.ptycho.files.hdf5.reader import is_hdf5, open_hdf5, root_names
from harness.ptycho.files.matlab import level5
from harness.ptycho.files.package import needed_module

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("object", "probe", "x", "y")
POSITIONS, WAVELENGTH, PIXEL, PATTERNS = "outputs.probe_positions", "p.lambda", "p.dx_spec", "dp"
WANTED = ("object", "probe", POSITIONS, WAVELENGTH, PIXEL, PATTERNS)
LONGEST = 1e-6
"""Metres. No wavelength of X-rays or electrons is longer: a larger number is in angstrom."""

ANGSTROM = 1e-10
_HEADER = b"MATLAB 5.0 MAT-file, fold_slice reconstruction"


def _recognise(path: Path) -> bool:
    try:
        if level5.is_level5(path):
            found = level5.names_of(path)
            return found is None or {"object", "probe"} <= found  # reading a damaged one says so
        names = root_names(path) if is_hdf5(path) else frozenset()
    except HarnessError:
        return False
    return {"object", "probe"} <= names and bool({"outputs", "p"} & names)


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], frozenset[str]]:
    """Return what is wanted of a file of either version, in MATLAB's axis order, and all its names."""
    if not is_hdf5(path):
        return level5.read_arrays(path, WANTED)
    with open_hdf5(path) as file:
        there = [name for name in WANTED if file.is_dataset(name.replace(".", "/"))]
        # HDF5 has MATLAB's axes in reverse.
        arrays = {name: file.array(name.replace(".", "/")).T for name in there}
        return arrays, frozenset(name for name in file.names() if not name.startswith("#"))


def _read(path: Path, _: Reading) -> Content:
    arrays, names = _arrays(path)
    file = Named(path.name, arrays.keys(), arrays.__getitem__)
    obj, about_object = _stack(file, "object")
    probe, about_probe = _stack(file, "probe")
    x, y, about_positions = _positions(file, obj.shape[1:], probe.shape[1:])
    geometry, about_lengths = _geometry(file)
    stack, about_patterns = _patterns(file, probe.shape[1:], x)
    return Content(
        diffraction=stack,
        object=obj,
        probe=probe,
        x=x,
        y=y,
        geometry=geometry,
        transformations=(*about_object, *about_probe, *about_positions, *about_lengths, *about_patterns),
        left_out=_left_out(names, file),
    )


def _stack(file: Named, key: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return an object or probe with its layers or modes first, and a note on that."""
    array, notes = file.array(key, axes=(2, 3, 4), kinds="fciu"), []
    if array.ndim == 4 and key == "probe":  # noqa: PLR2004 - (rows, columns, modes, variations)
        notes.append(f"probe: the first of {array.shape[3]} variations")
        array = array[..., 0]
    flat = array.reshape(*array.shape[:2], -1)
    moved = np.ascontiguousarray(np.moveaxis(flat, -1, 0))
    notes += [f"{key}: axes (rows, columns, n) -> (n, rows, columns)"] if len(moved) > 1 else []
    return moved, tuple(notes)


def _positions(
    file: Named, canvas: tuple[int, ...], window: tuple[int, ...]
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...]]:
    """Return x and y from the centre of the object to its edge; None without positions."""
    if POSITIONS not in file:
        return None, None, ()
    both = file.array(POSITIONS, axes=2)
    if both.shape[1] != 2:  # noqa: PLR2004 - x and y
        raise file.refused(POSITIONS, "two columns, x and y", f"shape {both.shape}")
    x, y = (both[:, axis].astype(np.float64) for axis in (0, 1))
    note = "x, y: from MATLAB's index of the middle window to object pixels"
    return x + first_of(canvas[1], window[1]), y + first_of(canvas[0], window[0]), (note,)


def first_of(canvas: int, window: int) -> float:
    """Return the coordinate of the patch centre that fold_slice calls position 0, along one axis.

    >>> first_of(100, 50), first_of(101, 50)
    (49.0, 50.0)
    """
    return math.ceil((canvas - window) / 2) - 1 + window / 2


def _geometry(file: Named) -> tuple[Geometry, tuple[str, ...]]:
    """Return wavelength and size of an object pixel in metres, and a note if they were in angstrom."""
    wavelength = file.optional(WAVELENGTH)
    pixel = None
    if PIXEL in file:
        width, height = _two(file)
        pixel = (height, width)
    longest = wavelength if wavelength is not None else max(pixel or (0.0,))
    if longest <= LONGEST:
        return Geometry(wavelength=wavelength, object_pixel=pixel), ()
    metres = None if wavelength is None else wavelength * ANGSTROM
    sizes = None if pixel is None else (pixel[0] * ANGSTROM, pixel[1] * ANGSTROM)
    return Geometry(wavelength=metres, object_pixel=sizes), ("wavelength, object pixel: angstrom -> metres",)


def _two(file: Named) -> tuple[float, float]:
    """Return the width and height of a pixel; one number stands for both."""
    sizes = file.array(PIXEL, axes=(1, 2)).reshape(-1).astype(np.float64)
    if len(sizes) > 2 or not (sizes > 0).all():  # noqa: PLR2004 - width and height
        raise file.refused(PIXEL, "two numbers greater than 0", f"{len(sizes)} numbers from {sizes.min():g}")
    return float(sizes[0]), float(sizes[-1])


def _patterns(
    file: Named, window: tuple[int, ...], x: np.ndarray | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    if PATTERNS not in file:
        return None, ()
    stack = np.ascontiguousarray(np.moveaxis(file.array(PATTERNS, axes=3), -1, 0))
    if stack.shape[1:] != window or (x is not None and len(x) != len(stack)):
        count = "any number" if x is None else f"{len(x)}"
        raise file.refused(PATTERNS, f"{count} of patterns of shape {window}", f"shape {stack.shape}")
    amplitude, notes = amplitude_of(stack, None, f"{file.name}: {PATTERNS}")
    return amplitude, (f"{PATTERNS}: axes (H, W, N) -> (N, H, W), renamed to diffraction", *notes)


def _left_out(names: frozenset[str], file: Named) -> tuple[str, ...]:
    others = [name for name in names if name not in file and name not in ("p", "outputs")]
    structures = [f"{name}: all fields besides" for name in ("outputs", "p") if name in names]
    return (*sorted(others), *structures)


def _write(path: Path, content: Content) -> Written:
    """Write a reconstruction of version 5, as fold_slice names it."""
    require_parts(content, NEEDS, FORMAT.title)
    savemat = needed_module("scipy.io", "MATLAB files").savemat
    obj, probe = np.asarray(content.object), np.asarray(content.probe)
    geometry, assumed = completed(content.geometry, probe.shape[-2:])
    height, width = geometry.object_pixel or (1.0, 1.0)
    corners = first_of(obj.shape[2], probe.shape[2]), first_of(obj.shape[1], probe.shape[1])
    positions = np.stack([np.asarray(content.x) - corners[0], np.asarray(content.y) - corners[1]], axis=1)
    arrays: dict[str, Any] = {
        "object": _last(obj),
        "probe": _last(probe),
        "outputs": {"probe_positions": positions, "fourier_error_out": np.zeros((0, 1))},
        "p": {"lambda": geometry.wavelength, "dx_spec": np.array([[width, height]])},
    }
    if content.diffraction is not None:
        arrays["dp"] = np.moveaxis(intensity_of(content), 0, -1)
    with unwritable_on_error(path), path.open("w+b") as stream:
        savemat(stream, arrays)
        stream.seek(0)
        stream.write(_HEADER.ljust(116))  # in place of the time and platform
    return Written(assumed=assumed)


def _last(stack: np.ndarray) -> np.ndarray:
    return stack[0] if len(stack) == 1 else np.moveaxis(stack, 0, -1)


FORMAT = Format(
    name="mat",
    title="a fold_slice reconstruction (MATLAB)",
    suffixes=(".mat",),
    holds=frozenset({*NEEDS, "diffraction", LAYERS, MODES, "geometry.wavelength", "geometry.object_pixel"}),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
