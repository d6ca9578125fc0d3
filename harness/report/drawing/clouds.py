"""Points in a plane, over a picture if there is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.report.drawing import canvas
from harness.report.drawing.pictures import Page, frame_size, shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from harness.report.drawing.colours import Scale
    from harness.report.drawing.pictures import Picture

_SIDE = 600  # device pixels of the frame without a picture
_LEFT, _TOP, _BOTTOM, _BAR_GAP, _BAR, _BAR_TEXT = 120, 44, 80, 20, 24, 148  # device pixels
_LEVELS = 63
_COLOUR = "#d55e00"
_MANY = 500
"""More points than this are drawn smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Points: x and y, the values that their colours show on a scale, and the picture below them."""

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray | None = None
    scale: Scale | None = None
    unit: str = ""
    x_label: str = ""
    y_label: str = ""
    below: Picture | None = None


def draw_cloud(cloud: Cloud) -> tuple[bytes, int, int]:
    """Return a .png and its width and height in CSS pixels."""
    tall, wide = (_SIDE, _SIDE) if cloud.below is None else frame_size(cloud.below.reduced.values.shape)
    density = canvas.DENSITY
    width = -(-(_LEFT + wide + _BAR_GAP + _BAR + _BAR_TEXT) // density)
    height = -(-(_TOP + tall + _BOTTOM) // density)
    with canvas.drawing():
        page = Page(canvas.sheet(width, height), height * density)
        frame = canvas.axes(page.figure, _LEFT / density, _TOP / density, wide / density, tall / density)
        _show_points(frame, cloud)
        colours = [np.array([[213, 94, 0], [255, 255, 255]], np.uint8)]
        if cloud.scale is not None:
            page.show_scale(cloud.scale, cloud.unit, _LEFT + wide + _BAR_GAP, _TOP, (tall, _LEVELS))
            colours.append(cloud.scale.colours(_LEVELS))
        if cloud.below is not None:
            colours.append(cloud.below.scale.colours(_LEVELS))
        data = canvas.png(page.figure, np.concatenate(colours))
    return data, width, height


def _show_points(frame: Axes, cloud: Cloud) -> None:
    size = 4 if len(cloud.x) > _MANY else 26
    look: dict[str, Any] = {"s": size, "edgecolors": "white", "linewidths": 0.4, "antialiased": True}
    if cloud.below is not None:
        rows, columns = cloud.below.shape
        edges = (-0.5, columns - 0.5, rows - 0.5, -0.5)
        frame.imshow(shades(cloud.below, _LEVELS), extent=edges, interpolation="nearest", aspect="auto")
    if cloud.values is None or cloud.scale is None:
        frame.scatter(cloud.x, cloud.y, c=_COLOUR, **look)
    else:
        steps = (cloud.scale.places(cloud.values) * (_LEVELS - 1)).round().astype(np.intp)
        frame.scatter(cloud.x, cloud.y, c=cloud.scale.colours(_LEVELS)[steps] / 255, **look)
    frame.set_xlabel(canvas.plain(cloud.x_label), labelpad=2)
    frame.set_ylabel(canvas.plain(cloud.y_label), labelpad=2)
