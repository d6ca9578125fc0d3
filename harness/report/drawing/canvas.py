"""An empty matplotlib figure whose bytes depend on nothing but what is drawn, and how it becomes a file.

The user's matplotlib settings, pyplot and its windows are left alone. A page may be written within a pytest
session whose own tests use them.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import DependencyError, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Sheet

DENSITY = 2
"""Device pixels for each CSS pixel of a .png, so that it stays sharp on a dense screen."""

_CSS_INCH = 96
_GREYS = 32
_LONGEST_TEXT = 60
_STYLE = {
    "axes.edgecolor": "#666666",
    "axes.labelcolor": "#222222",
    "axes.linewidth": 0.6,
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 7.5,  # points: 10 CSS pixels
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "harness",
    "text.color": "#222222",
    "text.parse_math": False,  # a name with two $ is not a formula
    "xtick.color": "#444444",
    "xtick.major.width": 0.6,
    "ytick.color": "#444444",
    "ytick.major.width": 0.6,
}


@contextmanager
def drawing() -> Iterator[None]:
    """Draw by our settings, without warnings and log messages; the user's are restored at the end.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    """
    log = logging.getLogger("matplotlib")
    level = log.level
    log.setLevel(logging.CRITICAL)  # an unwritable home directory cannot keep the font cache
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            matplotlib = _matplotlib()
            with matplotlib.rc_context():
                matplotlib.rcdefaults()
                matplotlib.rcParams.update(_STYLE)
                yield
    finally:
        log.setLevel(level)


def sheet(width: int, height: int) -> Sheet:
    """Return an empty white figure of *width* x *height* CSS pixels; call it within :func:`drawing`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / _CSS_INCH, height / _CSS_INCH), dpi=_CSS_INCH * DENSITY)
    FigureCanvasAgg(figure)
    return figure


def axes(figure: Sheet, left: float, top: float, width: float, height: float) -> Axes:
    """Return new axes whose frame has its upper left corner and its size at the given CSS pixels."""
    whole_width, whole_height = (float(inches) * _CSS_INCH for inches in figure.get_size_inches())
    return figure.add_axes(
        (
            left / whole_width,
            1 - (top + height) / whole_height,
            width / whole_width,
            height / whole_height,
        )
    )


def svg(figure: Sheet) -> bytes:
    """Return the figure as SVG, without a date and without matplotlib's version."""
    stream = io.BytesIO()
    nothing = {"Creator": None, "Date": None, "Format": None, "Type": None}
    figure.savefig(stream, format="svg", metadata=nothing)
    return stream.getvalue()


def png(figure: Sheet, colours: np.ndarray) -> bytes:
    """Return the figure as a .png with a palette: greys for frames and text, and *colours*.

    colours : (K, 3) uint8, at most 224. Pixels of another colour get the nearest.
    """
    from PIL import Image

    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]  # type: ignore[attr-defined]
    picture = Image.fromarray(palette_indices(pixels, _palette(colours)), "P")
    picture.putpalette(_palette(colours).tobytes())
    stream = io.BytesIO()
    picture.save(stream, format="png", optimize=True)
    return stream.getvalue()


def palette_indices(pixels: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Return the index of the nearest colour of *palette*, (K, 3) uint8, for each pixel, (..., 3) uint8."""
    packed = pixels.astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    distinct, where = np.unique(packed, return_inverse=True)
    shades = np.stack([distinct >> 16, distinct >> 8 & 255, distinct & 255], axis=-1).astype(np.int32)
    nearest = np.concatenate([_nearest(part, palette) for part in _parts(shades)])
    return np.asarray(nearest[where].reshape(pixels.shape[:-1]))


def plain(text: str) -> str:
    r"""Return *text* as it can be drawn: on one line, short, and without what the font does not have.

    >>> plain("a\n$x$")
    'a\\n$x$'
    """
    shown = printable(text)
    if len(shown) > _LONGEST_TEXT:
        shown = f"{shown[: _LONGEST_TEXT - 4]} ..."
    return "".join(letter if ord(letter) in _letters() else f"\\u{ord(letter):04x}" for letter in shown)


@cache
def _letters() -> frozenset[int]:
    """Every character that the font has."""
    from matplotlib import get_data_path
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(f"{get_data_path()}/fonts/ttf/DejaVuSans.ttf").get_charmap())


@cache
def _matplotlib() -> Any:
    try:
        import matplotlib as mpl
    except ModuleNotFoundError as error:
        raise DependencyError(
            "figures",
            expected="the package matplotlib",
            found="it is not installed",
            message="figures need the package matplotlib, which is not installed",
            remedy="Install it with `pip install 'golden-harness[report]'`.",
        ) from error
    return mpl


def _palette(colours: np.ndarray) -> np.ndarray:
    grey = np.linspace(0, 255, _GREYS).round().astype(np.uint8)
    return np.concatenate([np.repeat(grey[:, None], 3, axis=1), colours.astype(np.uint8)])


def _nearest(shades: np.ndarray, palette: np.ndarray) -> np.ndarray:
    away = shades[:, None, :] - palette.astype(np.int32)[None, :, :]
    return np.asarray((away**2).sum(axis=-1).argmin(axis=1).astype(np.uint8))


def _parts(shades: np.ndarray, size: int = 4096) -> Iterator[np.ndarray]:
    """Parts that bound the memory of a table of distances."""
    for start in range(0, max(len(shades), 1), size):
        yield shades[start : start + size]
