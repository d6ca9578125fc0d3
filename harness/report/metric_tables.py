"""Metrics, tolerances, stages and steps as tables that fit 80 columns."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.report.terminal.table import TextTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.core.baselines.array_tolerances import ArrayTolerance, ToleranceDocument
    from harness.core.baselines.baseline import Baseline, MetricVerdict
    from harness.core.compared_runs import ComparedRun
    from harness.core.domain.interface import PipelineResult, Stage


def metric_table(result: PipelineResult) -> TextTable:
    """Return a table of each metric and its controls."""
    controls = result.controls.values()
    rows = (
        (name, _number(value), *(_number(control.get(name)) for control in controls))
        for name, value in result.metrics.items()
    )
    return _table(f"{result.pipeline}: metrics", ("metric", "value", *result.controls), rows)


def verdict_table(pipeline: str, verdicts: Sequence[MetricVerdict]) -> TextTable:
    """Return a table of each metric: verdict, value, baseline, tolerance, and difference in tolerances."""
    rows = (
        (
            verdict.name,
            verdict.outcome.value,
            _number(verdict.value),
            _number(verdict.expected),
            f"{verdict.allowed:.1g}" if verdict.allowed else "exact",
            _share(verdict),
        )
        for verdict in verdicts
        if verdict.control is None
    )
    head = ("metric", "verdict", "value", "baseline", "+/-", "tolerances")
    return _table(f"{pipeline}: metrics and baseline", head, rows, texts=("metric", "verdict"))


def calibration_table(baseline: Baseline, title: str = "") -> TextTable:
    """Return a table of each metric's value, its tolerance, and its spread over perturbed runs and seeds."""
    rows = (
        (
            name,
            _number(metric.value),
            f"{metric.tolerance:.2g}" if metric.tolerance else "exact",
            f"{metric.spread:.1g}",
            "" if metric.seed_spread is None else f"{metric.seed_spread:.1g}",
        )
        for name, metric in baseline.metrics.items()
    )
    return _table(title, ("metric", "value", "+/-", "spread", "seed spread"), rows)


def array_table(documents: Mapping[str, ToleranceDocument]) -> TextTable:
    """Return a table of the arrays that are not exact: tolerance, spread and amplification.

    A class that somebody chose has a star.
    """
    rows = (
        (name, array, *_cells(tolerance))
        for name, document in documents.items()
        for array, tolerance in document.arrays.items()
        if tolerance.kind != "exact" or tolerance.reason
    )
    head = ("golden file", "array", "tolerance", "spread", "growth")
    return _table("", head, rows, texts=("golden file", "array"))


def measured_metric_table(baselines: Mapping[str, Baseline]) -> TextTable:
    """Return a table of metrics: value, tolerance and spread."""
    rows = (
        (
            name,
            metric,
            f"{one.value:.6g}",
            f"{one.tolerance:.2g}" if one.tolerance else "exact",
            f"{one.spread:.1g}",
        )
        for name, baseline in baselines.items()
        for metric, one in baseline.metrics.items()
    )
    head = ("golden file", "metric", "value", "tolerance", "spread")
    return _table("", head, rows, texts=("golden file", "metric"))


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


def control_table(pipeline: str, verdicts: Sequence[MetricVerdict]) -> TextTable:
    """Return a table of each metric's lead over each control; the lead it needs is in brackets."""
    against = {(v.name, v.control): v for v in verdicts if v.control is not None}
    controls = list(dict.fromkeys(control for _, control in against))
    rows = (
        (name, *(_lead(verdict) if (verdict := against.get((name, c))) else "" for c in controls))
        for name in dict.fromkeys(name for name, _ in against)
    )
    return _table(f"{pipeline}: lead over controls (needed)", ("metric", *controls), rows)


def stage_table(stages: Sequence[Stage], title: str = "") -> TextTable:
    """Return a table of the seconds and the peak memory of each stage."""
    rows = (
        (stage.name, f"{stage.seconds:.1f}", f"{stage.peak_mb:.0f}" if stage.peak_mb else "")
        for stage in stages
    )
    return _table(title, ("stage", "seconds", "peak MB"), rows)


