"""Data of PtyPy (.ptyd): HDF5 with ``chunks/<n>/{data,positions,indices,weights}`` and ``meta``.

Verified against the description of the format and the code that writes it (github.com/ptycho/ptypy, doc/rst
and ptypy/core/data.py). The package itself does not run in the tests, and no measured file was at hand.

Patterns are intensities with the zero frequency at the centre. Positions are in metres, rows (y) before
columns (x); only their differences have a meaning, because there is no object. The energy is in keV, lengths
are in metres. A pixel counts where its weight is above 0. PtyPy can keep chunks in files of their own: such
links are refused.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.ptycho.files.arrays.intensity import amplitude_of, intensity_of
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.arrays.positions import in_pixels, metres, smallest_canvas
from harness.ptycho.files.content import MASKS, Content
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.geometry import (
    ELECTRONVOLT,
    Geometry,
    completed,
    energy_of,
    object_pixel_of,
    wavelength_of,
)
from harness.ptycho.files.hdf5.reader import Hdf5, is_hdf5, open_hdf5, root_names
from harness.ptycho.files.hdf5.writing import new_hdf5
from harness.ptycho.scan.contract import value_problems

if TYPE_CHECKING:
    from pathlib import Path

NEEDS = ("diffraction", "x", "y")
KILO = 1000 * ELECTRONVOLT
_META = ("meta", "info")
"""Groups with the geometry; the second repeats what PtyPy was called with."""

_COMMON = ("meta/weight2d", "common/weight2d", "info/weight2d")
_READ = frozenset({"data", "positions", "indices", "weights"})


def _recognise(path: Path) -> bool:
    try:
        if not is_hdf5(path) or "chunks" not in root_names(path):
            return False
        with open_hdf5(path) as file:
            return file.is_group("chunks")
    except HarnessError:
        return False


def _read(path: Path, _: Reading) -> Content:
    with open_hdf5(path) as file:
        chunks = _chunks(file)
        patterns = _joined(file, chunks, "data", 3)
        mask = _mask(file, chunks, patterns)
        amplitude, notes = amplitude_of(patterns, mask, f"{file.name}: data")
        geometry = _geometry(file, patterns.shape[1:])
        x, y, about_positions = _positions(file, chunks, patterns, geometry)
        index = _index(file, chunks, len(patterns))
        left_out = (*_not_read(file, chunks), *_off_centre(file, patterns.shape[1:]), *about_positions)
    moved = () if x is None else ("x, y: metres -> object pixels, on the smallest canvas",)
    return Content(
        diffraction=amplitude,
        x=x,
        y=y,
        scan_index=index,
        mask=mask,
        geometry=geometry,
        transformations=(*notes, *moved),
        left_out=left_out,
    )


def _chunks(file: Hdf5) -> list[str]:
    """Return the keys of the chunks, by number."""
    names = file.names("chunks")
    numbered = sorted((name for name in names if name.isdecimal()), key=int)
    if not numbered:
        there = ", ".join(names) or "nothing"
        raise file.error("chunks", expected="chunks 0, 1, 2, ...", found=there)
    return [f"chunks/{name}" for name in numbered]


def _joined(file: Hdf5, chunks: list[str], name: str, axes: int) -> np.ndarray:
    """Return one array of all chunks; refused if they do not fit together, or are not real numbers."""
    parts: list[np.ndarray] = []
    for chunk in chunks:
        key = f"{chunk}/{name}"
        array = file.array(key)
        if array.ndim != axes or not array.size or array.dtype.kind not in "fiub":
            found = f"shape {array.shape} of dtype {array.dtype}"
            raise file.error(key, expected=f"real numbers of {axes} axes", found=found, kind=RefusedError)
        if parts and array.shape[1:] != parts[0].shape[1:]:
            expected = f"shape (n, {', '.join(map(str, parts[0].shape[1:]))}), like the first chunk"
            raise file.error(key, expected=expected, found=f"shape {array.shape}", kind=RefusedError)
        parts.append(array)
    return np.concatenate(parts)


def _mask(file: Hdf5, chunks: list[str], patterns: np.ndarray) -> np.ndarray | None:
    """Return which pixels count: of each pattern, of all alike, or None if no weight says so."""
    keys = [f"{chunk}/weights" for chunk in chunks]
    if all(file.is_dataset(key) and math.prod(file.shape(key)) for key in keys):
        mask = _joined(file, chunks, "weights", 3) > 0
        if mask.shape != patterns.shape:
            expected = f"shape {patterns.shape}, like the data"
            raise file.error("weights", expected=expected, found=f"shape {mask.shape}", kind=RefusedError)
        alike = bool((mask == mask[0]).all())
        return mask[0] if alike else mask
    common = next((key for key in _COMMON if file.is_dataset(key) and len(file.shape(key)) == 2), None)  # noqa: PLR2004 - rows and columns
    if common is None:
        return None
    weights = file.array(common)
    if weights.shape != patterns.shape[1:]:
        expected = f"shape {patterns.shape[1:]}, like the data"
        raise file.error(common, expected=expected, found=f"shape {weights.shape}", kind=RefusedError)
    return weights > 0


def _geometry(file: Hdf5, detector: tuple[int, ...]) -> Geometry:
    energy, distance = _lengths(file, "energy", 1), _lengths(file, "distance", 1)
    size = _lengths(file, "psize", 2)
    geometry = Geometry(
        wavelength=None if energy is None else wavelength_of(energy[0] * KILO),
        distance=None if distance is None else distance[0],
        detector_pixel=None if size is None else (size[0], size[-1]),
    )
    height, width = detector
    pixel = object_pixel_of(geometry, (height, width))
    return Geometry(
        wavelength=geometry.wavelength,
        distance=geometry.distance,
        detector_pixel=geometry.detector_pixel,
        object_pixel=pixel,
    )


def _lengths(file: Hdf5, name: str, most: int) -> list[float] | None:
    """Return one or two positive numbers of ``meta`` or ``info``; None where they are not, or are 'None'."""
    for group in _META:
        key = f"{group}/{name}"
        if not file.is_dataset(key) or _is_text(file, key):
            continue
        stored = file.array(key).reshape(-1)
        numbers = stored.real.astype(np.float64)
        if (
            stored.dtype.kind == "c"
            or not 1 <= len(numbers) <= most
            or not (np.isfinite(numbers) & (numbers > 0)).all()
        ):
            expected = "a number greater than 0" if most == 1 else "one or two numbers greater than 0"
            raise file.error(key, expected=expected, found=", ".join(f"{n:g}" for n in numbers[:3]) or "none")
        return [float(number) for number in numbers]
    return None


def _is_text(file: Hdf5, key: str) -> bool:
    """Return whether a value is a text: PtyPy stores None as one."""
    try:
        file.dtype(key)
    except UnreadableError as error:
        return error.found.startswith("text")
    return False


def _positions(
    file: Hdf5, chunks: list[str], patterns: np.ndarray, geometry: Geometry
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...]]:
    """Return x and y in object pixels, or None, and why they were left out."""
    if not all(file.is_dataset(f"{chunk}/positions") for chunk in chunks):
        return None, None, ("positions: not in every chunk",)
    if geometry.object_pixel is None:
        return None, None, ("positions: in metres, and no energy, distance and psize give the pixel",)
    both = _joined(file, chunks, "positions", 2)
    if both.shape != (len(patterns), 2):
        expected = f"shape ({len(patterns)}, 2): y and x of each pattern"
        raise file.error("positions", expected=expected, found=f"shape {both.shape}", kind=RefusedError)
    for expected, found, remedy in value_problems(both):
        raise file.error("positions", expected=expected, found=found, remedy=remedy, kind=RefusedError)
    y, x = both.astype(np.float64).T
    height, width = patterns.shape[1:]
    canvas, center = smallest_canvas(x, y, geometry.object_pixel, (height, width))
    placed = Geometry(object_pixel=geometry.object_pixel, object_center=center)
    return *in_pixels(x, y, placed, canvas), ()


def _index(file: Hdf5, chunks: list[str], count: int) -> np.ndarray | None:
    if not all(file.is_dataset(f"{chunk}/indices") for chunk in chunks):
        return None
    index = _joined(file, chunks, "indices", 1)
    if len(index) != count or (index != np.floor(index)).any():
        found = f"{len(index)} numbers"
        raise file.error("indices", expected=f"{count} whole numbers", found=found, kind=RefusedError)
    return index.astype(np.int64)


def _not_read(file: Hdf5, chunks: list[str]) -> tuple[str, ...]:
    """Return what the file has besides."""
    others = [name for name in file.names() if name not in {"chunks", *_META}]
    within = {f"chunks/*/{name}" for chunk in chunks for name in file.names(chunk) if name not in _READ}
    return (*others, *sorted(within))


def _off_centre(file: Hdf5, detector: tuple[int, ...]) -> tuple[str, ...]:
    """Return a line if the beam's centre in the frames is said to be elsewhere."""
    key = "meta/center"
    if not file.is_dataset(key) or _is_text(file, key):
        return ()
    center = file.array(key).reshape(-1).astype(np.float64)
    if len(center) == len(detector) and np.allclose(center, [side // 2 for side in detector]):
        return ()
    shown = ", ".join(f"{value:g}" for value in center[:3])
    return (f"{key}: {shown}, and patterns are taken as they are",)


def _write(path: Path, content: Content) -> Written:
    """Write one chunk."""
    require_parts(content, NEEDS, FORMAT.title)
    stack = np.asarray(content.diffraction)
    geometry, assumed = completed(content.geometry, stack.shape[1:])
    x, y = metres(content, geometry)
    index = np.arange(len(stack)) if content.scan_index is None else content.scan_index
    weights = np.zeros(0) if content.mask is None else np.broadcast_to(content.mask, stack.shape)
    with new_hdf5(path) as file:
        chunk = file.create_group("chunks/0")
        chunk["data"], chunk["positions"] = intensity_of(content), np.stack([y, x], axis=1)
        chunk["indices"], chunk["weights"] = index, weights.astype(np.float32)
        meta = file.create_group("meta")
        meta["energy"] = energy_of(geometry.wavelength or 1.0) / KILO
        meta["distance"], meta["psize"] = geometry.distance, geometry.detector_pixel
        meta["shape"], meta["center"] = stack.shape[1:], [side // 2 for side in stack.shape[1:]]
        meta["num_frames"], meta["version"], meta["label"] = len(stack), "0.1", "harness"
        meta["propagation"] = "farfield"
        file.create_group("info")
    return Written(assumed=assumed, lost=("origin of x, y: without an object, only differences count",))


FORMAT = Format(
    name="ptyd",
    title="a PtyPy dataset (.ptyd)",
    suffixes=(".ptyd",),
    holds=frozenset(
        {*NEEDS, "scan_index", "mask", MASKS}
        | {"geometry.wavelength", "geometry.distance", "geometry.detector_pixel"}
    ),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
