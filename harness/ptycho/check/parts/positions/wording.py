"""What errors of the coordinates are called, what corrects them, and how large they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.ptycho.check.parts.positions.models import Model, Route, Term

SURE = 3.0
"""Standard errors within which a figure counts as equal to a named one."""

MOST_LISTED = 5


def described(model: Model, route: Route) -> tuple[str, str, tuple[Size, ...]]:
    """Return name, remedy and sizes of a *model*, whose moves correct the stored positions.

    The name says what was done to the right coordinates: the inverse of the moves.
    """
    found = dict(zip(model.terms, zip(model.values, model.errors, strict=True), strict=True))
    parts = []
    if {term.kind for term in found} >= {"scale", "rotation"}:
        turned = {term.kind: found.pop(term) for term in model.terms if term.kind in {"scale", "rotation"}}
        parts += _turned_and_scaled(turned, route)
    parts += [_described(term, value, error, route) for term, (value, error) in found.items()]
    names, remedies, sizes = zip(*parts, strict=True)
    return ", and ".join(names), " ".join(remedies), tuple(sizes)


def listed_moves(index: np.ndarray, moves: np.ndarray) -> tuple[str, str]:
    """Return name and remedy of single positions *index* that must be moved by *moves*, (n, 2) in pixels."""
    some = [f"position {j} off by {_pair(-move)} px" for j, move in zip(index, moves, strict=True)]
    more = f", and {len(some) - MOST_LISTED} more" if len(some) > MOST_LISTED else ""
    name = ", ".join(some[:MOST_LISTED]) + more
    changes = [
        f"add {_pair(move)} px to (x, y) of position {j}" for j, move in zip(index, moves, strict=True)
    ]
    remedy = "; ".join(changes[:MOST_LISTED]) + more
    return name, remedy[0].upper() + remedy[1:] + "."


def described_jitter(grid: float | None, rms: float) -> tuple[str, str]:
    """Return name and remedy of positions that are each off by themselves; *grid* is their rounding."""
    if grid is None:
        name = f"each position off by itself, by {rms:.2g} px rms on each axis (jitter)"
    else:
        name = f"coordinates rounded to {_multiples(grid)} (off by {rms:.2g} px rms on each axis)"
    return name, "Store the coordinates as they were measured, or move each by its own fitted displacement."


def _multiples(grid: float) -> str:
    return "whole pixels" if grid == 1 else f"multiples of {grid:g} px"


def _described(term: Term, value: np.ndarray, error: np.ndarray, route: Route) -> tuple[str, str, Size]:
    if len(value) == 1:
        return _SCALARS[term.kind](float(value[0]), float(error[0]), route)
    size = Size(
        f"size of the {_QUANTITIES[term.kind]}",
        float(np.hypot(*value)),
        float(np.hypot(*(error * value)) / max(np.hypot(*value), 1e-12)),
        "px",
    )
    name, remedy = _VECTORS[term.kind](value, term)
    return name, remedy, size


def _pair(vector: Sequence[float] | np.ndarray) -> str:
    return f"({vector[0]:+.2f}, {vector[1]:+.2f})"


_QUANTITIES = {
    "offset": "offset",
    "drift": "drift",
    "lines": "backlash",
    "alternate": "difference",
    "slip": "slip",
    "onset": "slip",
}


def _offset(value: np.ndarray, _: Term) -> tuple[str, str]:
    return (
        f"coordinates (or the probe in its array) off by {_pair(-value)} px in (x, y)",
        f"Add {_pair(value)} px to (x, y).",
    )


def _drift(value: np.ndarray, _: Term) -> tuple[str, str]:
    return (
        f"coordinates that drift by {_pair(-value)} px in (x, y) from the first to the last pattern",
        f"Add {_pair(value)} px times (j / (N - 1) - 0.5) to (x, y) of position j.",
    )


def _lines(value: np.ndarray, _: Term) -> tuple[str, str]:
    return (
        f"backlash: every second line of the scan off by {_pair(-value)} px in (x, y)",
        (
            f"Add {_pair(value / 2)} px to (x, y) in the lines 1, 3, 5, ... of the scan, counted from 0, and "
            f"{_pair(-value / 2)} px in the others."
        ),
    )


def _alternate(value: np.ndarray, _: Term) -> tuple[str, str]:
    return (
        f"every second position off by {_pair(-value)} px in (x, y) (backlash)",
        (
            f"Add {_pair(value / 2)} px to (x, y) of the positions 1, 3, 5, ..., counted from 0, and "
            f"{_pair(-value / 2)} px to the others."
        ),
    )


def _slip(value: np.ndarray, term: Term) -> tuple[str, str]:
    return (
        f"a slip: from position {term.at} on, coordinates off by {_pair(-value)} px more than before",
        f"Add {_pair(value / 2)} px to (x, y) from position {term.at} on, and {_pair(-value / 2)} px before.",
    )


def _onset(value: np.ndarray, term: Term) -> tuple[str, str]:
    return (
        f"a slip: from position {term.at} on, coordinates off by {_pair(-value)} px",
        f"Add {_pair(value)} px to (x, y) from position {term.at} on.",
    )


_VECTORS: dict[str, Callable[[np.ndarray, Term], tuple[str, str]]] = {
    "offset": _offset,
    "drift": _drift,
    "lines": _lines,
    "alternate": _alternate,
    "slip": _slip,
    "onset": _onset,
}


def _scaled(what: str, about: str) -> Callable[[float, float, Route], tuple[str, str, Size]]:
    def describe(value: float, error: float, route: Route) -> tuple[str, str, Size]:
        factor = 1 / (1 + value)
        name = f"{what} scaled by {factor:.4g}{about.format(*route.middle)}"
        remedy = f"Multiply {what} by {1 + value:.4g}{about.format(*route.middle)}."
        return name, remedy, Size(f"scale of {what}, less 1", factor - 1, error * factor**2, "")

    return describe


def _rotated(value: float, error: float, route: Route) -> tuple[str, str, Size]:
    angle, u, v = float(np.degrees(np.arctan(value))), *route.middle
    name = f"coordinates rotated by {-angle:.2f} degrees about ({u:.1f}, {v:.1f}), from x towards y"
    remedy = f"Rotate the coordinates by {angle:.2f} degrees about ({u:.1f}, {v:.1f}), from x towards y."
    return name, remedy, Size("rotation", -angle, float(np.degrees(error)), "degrees")


def _turned_and_scaled(
    found: dict[str, tuple[np.ndarray, np.ndarray]], route: Route
) -> list[tuple[str, str, Size]]:
    """Describe both together: a rotation by itself is a little of a scale, too, where it is not small."""
    (stretch, stretch_error), (turn, turn_error) = found["scale"], found["rotation"]
    factor = complex(1 + float(stretch[0]), float(turn[0]))
    parts = [_rotated(float(np.tan(np.angle(factor))), float(turn_error[0]), route)]
    if abs(abs(factor) - 1) > SURE * float(stretch_error[0]) + abs(float(turn[0])) ** 3:
        parts.append(_SCALARS["scale"](abs(factor) - 1, float(stretch_error[0]), route))
    return parts


def _sheared(axis: str, along: str, middle: int) -> Callable[[float, float, Route], tuple[str, str, Size]]:
    def describe(value: float, error: float, route: Route) -> tuple[str, str, Size]:
        name = f"coordinates sheared: {axis} grows by {-value:.4f} px with each pixel of {along}"
        remedy = f"Add {value:.4f} ({along} - {route.middle[middle]:.1f}) to {axis}."
        return name, remedy, Size("shear", -value, error, "")

    return describe


def _fraction(value: float, error: float, _: Route) -> tuple[str, str, Size]:
    remedy = f"Add {value:.3g} times the distance from the nearest whole pixel to each coordinate."
    size = Size("share of the fractions to add", value, error, "")
    if abs(value + 2) < max(SURE * error, 0.1):
        return "the wrong sign of the coordinates' subpixel part", remedy, size
    if abs(value + 1) < max(SURE * error, 0.1):
        return "coordinates with fractions, of patterns that lie on whole pixels", remedy, size
    return f"fractions of the coordinates that are {1 / (1 + value):.3g} times as large", remedy, size


_MIDDLE = " about the scan's middle ({:.1f}, {:.1f})"
_SCALARS: dict[str, Callable[[float, float, Route], tuple[str, str, Size]]] = {
    "zoom": _scaled("the coordinates", ""),
    "scale": _scaled("the coordinates", _MIDDLE),
    "scale x": _scaled("x", _MIDDLE),
    "scale y": _scaled("y", _MIDDLE),
    "rotation": _rotated,
    "shear x": _sheared("x", "y", 1),
    "shear y": _sheared("y", "x", 0),
    "fraction": _fraction,
}
