"""How an array is shown: as a number, a table, a curve, or pictures of chosen slices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.report.array_figures.spread import Layout

Form = Literal["empty", "number", "table", "curve", "pictures"]
SLICES = 8
"""Slices that are shown of an array with more than two axes, at most; one more if it differs most."""

_CHANNELS = 4
"""Colours of a pixel, at most."""

_WIDEST = 8
"""Bytes of the widest real number whose bits can be compared."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A slice that is shown: its index in the array, and the index as text, ``[12, :, :]``."""

    index: tuple[int | slice, ...]
    label: str


def form_of(array: np.ndarray) -> Form:
    """Return how an array is shown.

    Examples
    --------
    >>> [form_of(np.zeros(shape)) for shape in ((0, 3), (), (1, 9), (4, 4, 4))]
    ['empty', 'number', 'curve', 'pictures']
    >>> form_of(np.array(["a", "b"]))
    'table'
    """
    if array.size == 0:
        return "empty"
    wide = array.dtype.itemsize // (2 if array.dtype.kind == "c" else 1) > _WIDEST
    if array.dtype.kind not in "biufc" or wide:
        return "table"
    long = sum(size > 1 for size in array.shape)
    return ("number", "curve")[long] if long <= 1 else "pictures"


def layout_of(shape: tuple[int, ...]) -> Layout:
    """Return the axes of rows and columns: the last two that are longer than colour channels.

    Examples
    --------
    >>> layout_of((300, 64, 64))
    Layout(rows=1, columns=2, others=(0,))
    >>> layout_of((64, 100, 3))
    Layout(rows=0, columns=1, others=(2,))
    >>> layout_of((1, 9))
    Layout(rows=None, columns=1, others=(0,))
    """
    long = [axis for axis, size in enumerate(shape) if size > 1] or list(range(len(shape)))[-1:]
    wide = [axis for axis in long if shape[axis] > _CHANNELS]
    shown = (wide if len(wide) > 1 else long)[-2:]
    others = tuple(axis for axis in range(len(shape)) if axis not in shown)
    return Layout(shown[0] if len(shown) > 1 else None, shown[-1], others)


def chosen_slices(
    shape: tuple[int, ...], layout: Layout, worst: tuple[int, ...] | None, most: int = SLICES
) -> tuple[Chosen, ...]:
    """Return the slices that are shown: evenly spaced ones, and the one with the largest difference.

    >>> [slice.label for slice in chosen_slices((9, 4, 4), layout_of((9, 4, 4)), (7, 0, 0), most=3)]
    ['[0, :, :]', '[4, :, :]', '[7, :, :]', '[8, :, :]']
    """
    sizes = [shape[axis] for axis in layout.others]
    count = math.prod(sizes)
    numbers = set(np.linspace(0, count - 1, min(count, most)).round().astype(int).tolist())
    if worst is not None:
        numbers.add(_number([worst[axis] for axis in layout.others], sizes))
    return tuple(_chosen(len(shape), layout, _places(number, sizes)) for number in sorted(numbers))


def slices_note(shape: tuple[int, ...], layout: Layout, shown: int) -> str:
    """Return which slices are shown; empty if all are."""
    count = math.prod(shape[axis] for axis in layout.others)
    if shown == count:
        return ""
    return f"{shown} of {count} slices are shown: evenly spaced, and that with the largest difference if any."


def _chosen(ndim: int, layout: Layout, places: list[int]) -> Chosen:
    at = dict(zip(layout.others, places, strict=True))
    index = tuple(at.get(axis, slice(None)) for axis in range(ndim))
    return Chosen(index, f"[{', '.join(str(at.get(axis, ':')) for axis in range(ndim))}]")


def _places(number: int, sizes: list[int]) -> list[int]:
    """Indices along axes of the given sizes of what has *number* in C order."""
    places = []
    for size in reversed(sizes):
        number, place = divmod(number, size)
        places.append(place)
    return places[::-1]


def _number(places: list[int], sizes: list[int]) -> int:
    """Number in C order of what has the given indices."""
    number = 0
    for place, size in zip(places, sizes, strict=True):
        number = number * size + place
    return number
