"""Verdicts on files and metrics as lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.baselines.baseline import MetricVerdict
    from harness.core.verdict import Verdict


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


def summary_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Those lines, and one that counts."""
    accepted = sum(verdict.outcome.accepted for verdict in verdicts)
    return [
        *verdict_lines(verdicts),
        f"{accepted} of {len(verdicts)} golden files are what the registry says.",
    ]


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
    allowed = f"+/- {verdict.allowed:.3g}" if verdict.allowed else "exact"
    told = f"{verdict.name}: {_number(verdict.value)}, baseline {_number(verdict.expected)} {allowed}"
    if verdict.is_gain:
        return f"{told}: better by {abs(verdict.distance):.3g}, {_GAIN}"
    return f"{told}, off by {verdict.distance:+.3g}"


_GAIN = "a sudden gain, which is news too: has the problem become easier, or the truth leaked in?"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
