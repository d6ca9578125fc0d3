"""Strips: the samples behind a tolerance on a line, with the golden value and today's value."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

WIDTH, HEIGHT = 300, 28
_EDGE = 7
_MARGIN = 1.15
_FARTHEST = 4.0
"""In tolerances: what is farther away is drawn at the edge."""


class Strip(NamedTuple):
    """Places on a line of ``WIDTH`` units, and the text that says the same.

    Attributes
    ----------
    band : tuple of float
        Left edge and width of what the tolerance accepts.
    golden : float
        Place of the golden value.
    samples, seeds : tuple of float
        Places of samples, and of values with other seeds.
    today : float or None
        Place of the value of the last session.
    inside : bool
        Whether the tolerance accepts today's value.
    alt : str
        All of it in words.
    """

    band: tuple[float, float]
    golden: float
    samples: tuple[float, ...]
    seeds: tuple[float, ...]
    today: float | None
    inside: bool
    alt: str


def make_strip(
    golden: float,
    tolerance: float,
    samples: Sequence[float],
    *,
    seeds: Sequence[float] = (),
    today: float | None = None,
) -> Strip | None:
    """Return the strip of a value; None if there is nothing to draw: no sample, no tolerance, no number.

    Examples
    --------
    >>> strip = make_strip(1.0, 0.5, [1.0, 1.2], today=3.0)
    >>> strip.inside, strip.golden
    (False, 150.0)
    """
    known = [*samples, *seeds, *([] if today is None else [today])]
    span = max([tolerance, *(abs(value - golden) for value in known if math.isfinite(value))]) * _MARGIN
    if not (samples or seeds) or not 0 < span < math.inf or not math.isfinite(golden):
        return None
    if tolerance > 0:
        span = min(span, _FARTHEST * tolerance)

    def place(value: float) -> float:
        share = 0.0 if math.isnan(value) else max(-1.0, min(1.0, (value - golden) / span))
        return round(WIDTH / 2 + share * (WIDTH / 2 - _EDGE), 1)

    left, right = place(golden - tolerance), place(golden + tolerance)
    return Strip(
        (left, round(right - left, 1)),
        place(golden),
        tuple(sorted(map(place, samples))),
        tuple(sorted(map(place, seeds))),
        None if today is None else place(today),
        today is None or abs(today - golden) <= tolerance,
        _described(golden, tolerance, samples, seeds, today),
    )


def _described(
    golden: float, tolerance: float, samples: Sequence[float], seeds: Sequence[float], today: float | None
) -> str:
    parts = [f"golden value {golden:.6g}, accepted from {golden - tolerance:.6g} to {golden + tolerance:.6g}"]
    parts += _range(samples, "sample")
    parts += _range(seeds, "other seed")
    if today is not None:
        parts.append(f"last session {today:.6g}, {'in' if abs(today - golden) <= tolerance else 'out'}side")
    return "; ".join(parts)


def _range(values: Sequence[float], noun: str) -> Iterable[str]:
    if values:
        plural = "" if len(values) == 1 else "s"
        yield f"{len(values)} {noun}{plural} from {min(values):.6g} to {max(values):.6g}"
