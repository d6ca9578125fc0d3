"""Golden values moved on purpose: half a tolerance must pass, two tolerances must not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import all_accepted, judge
from harness.core.fixtures.compare import compare
from harness.core.fixtures.tolerance import default_tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.baselines.baseline import Baseline

INSIDE, OUTSIDE = 0.5, 2.0
"""How far each value is moved, in tolerances."""


@dataclass(frozen=True, slots=True)
class MovedValue:
    """One array or metric, moved by a number of tolerances, and whether the comparison accepted it."""

    name: str
    tolerances: float
    accepted: bool

    @property
    def correct(self) -> bool:
        """Whether it was accepted inside the tolerance, or rejected outside."""
        return self.accepted == (self.tolerances < 1)


def move_metrics(baseline: Baseline) -> Iterator[MovedValue]:
    """Move each metric up and down, inside and outside its tolerance.

    A metric with zero tolerance is moved by one ULP.
    """
    values = {name: metric.value for name, metric in baseline.metrics.items()}
    for name, metric in baseline.metrics.items():
        for factor in (INSIDE, OUTSIDE):
            for sign in (1, -1):
                moved = _moved(metric.value, sign * factor * metric.tolerance, exact=factor == OUTSIDE)
                verdicts = judge(baseline, {**values, name: moved})
                yield MovedValue(name, factor, all_accepted(tuple(v for v in verdicts if v.control is None)))


def move_arrays(golden: Mapping[str, np.ndarray]) -> Iterator[MovedValue]:
    """Move every element of each array inside its tolerance, then a single element outside.

    Arrays that are compared exactly have no tolerance to stay inside; one of their elements is changed by 1.
    """
    for name, array in golden.items():
        tolerance = default_tolerance(array)
        limits = tolerance.atol + tolerance.rtol * np.abs(array)
        if tolerance.atol > 0:
            inside = (array + INSIDE * limits).astype(array.dtype)
            yield MovedValue(name, INSIDE, compare(golden, {**golden, name: inside}).accepted)
        outside = array.copy()
        index = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
        outside[index] = array[index] + (OUTSIDE * limits[index] if tolerance.atol > 0 else 1)
        yield MovedValue(name, OUTSIDE, compare(golden, {**golden, name: outside}).accepted)


def _moved(value: float, step: float, *, exact: bool) -> float:
    if step == 0 and exact:
        return math.nextafter(value, math.inf)
    return value + step
