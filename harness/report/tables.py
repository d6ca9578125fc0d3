"""Metrics and stages as tables that fit 80 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.baseline import Baseline, MetricVerdict
    from harness.core.domain import PipelineResult, Stage


def show(table: Table) -> None:
    """Print *table* to standard output, at the terminal's width."""
    Console(highlight=False).print(table)


def metric_table(
    result: PipelineResult,
    baseline: Baseline | None = None,
    verdicts: Sequence[MetricVerdict] = (),
) -> Table:
    """Each metric beside its baseline and its controls."""
    table = Table(box=box.SIMPLE_HEAD, title=f"{result.pipeline}: metrics", title_justify="left")
    table.add_column("metric")
    told = ("value", *(("baseline", "+/-") if baseline else ()), *result.controls)
    for heading in told:
        table.add_column(heading, justify="right")
    if verdicts:
        table.add_column("verdict")
    words = {verdict.name: verdict.outcome.value for verdict in verdicts if not verdict.control}
    words |= {v.name: v.outcome.value for v in verdicts if not v.outcome.accepted}
    for name, value in result.metrics.items():
        cells = [name, _number(value), *_golden(baseline, name)]
        cells += [_number(control.get(name)) for control in result.controls.values()]
        table.add_row(*cells, *([words.get(name, "")] if verdicts else []))
    return table


def stage_table(stages: Sequence[Stage], title: str = "") -> Table:
    """Seconds and peak memory of each stage."""
    table = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left")
    table.add_column("stage")
    table.add_column("seconds", justify="right")
    table.add_column("peak MB", justify="right")
    for stage in stages:
        table.add_row(stage.name, f"{stage.seconds:.1f}", f"{stage.peak_mb:.0f}" if stage.peak_mb else "")
    return table


def summary_table(rows: Sequence[Mapping[str, str]]) -> Table:
    """One row per step of a run; the keys of the first are the headings."""
    table = Table(box=box.SIMPLE_HEAD)
    for heading in rows[0]:
        table.add_column(heading, justify="right" if heading == "seconds" else "left")
    for row in rows:
        table.add_row(*row.values())
    return table


def _golden(baseline: Baseline | None, name: str) -> list[str]:
    if baseline is None:
        return []
    stored = baseline.metrics.get(name)
    return [_number(stored.value), f"{stored.tolerance:.1g}"] if stored else ["", ""]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
