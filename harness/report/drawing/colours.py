"""Colour scales that colour-blind people can read: values -> colours, and what the ends of a scale mean."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["sequential", "log", "cyclic", "symmetric", "grey"]

BLANK = (154, 154, 154)
"""Where there is no finite value."""

ONE_SIDED = (0, 0, 0)
"""Where only one of two arrays has a finite value, so that their difference has none."""

_MAPS = {
    "sequential": "viridis",
    "log": "viridis",
    "cyclic": "twilight",
    "symmetric": "RdBu_r",
    "grey": "gray",
}
_DIMMED = 0.75
"""Share of white in the colours outside a mask."""

_DIGITS = 4
_MOST_DIGITS = 17


@dataclass(frozen=True, slots=True)
class Scale:
    """Which value has which colour.

    Attributes
    ----------
    kind : {"sequential", "log", "cyclic", "symmetric", "grey"}
    low, high : float
        Values of the first and the last colour; both positive for ``log``.

    Examples
    --------
    >>> Scale("sequential", 0.0, 2.0).places(np.array([0.0, 1.0, 5.0])).tolist()
    [0.0, 0.5, 1.0]
    """

    kind: Kind
    low: float
    high: float

    def places(self, values: np.ndarray) -> np.ndarray:
        """Return where each value lies between the ends, from 0 to 1; a scale of one value has 0.5 alone.

        Values without a place (NaN, or not positive on a logarithmic scale) get 0.
        """
        if not self.high > self.low:
            return np.full(values.shape, 0.5)
        if self.kind == "log":
            low, high = math.log10(self.low), math.log10(self.high)
            with np.errstate(all="ignore"):
                places = (np.log10(values) - low) / (high - low)
        else:  # divided before they are subtracted, so that the range of floats does not overflow
            unit = max(abs(self.low), abs(self.high))
            places = (values / unit - self.low / unit) / (self.high / unit - self.low / unit)
        places = np.nan_to_num(places, nan=0.0, posinf=1.0, neginf=0.0)
        return np.asarray(np.clip(places, 0.0, 1.0))

    def value_at(self, place: float) -> float:
        """Return the value at *place*, 0 to 1."""
        if place in {0.0, 1.0} or not self.high > self.low:
            return self.high if place else self.low
        if self.kind == "log":
            return float(10 ** (math.log10(self.low) * (1 - place) + math.log10(self.high) * place))
        return float(self.low * (1 - place) + self.high * place)

    def colours(self, levels: int) -> np.ndarray:
        """Return the scale's colours in *levels* steps, (levels, 3) uint8."""
        from matplotlib import colormaps

        shades = np.asarray(colormaps[_MAPS[self.kind]](np.linspace(0, 1, levels)))[:, :3]
        return np.asarray((shades * 255).round().astype(np.uint8))

    def texts(self, places: tuple[float, ...]) -> list[str]:
        """Return the values at *places* as text with as many digits as tell them apart."""
        digits = digits_for(self.low, self.high)
        return [f"{self.value_at(place):.{digits}g}" for place in places]


def dimmed(colours: np.ndarray) -> np.ndarray:
    """Return *colours*, (..., 3) uint8, as they look outside a mask."""
    return np.asarray((colours * (1 - _DIMMED) + 255 * _DIMMED).round().astype(np.uint8))


def digits_for(low: float, high: float) -> int:
    """Return how many significant digits tell values between *low* and *high* apart.

    >>> digits_for(0, 3), digits_for(1.0, 1.000001)
    (4, 10)
    """
    size = max(abs(low), abs(high))
    span = high / size - low / size if size else 0.0
    if not span > 0:
        return _DIGITS
    return min(max(_DIGITS, math.ceil(-math.log10(span)) + 3), _MOST_DIGITS)


def number(value: float, digits: int = _DIGITS) -> str:
    """Return a number as text, with *digits* significant digits; an integer in full.

    >>> number(0.123456), number(9007199254740993)
    ('0.1235', '9007199254740993')
    """
    return str(int(value)) if isinstance(value, (int, np.integer)) else f"{float(value):.{digits}g}"
