"""Metrics and measured tolerances of a group of golden files, as rows of tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.baselines.array_tolerances import read_tolerance_document
from harness.core.baselines.baseline import judge, read_baseline
from harness.core.baselines.platforms import platform_of
from harness.report.page.model import MetricLine, ToleranceLine
from harness.report.page.strips import make_strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.baselines.array_tolerances import ArrayTolerance, Row
    from harness.core.baselines.baseline import Baseline, Metric, MetricVerdict
    from harness.core.baselines.samples import Spread
    from harness.core.obtained.results import ArrayResult

_ANY = 9
"""A share of a tolerance that is off every scale: a difference where none is allowed."""


def metric_lines(golden: Path, today: Path | None, *, compared: bool) -> tuple[MetricLine, ...]:
    """Return a row for each metric of a baseline.

    Parameters
    ----------
    golden : Path
    today : Path or None
        The baseline that the last session obtained; None if it obtained nothing else than the golden values.
    compared : bool
        Whether the last session compared with this baseline.
    """
    baseline = read_baseline(golden)
    obtained = read_baseline(today) if today else baseline if compared else None
    values = {name: metric.value for name, metric in obtained.metrics.items()} if obtained else {}
    verdicts = judge(baseline, values) if obtained else ()
    by_name = {verdict.name: verdict for verdict in verdicts if verdict.control is None}
    names = sorted(baseline.metrics.keys() | values.keys())
    return tuple(_metric_line(name, baseline, values.get(name), by_name.get(name)) for name in names)


def measured_line(golden: Path) -> str:
    """Return how the tolerances of a baseline were measured: runs, platform, date and rule."""
    certificate = read_baseline(golden).certificate
    runs = "1 run" if certificate.runs == 1 else f"{certificate.runs} runs"
    return f"{runs} on {platform_of(certificate.environment)}, {certificate.date}: {certificate.rule}"


def tolerance_lines(file: Path, today: Mapping[str, ArrayResult]) -> tuple[ToleranceLine, ...]:
    """Return a row for each array and each platform on which its tolerance was measured."""
    document = read_tolerance_document(file)
    return tuple(
        line
        for name, tolerance in document.arrays.items()
        for line in _tolerance_rows(name, tolerance, document.platforms.values(), today.get(name))
    )


def _metric_line(
    name: str, baseline: Baseline, today: float | None, verdict: MetricVerdict | None
) -> MetricLine:
    metric = baseline.metrics.get(name)
    if metric is None:
        return MetricLine(name, "not golden", _number(today), "", "", "unregistered", False, "", None, ())
    low, high = metric.value - metric.tolerance, metric.value + metric.tolerance
    return MetricLine(
        name,
        _number(metric.value),
        _number(today) if verdict else "",
        f"{low:.6g} to {high:.6g}" if metric.tolerance else "exactly this",
        _share(metric, today),
        verdict.outcome.value if verdict else "not compared",
        verdict.outcome.accepted if verdict else True,
        f"{metric.better} is better" if metric.better else "",
        make_strip(metric.value, metric.tolerance, metric.samples, seeds=metric.seeds, today=today),
        tuple(_controls(name, baseline, metric.value if today is None else today)),
    )


def _share(metric: Metric, today: float | None) -> str:
    if today is None or today == metric.value:
        return ""
    distance = abs(today - metric.value)
    return f"{distance / metric.tolerance:.3g}" if metric.tolerance else "any difference fails"


def _controls(name: str, baseline: Baseline, value: float) -> Iterator[str]:
    """Yield by how much a metric beats each control, and by how much it has to."""
    for control, metrics in sorted(baseline.controls.items()):
        if name in metrics:
            stored = metrics[name]
            ahead = math.copysign(1, stored.margin) * (value - stored.value)
            beaten = "beats" if ahead >= abs(stored.margin) else "does not beat"
            yield (
                f"{beaten} {control} ({stored.value:.4g}) by {ahead:.3g}; "
                f"the margin is {abs(stored.margin):.3g}"
            )


def _tolerance_rows(
    name: str, tolerance: ArrayTolerance, rows: Iterable[Row], today: ArrayResult | None
) -> Iterator[ToleranceLine]:
    found = _today(tolerance, today)
    for row in rows:
        spread = row.arrays.get(name)
        if spread is None:
            continue
        shares = [_spread_share(spread, tolerance)]
        yield ToleranceLine(
            name,
            tolerance.kind,
            _allowed(tolerance),
            str(row.platform),
            f"{row.runs} runs" if row.runs != 1 else "1 run",
            _spread_text(spread),
            make_strip(0.0, 1.0, shares, today=found) if tolerance.kind == "measured" else None,
            tolerance.reason or "",
        )


def _today(tolerance: ArrayTolerance, today: ArrayResult | None) -> float | None:
    """Return the last session's largest difference as a share of the tolerance."""
    if today is None or tolerance.kind != "measured":
        return None
    return _ANY if today.share is None else today.share


def _spread_share(spread: Spread, tolerance: ArrayTolerance) -> float:
    if tolerance.atol:
        return spread.absolute / tolerance.atol
    return (spread.relative or 0.0) / tolerance.rtol if tolerance.rtol else 0.0


def _spread_text(spread: Spread) -> str:
    if not spread.differing:
        return "no run differs"
    relative = "" if spread.relative is None else f", {spread.relative:.3g} relative"
    moved = ", other positions of NaN or text" if spread.moved else ""
    return f"{spread.absolute:.3g} absolute{relative}, {spread.ulp:.3g} ULP{moved}"


def _allowed(tolerance: ArrayTolerance) -> str:
    if tolerance.kind != "measured":
        return "no difference" if tolerance.kind == "exact" else "any difference is only reported"
    parts = [f"{tolerance.atol:.3g} absolute"] * bool(tolerance.atol)
    parts += [f"{tolerance.rtol:.3g} relative"] * bool(tolerance.rtol)
    return " + ".join(parts)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.6g}"
