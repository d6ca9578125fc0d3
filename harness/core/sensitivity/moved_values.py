"""Golden data moved on purpose: half a tolerance must pass, two must not."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import accepted, judge
from harness.core.fixtures.compare import compare
from harness.core.fixtures.tolerance import default_tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.baselines.baseline import Baseline

INSIDE, OUTSIDE = 0.5, 2.0
"""How far a value is moved, in tolerances."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One value moved by so many tolerances, and whether the comparison accepted it."""

    name: str
    tolerances: float
    accepted: bool

    @property
    def right(self) -> bool:
        """Whether it was accepted inside its tolerance, or refused outside."""
        return self.accepted == (self.tolerances < 1)


def mutate_metrics(baseline: Baseline) -> Iterator[Mutant]:
    """Move each metric up and down; one without a tolerance by its last bit, which is two of nothing."""
    values = {name: metric.value for name, metric in baseline.metrics.items()}
    for name, metric in baseline.metrics.items():
        for factor in (INSIDE, OUTSIDE):
            for sign in (1, -1):
                moved = _moved(metric.value, sign * factor * metric.tolerance, exact=factor == OUTSIDE)
                verdicts = judge(baseline, {**values, name: moved})
                yield Mutant(name, factor, accepted(tuple(v for v in verdicts if v.control is None)))


def mutate_arrays(golden: Mapping[str, np.ndarray]) -> Iterator[Mutant]:
    """Move every element of each array inside its tolerance, then a single one outside.

    Arrays that are compared exactly have no inside; one element of theirs is moved by the least step.
    """
    for name, array in golden.items():
        tolerance = default_tolerance(array.dtype)
        limits = tolerance.atol + tolerance.rtol * np.abs(array)
        if tolerance.atol > 0:
            inside = (array + INSIDE * limits).astype(array.dtype)
            yield Mutant(name, INSIDE, compare(golden, {**golden, name: inside}).accepted)
        outside = array.copy()
        place = np.unravel_index(int(np.argmax(np.abs(array))), array.shape)
        outside[place] = array[place] + (OUTSIDE * limits[place] if tolerance.atol > 0 else 1)
        yield Mutant(name, OUTSIDE, compare(golden, {**golden, name: outside}).accepted)


def _moved(value: float, step: float, *, exact: bool) -> float:
    if step == 0 and exact:
        return math.nextafter(value, math.inf)
    return value + step
