"""Differences of arrays and verdicts on metrics as the results of a session have them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.fixtures.compare import Aspect
from harness.core.fixtures.difference_text import largest_difference
from harness.core.obtained.results import ArrayResult, finite, finite_share, whole
from harness.core.verdict import Outcome
from harness.report.plain_lines import plain_line
from harness.report.verdicts import metric_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harness.core.baselines.baseline import MetricVerdict
    from harness.core.fixtures.compare import ArrayDrift, Drift

_NOTHING = "nothing"  # in ArrayDrift, of an array that is missing
_OTHER = frozenset({Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE})


def array_results(drifts: Iterable[Drift]) -> tuple[ArrayResult, ...]:
    """Return a result for each array that is not the same bit by bit.

    Examples
    --------
    >>> import numpy as np
    >>> from harness.core.fixtures.compare import compare
    >>> golden = {"power": np.array([1.0, 2.0]), "mask": np.array([True])}
    >>> found = {"power": np.array([1.0, 2.5]), "mask": np.array([True])}
    >>> (power,) = array_results([compare(golden, found, {"power": {"atol": 0.1}})])
    >>> power.share, power.text
    (5.0, 'power: 1 of 2 elements differ (50 %), largest difference 0.5 at [1]')
    """
    arrays = (array for drift in drifts for array in drift.arrays)
    return tuple(_of_array(array) for array in arrays if not array.accepted or array.unequal_bits)


def metric_results(verdicts: Iterable[MetricVerdict]) -> tuple[ArrayResult, ...]:
    """Return a result for each metric that differs from its baseline, and each control that is not beaten."""
    return tuple(_of_metric(one) for one in verdicts if one.outcome is not Outcome.SAME)


def worst(arrays: Iterable[ArrayResult]) -> ArrayResult | None:
    """Return the array that differs most, in shares of its tolerance; None if there are none."""
    return max(arrays, key=_rank, default=None)


def property_text(word: str, arrays: Iterable[ArrayResult]) -> str:
    """Return the outcome of a check in a few words, for JUnit reports.

    >>> power = ArrayResult("power", Outcome.DRIFTED, share=12.0, worst=(5,))
    >>> property_text("drifted", [power])
    'drifted 12 tolerances in power at [5]'
    >>> property_text("identical", [])
    'identical'
    """
    farthest = worst(arrays)
    if farthest is None:
        return word
    share = "" if farthest.share is None else f" {farthest.share:.3g} tolerances"
    where = f" at {_index(farthest.worst)}" if farthest.worst is not None else ""
    return plain_line(f"{word}{share} in {farthest.name}{where}")


def _rank(array: ArrayResult) -> tuple[bool, float]:
    return not array.outcome.accepted, math.inf if array.share is None else array.share


def _of_array(array: ArrayDrift) -> ArrayResult:
    limits = array.tolerance
    return ArrayResult(
        name=array.name,
        outcome=_outcome(array),
        atol=finite(limits.atol),
        rtol=finite(limits.rtol),
        ulp=whole(limits.ulp),
        share=None if array.aspect in {*_OTHER, Aspect.NONFINITE} else finite_share(array.in_tolerances),
        max_absolute=finite(array.max_absolute),
        max_relative=finite(array.max_relative),
        max_ulp=whole(array.max_ulp),
        worst=array.worst if array.incomparable or array.farthest is None else array.farthest,
        drifted=array.drifted,
        size=array.size,
        text=plain_line("".join(_words(array))),
    )


def _outcome(array: ArrayDrift) -> Outcome:
    if array.accepted:
        return Outcome.TOLERATED
    if array.aspect is not Aspect.NAME:
        return Outcome.DRIFTED
    return Outcome.MISSING if array.found == _NOTHING else Outcome.UNREGISTERED


def _words(array: ArrayDrift) -> Iterator[str]:
    if array.aspect in _OTHER:
        yield f"{array.name}: {array.aspect.value}: expected {array.expected}, found {array.found}"
        return
    count = array.unequal_bits if array.accepted else array.drifted
    yield f"{array.name}: {count} of {array.size} elements differ ({100 * count / array.size:.3g} %)"
    if array.accepted:
        yield " within the tolerance"
    yield f", {largest_difference(array)}"
    if array.worst is not None:
        yield f" at {_index(array.worst)}"


def _of_metric(verdict: MetricVerdict) -> ArrayResult:
    allowed = abs(verdict.allowed)
    distance = abs(verdict.distance)
    return ArrayResult(
        name=verdict.name,
        outcome=verdict.outcome,
        atol=finite(allowed),
        share=finite_share(distance / allowed) if allowed and verdict.control is None else None,
        max_absolute=finite(distance),
        max_relative=finite(distance / abs(verdict.expected)) if verdict.expected else 0.0,
        drifted=0 if verdict.outcome.accepted else 1,
        size=1,
        text=metric_lines([verdict], accepted=True)[0],
        expected=_number(verdict.expected),
        found=_number(verdict.value),
    )


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _index(index: tuple[int, ...]) -> str:
    return "[" + ", ".join(map(str, index)) + "]"
