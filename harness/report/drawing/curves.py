"""One-dimensional arrays and curves as SVG: lines, points, bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.report.drawing import canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

GOLDEN, OBTAINED, DIFFERENCE = "#0072b2", "#d55e00", "#333333"
SERIES = (GOLDEN, OBTAINED, "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#8a8a8a")
"""Colours that colour-blind people can tell apart (Okabe and Ito)."""

_DASHES = ("-", "--", "-.", ":")
_WIDTH, _LEFT, _RIGHT, _TOP, _BOTTOM = 440, 84, 12, 22, 36  # CSS pixels
_HEIGHT = 140
_FEW = 40
"""A curve with at most this many points shows each of them."""

_LARGEST, _SMALLEST = 1e100, 1e-100
"""Magnitudes that are drawn as they are; others are divided by a power of ten, which the axis says."""

_MARGIN = 0.05
_ROUNDING = 1e-14
_LABEL_AT = -0.2  # in widths of the frame: left of the longest number
_BELOW_ONE = 0.6
"""Lower end of a logarithmic axis of counts: a bar of 1 has a height."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One curve: x, y (NaN where there is no value), its name in the legend, colour and width.

    With ``dots``, its points are not joined.
    """

    x: np.ndarray
    y: np.ndarray
    name: str = ""
    colour: str = GOLDEN
    width: float = 1.0
    dash: str = "-"
    dots: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """Curves in one frame.

    Attributes
    ----------
    lines : tuple of Line
        The first is drawn first, below the others.
    caption, x_label, y_label : str
    limits, x_limits : (float, float) or None
        Of y and x; None: those of the lines.
    log_y : bool
    threshold : float or None
        A level drawn as a dashed line.
    bars : bool
        Whether each value is a bar: a count, on a logarithmic axis.
    ticks : tuple of (float, str)
        Places on the x axis and what they are called; empty: chosen.
    """

    lines: tuple[Line, ...]
    caption: str = ""
    x_label: str = ""
    y_label: str = ""
    limits: tuple[float, float] | None = None
    x_limits: tuple[float, float] | None = None
    log_y: bool = False
    threshold: float | None = None
    bars: bool = False
    ticks: tuple[tuple[float, str], ...] = ()


def draw_plots(plots: Sequence[Plot]) -> tuple[bytes, int, int]:
    """Return an .svg of *plots*, each below the other, and its width and height in CSS pixels."""
    each = _TOP + _HEIGHT + _BOTTOM
    with canvas.drawing():
        figure = canvas.sheet(_WIDTH, each * len(plots))
        for number, plot in enumerate(plots):
            inner = _WIDTH - _LEFT - _RIGHT
            _draw(canvas.axes(figure, _LEFT, number * each + _TOP, inner, _HEIGHT), plot)
        data = canvas.svg(figure)
    return data, _WIDTH, each * len(plots)


def span(*values: np.ndarray) -> tuple[float, float] | None:
    """Return the least and the largest finite value of all arrays; None if there is none.

    >>> span(np.array([1.0, np.nan]), np.array([-2.0, np.inf]))
    (-2.0, 1.0)
    """
    finite = [array[np.isfinite(array)] for array in values]
    kept = [array for array in finite if array.size]
    if not kept:
        return None
    return min(float(array.min()) for array in kept), max(float(array.max()) for array in kept)


def power_of_ten(low: float, high: float) -> int:
    """Return the exponent by which values are divided before they are drawn; 0 for nearly all.

    >>> power_of_ten(-1e300, 1.0), power_of_ten(0.0, 5.0)
    (300, 0)
    """
    size = max(abs(low), abs(high))
    if size == 0 or _SMALLEST < size < _LARGEST:
        return 0
    return int(np.floor(np.log10(size)))


def _draw(frame: Axes, plot: Plot) -> None:
    limits = plot.limits or span(*(line.y for line in plot.lines)) or (0.0, 1.0)
    exponent = 0 if plot.log_y else power_of_ten(*limits)
    for line in plot.lines:
        _draw_line(frame, line, exponent, bars=plot.bars)
    if plot.threshold is not None:
        frame.axhline(_scaled(plot.threshold, exponent), color="#666666", linewidth=0.8, linestyle="--")
    if plot.bars:
        frame.set_yscale("log")
        frame.set_ylim(bottom=_BELOW_ONE)
        frame.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    elif plot.log_y:
        frame.set_yscale("log", nonpositive="mask")
        frame.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        _set_limits(frame, _scaled(limits[0], exponent), _scaled(limits[1], exponent))
    _label(frame, plot, exponent)


def _draw_line(frame: Axes, line: Line, exponent: int, *, bars: bool) -> None:
    values = _scaled(line.y, exponent)
    if bars:
        frame.bar(line.x, values, width=0.86, color=line.colour, label=canvas.plain(line.name))
        return
    marked = line.dots or len(line.x) <= _FEW
    frame.plot(
        line.x,
        values,
        color=line.colour,
        linewidth=line.width,
        linestyle="" if line.dots else line.dash,
        marker="o" if marked else "",
        markersize=1.8 + line.width,
        label=canvas.plain(line.name),
    )


def _label(frame: Axes, plot: Plot, exponent: int) -> None:
    from matplotlib.ticker import MaxNLocator

    frame.spines[["top", "right"]].set_visible(False)
    factor = f"in units of 1e{exponent:+d}" if exponent else ""
    frame.set_title(canvas.plain(plot.caption), loc="left", fontsize=7.5, pad=4)
    frame.set_xlabel(canvas.plain(plot.x_label), labelpad=2)
    frame.set_ylabel(canvas.plain(" ".join(filter(None, (plot.y_label, factor)))))
    frame.yaxis.set_label_coords(_LABEL_AT, 0.5)
    if plot.x_limits is not None:
        frame.set_xlim(plot.x_limits)
    if all(line.x.dtype.kind in "iu" for line in plot.lines):
        frame.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if plot.ticks:
        frame.set_xticks([place for place, _ in plot.ticks], [canvas.plain(text) for _, text in plot.ticks])
    if any(line.name for line in plot.lines):
        names = len(plot.lines)
        frame.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=min(names, 4), borderaxespad=0.1)


def _set_limits(frame: Axes, low: float, high: float) -> None:
    """Set the limits of y with a margin; values that only rounding tells apart are one value."""
    size = max(abs(low), abs(high))
    room = _MARGIN * (high - low) if high - low > _ROUNDING * size else _MARGIN * size or 1.0
    frame.set_ylim(low - room, high + room)


def _scaled(values: np.ndarray | float, exponent: int) -> Any:
    """Divide in two steps: 10 ** -320 is not a float."""
    half = exponent // 2
    return values / 10.0**half / 10.0 ** (exponent - half) if exponent else values
