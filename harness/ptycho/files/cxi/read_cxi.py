"""Read a CXI file: lengths in metres, energy in joules, intensities, translations of the sample.

The stored x goes to the object's columns and y to its rows unless ``basis_vectors`` say otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.files.arrays.intensity import amplitude_of
from harness.ptycho.files.arrays.named import Named
from harness.ptycho.files.arrays.positions import METRES, in_pixels, smallest_canvas, window_of
from harness.ptycho.files.content import Content
from harness.ptycho.files.cxi import layout
from harness.ptycho.files.cxi.lengths import DEFAULT_DIRECTIONS, directions_of, geometry_of
from harness.ptycho.files.hdf5.reader import open_hdf5
from harness.ptycho.scan.mask import of_positions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.ptycho.files.format import Reading
    from harness.ptycho.files.hdf5.reader import Hdf5

_NOT_LISTED = (
    "data",
    "translation",
    "mask",
    "distance",
    "x_pixel_size",
    "y_pixel_size",
    "corner_position",
    "object_layer_spacing_m",
)
_LISTED = (layout.DETECTOR, layout.DATA, layout.EXTENSION)


def read_cxi(path: Path, _: Reading) -> Content:
    """Read a CXI file.

    Raises
    ------
    UnreadableError
        As :class:`~harness.ptycho.files.hdf5.reader.Hdf5`.
    RefusedError
        Arrays do not fit each other, or a length is not in metres.
    """
    with open_hdf5(path) as file:
        keys = {key for key in layout.READ if file.is_dataset(key) or _is_wrong(file, key)}
        found = _Cxi(Named(file.name, keys, file.array), file.is_group(layout.EXTENSION))
        content = found.content()
        return replace(content, left_out=(*content.left_out, *_left_out(file, keys)))


def _is_wrong(file: Hdf5, key: str) -> bool:
    """Whether there is a group in the place of a dataset: it is asked for, and refused."""
    return file.is_group(key)


def _left_out(file: Hdf5, read: set[str]) -> Iterator[str]:
    """Yield what else the file has, by its path."""
    for name in file.names():
        if name.startswith("entry_") and name != layout.ENTRY:
            yield f"{name}: only the first entry is read"
    for group in _LISTED:
        for name in file.names(group):
            if f"{group}/{name}" not in read and name not in _NOT_LISTED:
                yield f"{group}/{name}: not part of a scan"


@dataclass(frozen=True, slots=True)
class _Cxi:
    """The datasets of one file, and whether it has ptychodus's extension."""

    file: Named
    is_extended: bool

    def content(self) -> Content:
        """Return everything."""
        mask, about_mask = self._mask()
        stack, about_stack = self._amplitudes(mask)
        probe, about_probe = self._probe(None if stack is None else stack.shape[1:])
        obj, about_object = self._object()
        if stack is None and probe is None and obj is None:
            raise self.file.refused(
                layout.DETECTOR_DATA,
                "patterns, a probe or an object",
                "none of them",
                "Check the file's paths.",
            )
        shape = next(array.shape for array in (stack, probe, obj) if array is not None)
        content = Content(
            diffraction=stack,
            mask=mask,
            probe=probe,
            object=obj,
            geometry=geometry_of(self.file, (shape[-2], shape[-1]), obj),
            transformations=(*about_mask, *about_stack, *about_probe, *about_object),
        )
        return self._with_positions(content)

    # Patterns

    def _patterns_key(self) -> str | None:
        return next((key for key in layout.PATTERNS if key in self.file), None)

    def _amplitudes(self, mask: np.ndarray | None) -> tuple[np.ndarray | None, tuple[str, ...]]:
        key = self._patterns_key()
        if key is None:
            return None, ()
        patterns = self.file.raw(key)
        if patterns.ndim != 3 or not patterns.size or patterns.dtype.kind not in "fiu":  # noqa: PLR2004 - (N, H, W)
            found = f"shape {patterns.shape} of dtype {patterns.dtype}"
            raise self.file.refused(key, "patterns (N, H, W) of real numbers", found)
        return amplitude_of(patterns, mask, f"{self.file.name}: {key}")

    def _mask(self) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Return which pixels count; None if all do, or there are no patterns."""
        key = next((key for key in layout.MASKS if key in self.file), None)
        if key is None or self._patterns_key() is None:
            return None, ()
        bits = self.file.raw(key)
        if bits.ndim not in (2, 3) or bits.dtype.kind not in "iub":
            raise self.file.refused(
                key, "bits (H, W) or (N, H, W)", f"shape {bits.shape} of dtype {bits.dtype}"
            )
        bad = bits.astype(np.int64) & ~layout.HAS_SIGNAL != 0
        name = key.rpartition("/")[2]
        notes = (f"{name}: {bits.dtype} bits -> bool, False where any bit but 0x1000 (has signal) is set",)
        return (~bad, notes) if bad.any() else (None, ())

    # The reconstruction

    def _probe(self, window: tuple[int, ...] | None) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Return the modes of the first variation, as in ptychodus, or the illumination of other programs.

        *window* is the size (H, W) of the patterns, which the probe must have.
        """
        is_ours = self.is_extended and self._has(layout.PROBE, layout.PROBE_PIXEL)
        key = layout.PROBE if is_ours else layout.ILLUMINATION
        if key not in self.file:
            return None, ()
        array = self.file.array(key, axes=(2, 3, 4), kinds="fciu")
        if window not in (None, array.shape[-2:]):
            raise self.file.refused(key, f"a probe of {window}, like the patterns", f"shape {array.shape}")
        path = key.removeprefix(f"{layout.ENTRY}/")
        if array.ndim == 4:  # noqa: PLR2004 - (variations, modes, H, W)
            more = len(array) - 1
            note = f", the first; {more} variations along the scan left out" if more else ""
            return array[0], (f"{path}: probe, axes (variations, modes, H, W) -> (modes, H, W){note}",)
        return array.reshape(-1, *array.shape[-2:]), (f"{path}: probe",)

    def _has(self, key: str, pixel: tuple[str, str]) -> bool:
        """Whether there is an image; refused if the file only has the size of its pixels."""
        if key not in self.file and any(size in self.file for size in pixel):
            self.file.raw(key)
        return key in self.file

    def _object(self) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Return the layers, if the file has ptychodus's extension, which says what its images are."""
        if not self.is_extended or not self._has(layout.OBJECT, layout.OBJECT_PIXEL):
            return None, ()
        array = self.file.array(layout.OBJECT, axes=(2, 3), kinds="fciu")
        return array.reshape(-1, *array.shape[-2:]), ("image_2/data: object",)

    # Positions

    def _with_positions(self, content: Content) -> Content:
        """Return the content with positions on its object, or on the smallest canvas if it has none."""
        key = next((key for key in layout.TRANSLATIONS if key in self.file), None)
        if key is None:
            return content
        across, along, about_basis = self._translations(key)
        content = self._with_index(content, key, len(across))
        geometry, pixel = content.geometry, content.geometry.object_pixel
        if pixel is None:
            reason = "in metres, but what gives the size of an object pixel is missing"
            return replace(content, left_out=(f"{key}: {reason}",))
        if content.object is not None:
            canvas = content.object.shape[-2:]
            geometry = replace(geometry, object_center=geometry.object_center or (0.0, 0.0))
        else:
            canvas, center = smallest_canvas(across, along, pixel, window_of(content))
            geometry = replace(geometry, object_center=center)
        x, y = in_pixels(across, along, geometry, canvas)
        return replace(content.noted(METRES, *about_basis), x=x, y=y, geometry=geometry)

    def _translations(self, key: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
        """Return x and y in metres, along the object's columns and rows."""
        stored = self.file.array(key, axes=2).astype(np.float64)
        if stored.shape[1] not in (2, 3):
            raise self.file.refused(key, "shape (N, 3)", f"shape {stored.shape}")
        directions = directions_of(self.file)
        is_default = np.array_equal(directions, DEFAULT_DIRECTIONS)
        y, x = directions[:, : stored.shape[1]] @ stored.T
        return x, y, () if is_default else (_in_words(directions),)

    def _with_index(self, content: Content, key: str, count: int) -> Content:
        """Return the content with the index of each position, and its patterns in the positions' order."""
        name = layout.SCAN_INDEX if layout.SCAN_INDEX in self.file else layout.POSITION_INDEX
        index = self.file.array(name, axes=1, kinds="iu", length=count) if name in self.file else None
        patterns = count if content.diffraction is None else len(content.diffraction)
        if name == layout.POSITION_INDEX and index is not None and content.diffraction is not None:
            return self._in_order_of(index, replace(content, scan_index=index), patterns)
        if patterns != count:
            raise self.file.refused(key, f"{patterns} positions, like patterns", f"{count}")
        return replace(content, scan_index=index)

    def _in_order_of(self, index: np.ndarray, content: Content, patterns: int) -> Content:
        """Return the content with the patterns that *index* counts from 0, in its order."""
        if np.array_equal(index, np.arange(patterns)):
            return content
        if index.min() < 0 or index.max() >= patterns or len(np.unique(index)) < len(index):
            expected = f"indexes of {patterns} patterns, each once at most"
            raise self.file.refused(layout.POSITION_INDEX, expected, f"{index.min()} to {index.max()}")
        taken = replace(
            content,
            diffraction=np.asarray(content.diffraction)[index],
            mask=of_positions(content.mask, index),
        )
        return taken.noted(f"diffraction: {len(index)} patterns in the order of probe_position_indexes")


def _in_words(directions: np.ndarray) -> str:
    """Return the note on directions that are not the usual ones."""
    rows, columns = (" ".join(f"{value:+.3g}" for value in vector) for vector in directions)
    return f"x, y: mapped through basis_vectors; rows go along ({rows}), columns along ({columns})"
