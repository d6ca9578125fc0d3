"""Tolerance of an array from its spread over several runs, and whether it may fail a test at all.

A run's figure is the largest difference of any element, so the tail of its distribution matters. With
exponential tails, which are heavier than those of rounding, a new run exceeds ``f`` times the largest of
``n`` runs with probability ``1 / binomial(n + f, f)``, whatever the unit. The factor makes this one in 1,000.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

if TYPE_CHECKING:
    from harness.core.baselines.samples import Spread

ToleranceClass = Literal["exact", "measured", "report-only"]
CLASSES: tuple[ToleranceClass, ...] = get_args(ToleranceClass)

FALSE_ALARMS = 1e-3
"""Largest share of clean runs in which an array may fail."""

FEWEST = 4
"""Fewer runs count as so many: with less, the factor would follow from nothing but their number."""

UNCONVERGED: float = 2.0**-11.5
"""Relative change beyond which an array has not converged: the square root of float32's epsilon.

Half of a float32's digits are then gone. The tolerance would be 0.1 % of the array or more, and a wrong
weight, a window of another kind or a lost sample can change less.
"""

_HALF_PRECISION: dict[str, float] = {
    "float16": 2.0**-5,
    "bfloat16": 2.0**-3.5,
    "float8_e4m3fn": 0.5,
    "float8_e5m2": 0.5,
}
"""The square root of their own epsilon, which is larger."""

_PRECISION = 1e-9

_ROUNDING = 1e-6

_PROPORTIONAL = 16.0
"""Differences follow the values if none, relative to its element, is so many times the common scale."""

RULE = (
    "f times the largest difference of any run on any platform, where f depends on the number of runs n: one "
    f"clean run in {1 / FALSE_ALARMS:.0f} exceeds it if differences have exponential tails. Relative if the "
    "differences follow the values, else absolute; exact where no run differs; report-only where the array "
    f"changes by more than {UNCONVERGED:.1e} of its norm (the square root of epsilon below float32)"
)


class Judged(NamedTuple):
    """Class and tolerance of an array: an element may differ by ``atol + rtol * |golden value|``."""

    kind: ToleranceClass
    atol: float
    rtol: float


@functools.cache
def factor(runs: int) -> float:
    """Return how many times the largest difference of *runs* runs a tolerance is.

    >>> [round(factor(runs), 1) for runs in (4, 12, 40)]
    [10.0, 3.6, 2.1]
    """
    count = max(runs, FEWEST)

    def alarms(by: float) -> float:
        return math.exp(math.lgamma(count + 1) + math.lgamma(by + 1) - math.lgamma(count + by + 1))

    low, high = 1.0, 1000.0
    while high - low > _PRECISION * high:
        middle = (low + high) / 2
        low, high = (middle, high) if alarms(middle) > FALSE_ALARMS else (low, middle)
    return high


def bound_of(dtype: str) -> float:
    """Return the relative change beyond which an array of a dtype has not converged."""
    return _HALF_PRECISION.get(dtype, UNCONVERGED)


def judge_spread(spread: Spread, runs: int, *, dtype: str, scale: float) -> Judged:
    """Return the class and the tolerance that follow from a spread.

    Parameters
    ----------
    spread : Spread
        The largest figures of all runs.
    runs : int
        How many.
    dtype : str
        Of the values.
    scale : float
        Largest finite magnitude in the golden array.

    Examples
    --------
    >>> from harness.core.baselines.samples import Spread
    >>> judge_spread(Spread(), 12, dtype="float64", scale=1.0)
    Judged(kind='exact', atol=0.0, rtol=0.0)
    >>> judge_spread(Spread(3, 1e-12, 1.0, change=1e-12), 12, dtype="float64", scale=1.0).kind
    'measured'
    >>> judge_spread(Spread(3, 0.2, 1.0, change=0.1), 12, dtype="float64", scale=1.0).kind
    'report-only'
    """
    if not spread.differing:
        return Judged("exact", 0.0, 0.0)
    by = factor(runs)
    relative = spread.relative or 0.0
    # A relative figure that does not even hold the absolute one is not of the same arrays.
    least = spread.absolute * (1 - _ROUNDING)
    follows = 0 < least <= relative * scale <= _PROPORTIONAL * spread.absolute
    atol, rtol = (0.0, by * relative) if follows else (_finite(by * spread.absolute), 0.0)
    converged = spread.change <= bound_of(dtype) and not spread.moved
    return Judged("measured" if converged else "report-only", atol, rtol)


def _finite(value: float) -> float:
    return min(value, 1.7e308)
