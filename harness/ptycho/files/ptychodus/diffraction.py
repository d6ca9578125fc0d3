"""Diffraction data of ptychodus: intensities by index, without positions. HDF5 and .npz.

The zero frequency is at the centre. Positions are in a product, and are joined by index, not by row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.storage.npz import write_archive
from harness.ptycho.files.arrays.intensity import amplitude_of, intensity_of
from harness.ptycho.files.arrays.named import Named, names_in_archive
from harness.ptycho.files.arrays.needed import require_parts
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Format, Written
from harness.ptycho.files.geometry import Geometry, completed
from harness.ptycho.files.hdf5.reader import root_names
from harness.ptycho.files.ptychodus.flat import read_hdf5, write_hdf5
from harness.ptycho.files.ptychodus.indexes import read_index, written_index

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.format import Reading

PATTERNS, INDEX, BAD_PIXELS = "patterns", "indexes", "bad_pixels"
PIXEL = ("detector_pixel_height_m", "detector_pixel_width_m")
ATTRIBUTES = {name: (PATTERNS, name) for name in PIXEL}
_HAS, _HAS_NOT = {PATTERNS, INDEX}, {"probe", "object"}
_PARTS = frozenset({"diffraction", "mask", "scan_index"})


def content_of(file: Named) -> Content:
    """Return the content of diffraction data by the names of the archive.

    Raises
    ------
    UnreadableError, RefusedError
        A name is missing, or an array does not fit the others.
    """
    content = patterns_of(file)
    index, note = read_index(file, INDEX, len(np.asarray(content.diffraction)))
    sizes = [file.optional(key) for key in PIXEL]
    geometry = Geometry(detector_pixel=(sizes[0], sizes[1]) if sizes[0] and sizes[1] else None)
    return replace(
        content.noted(*note),
        scan_index=index,
        geometry=geometry,
        left_out=file.left_out("not part of a scan"),
    )


def patterns_of(file: Named) -> Content:
    """Return the patterns as amplitudes, with the mask that ``bad_pixels`` is the inverse of.

    Raises
    ------
    UnreadableError, RefusedError
        As :func:`content_of`.
    """
    patterns = file.raw(PATTERNS)
    if patterns.ndim != 3 or not patterns.size or patterns.dtype.kind not in "fiu":  # noqa: PLR2004 - (N, H, W)
        raise file.refused(PATTERNS, "patterns (N, H, W) of real numbers", _in_words(patterns))
    mask, about_mask = _mask(file)
    amplitude, about_patterns = amplitude_of(patterns, mask, f"{file.name}: {PATTERNS}")
    return Content(diffraction=amplitude, mask=mask, transformations=(*about_mask, *about_patterns))


def _in_words(array: np.ndarray) -> str:
    return f"shape {array.shape} of dtype {array.dtype}"


def _mask(file: Named) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return which pixels count, (H, W) bool, or None if no pixel is bad."""
    if BAD_PIXELS not in file:
        return None, ()
    bad = file.raw(BAD_PIXELS)
    if bad.ndim != 2 or bad.dtype.kind not in "biu":  # noqa: PLR2004 - (H, W)
        raise file.refused(BAD_PIXELS, "booleans (H, W), True where a pixel is bad", _in_words(bad))
    if not bad.any():
        return None, ()
    return bad == 0, (f"{BAD_PIXELS}: inverted and renamed to mask",)


def values_of(content: Content) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return what diffraction data store of a content, and what was assumed.

    Raises
    ------
    RefusedError
        The content has no diffraction.
    """
    require_parts(content, ["diffraction"], "ptychodus diffraction data")
    patterns = intensity_of(content)
    index, assumed = written_index(content, len(patterns))
    return {PATTERNS: patterns, INDEX: index, BAD_PIXELS: bad_pixels(content)}, assumed


def bad_pixels(content: Content) -> np.ndarray:
    """Return where pixels are bad, (H, W) bool; nowhere without a mask."""
    if content.mask is None:
        return np.zeros(np.asarray(content.diffraction).shape[1:], np.bool_)
    return ~content.mask


def read_diffraction_hdf5(path: Path, _: Reading) -> Content:
    """Read diffraction data from HDF5."""
    return read_hdf5(path, ATTRIBUTES, content_of)


def write_diffraction_hdf5(path: Path, content: Content) -> Written:
    """Write diffraction data as HDF5, with the size of a detector pixel, which ptychodus needs."""
    values, about_index = values_of(content)
    height, width = values[PATTERNS].shape[1:]
    geometry, assumed = completed(content.geometry, (height, width))
    values |= dict(zip(PIXEL, geometry.detector_pixel or (), strict=True))
    write_hdf5(path, values, ATTRIBUTES)
    return Written(assumed=(*assumed, *about_index))


def read_diffraction_npz(path: Path, _: Reading) -> Content:
    """Read diffraction data from an archive."""
    return content_of(Named.of_archive(path))


def write_diffraction_npz(path: Path, content: Content) -> Written:
    """Write diffraction data as an archive."""
    values, assumed = values_of(content)
    write_archive(path, values)
    return Written(assumed=assumed)


HDF5 = Format(
    name="ptychodus-diffraction",
    title="ptychodus diffraction data (HDF5)",
    holds=_PARTS | {"geometry.detector_pixel"},
    recognise=lambda path: _is_diffraction(root_names(path)),
    read=read_diffraction_hdf5,
    write=write_diffraction_hdf5,
)
NPZ = Format(
    name="ptychodus-diffraction-npz",
    title="ptychodus diffraction data (.npz)",
    holds=_PARTS,
    recognise=lambda path: _is_diffraction(names_in_archive(path)),
    read=read_diffraction_npz,
    write=write_diffraction_npz,
)
FORMATS = (HDF5, NPZ)


def _is_diffraction(names: frozenset[str]) -> bool:
    return names >= _HAS and not names & _HAS_NOT
