"""Drift and verdicts as lines of plain text, for terminals, logs and test reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.compare import Aspect
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.baseline import MetricVerdict
    from harness.core.compare import ArrayDrift, Drift
    from harness.core.verdict import Verdict

_SHOWN = 10


def drift_lines(drift: Drift, *, shown: int = _SHOWN) -> list[str]:
    """What drifted, array by array: how far, where, and the first *shown* elements of each."""
    return [line for array in drift.arrays if not array.accepted for line in _array_lines(array, shown)]


def metric_lines(verdicts: Sequence[MetricVerdict]) -> list[str]:
    """One line per metric that is not accepted, with its value, its limit and its margin."""
    return [_metric_line(verdict) for verdict in verdicts if not verdict.outcome.accepted]


def verdict_lines(verdicts: Iterable[Verdict]) -> list[str]:
    """One line per verdict that is not simply "same", each with its remedy below."""
    lines = []
    for verdict in verdicts:
        if verdict.outcome is not Outcome.SAME:
            lines.append(f"{verdict.outcome.value}: {verdict.name}: {verdict.detail}")
            lines += [f"  {verdict.remedy}"] if verdict.remedy and not verdict.outcome.accepted else []
    return lines


def _array_lines(array: ArrayDrift, shown: int) -> list[str]:
    if array.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}:
        return [f"{array.name}: {array.aspect.value}: expected {array.expected}, found {array.found}"]
    share, limits = 100 * array.differing / array.size, array.tolerance
    misplaced = f", {Aspect.NONFINITE.value} among them" if array.aspect is Aspect.NONFINITE else ""
    largest = f"{array.max_absolute:.3g} absolute, {array.max_relative:.3g} relative, {array.max_ulp} ULP"
    steps = f", or {limits.ulp} ULP" if limits.ulp else ""
    lines = [
        f"{array.name}: {array.differing} of {array.size} elements differ ({share:.3g} %){misplaced}",
        f"  largest difference: {largest}; worst at {_index(array.worst)}",
        f"  allowed: {limits.atol:.3g} absolute + {limits.rtol:.3g} relative{steps}",
    ]
    for count, difference in enumerate(array.differences()):
        if count == shown:
            lines.append(f"  ... and {array.differing - shown} more")
            break
        lines.append(
            f"  {_index(difference.index)}: expected {difference.expected!r}, found {difference.found!r}"
        )
    return lines


def _metric_line(verdict: MetricVerdict) -> str:
    if verdict.outcome is Outcome.UNREGISTERED:
        return f"{verdict.name}: {_number(verdict.value)}, in no baseline"
    if verdict.outcome is Outcome.MISSING:
        return f"{verdict.name}: baseline {_number(verdict.expected)}, not measured"
    if verdict.control:
        need = "above" if verdict.allowed > 0 else "below"
        return (
            f"{verdict.name}: collapsed: {_number(verdict.value)} must be {abs(verdict.allowed):.3g} or more "
            f"{need} control {verdict.control!r}, {_number(verdict.expected)}"
        )
    return (
        f"{verdict.name}: {_number(verdict.value)}, baseline {_number(verdict.expected)} "
        f"+/- {verdict.allowed:.3g}, off by {verdict.distance:+.3g}"
    )


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"


def _index(index: Any) -> str:
    return "-" if index is None else "[" + ", ".join(map(str, index)) + "]"
