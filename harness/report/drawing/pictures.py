"""Two-dimensional arrays as pictures: each below the other, with its indices and its colour scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.report.drawing import canvas
from harness.report.drawing.colours import BLANK, ONE_SIDED, dimmed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.figure import Figure as Sheet

    from harness.report.drawing.colours import Scale
    from harness.report.drawing.reduction import Reduced

LONGEST_SIDE = 520
"""Device pixels of a picture's longer side, at most, unless it has more elements."""

_NARROWEST = 4
"""A picture that is longer than this many times its width is stretched."""

_LEFT, _TOP, _BOTTOM, _BAR_GAP, _BAR, _BAR_TEXT = 84, 44, 48, 20, 24, 148  # device pixels
_TICK = 6
_FRAME = "#666666"
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
    width = _even(_LEFT + max(wide for _, wide in sizes) + _BAR_GAP + _BAR + _BAR_TEXT)
    heights = [_even(_TOP + tall + _BOTTOM) for tall, _ in sizes]
    levels = _levels(pictures)
    with canvas.drawing():
        page = Page(canvas.sheet(width // canvas.DENSITY, sum(heights) // canvas.DENSITY), sum(heights))
        for number, (picture, (tall, wide)) in enumerate(zip(pictures, sizes, strict=True)):
            top = sum(heights[:number]) + _TOP
            page.show(picture, _LEFT, top, (tall, wide), levels)
            page.show_scale(picture.scale, picture.unit, _LEFT + wide + _BAR_GAP, top, (tall, levels))
        data = canvas.png(page.figure, _colours(pictures, levels))
    return data, width // canvas.DENSITY, sum(heights) // canvas.DENSITY


def frame_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the device pixels of a picture: the same whole number for each row, and for each column.

    >>> frame_size((64, 64)), frame_size((1000, 2))
    ((512, 512), (1000, 250))
    """
    rows, columns = shape
    zoom = max(1, LONGEST_SIDE // max(rows, columns))
    narrowest = zoom * max(rows, columns) // _NARROWEST
    tall, wide = (max(zoom * size, -(-narrowest // size) * size) for size in (rows, columns))
    return tall, wide


class Page:
    """A figure on which pictures are placed by device pixels from its upper left corner.

    Axes of matplotlib would do the same in five times the time: most of it is spent on their ticks.
    """

    def __init__(self, figure: Sheet, height: int) -> None:
        self.figure, self._height = figure, height

    def show(self, picture: Picture, left: int, top: int, size: tuple[int, int], levels: int) -> None:
        """Place a picture, with the indices of the whole array beside it."""
        from matplotlib.ticker import MaxNLocator

        tall, wide = size
        values, _, step = picture.reduced
        rows, columns = values.shape
        pixels = shades(picture, levels).repeat(tall // rows, axis=0).repeat(wide // columns, axis=1)
        self._image(pixels, left, top)
        self._text(left, top - 6, picture.caption, va="bottom")
        across, down = wide / columns / step[1], tall / rows / step[0]  # device pixels of an element
        ticks = MaxNLocator(5, integer=True).tick_values
        for index in _inside(ticks(0, picture.shape[1] - 1), picture.shape[1]):
            self._tick(left + (index + 0.5) * across, top + tall, (0, _TICK))
            self._text(left + (index + 0.5) * across, top + tall + 10, str(index), ha="center", va="top")
        for index in _inside(ticks(0, picture.shape[0] - 1), picture.shape[0]):
            self._tick(left, top + (index + 0.5) * down, (-_TICK, 0))
            self._text(left - 10, top + (index + 0.5) * down, str(index), ha="right", va="center_baseline")
        if picture.ring is not None:
            row, column = picture.ring
            self._ring(left + (column + 0.5) * across, top + (row + 0.5) * down)

    def show_scale(self, scale: Scale, unit: str, left: int, top: int, size: tuple[int, int]) -> None:
        """Place a colour scale, with values at its ends and between them; *size* is its height and levels."""
        tall, levels = size
        strip = scale.colours(levels)[::-1][np.arange(tall) * levels // tall]
        self._image(strip[:, None, :].repeat(_BAR, axis=1), left, top)
        places = (0.0, 0.5, 1.0) if scale.high > scale.low else (0.5,)
        for place, text in zip(places, scale.texts(places), strict=True):
            self._tick(left + _BAR, top + (1 - place) * tall, (_TICK, 0))
            self._text(left + _BAR + 10, top + (1 - place) * tall, text, va="center_baseline")
        self._text(left, top - 16, unit, va="bottom")

    def _image(self, pixels: np.ndarray, left: int, top: int) -> None:
        from matplotlib.patches import Rectangle

        tall, wide = pixels.shape[:2]
        self.figure.figimage(pixels, left, self._height - top - tall, origin="upper")
        corner = left - 0.5, self._height - top - tall - 0.5
        self._add(Rectangle(corner, wide + 1, tall + 1, fill=False, edgecolor=_FRAME, linewidth=0.6))

    def _tick(self, x: float, y: float, along: tuple[int, int]) -> None:
        from matplotlib.lines import Line2D

        y = self._height - y
        self._add(Line2D([x, x + along[0]], [y, y - along[1]], color=_FRAME, linewidth=0.6))

    def _text(self, x: float, y: float, text: str, **place: Any) -> None:
        from matplotlib.text import Text

        if text:
            self._add(Text(x, self._height - y, canvas.plain(text), **place))

    def _ring(self, x: float, y: float) -> None:
        """A white ring within a black one, to be seen on any colour."""
        from matplotlib.lines import Line2D

        for colour, width in (("white", 2.4), ("black", 1.0)):
            look: dict[str, Any] = {"markeredgecolor": colour, "markeredgewidth": width}
            self._add(Line2D([x], [self._height - y], marker="o", markersize=9, fillstyle="none", **look))

    def _add(self, artist: Artist) -> None:
        from matplotlib.transforms import IdentityTransform

        artist.set_transform(IdentityTransform())
        self.figure.add_artist(artist)


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


def _inside(ticks: Sequence[float], size: int) -> list[int]:
    return [int(tick) for tick in ticks if 0 <= tick < size]


def _even(pixels: int) -> int:
    """Device pixels that are whole CSS pixels."""
    return -(-pixels // canvas.DENSITY) * canvas.DENSITY


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
