"""The matrix answers: what was caught, first by whom, by metrics alone, and which metrics are blind."""

from __future__ import annotations

from harness.core.sensitivity.matrix import Detection, Matrix, Row


def row(*detections: Detection, id: str = "P01", kind: str = "pipeline", **parts) -> Row:  # noqa: A002
    return Row(id, "a fault", kind, detections, **parts)


def said(check: str, *, caught: bool = False, **figures: float) -> Detection:
    return Detection(check, caught, figures=figures)


def test_the_first_check_that_catches_is_named():
    found = row(said("contract"), said("digest", caught=True), said("audit", caught=True))
    assert found.first == said("digest", caught=True)


def test_a_fault_is_right_when_caught_and_a_harmless_change_when_not():
    caught, missed = said("digest", caught=True), said("digest")
    assert row(caught).right
    assert not row(missed).right
    assert row(missed, harmless=True).right
    assert not row(caught, harmless=True).right


def test_missed_are_faults_that_passed_and_harmless_changes_that_did_not():
    rows = (
        row(said("digest"), id="P01"),
        row(said("digest", caught=True), id="P02"),
        row(said("digest", caught=True), id="R08", harmless=True),
    )
    assert [found.id for found in Matrix(rows).missed] == ["P01", "R08"]


def test_metrics_alone_do_not_count_what_another_check_caught():
    rows = (
        row(said("digest", caught=True), said("smooth metrics"), id="P20"),
        row(said("smooth metrics", caught=True), id="P02"),
    )
    matrix = Matrix(rows)
    assert [matrix.by_metrics_alone(found) for found in rows] == [False, True]


def test_a_metric_is_blind_where_every_fault_of_pipelines_passes_it():
    """Also the fault that another metric caught; what faults of fixtures do to it does not count."""
    rows = (
        row(said("smooth metrics", caught=True, mae=3.0, ssim=0.4), id="P01"),
        row(said("smooth metrics", mae=0.2, ssim=1.0), id="P02"),
        row(said("smooth metrics", caught=True, mae=9.0, ssim=9.0), id="F01", kind="fixture"),
    )
    assert Matrix(rows).blind("smooth") == ("ssim",)
    assert Matrix(rows).pipelines == ("smooth",)


def test_nothing_is_blind_where_nothing_was_asked():
    assert Matrix((row(said("contract")),)).blind("smooth") == ()
