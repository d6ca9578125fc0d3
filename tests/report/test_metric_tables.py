"""Tables of metrics and stages: right numbers, and no wider than 80 columns."""

from __future__ import annotations

from harness.core.baselines.array_tolerances import merged, row_of, with_class
from harness.core.baselines.baseline import SCHEMA, Baseline, Certificate, Metric, MetricVerdict
from harness.core.baselines.platforms import Platform
from harness.core.baselines.samples import Deviation, Spread
from harness.core.domain.interface import PipelineResult, Stage
from harness.core.verdict import Outcome
from harness.report import metric_tables
from harness.report.terminal.table import table_lines

VERDICTS = (
    MetricVerdict("ssim", Outcome.TOLERATED, value=0.74, expected=0.75, allowed=0.0125),
    MetricVerdict("mae", Outcome.DRIFTED, value=0.25, expected=0.125, allowed=0.0),
    MetricVerdict("ssim", Outcome.SAME, value=0.74, expected=0.5, allowed=0.1, control="flat"),
    MetricVerdict("mae", Outcome.COLLAPSED, value=0.25, expected=0.25, allowed=-0.1, control="flat"),
)
RESULT = PipelineResult(
    pipeline="network",
    metrics={"ssim": 0.74, "mae": 0.25},
    controls={"flat": {"ssim": 0.5}},
    stages=(Stage("train", seconds=1.25, peak_mb=101.4), Stage("infer", seconds=0.04, peak_mb=0.0)),
    artifacts={},
)


def rows(table) -> list[list[str]]:
    """Words of each line of a table at 80 columns."""
    lines = table_lines(table, 80)
    assert max(map(len, lines)) <= 80
    return [line.split() for line in lines]


def test_metrics_and_their_controls():
    """A control that does not have a metric leaves its cell empty."""
    assert rows(metric_tables.metric_table(RESULT)) == [
        ["network:", "metrics"],
        ["metric", "value", "flat"],
        ["ssim", "0.74", "0.5"],
        ["mae", "0.25"],
    ]


def test_metrics_and_their_baseline():
    """Controls have a table of their own; a tolerance of 0 is called exact."""
    assert rows(metric_tables.verdict_table("network", VERDICTS)) == [
        ["network:", "metrics", "and", "baseline"],
        ["metric", "verdict", "value", "baseline", "+/-", "tolerances"],
        ["ssim", "within", "tolerance", "0.74", "0.75", "0.01", "0.8"],
        ["mae", "drifted", "0.25", "0.125", "exact"],
    ]


def test_leads_over_the_controls():
    """Positive in the metric's good direction; the required lead is in brackets."""
    assert rows(metric_tables.control_table("network", VERDICTS)) == [
        ["network:", "lead", "over", "controls", "(needed)"],
        ["metric", "flat"],
        ["ssim", "0.24", "(0.1)"],
        ["mae", "0", "(0.1)"],
    ]


def test_calibration():
    """Value, tolerance, spread over perturbed runs, and over seeds where they were tried."""
    baseline = Baseline(
        schema=SCHEMA,
        metrics={
            "ssim": Metric(0.75, 0.0125, spread=0.002, seed_spread=0.03),
            "count": Metric(12, 0),
        },
        controls={},
        certificate=Certificate("rule", 3, (), {}, "2026-01-01"),
    )
    assert rows(metric_tables.calibration_table(baseline)) == [
        ["metric", "value", "+/-", "spread", "seed", "spread"],
        ["ssim", "0.75", "0.013", "0.002", "0.03"],
        ["count", "12", "exact", "0"],
    ]


def test_stages():
    """Seconds, and MB where they were measured."""
    assert rows(metric_tables.stage_table(RESULT.stages, "stages")) == [
        ["stages"],
        ["stage", "seconds", "peak", "MB"],
        ["train", "1.2", "101"],
        ["infer", "0.0"],
    ]


def test_steps_of_a_run():
    """Headings are the keys of the first row."""
    steps = [{"step": "verify", "verdict": "same", "seconds": "0.1"}]
    assert rows(metric_tables.summary_table(steps)) == [
        ["step", "verdict", "seconds"],
        ["verify", "same", "0.1"],
    ]


LINUX = Platform("Linux", "x86_64", "avx2", {})
ARRAYS = {
    "power": Deviation("float64", (4,), 1.0, Spread(1, 1e-12, None, 3, (0,), 1e-12, amplification=20.0)),
    "orbit": Deviation("float64", (4,), 1.0, Spread(1, 0.5, None, 3, (0,), 0.5)),
    "count": Deviation("int64", (4,), 1.0),
}
DOCUMENTS = {"waves": merged("xxh128:0", ARRAYS, [row_of(LINUX, [{}], [ARRAYS])])}


def cells(documents) -> list[list[str]]:
    return [list(row) for row in metric_tables.array_table(documents).rows]


def test_arrays_that_are_not_exact_have_a_row():
    assert cells(DOCUMENTS) == [
        ["waves", "power", "atol 1.0e-11", "1.0e-12", "2.0e+01"],
        ["waves", "orbit", "report-only", "5.0e-01", ""],
    ]


def test_a_chosen_class_has_a_star():
    chosen = {"waves": with_class(DOCUMENTS["waves"], ["count"], "report-only", "why")}
    assert ["waves", "count", "report-only*", "0.0e+00", ""] in cells(chosen)


def test_lines_count_what_is_exact_and_what_is_only_reported():
    lines = metric_tables.tolerance_lines(DOCUMENTS)
    assert lines[0].startswith("1 array is exact")
    assert lines[1].startswith("1 array is not converged")
    assert lines[2:] == ["platform: Linux x86_64 avx2 (1 run)"]


def test_long_names_are_not_broken():
    """The table of tolerances of tests with long names, as calibrate prints it."""
    name = "tests/test_waves/test_image_of_a_rather_long_name_for_this_kind_of_test"
    table = metric_tables.array_table({name: DOCUMENTS["waves"]})
    assert name in table_lines(table, 80)
    assert all(len(line) <= 80 for line in table_lines(table, 80, paths=True))
