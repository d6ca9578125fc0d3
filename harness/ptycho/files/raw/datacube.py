"""4-D datacubes of electron microscopes: (scan y, scan x, detector y, detector x), as .npy, HDF5 or zarr.

Verified with files that RosettaSciIO 0.15 writes (.hspy, .zspy) and numpy's .npy; py4DSTEM's (EMD 1.0) have
the same array by its documentation, and none was at hand. Of HDF5 and zarr, the one array of four axes is
read, wherever it is. RosettaSciIO's .emd has all axes in reverse: such a cube is refused where its sums show
it.

Values are intensities, the zero frequency at the centre. There are no positions: a step in object pixels
makes a raster of them, turned by an angle if one is given. Without a step the content has patterns alone.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.storage.atomic import is_regular
from harness.ptycho.files.arrays.intensity import amplitude_of
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Format, Reading
from harness.ptycho.files.hdf5.reader import Hdf5, is_hdf5, open_hdf5
from harness.ptycho.files.zarr_store.reader import ZarrStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AXES = 4
EVEN = 0.5
"""Of sums along a scan and along a detector, those of the scan vary by less than this share of the others."""

_MAGIC = b"\x93NUMPY"
_MOST_HEADER = 10_000
_DEEPEST, _MOST_NAMES = 8, 4096
_OTHERS = frozenset({"objectGuess", "probeGuess", "diffraction", "probe", "object", "patterns", "chunks"})
"""Names at the root of other formats, whose probes have four axes, too."""

_REMEDY = "Restore the file, or write it again."


def _recognise(path: Path) -> bool:
    try:
        if _is_npy(path):
            return len(_header(path)[0]) == AXES
        if is_hdf5(path):
            with open_hdf5(path) as file:
                return not _OTHERS & set(file.names()) and len(list(_cubes(file))) == 1
        return len(_zarr_cubes(ZarrStore(path))) == 1
    except HarnessError:
        return False


def _is_npy(path: Path) -> bool:
    try:
        if not is_regular(path):
            return False
        with path.open("rb") as stream:
            return stream.read(len(_MAGIC)) == _MAGIC
    except OSError:
        return False


def _header(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Return shape and dtype of an .npy; refused if it has not all of its values, or others than numbers."""
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy warns about headers of Python 2
            read = readers[np.lib.format.read_magic(stream)]
            shape, _, dtype = read(stream, max_header_size=_MOST_HEADER)
            held = path.stat().st_size - stream.tell()
    except Exception as error:  # numpy's parser does not document what it raises
        raise _unreadable(path.name, "an .npy array", "a broken header") from error
    if dtype.kind not in "fiub" or dtype.itemsize > 8:  # noqa: PLR2004 - float64
        raise _unreadable(path.name, "real numbers", f"dtype {dtype}")
    if math.prod(shape) * dtype.itemsize != held:
        claimed = math.prod(shape) * dtype.itemsize
        raise _unreadable(path.name, f"{claimed} bytes of values", f"{held}")
    return shape, dtype


def _unreadable(thing: str, expected: str, found: str) -> UnreadableError:
    return UnreadableError(thing, expected=expected, found=found, remedy=_REMEDY)


def _cubes(file: Hdf5, group: str = "", depth: int = 0) -> Iterator[str]:
    """Yield the keys of datasets with four axes, as far as they are in the file itself."""
    names = file.names(group)
    for name in names[:_MOST_NAMES] if depth < _DEEPEST else ():
        key = f"{group}/{name}" if group else name
        try:
            if file.is_dataset(key):
                if len(file.shape(key)) == AXES and file.dtype(key).kind in "fiub":
                    yield key
            elif file.is_group(key):
                yield from _cubes(file, key, depth + 1)
        except UnreadableError:
            continue  # a link that leads out of the file, or text


def _zarr_cubes(store: ZarrStore) -> list[str]:
    return [name for name in sorted(store.names) if len(store.shape(name)) == AXES]


