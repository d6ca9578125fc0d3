"""Golden values moved on purpose: half a tolerance must pass, two tolerances must not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import all_accepted, judge
from harness.core.fixtures.compare import compare_arrays
from harness.core.fixtures.tolerance import default_tolerance
from harness.core.sensitivity.generic_faults import one_element_moved

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.baselines.baseline import Baseline
    from harness.core.fixtures.tolerance import Tolerance

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

    Arrays that are compared exactly have no tolerance to stay inside; one of their elements is changed by the
    least there is. Arrays without a value to change (empty, NaN everywhere) are left out.
    """
    for name, array in golden.items():
        tolerance = default_tolerance(array)
        if tolerance.atol > 0:
            inside = _all_moved(array, tolerance)
            yield MovedValue(name, INSIDE, compare_arrays(name, array, inside).accepted)
        for outside in one_element_moved(array, tolerance):
            yield MovedValue(name, OUTSIDE, compare_arrays(name, array, outside).accepted)


def _all_moved(array: np.ndarray, tolerance: Tolerance) -> np.ndarray:
    """The array with every finite element moved by half a tolerance, towards zero so that none overflows."""
    with np.errstate(all="ignore"):
        steps = INSIDE * (tolerance.atol + tolerance.rtol * np.abs(array))
        signs = np.where(array.real > 0, -1, 1)
        return np.where(np.isfinite(array), array + signs * steps, array).astype(array.dtype)


def _moved(value: float, step: float, *, exact: bool) -> float:
    if step == 0 and exact:
        return math.nextafter(value, math.inf)
    return value + step
