"""Faults of order: patterns and positions that are both right, but not each other's."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault
from second_simulator.routes import columns_of


def _reordered(arrays: Arrays, order: np.ndarray) -> Arrays:
    return {**arrays, "diffraction": arrays["diffraction"][order]}


def rolled(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The patterns are *size* places late: a trigger came too early."""
    return {**arrays, "diffraction": np.roll(arrays["diffraction"], int(size), axis=0)}


def reversed_order(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The patterns are stored from the last to the first."""
    return {**arrays, "diffraction": arrays["diffraction"][::-1].copy()}


def lost_frame(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """One frame was not written: from there on, patterns are one place early; the last position is gone."""
    count = len(arrays["xcoords"])
    k = int(rng.integers(count // 4, 3 * count // 4))
    stack = np.delete(arrays["diffraction"], k, axis=0)
    fewer = {key: a[:-1] for key, a in arrays.items() if key in ("xcoords", "ycoords", "scan_index")}
    return {**arrays, **fewer, "diffraction": stack}


def doubled_frame(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """One frame was written twice: from there on, patterns are one place late, and the last one is gone."""
    count = len(arrays["xcoords"])
    k = int(rng.integers(count // 4, 3 * count // 4))
    return _reordered(arrays, np.sort(np.append(np.arange(count - 1), k)))


def column_major(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The patterns of a raster were flattened column by column, the positions row by row."""
    count = len(arrays["xcoords"])
    columns = columns_of(count)
    return _reordered(arrays, np.arange(count).reshape(-1, columns).T.ravel())


def snake_as_raster(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """A snake was read as a raster: every second row of the positions runs the wrong way."""
    count = len(arrays["xcoords"])
    columns = columns_of(count)
    order = np.arange(count).reshape(-1, columns)
    order[1::2] = order[1::2, ::-1]
    return _reordered(arrays, order.ravel())


def two_swapped(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """Two patterns that are not neighbours are exchanged."""
    order = np.arange(len(arrays["xcoords"]))
    one, other = rng.choice(len(order) // 2, 2, replace=False) * 2
    order[[one, other]] = order[[other, one]]
    return _reordered(arrays, order)


def halves_exchanged(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Two files of half a scan each were joined in the wrong order."""
    count = len(arrays["xcoords"])
    return {**arrays, "diffraction": np.roll(arrays["diffraction"], count // 2, axis=0)}


def sorted_as_text(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Files of single patterns were read in the order of their names: 0, 1, 10, 11, ..., 2, 20, ..."""
    return _reordered(arrays, np.array(sorted(range(len(arrays["xcoords"])), key=str)))


def shuffled(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """The patterns were shuffled for training, the positions were not."""
    return _reordered(arrays, rng.permutation(len(arrays["xcoords"])))


def interleaved(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Two readouts took turns: all even patterns are stored before all odd ones."""
    index = np.arange(len(arrays["xcoords"]))
    return _reordered(arrays, np.concatenate([index[::2], index[1::2]]))


def first_patterns(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The first half of the patterns is stored with every second position."""
    kept = {key: a[::2] for key, a in arrays.items() if key in ("xcoords", "ycoords", "scan_index")}
    return {**arrays, **kept, "diffraction": arrays["diffraction"][: len(kept["xcoords"])]}


_ORDER = r"order|assign|roll|late|early|belong|permut|shuffl"

FAULTS = (
    ScanFault("patterns one place late", "order", rolled, r"roll|late|early|order|place", 1, "place"),
    ScanFault("patterns seven places late", "order", rolled, r"roll|late|early|order|place", 7, "places"),
    ScanFault("patterns in reverse order", "order", reversed_order, r"revers"),
    ScanFault("a frame lost", "order", lost_frame, r"lost|missing|dropped"),
    ScanFault("a frame doubled", "order", doubled_frame, r"doubled|twice|repeated"),
    ScanFault("column-major patterns", "order", column_major, r"column", needs={"route": "raster"}),
    ScanFault(
        "a snake read as a raster",
        "order",
        snake_as_raster,
        r"snake|every second|alternate",
        needs={"route": "snake"},
    ),
    ScanFault("two patterns exchanged", "order", two_swapped, _ORDER + r"|swap|exchang|pattern"),
    ScanFault("two halves exchanged", "order", halves_exchanged, _ORDER + r"|hal(f|ves)|place"),
    ScanFault("patterns sorted as text", "order", sorted_as_text, _ORDER + r"|sort"),
    ScanFault("patterns shuffled", "order", shuffled, _ORDER),
    ScanFault("even patterns before odd ones", "order", interleaved, _ORDER + r"|even|interleav"),
    ScanFault(
        "first patterns with other positions",
        "order",
        first_patterns,
        _ORDER,
        needs={"positions": 64},
        mended=False,
    ),
)
