"""Measured tolerances as tables that fit 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.baselines.array_tolerances import ArrayTolerance, ToleranceDocument
    from harness.core.baselines.baseline import Baseline


def array_table(documents: Mapping[str, ToleranceDocument]) -> Table:
    """Return a table of the arrays that are not exact: tolerance, spread and amplification.

    A class that somebody chose has a star.
    """
    table = _table("array", ("tolerance", "spread", "growth"))
    for name, document in documents.items():
        for array, tolerance in document.arrays.items():
            if tolerance.kind != "exact" or tolerance.reason:
                table.add_row(f"{name}: {array}", *_cells(tolerance))
    return table


def metric_table(baselines: Mapping[str, Baseline]) -> Table:
    """Return a table of metrics: value, tolerance and spread."""
    table = _table("metric", ("value", "tolerance", "spread"))
    for name, baseline in baselines.items():
        for metric, one in baseline.metrics.items():
            limits = f"{one.tolerance:.2g}" if one.tolerance else "exact"
            table.add_row(f"{name}: {metric}", f"{one.value:.6g}", limits, f"{one.spread:.1g}")
    return table


def tolerance_lines(documents: Mapping[str, ToleranceDocument]) -> list[str]:
    """Return what to know beside the table: what is exact, what does not gate, and which platforms count.

    Examples
    --------
    >>> tolerance_lines({})
    []
    """
    arrays = [one for document in documents.values() for one in document.arrays.values()]
    exact = sum(one.kind == "exact" for one in arrays)
    reported = sum(one.kind == "report-only" and not one.reason for one in arrays)
    lines = []
    if exact:
        lines.append(f"{_count(exact, 'array')} exact: no run changed a bit that counts.")
    if reported:
        lines.append(
            f"{_count(reported, 'array')} not converged: values are reported and do not fail a test. "
            "A tolerance wide enough for them would catch nothing."
        )
    platforms = {str(row.platform): row.runs for d in documents.values() for row in d.platforms.values()}
    lines += [f"platform: {platform} ({_runs(runs)})" for platform, runs in sorted(platforms.items())]
    return lines


def _cells(tolerance: ArrayTolerance) -> tuple[str, str, str]:
    spread = tolerance.spread
    limit = f"atol {tolerance.atol:.1e}" if tolerance.atol else f"rtol {tolerance.rtol:.1e}"
    shown = limit if tolerance.kind == "measured" else tolerance.kind
    grown = "" if spread.amplification is None else f"{spread.amplification:.1e}"
    return f"{shown}*" if tolerance.reason else shown, f"{spread.absolute:.1e}", grown


def _table(first: str, others: tuple[str, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
