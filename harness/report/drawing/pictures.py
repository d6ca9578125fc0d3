"""Two-dimensional arrays as pictures: each below the other, with its indices and its colour scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.report.drawing import canvas
from harness.report.drawing.colours import BLANK, ONE_SIDED, dimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from harness.report.drawing.colours import Scale
    from harness.report.drawing.reduction import Reduced

LONGEST_SIDE = 520
"""Device pixels of a picture's longer side, at most, unless it has more elements."""

_NARROWEST = 4
"""A picture that is longer than this many times its width is stretched."""

_LEFT, _TOP, _BOTTOM, _BAR_GAP, _BAR, _BAR_TEXT = 42, 22, 24, 10, 12, 74  # CSS pixels
_LEVELS, _ALL_LEVELS = 63, 200
"""Colours of one scale, at most, and of all scales of a figure: few colours make a small file."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """One picture of a figure.

    Attributes
    ----------
    caption : str
    reduced : Reduced
        Values, and where they are blank.
    shape : (int, int)
        Rows and columns of the array before it was down-sampled: its indices are on the axes.
    scale : Scale
    unit : str
    one_sided : ndarray of bool or None
        Where only one of two arrays has a value; drawn black.
    outside : ndarray of bool or None
        Where the values do not count; drawn pale.
    ring : (int, int) or None
        Index of the element that is marked by a ring.
    blank : (int, int, int)
        Colour where there is no value.
    """

    caption: str
    reduced: Reduced
    shape: tuple[int, int]
    scale: Scale
    unit: str = ""
    one_sided: np.ndarray | None = None
    outside: np.ndarray | None = None
    ring: tuple[int, int] | None = None
    blank: tuple[int, int, int] = BLANK


def draw_pictures(pictures: Sequence[Picture]) -> tuple[bytes, int, int]:
    """Return a .png of *pictures* and its width and height in CSS pixels."""
    sizes = [frame_size(picture.reduced.values.shape) for picture in pictures]
    width = _LEFT + max(size[1] for size in sizes) // canvas.DENSITY + _BAR_GAP + _BAR + _BAR_TEXT
    heights = [_TOP + size[0] // canvas.DENSITY + _BOTTOM for size in sizes]
    levels = _levels(pictures)
    with canvas.drawing():
        figure = canvas.sheet(width, sum(heights))
        for number, (picture, (tall, wide)) in enumerate(zip(pictures, sizes, strict=True)):
            top = sum(heights[:number]) + _TOP
            across, down = wide / canvas.DENSITY, tall / canvas.DENSITY
            frame = canvas.axes(figure, _LEFT, top, across, down)
            show(frame, picture, levels)
            bar = canvas.axes(figure, _LEFT + across + _BAR_GAP, top, _BAR, down)
            show_scale(bar, picture.scale, picture.unit, levels)
        data = canvas.png(figure, _colours(pictures, levels))
    return data, width, sum(heights)


def frame_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the device pixels of a picture: the same whole number for each row, and for each column.

    >>> frame_size((64, 64)), frame_size((1000, 2))
    ((512, 512), (1000, 250))
    """
    rows, columns = shape
    zoom = max(1, LONGEST_SIDE // max(rows, columns))
    narrowest = zoom * max(rows, columns) // _NARROWEST
    tall, wide = (max(zoom * size, -(-narrowest // size) * size) for size in (rows, columns))
    return tall + tall % 2, wide + wide % 2


def show(frame: Axes, picture: Picture, levels: int) -> None:
    """Draw one picture into axes, with the indices of the whole array beside it."""
    from matplotlib.ticker import MaxNLocator

    rows, columns = picture.shape
    edges = (-0.5, columns - 0.5, rows - 0.5, -0.5)
    frame.imshow(shades(picture, levels), extent=edges, interpolation="nearest", aspect="auto")
    frame.set_title(canvas.plain(picture.caption), loc="left", fontsize=7.5, pad=3)
    for axis in (frame.xaxis, frame.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True))
    if picture.ring is not None:
        _ring(frame, picture.ring)


def show_scale(bar: Axes, scale: Scale, unit: str, levels: int) -> None:
    """Draw a colour scale into axes, with values at its ends and between them."""
    strip = scale.colours(levels)[::-1, None, :]
    bar.imshow(strip, extent=(0, 1, 0, 1), interpolation="nearest", aspect="auto")
    places = (0.0, 0.5, 1.0) if scale.high > scale.low else (0.5,)
    bar.set_xticks([])
    bar.yaxis.tick_right()
    bar.set_yticks(places, scale.texts(places))
    if unit:
        bar.set_title(canvas.plain(unit), loc="left", fontsize=7, pad=6)


def shades(picture: Picture, levels: int) -> np.ndarray:
    """Return the colour of each element, (rows, columns, 3) uint8."""
    values, blank, _ = picture.reduced
    if picture.scale.kind == "log":
        blank = blank | ~(values > 0)
    steps = (picture.scale.places(values) * (levels - 1)).round().astype(np.intp)
    colours = picture.scale.colours(levels)[steps]
    if picture.outside is not None:
        colours = np.where(picture.outside[..., None], dimmed(colours), colours)
    colours[blank] = picture.blank
    if picture.one_sided is not None:
        colours[picture.one_sided] = ONE_SIDED
    return np.asarray(colours)


def _ring(frame: Axes, index: tuple[int, int]) -> None:
    """A white ring within a black one, to be seen on any colour."""
    row, column = index
    mark: dict[str, Any] = {"marker": "o", "markersize": 9, "fillstyle": "none", "clip_on": False}
    frame.plot([column], [row], color="white", markeredgewidth=2.4, **mark)
    frame.plot([column], [row], color="black", markeredgewidth=1.0, **mark)
    rows, columns = frame.get_ylim(), frame.get_xlim()
    frame.set_xlim(columns)
    frame.set_ylim(rows)


def _levels(pictures: Sequence[Picture]) -> int:
    """How many colours each scale may have, so that all fit into one palette."""
    kinds = {(picture.scale.kind, picture.outside is not None) for picture in pictures}
    levels = min(_LEVELS, _ALL_LEVELS // sum(2 if pale else 1 for _, pale in kinds))
    return levels - 1 + levels % 2  # odd: 0 is the middle of a symmetric scale


def _colours(pictures: Sequence[Picture], levels: int) -> np.ndarray:
    """Every colour that the pictures have."""
    found = [np.array([BLANK, ONE_SIDED], np.uint8)]
    for picture in {picture.scale.kind: picture for picture in pictures}.values():
        colours = picture.scale.colours(levels)
        found += [colours, dimmed(colours)] if picture.outside is not None else [colours]
    return np.concatenate(found)
