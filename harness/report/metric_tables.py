"""Metrics, tolerances, stages and steps as tables that fit 80 columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.baselines.array_tolerances import ArrayTolerance, ToleranceDocument
    from harness.core.baselines.baseline import Baseline, MetricVerdict
    from harness.core.domain.interface import PipelineResult, Stage


def print_table(table: Table) -> None:
    """Print *table* to standard output, at the terminal's width."""
    Console(highlight=False).print(table)


def metric_table(result: PipelineResult) -> Table:
    """Return a table of each metric and its controls."""
    table = _table(f"{result.pipeline}: metrics", "metric", ("value", *result.controls))
    for name, value in result.metrics.items():
        controls = (_number(control.get(name)) for control in result.controls.values())
        table.add_row(name, _number(value), *controls)
    return table


def verdict_table(pipeline: str, verdicts: Sequence[MetricVerdict]) -> Table:
    """Return a table of each metric, its baseline, its tolerance and the verdict."""
    table = _table(f"{pipeline}: metrics and baseline", "metric", ("value", "baseline", "+/-"))
    table.add_column("verdict")
    for verdict in verdicts:
        if verdict.control is None:
            limits = (_number(verdict.expected), f"{verdict.allowed:.1g}" if verdict.allowed else "exact")
            table.add_row(verdict.name, _number(verdict.value), *limits, verdict.outcome.value)
    return table


def calibration_table(baseline: Baseline) -> Table:
    """Return a table of each metric's value, its tolerance, and its spread over perturbed runs and seeds."""
    table = _table("", "metric", ("value", "+/-", "spread", "seed spread"))
    for name, metric in baseline.metrics.items():
        seeds = "" if metric.seed_spread is None else f"{metric.seed_spread:.1g}"
        limits = f"{metric.tolerance:.2g}" if metric.tolerance else "exact"
        table.add_row(name, _number(metric.value), limits, f"{metric.spread:.1g}", seeds)
    return table


def array_table(documents: Mapping[str, ToleranceDocument]) -> Table:
    """Return a table of the arrays that are not exact: tolerance, spread and amplification.

    A class that somebody chose has a star.
    """
    table = _folded_table("array", ("tolerance", "spread", "growth"))
    for name, document in documents.items():
        for array, tolerance in document.arrays.items():
            if tolerance.kind != "exact" or tolerance.reason:
                table.add_row(f"{name}: {array}", *_cells(tolerance))
    return table


def measured_metric_table(baselines: Mapping[str, Baseline]) -> Table:
    """Return a table of metrics: value, tolerance and spread."""
    table = _folded_table("metric", ("value", "tolerance", "spread"))
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


def control_table(pipeline: str, verdicts: Sequence[MetricVerdict]) -> Table:
    """Return a table of each metric's lead over each control; the lead it needs is in brackets."""
    against = {(v.name, v.control): v for v in verdicts if v.control is not None}
    controls = list(dict.fromkeys(control for _, control in against))
    table = _table(f"{pipeline}: lead over controls (needed)", "metric", controls)
    for name in dict.fromkeys(name for name, _ in against):
        found = (against.get((name, control)) for control in controls)
        table.add_row(name, *(_lead(verdict) if verdict else "" for verdict in found))
    return table


def stage_table(stages: Sequence[Stage], title: str = "") -> Table:
    """Return a table of the seconds and the peak memory of each stage."""
    table = _table(title, "stage", ("seconds", "peak MB"))
    for stage in stages:
        table.add_row(stage.name, f"{stage.seconds:.1f}", f"{stage.peak_mb:.0f}" if stage.peak_mb else "")
    return table


def summary_table(rows: Sequence[Mapping[str, str]]) -> Table:
    """Return a table with a row for each step of a run; the keys of the first row are the headings."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in rows[0]:
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for row in rows:
        table.add_row(*row.values())
    return table


def _table(title: str, first: str, others: Iterable[str]) -> Table:
    """Return an empty table; all columns except the first are for numbers."""
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left")
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right")
    return table


def _lead(verdict: MetricVerdict) -> str:
    """Return the lead over a control in the metric's good direction, and the required lead."""
    lead = math.copysign(1, verdict.allowed) * verdict.distance + 0.0  # never minus zero
    return f"{lead:.2g} ({abs(verdict.allowed):.2g})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _cells(tolerance: ArrayTolerance) -> tuple[str, str, str]:
    spread = tolerance.spread
    limit = f"atol {tolerance.atol:.1e}" if tolerance.atol else f"rtol {tolerance.rtol:.1e}"
    shown = limit if tolerance.kind == "measured" else tolerance.kind
    grown = "" if spread.amplification is None else f"{spread.amplification:.1e}"
    return f"{shown}*" if tolerance.reason else shown, f"{spread.absolute:.1e}", grown


def _folded_table(first: str, others: tuple[str, ...]) -> Table:
    """Return an empty table whose first column may take several lines."""
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
