"""Panels -> pictures: PNG or SVG with an alternative text that says in numbers what is shown."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain.panels import Image, Lines, Points
from harness.report.drawing.clouds import Cloud, draw_cloud
from harness.report.drawing.colours import Scale, number
from harness.report.drawing.curves import SERIES, Line, Plot, draw_plots, span
from harness.report.drawing.extent import extent_of, sizes_of
from harness.report.drawing.figure import Figure
from harness.report.drawing.pictures import Picture, draw_pictures
from harness.report.drawing.reduction import (
    block_any,
    block_extremes,
    block_means,
    block_phases,
    envelope,
    reduction_note,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Figure", "draw", "save"]

_DASHES = ("-", "--", "-.", ":")
_MOST_POINTS = 5_000


@np.errstate(all="ignore")  # the tests of a session may raise on underflow
def draw(panel: Image | Lines | Points) -> Figure:
    """Draw one panel; a table is text, which the page shows itself.

    Raises
    ------
    DependencyError
        If matplotlib is not installed.
    TypeError
        If the panel is not one that is drawn.

    Examples
    --------
    >>> figure = draw(Image("ramp", np.arange(6.0).reshape(2, 3)))
    >>> figure.suffix, figure.alt
    ('.png', 'ramp: picture of 2 x 3 values: 0 to 5, the largest at [1, 2].')
    """
    if isinstance(panel, Image):
        return _image(panel)
    if isinstance(panel, Lines):
        return _lines(panel)
    if isinstance(panel, Points):
        return _points(panel)
    raise TypeError(type(panel).__name__)


def save(figures: Iterable[Figure], directory: Path, stem: str) -> tuple[Path, ...]:
    """Write figures into *directory*, which is made if needed, as ``STEM-1.png``, ``STEM-2.svg``, ...

    Parameters
    ----------
    figures : iterable of Figure
    directory : Path
    stem : str
        Beginning of the files' names; must be fit for a file's name.

    Returns
    -------
    tuple of Path
        The files, in the order of the figures. Files that are there already are replaced.

    Examples
    --------
    >>> from pathlib import Path
    >>> figure = draw(Image("ramp", np.arange(6.0).reshape(2, 3)))
    >>> [path.name for path in save([figure], Path("pictures"), "ramp")]
    ['ramp-1.png']
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for place, figure in enumerate(figures, start=1):
        paths.append(directory / f"{stem}-{place}{figure.suffix}")
        paths[-1].write_bytes(figure.data)
    return tuple(paths)


def _image(panel: Image) -> Figure:
    pictures = _pictures(panel)
    shape = pictures[0].shape
    counted = panel.values if panel.mask is None else panel.values[panel.mask]
    found = extent_of(panel.values)
    inside = extent_of(counted)
    how = "value farthest from 0" if panel.symmetric else "mean"
    notes = (
        panel.note,
        reduction_note(pictures[0].reduced.step, shape, how),
        f"Grey: {found.not_finite}." if found.not_finite else "",
        "Grey: values that are not positive." if _has_no_logarithm(panel) else "",
    )
    note = " ".join(filter(None, notes))
    what = "amplitudes" if panel.values.dtype.kind == "c" else "values"
    unit = f" {panel.unit}" if panel.unit else ""
    within = " inside the mask" if panel.mask is not None else ""
    at = f", the largest at {list(inside.at)}" if panel.mask is None and inside.low != inside.high else ""
    data, width, height = draw_pictures(pictures)
    alt = f"{panel.title}: picture of {shape[0]} x {shape[1]} {what}: {inside.text}{unit}{within}{at}. {note}"
    return Figure(panel.title, data, ".png", alt.strip(), width, height, note)


def _pictures(panel: Image) -> list[Picture]:
    """Return the picture of an image; of a complex one amplitude, and phase below it."""
    shape = (panel.values.shape[0], panel.values.shape[1])
    outside = None if panel.mask is None else block_any(~panel.mask)
    is_complex = panel.values.dtype.kind == "c"
    sizes = sizes_of(panel.values)
    reduce = block_extremes if panel.symmetric else block_means
    caption = "amplitude" if is_complex else ""
    pictures = [
        Picture(caption, reduce(sizes), shape, _scale(panel, sizes), unit=panel.unit, outside=outside)
    ]
    if is_complex:
        phase = Scale("cyclic", -math.pi, math.pi)
        pictures.append(
            Picture("phase", block_phases(panel.values), shape, phase, unit="rad", outside=outside)
        )
    return pictures