def summary_table(rows: Sequence[Mapping[str, str]]) -> TextTable:
    """Return a table with a row for each step of a run; the keys of the first row are the headings."""
    head = tuple(rows[0])
    texts = tuple(heading for heading in head if heading != "seconds")
    return _table("", head, (tuple(row.values()) for row in rows), texts=texts)


def _table(
    title: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]], texts: tuple[str, ...] | None = None
) -> TextTable:
    """Return a table in which all columns, except the first or those in *texts*, are for numbers."""
    numbers = frozenset(head) - frozenset(texts if texts is not None else head[:1])
    return TextTable(head, tuple(rows), numbers, title)


def _share(verdict: MetricVerdict) -> str:
    """Return the difference from the baseline in tolerances; nothing if there is none to divide by."""
    if not verdict.allowed or not math.isfinite(verdict.distance):
        return ""
    return f"{abs(verdict.distance / verdict.allowed):.2g}"


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


def _count(number: int, noun: str) -> str:
    return f"1 {noun} is" if number == 1 else f"{number} {noun}s are"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def engine_cost_table(found: Sequence[ComparedRun]) -> TextTable:
    """Return a table of what each compared pipeline cost, and its handshake."""
    head = ("pipeline", "seconds", "CPU s", "peak MB", "epochs", "handshake", "controls")
    rows = (
        (
            one.pipeline,
            f"{one.seconds:.1f}",
            f"{one.cpu_seconds:.1f}" if one.cpu_seconds else "",
            f"{one.peak_mb:.0f}" if one.peak_mb else "",
            str(one.record.get("parameters", {}).get("epochs", "")),
            _handshake(one),
            "not ahead" if one.behind else "ahead",
        )
        for one in found
        if one.runs
    )
    return TextTable(head, tuple(rows), frozenset(head[1:6]), "")


def engine_metric_table(found: Sequence[ComparedRun], metrics: Mapping[str, str]) -> TextTable:
    """Return a table of each compared pipeline's *metrics*, under short headings, and of its controls."""
    ran = [one for one in found if one.runs]
    controls = ran[0].controls if ran else {}
    lines = [(one.pipeline, one.metrics) for one in ran]
    lines += [(f"{name} (control)", values) for name, values in controls.items()]
    rows = ((name, *(_figure(values.get(metric)) for metric in metrics)) for name, values in lines)
    return _table("", ("pipeline", *metrics.values()), rows)


def engine_lines(found: Sequence[ComparedRun]) -> Iterator[str]:
    """Yield the versions of the engines, then what could not run, failed, or is not ahead of its controls."""
    versions = {name: version for one in found for name, version in one.record.get("versions", {}).items()}
    if versions:
        yield f"versions: {', '.join(f'{name} {version}' for name, version in versions.items())}"
    for one in found:
        if one.missing:
            yield f"not run: {one.problem}"
        elif one.problem:
            yield f"{one.pipeline} failed: {one.problem}"
        if one.behind:
            yield f"{one.pipeline} is not ahead of its controls in {', '.join(one.behind)}"


def engine_page(found: Sequence[ComparedRun], metrics: Mapping[str, str]) -> str:
    """Return both tables and the lines as Markdown."""
    tables = (engine_cost_table(found), engine_metric_table(found, metrics))
    lines = [line for table in tables for line in (*_markdown(table), "")]
    return "\n".join((*lines, *(f"- {line}" for line in engine_lines(found)), ""))


def _markdown(table: TextTable) -> Iterator[str]:
    yield f"| {' | '.join(table.head)} |"
    yield f"|{'|'.join('---:' if name in table.numbers else '---' for name in table.head)}|"
    yield from (f"| {' | '.join(row)} |" for row in table.rows)


def _handshake(one: ComparedRun) -> str:
    found = one.record.get("handshake")
    return f"{found['residual']:.4f} ({found['own_residual']:.4f})" if found else ""


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
