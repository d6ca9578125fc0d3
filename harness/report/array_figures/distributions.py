"""Differences of two arrays as histograms, in ULP and in tolerances, and as maps of where they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.report.array_figures.spread import SHARES
from harness.report.drawing.colours import Scale, number
from harness.report.drawing.curves import DIFFERENCE, GOLDEN, OBTAINED, Line, Plot, draw_plots
from harness.report.drawing.figure import Figure
from harness.report.drawing.pictures import Picture, draw_pictures
from harness.report.drawing.reduction import Reduced

if TYPE_CHECKING:
    from harness.report.array_figures.spread import Layout, Spread

_WHITE = (255, 255, 255)
_MOST_TICKS = 6
_FEWEST_BARS = 8


def histograms(spread: Spread, *, has_ulp: bool) -> tuple[Figure, ...]:
    """Return the histogram of the differences in tolerances and, if the dtype has ULPs, that in ULP."""
    return (in_tolerances(spread), *((in_ulp(spread),) if has_ulp and spread.ulp.any() else ()))


def in_ulp(spread: Spread) -> Figure:
    """Return how many elements differ by 1, by 2 to 3, by 4 to 7, ... representable values."""
    last = int(np.flatnonzero(spread.ulp).max(initial=0))
    first = int(np.flatnonzero(spread.ulp).min(initial=last))
    labels = [ulp_step(step) for step in range(first, last + 1)]
    counts = spread.ulp[first : last + 1]
    every = max(1, math.ceil(len(labels) / _MOST_TICKS))
    ticks = tuple((float(place), label) for place, label in enumerate(labels) if place % every == 0)
    bars = (Line(np.arange(len(counts)), counts, colour=DIFFERENCE),)
    plot = Plot(
        bars,
        x_label="distance in ULP",
        y_label="elements",
        bars=True,
        ticks=ticks,
        x_limits=_around(len(counts)),
    )
    return _histogram("differences in ULP", plot, _counted(labels, counts))


def in_tolerances(spread: Spread) -> Figure:
    """Return how many elements differ by which share of what is allowed; 1 is the limit."""
    labels, short = share_steps(), [*(f"{end:g}" for end in SHARES), "more"]
    counts = list(spread.shares)
    if spread.intolerable:
        labels, short, counts = [*labels, "exact"], [*short, "exact"], [*counts, spread.intolerable]
    if spread.one_sided:
        labels, short, counts = [*labels, "NaN or inf"], [*short, "NaN"], [*counts, spread.one_sided]
    limit = SHARES.index(1.0) + 1
    places, heights = np.arange(len(counts)), np.array(counts)
    bars = (
        Line(places[:limit], heights[:limit], "within the tolerance", GOLDEN),
        Line(places[limit:], heights[limit:], "beyond", OBTAINED),
    )
    ticks = tuple((float(place), label) for place, label in enumerate(short))
    plot = Plot(
        bars,
        x_label="difference / tolerance, up to",
        y_label="elements",
        bars=True,
        ticks=ticks,
        x_limits=_around(len(counts)),
    )
    note = "exact: no difference is allowed." if spread.intolerable else ""
    return _histogram("differences in tolerances", plot, _counted(labels, counts), note)


def where(spread: Spread, shape: tuple[int, ...], layout: Layout) -> tuple[Figure, ...]:
    """Return where the differences are: over rows and columns, and over the other axes."""
    if layout.rows is None:
        step = spread.steps[1]
        return (_along("where the differences are", spread.on_picture[0], "index", step, spread),)
    ring = (spread.worst[layout.rows], spread.worst[layout.columns]) if spread.worst else None
    picture = _map(spread, (shape[layout.rows], shape[layout.columns]), ring)
    if len(spread.on_others) < 2:  # noqa: PLR2004 - one slice: nothing to compare
        return (picture,)
    names = " and ".join(map(str, layout.others))
    along = f"index along axis {names}" if len(layout.others) == 1 else f"slice over axes {names}"
    return picture, _along("which slices differ", spread.on_others, along, spread.steps[2], spread)


def ulp_step(step: int) -> str:
    """Return the distances of a step of :attr:`Spread.ulp` in words.

    >>> ulp_step(0), ulp_step(1), ulp_step(3), ulp_step(60)
    ('0', '1', '4 to 7', '2^59')
    """
    if step <= 1:
        return str(step)
    low = 1 << (step - 1)
    return f"{low} to {2 * low - 1}" if step <= 7 else f"2^{step - 1}"  # noqa: PLR2004 - 64 to 127 is short


def share_steps() -> list[str]:
    """Return the steps of :attr:`Spread.shares` in words."""
    return [*(f"≤ {end:g}" for end in SHARES), f"> {SHARES[-1]:g}"]


def _map(spread: Spread, shape: tuple[int, int], ring: tuple[int, int] | None) -> Figure:
    """Return a picture of the largest difference of each block; white where nothing differs."""
    values = spread.on_picture
    one_sided = np.isinf(values)
    known = np.where(one_sided, 0.0, values)
    positive = known[known > 0]
    low, high = (float(positive.min()), float(positive.max())) if positive.size else (0.0, 0.0)
    rows, columns, _ = spread.steps
    reduced = Reduced(known, ~(known > 0), (rows, columns))
    caption = f"largest {_what(spread)}; white: the same"
    scale = Scale("log", low, high)
    picture = Picture(caption, reduced, shape, scale, one_sided=one_sided, ring=ring, blank=_WHITE)
    data, width, height = draw_pictures([picture])
    differing = int((values > 0).sum())
    title = "where the differences are"
    blocks = "elements" if reduced.is_whole else f"blocks of {rows} x {columns}"
    text = f"{differing} of {values.size} {blocks} have a difference, by at most {number(high)}"
    sided = f" Black: a finite value on one side only ({int(one_sided.sum())})." if one_sided.any() else ""
    note = "" if reduced.is_whole else f"Each pixel is a block of {rows} x {columns} elements."
    at = f" The largest, at {list(spread.worst)}, has a ring." if spread.worst else ""
    alt = f"{title}: {text} ({_what(spread)}).{at}{sided}"
    return Figure(title, data, ".png", alt, width, height, note)


def _along(title: str, values: np.ndarray, label: str, step: int, spread: Spread) -> Figure:
    """Return the largest difference of each place along an axis, with the limit if there is a tolerance."""
    one_sided = np.isinf(values)
    known = np.where(one_sided, np.nan, values)
    places = step * np.arange(len(values))
    line = Line(places, np.where(known > 0, known, np.nan), colour=DIFFERENCE, dots=True)
    room = 0.02 * step * len(values)
    plot = Plot(
        (line,),
        x_label=label,
        y_label=_what(spread),
        x_limits=(-room, float(places[-1]) + room),
        log_y=True,
        threshold=1.0 if spread.in_tolerances else None,
    )
    data, width, height = draw_plots([plot])
    top = float(np.nanmax(known, initial=0.0))
    differing = np.flatnonzero(values > 0)
    text = f"{len(differing)} of {len(values)} places have a difference, by at most {number(top)}"
    alt = f"{title}: {text} ({_what(spread)})."
    note = f"Each point is the largest difference of {step}." if step > 1 else ""
    return Figure(title, data, ".svg", alt, width, height, note)


def _around(bars: int) -> tuple[float, float]:
    """Limits of x with room for at least a few bars, so that one bar does not fill the frame."""
    room = max(0, _FEWEST_BARS - bars) / 2
    return -0.6 - room, bars - 0.4 + room


def _what(spread: Spread) -> str:
    return "difference / tolerance" if spread.in_tolerances else "difference"


def _histogram(title: str, plot: Plot, text: str, note: str = "") -> Figure:
    data, width, height = draw_plots([plot])
    return Figure(title, data, ".svg", f"{title}: {text}. {note}".strip(), width, height, note)


def _counted(labels: list[str], counts: list[int] | np.ndarray) -> str:
    """Return the steps that have elements, in words."""
    found = [f"{count} ({label})" for label, count in zip(labels, counts, strict=True) if count]
    return "number of elements: " + ", ".join(found) if found else "none"