def _scale(panel: Image, sizes: np.ndarray) -> Scale:
    counted = sizes if panel.mask is None else sizes[panel.mask]
    low, high = panel.limits or span(counted.astype(np.float64)) or (0.0, 0.0)
    if panel.cyclic:
        return Scale("cyclic", *(panel.limits or (-math.pi, math.pi)))
    if panel.symmetric:
        most = max(abs(low), abs(high))
        return Scale("symmetric", -most, most)
    if panel.scale == "log":
        positive = counted[np.isfinite(counted) & (counted > 0)]
        least = float(positive.min()) if positive.size else 0.0
        return Scale("log", low if low > 0 else least, high)
    return Scale("sequential", low, high)


def _has_no_logarithm(panel: Image) -> bool:
    if panel.scale != "log" or panel.values.dtype.kind == "c":
        return False
    return bool((panel.values <= 0).any())


def _lines(panel: Lines) -> Figure:
    lines, texts = [], []
    step = 1
    for place, (name, (x, y)) in enumerate(panel.series.items()):
        curve = envelope(np.asarray(y))
        step = max(step, curve.step)
        dash = _DASHES[place // len(SERIES) % len(_DASHES)]
        colour = SERIES[place % len(SERIES)]
        lines.append(Line(np.asarray(x)[curve.x], curve.y, name, colour, dash=dash))
        texts.append(
            f"{name}: {len(curve.y) if curve.step == 1 else len(y)} points, {extent_of(np.asarray(y)).text}"
        )
    plot = Plot(
        tuple(lines),
        x_label=panel.x_label,
        y_label=panel.y_label,
        threshold=panel.threshold,
        log_y=panel.log_y,
    )
    reduced = f"Each {step} points are shown by their least and largest value." if step > 1 else ""
    note = " ".join(filter(None, (panel.note, reduced)))
    level = f"; dashed line at {number(panel.threshold)}" if panel.threshold is not None else ""
    data, width, height = draw_plots([plot])
    axes = f"{panel.y_label or 'y'} over {panel.x_label or 'x'}"
    alt = f"{panel.title}: curves of {axes}: {'; '.join(texts)}{level}. {note}"
    return Figure(panel.title, data, ".svg", alt.strip(), width, height, note)


def _points(panel: Points) -> Figure:
    every = max(1, -(-len(panel.x) // _MOST_POINTS))
    chosen = slice(None, None, every)
    values = None if panel.values is None else np.asarray(panel.values)
    below = None if panel.over is None else _below(panel.over)
    limits = None if values is None else span(values.astype(np.float64)) or (0.0, 0.0)
    cloud = Cloud(
        np.asarray(panel.x)[chosen],
        np.asarray(panel.y)[chosen],
        values=None if values is None else values[chosen],
        scale=None if limits is None else Scale("sequential", *limits),
        unit=panel.unit,
        x_label=panel.x_label,
        y_label=panel.y_label,
        below=below,
    )
    left_out = f"Every {every}th of {len(panel.x)} points is shown." if every > 1 else ""
    note = " ".join(filter(None, (panel.note, left_out)))
    data, width, height = draw_cloud(cloud)
    over = f" over {panel.over.title}" if panel.over is not None else ""
    places = f"x {extent_of(np.asarray(panel.x)).text}, y {extent_of(np.asarray(panel.y)).text}"
    colours = f"; colours {extent_of(values).text} {panel.unit}".rstrip() if values is not None else ""
    alt = f"{panel.title}: {len(panel.x)} points{over}: {places}{colours}. {note}"
    return Figure(panel.title, data, ".png", alt.strip(), width, height, note)


def _below(image: Image) -> Picture:
    sizes = sizes_of(image.values)
    shape = (sizes.shape[0], sizes.shape[1])
    limits = image.limits or span(sizes.astype(np.float64)) or (0.0, 0.0)
    return Picture("", block_means(sizes), shape, Scale("grey", *limits))
