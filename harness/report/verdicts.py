"""Verdicts on golden files and metrics as lines of text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.verdict import Outcome
from harness.report.plain_lines import plain_line
from harness.report.terminal.table import TextTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.baselines.baseline import MetricVerdict
    from harness.core.verdict import Verdict

_GAIN = "unexpectedly better: check for an easier problem or leaked ground truth"


def summary_lines(verdicts: Sequence[Verdict], *, every: bool = False) -> list[str]:
    """Return the lines of :func:`verdict_lines`, and one that counts the files that match."""
    return [*verdict_lines(verdicts, every=every), count_line(verdicts)]


def verdict_lines(verdicts: Iterable[Verdict], *, every: bool = False) -> list[str]:
    """Return a line for each verdict, followed by its remedy; for "same" only if *every* one is wanted."""
    lines = []
    for verdict in verdicts:
        if every and verdict.outcome is Outcome.SAME:
            where = f": {verdict.detail}" if verdict.detail else ""
            lines.append(f"{verdict.outcome.value}: {verdict.name}{where}")
        elif verdict.outcome is not Outcome.SAME:
            lines.append(f"{verdict.outcome.value}: {verdict.name}: {verdict.detail}")
            lines += [f"  {verdict.remedy}"] if verdict.remedy and not verdict.outcome.accepted else []
    return list(map(plain_line, lines))


def verdict_table(verdicts: Iterable[Verdict], *, every: bool = False) -> TextTable | None:
    """Return a table of the same verdicts for a terminal, the remedies left out; None if it has no row."""
    rows = tuple(
        (verdict.name, verdict.outcome.value, verdict.detail)
        for verdict in verdicts
        if every or verdict.outcome is not Outcome.SAME
    )
    return TextTable(("golden file", "verdict", "why"), rows) if rows else None


def remedy_lines(verdicts: Iterable[Verdict]) -> list[str]:
    """Return the remedies of what is not accepted, each once."""
    remedies = (verdict.remedy for verdict in verdicts if not verdict.outcome.accepted)
    return [plain_line(remedy) for remedy in dict.fromkeys(remedies) if remedy]


def count_line(verdicts: Sequence[Verdict]) -> str:
    """Return how many files match, and how many of them are not here, but in the store.

    >>> from harness.core.verdict import Verdict
    >>> count_line([Verdict("golden/a.npz", Outcome.SAME)])
    '1 of 1 golden files match the registry.'
    """
    accepted = sum(verdict.outcome.accepted for verdict in verdicts)
    stored = sum(verdict.outcome is Outcome.SAME and bool(verdict.detail) for verdict in verdicts)
    where = f", {stored} of them in the store" if stored else ""
    return f"{accepted} of {len(verdicts)} golden files match the registry{where}."


def metric_lines(verdicts: Sequence[MetricVerdict], *, accepted: bool = False) -> list[str]:
    """Return a line for each metric that is not accepted: its value, its limit, and by how much it failed.

    With *accepted*, a line for each of the other metrics follows.
    """
    lines = [_metric_line(verdict) for verdict in verdicts if not verdict.outcome.accepted]
    others = (
        verdict for verdict in verdicts if accepted and verdict.outcome.accepted and not verdict.control
    )
    return lines + [f"{other.name}: {_number(other.value)}, {other.outcome.value}" for other in others]


def _metric_line(verdict: MetricVerdict) -> str:
    name, value, expected = verdict.name, _number(verdict.value), _number(verdict.expected)
    if verdict.outcome is Outcome.UNREGISTERED:
        return f"{name}: {value}, not in the baseline"
    if verdict.outcome is Outcome.MISSING:
        return f"{name}: baseline {expected}, not measured"
    if verdict.control:
        side = "above" if math.copysign(1, verdict.allowed) > 0 else "below"
        lead = f"at least {abs(verdict.allowed):.3g} {side}" if verdict.allowed else f"a value {side}"
        return f"{name}: collapsed: expected {lead} control {verdict.control!r} ({expected}), found {value}"
    if verdict.outcome is Outcome.COLLAPSED:
        return f"{name}: collapsed: expected a finite number, found {value}"
    allowed = f"+/- {verdict.allowed:.3g}" if verdict.allowed else "exactly"
    off = f"{name}: {value}, baseline {expected} {allowed}"
    if math.isfinite(verdict.distance):
        off += f", off by {verdict.distance:+.3g}"
    return f"{off}, {_GAIN}" if verdict.is_gain else off


def _number(value: float | None) -> str:
    if value is None:
        return "none"
    return "not a number" if math.isnan(value) else f"{value:.6g}"
