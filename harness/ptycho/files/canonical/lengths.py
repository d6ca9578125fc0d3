"""Lengths of a geometry as plain numbers under their names, for containers that have attributes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.ptycho.files.canonical.arrays import LENGTHS
from harness.ptycho.files.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Mapping

_PAIRS = ("detector_pixel", "object_pixel", "object_center")
_SIGNED = "object_center"


def lengths_of(geometry: Geometry) -> dict[str, float | list[float]]:
    """Return the lengths that a geometry has, in metres: one number, or those of y and x.

    >>> lengths_of(Geometry(distance=2.0, object_pixel=(1e-8, 2e-8)))
    {'distance': 2.0, 'object_pixel': [1e-08, 2e-08]}
    """
    there = {name: getattr(geometry, name) for name in LENGTHS}
    return {
        name: list(map(float, value)) if name in _PAIRS else float(value)
        for name, value in there.items()
        if value is not None
    }


def geometry_of(name: str, lengths: Mapping[str, Any]) -> Geometry:
    """Return the geometry of lengths as :func:`lengths_of` gives them; what is missing or None stays None.

    Parameters
    ----------
    name : str
        The file's name, which every error begins with.
    lengths : mapping of str to number or two of them
        Other names are ignored.

    Raises
    ------
    UnreadableError
        A length is not a number, or not positive. A centre may be anywhere.

    Examples
    --------
    >>> geometry_of("scan.h5", {"distance": 2.0}).distance
    2.0
    """
    there = {key: lengths[key] for key in LENGTHS if lengths.get(key) is not None}
    return Geometry(**{key: _checked(name, key, value) for key, value in there.items()})


def _checked(name: str, key: str, value: Any) -> Any:
    numbers = _numbers(value)
    wanted = 2 if key in _PAIRS else 1
    usable = len(numbers) == wanted and all(map(math.isfinite, numbers))
    if not usable or (key != _SIGNED and min(numbers) <= 0):
        sign = "" if key == _SIGNED else "positive "
        expected = f"{'two' if wanted == len(_YX) else 'a'} {sign}number{'s' if wanted == len(_YX) else ''}"
        remedy = "Store lengths in metres: a number, or those of y and x."
        raise UnreadableError(f"{name}: {key}", expected=expected, found=_shown(value), remedy=remedy)
    return numbers[0] if wanted == 1 else (numbers[0], numbers[1])


_YX = ("y", "x")


def _numbers(value: Any) -> list[float]:
    """Return the numbers of a value; none if it is something else."""
    try:
        array = np.asarray(value)
    except ValueError:
        return []
    if array.dtype.kind not in "iuf" or array.ndim > 1 or array.size > len(_YX):
        return []
    return [float(number) for number in array.reshape(-1)]


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 40 else f"{text[:40]} ..."  # noqa: PLR2004 - half a line
