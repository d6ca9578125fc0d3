"""Metrics and measured tolerances as rows."""

from __future__ import annotations

import pytest

from harness.core.baselines.baseline import encode_baseline, read_baseline
from harness.core.errors import UnreadableError
from harness.core.obtained.results import ArrayResult
from harness.core.verdict import Outcome
from harness.report.page.measured import measured_line, metric_lines, tolerance_lines


@pytest.fixture
def golden(drifted):
    return drifted.golden / "optics" / "waves.smooth.json"


@pytest.fixture
def obtained(drifted):
    return drifted.workspace / "obtained" / "optics" / "waves.smooth.json"


def test_todays_value_is_beside_the_interval_and_the_samples(golden, obtained):
    (line,) = metric_lines(golden, obtained, compared=True)
    assert (line.name, line.value, line.today, line.word) == ("ssim", "0.5", "0.7", "drifted")
    assert (line.interval, line.share, line.accepted) == ("0.499 to 0.501", "200", False)
    assert line.strip.inside is False
    assert line.controls == ("beats flat (0.1) by 0.6; the margin is 0.2",)


def test_without_other_values_the_golden_ones_were_found(golden):
    (line,) = metric_lines(golden, None, compared=True)
    assert (line.today, line.word, line.strip.inside) == ("0.5", "same", True)


def test_without_a_session_nothing_is_said_about_today(golden):
    (line,) = metric_lines(golden, None, compared=False)
    assert (line.today, line.word, line.strip.today) == ("", "not compared", None)


def test_a_control_that_is_not_beaten_is_said(golden, tmp_path):
    import msgspec

    baseline = read_baseline(golden)
    metric = msgspec.structs.replace(baseline.metrics["ssim"], value=0.2)
    worse = tmp_path / "worse.json"
    worse.write_bytes(encode_baseline(msgspec.structs.replace(baseline, metrics={"ssim": metric})))
    (line,) = metric_lines(golden, worse, compared=True)
    assert line.controls[0].startswith("does not beat flat")


def test_a_new_metric_is_not_golden(golden, tmp_path):
    import msgspec

    baseline = read_baseline(golden)
    more = tmp_path / "more.json"
    metrics = {**baseline.metrics, "psnr": baseline.metrics["ssim"]}
    more.write_bytes(encode_baseline(msgspec.structs.replace(baseline, metrics=metrics)))
    line = metric_lines(golden, more, compared=True)[0]
    assert (line.name, line.value, line.word, line.accepted) == ("psnr", "not golden", "unregistered", False)


def test_how_tolerances_were_measured_is_one_line(golden):
    assert measured_line(golden) == "4 runs on Linux x86_64, 2026-01-31: a rule"


def test_every_platform_is_a_row_with_todays_difference(drifted):
    file = drifted.golden / "optics" / "waves.tolerances.json"
    today = {"curve": ArrayResult("curve", Outcome.DRIFTED, share=25.0)}
    lines = tolerance_lines(file, today)
    assert [(line.array, line.kind) for line in lines] == [
        ("curve", "measured"),
        ("curve", "measured"),
        ("stack", "report-only"),
        ("stack", "report-only"),
    ]
    assert {line.platform for line in lines} == {"Linux x86_64", "Linux aarch64"}
    assert lines[0].strip.inside is False
    assert lines[0].runs == "4 runs"
    assert lines[2].strip is None
    assert lines[2].allowed == "any difference is only reported"


def test_a_difference_where_none_is_allowed_is_outside(drifted):
    file = drifted.golden / "optics" / "waves.tolerances.json"
    lines = tolerance_lines(file, {"curve": ArrayResult("curve", Outcome.DRIFTED, share=None)})
    assert lines[0].strip.inside is False


def test_a_damaged_baseline_is_an_error(golden):
    golden.write_text("{]")
    with pytest.raises(UnreadableError):
        metric_lines(golden, None, compared=False)
