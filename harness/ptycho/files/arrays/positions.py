"""Positions of a content in metres, and back, on its object or on the smallest canvas."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.files.geometry import metres_of, pixels_of

if TYPE_CHECKING:
    from harness.ptycho.files.content import Content
    from harness.ptycho.files.geometry import Geometry

METRES = "x, y: metres -> object pixels"
"""The note of every reader that uses :func:`in_pixels`."""


def window_of(content: Content) -> tuple[int, int]:
    """Return the size (H, W) of the probe or of a pattern; (0, 0) if the content has neither."""
    array = content.probe if content.probe is not None else content.diffraction
    height, width = (0, 0) if array is None else array.shape[-2:]
    return height, width


def canvas_of(content: Content) -> tuple[int, int]:
    """Return the size (M, M') of the object; without one, of the smallest canvas that holds every window.

    Examples
    --------
    >>> from harness.ptycho.files.content import Content
    >>> corner = np.array([4.0, 10.5])
    >>> canvas_of(Content(x=corner, y=corner, probe=np.ones((1, 8, 8))))
    (15, 15)
    """
    if content.object is not None:
        rows, columns = content.object.shape[-2:]
        return rows, columns
    height, width = window_of(content)
    return smallest(content.y, height), smallest(content.x, width)


def smallest(values: np.ndarray | None, side: int) -> int:
    """Return how many pixels hold windows of *side* pixels at all of *values*, along one axis."""
    return side if values is None else math.ceil(float(np.ptp(values))) + side


def pixel_of(geometry: Geometry) -> tuple[float, float]:
    """Return the size (height, width) of an object pixel in metres; RefusedError if it is not known."""
    if geometry.object_pixel is None:
        raise RefusedError(
            "object pixel",
            expected="its size in metres",
            found="no size, and no wavelength, distance and detector pixel to compute it from",
            remedy="Name it with --pixel-size.",
        )
    return geometry.object_pixel


def metres(content: Content, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions x, y of a content in metres, (N,) float64 each.

    *geometry* has the size of an object pixel and its centre, for which 0 is taken if it has none.

    Raises
    ------
    RefusedError
        The content has no positions, or the geometry no object pixel.
    """
    if content.x is None or content.y is None:
        raise RefusedError(
            "positions", expected="positions", found="none", remedy="Convert a file that has them."
        )
    (height, width), (center_y, center_x) = pixel_of(geometry), geometry.object_center or (0.0, 0.0)
    rows, columns = canvas_of(content)
    return (
        metres_of(content.x, center=center_x, pixel=width, count=columns),
        metres_of(content.y, center=center_y, pixel=height, count=rows),
    )


def in_pixels(
    x: np.ndarray, y: np.ndarray, geometry: Geometry, canvas: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return coordinates in pixels of an object of (M, M') pixels, from positions in metres.

    Raises
    ------
    RefusedError
        The geometry has no object pixel.
    """
    (height, width), (center_y, center_x) = pixel_of(geometry), geometry.object_center or (0.0, 0.0)
    return (
        pixels_of(x, center=center_x, pixel=width, count=canvas[1]),
        pixels_of(y, center=center_y, pixel=height, count=canvas[0]),
    )


def smallest_canvas(
    x: np.ndarray, y: np.ndarray, pixel: tuple[float, float], window: tuple[int, int]
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return the smallest canvas (M, M') for positions in metres, and its centre y, x in metres.

    The first window begins at the canvas's edge, so that its coordinate is half its size.

    Parameters
    ----------
    x, y : (N,) float64
        In metres.
    pixel : tuple of float
        Height and width of an object pixel in metres.
    window : tuple of int
        Pixels (H, W).

    Examples
    --------
    >>> x = np.array([1e-8, 4e-8])
    >>> canvas, center = smallest_canvas(x, x, (1e-8, 1e-8), (8, 8))
    >>> canvas, [round(c * 1e9) for c in center]
    ((11, 11), [25, 25])
    """
    counts, centers = [], []
    for values, size, side in zip((y, x), pixel, window, strict=True):
        counts.append(smallest(values / size, side))
        centers.append(float(values.min()) + (counts[-1] - side) / 2 * size)
    return (counts[0], counts[1]), (centers[0], centers[1])
