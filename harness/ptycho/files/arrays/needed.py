"""What a writer cannot be without, and the canvas and window of a content."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.errors import RefusedError
from harness.ptycho.files.geometry import metres_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.ptycho.files.content import Content
    from harness.ptycho.files.geometry import Geometry

_WORDS = {"x": "positions", "y": "positions", "object": "an object", "probe": "a probe"}


def require_parts(content: Content, parts: Iterable[str], title: str) -> None:
    """Refuse a content without the parts that a format needs.

    Parameters
    ----------
    content : Content
    parts : iterable of str
        Names of its fields.
    title : str
        The format with its article.

    Examples
    --------
    >>> from harness.ptycho.files.content import Content
    >>> require_parts(Content(), ["probe"], "a ptychodus product")
    Traceback (most recent call last):
        ...
    harness.core.errors.RefusedError: a ptychodus product needs a probe. Convert a file that has it.
    """
    for part in parts:
        if getattr(content, part) is None:
            words = _WORDS.get(part, part)
            raise RefusedError(
                part,
                expected=words,
                found="none",
                message=f"{title} needs {words}",
                remedy=f"Convert a file that has {'them' if words.endswith('s') else 'it'}.",
            )


def window_of(content: Content) -> tuple[int, int] | None:
    """Return the size (H, W) of a pattern or of the probe; None if the content has neither."""
    array = content.probe if content.probe is not None else content.diffraction
    if array is None:
        return None
    height, width = array.shape[-2:]
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
    window = window_of(content) or (0, 0)
    rows, columns = (
        smallest(values, side) for values, side in zip((content.y, content.x), window, strict=True)
    )
    return rows, columns


def smallest(values: np.ndarray | None, side: int) -> int:
    """Return how many pixels hold windows of *side* pixels at all of *values*, on one axis."""
    return side if values is None else math.ceil(float(np.ptp(values))) + side


def metres(content: Content, geometry: Geometry) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions x, y of a content in metres, (N,) float64 each.

    *geometry* has the size of an object pixel and its centre, for which 0 is taken if it has none.
    """
    if content.x is None or content.y is None or geometry.object_pixel is None:
        raise RefusedError(
            "positions", expected="positions", found="none", remedy="Convert a file that has them."
        )
    (height, width), (center_y, center_x) = geometry.object_pixel, geometry.object_center or (0.0, 0.0)
    rows, columns = canvas_of(content)
    return (
        metres_of(content.x, center=center_x, pixel=width, count=columns),
        metres_of(content.y, center=center_y, pixel=height, count=rows),
    )
