"""What was caught, by which check first, by metrics alone, and which metrics are blind."""

from __future__ import annotations

from harness.core.sensitivity.matrix import Detection, Matrix, Row


def row(*detections: Detection, id: str = "P01", kind: str = "pipeline", **parts) -> Row:  # noqa: A002
    return Row(id, "a fault", kind, detections, **parts)


def result(check: str, *, caught: bool = False, **figures: float) -> Detection:
    return Detection(check, caught, figures=figures)


def test_the_first_check_that_catches_is_named():
    found = row(result("contract"), result("digest", caught=True), result("audit", caught=True))
    assert found.first == result("digest", caught=True)


def test_a_fault_is_correct_if_caught_and_a_harmless_change_if_not():
    caught, missed = result("digest", caught=True), result("digest")
    assert row(caught).correct
    assert not row(missed).correct
    assert row(missed, harmless=True).correct
    assert not row(caught, harmless=True).correct


def test_incorrect_are_faults_that_passed_and_harmless_changes_that_did_not():
    rows = (
        row(result("digest"), id="P01"),
        row(result("digest", caught=True), id="P02"),
        row(result("digest", caught=True), id="R08", harmless=True),
    )
    assert [found.id for found in Matrix(rows).incorrect] == ["P01", "R08"]


def test_metrics_alone_do_not_count_what_another_check_caught():
    rows = (
        row(result("digest", caught=True), result("smooth metrics"), id="P20"),
        row(result("smooth metrics", caught=True), id="P02"),
    )
    matrix = Matrix(rows)
    assert [matrix.by_metrics_alone(found) for found in rows] == [False, True]


def test_a_metric_is_blind_if_no_fault_of_a_pipeline_moves_it():
    """Faults that another metric caught count; faults of fixtures do not."""
    rows = (
        row(result("smooth metrics", caught=True, mae=3.0, ssim=0.4), id="P01"),
        row(result("smooth metrics", mae=0.2, ssim=1.0), id="P02"),
        row(result("smooth metrics", caught=True, mae=9.0, ssim=9.0), id="F01", kind="fixture"),
    )
    assert Matrix(rows).blind("smooth") == ("ssim",)
    assert Matrix(rows).pipelines == ("smooth",)


def test_no_metric_is_blind_if_no_metrics_were_judged():
    assert Matrix((row(result("contract")),)).blind("smooth") == ()