def _read(path: Path, reading: Reading) -> Content:
    key, cube, others = _cube(path)
    if cube.ndim != AXES or not cube.size or cube.dtype.kind not in "fiub":
        found = f"shape {cube.shape} of dtype {cube.dtype}"
        remedy = "Store real numbers."
        raise RefusedError(f"{path.name}: {key}", expected="a datacube", found=found, remedy=remedy)
    _require_scan_first(f"{path.name}: {key}", cube)
    rows, columns, *detector = cube.shape
    patterns = cube.reshape(rows * columns, *detector)
    amplitude, notes = amplitude_of(patterns, None, f"{path.name}: {key}")
    x, y, about_positions = _raster(rows, columns, (detector[0], detector[1]), reading)
    if reading.step is None:
        others = (*others, "positions: a datacube has none; give their distance with --step")
    shape = f"diffraction: axes (scan y, scan x, H, W) -> (N, H, W), {rows} x {columns} positions"
    return Content(
        diffraction=amplitude,
        x=x,
        y=y,
        scan_index=np.arange(len(patterns)),
        transformations=(shape, *notes, *about_positions),
        left_out=others,
    )


def _require_scan_first(thing: str, cube: np.ndarray) -> None:
    """Refuse a cube whose first axes are uneven and last ones even: patterns are alike, pixels are not."""
    first, last = (_unevenness(cube, axes) for axes in ((2, 3), (0, 1)))
    if last < EVEN * first:
        raise RefusedError(
            thing,
            expected="axes (scan y, scan x, H, W)",
            found=f"sums that vary by {first:.2g} along the first two axes and {last:.2g} along the last two",
            remedy="Store the array with its axes in this order: numpy.transpose(cube) reverses them.",
        )


def _unevenness(cube: np.ndarray, axes: tuple[int, int]) -> float:
    sums = cube.sum(axis=axes, dtype=np.float64)
    mean = float(np.abs(sums).mean())
    return float(sums.std()) / mean if mean > 0 else 0.0


def _cube(path: Path) -> tuple[str, np.ndarray, tuple[str, ...]]:
    """Return the key of the one array with four axes, its values, and the names of what is not read."""
    if _is_npy(path):
        _header(path)
        return "array", np.load(path, allow_pickle=False), ()
    if is_hdf5(path):
        with open_hdf5(path) as file:
            key = _only(path, list(_cubes(file)))
            return key, file.array(key), tuple(name for name in file.names() if name != key.split("/")[0])
    store = ZarrStore(path)
    name = _only(path, _zarr_cubes(store))
    return name or "array", store.array(name), tuple(sorted(store.names - {name}))


def _only(path: Path, keys: list[str]) -> str:
    if len(keys) != 1:
        raise _unreadable(path.name, "one array of four axes", ", ".join(keys[:5]) or "none")
    return keys[0]


def _raster(
    rows: int, columns: int, window: tuple[int, int], reading: Reading
) -> tuple[np.ndarray | None, np.ndarray | None, tuple[str, ...]]:
    """Return the positions of a raster on the smallest canvas, row by row; None without a step.

    The scan's columns lie at *rotation* degrees to the object's, from x towards y.
    """
    if reading.step is None:
        return None, None, ()
    down, right = (index.reshape(-1) * reading.step for index in np.indices((rows, columns)))
    angle = math.radians(reading.rotation)
    x = right * math.cos(angle) - down * math.sin(angle)
    y = right * math.sin(angle) + down * math.cos(angle)
    note = f"x, y: a raster with a step of {reading.step:g} pixels, turned by {reading.rotation:g} degrees"
    return x - x.min() + window[1] / 2, y - y.min() + window[0] / 2, (f"{note}, as given",)


FORMAT = Format(
    name="datacube",
    title="a 4-D datacube (.npy, HDF5 or zarr)",
    holds=frozenset({"diffraction", "x", "y", "scan_index"}),
    uses=frozenset({"step", "rotation"}),
    recognise=_recognise,
    read=_read,
)
FORMATS = (FORMAT,)
