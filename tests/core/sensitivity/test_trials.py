"""Faults of a small field, injected into its repository: each is caught by the check that should catch it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.core.sensitivity.matrix import Detection
from harness.core.sensitivity.trials import Trial, build_matrix, plan_trials, run_trial

if TYPE_CHECKING:
    from harness.core.sensitivity.matrix import Row


@pytest.fixture
def rows(subject, faults):
    """Inject the faults of the given ids; return their rows by id."""

    def inject(*numbers: str) -> dict[str, Row]:
        chosen = [fault for fault in faults if fault.id in numbers]
        answers = {trial: run_trial(trial) for trial in plan_trials(subject, chosen)}
        return {row.id: row for row in build_matrix(chosen, answers).rows}

    return inject


def caught(row: Row) -> list[str]:
    return [found.check for found in row.detections if found.caught]


def test_faults_of_repositories_are_part_of_every_project(faults):
    assert [fault.id for fault in faults[:2]] == ["R01", "R02"]
    assert [fault.id for fault in faults[-7:]] == ["X01", "X02", "X03", "X04", "X05", "X06", "X07"]


def test_a_fault_in_the_data_is_caught_first_by_the_check_of_the_data(rows):
    row = rows("X01")["X01"]
    assert caught(row) == ["positive", "digest", "comparison", "smooth metrics"]
    assert row.description == "X01: a detector counted downwards."


def test_an_error_of_the_pipeline_is_a_detection_with_its_message(rows):
    found = rows("X01")["X01"].by("smooth metrics")
    assert (found.margin, found.detail) == ("refused", "image: none")


def test_a_fault_that_is_not_in_the_data_is_caught_by_comparing_with_the_golden_file(rows):
    row = rows("X02")["X02"]
    assert row.first.check == "digest"
    assert caught(row) == ["digest", "comparison", "smooth metrics"]


def test_a_fault_of_a_generator_is_caught_only_by_changing_its_parameters(rows):
    assert caught(rows("X03")["X03"]) == ["liveness"]


def test_a_fault_of_a_pipeline_is_caught_only_by_its_metrics(rows):
    row = rows("X04")["X04"]
    assert caught(row) == ["smooth metrics"]
    figures = row.by("smooth metrics").figures
    assert figures["mean"] > 1
    assert figures["deaf"] == 0


def test_a_fault_that_metrics_miss_is_caught_by_the_digests_of_the_inputs(rows):
    assert caught(rows("X05")["X05"]) == ["digest"]


def test_a_fault_of_another_pipeline_is_not_tried(rows):
    assert rows("X06") == {}


def test_a_fault_that_cannot_happen_to_the_fixture_is_not_tried(rows):
    assert rows("X07") == {}


def test_a_check_that_fails_on_the_golden_arrays_is_left_out(rows, field, monkeypatch):
    """As a check of another field does, which would fail on any data."""
    finding = field.Finding("positive", "image", "a wave", "none")
    monkeypatch.setattr(field, "positive", lambda _: field.CheckReport("positive", (finding,)))
    assert rows("X02")["X02"].by("positive") is None


def test_quick_trials_judge_metrics_only_for_the_faults_marked_for_it(subject, faults):
    chosen = {(t.fault, t.group) for t in plan_trials(subject, faults, quick=True)}
    assert ("X04", "metrics") in chosen
    assert not chosen & {("X01", "metrics"), ("X05", "metrics")}
    assert {("X01", "data"), ("R01", "repository"), ("X03", "liveness")} <= chosen


def test_faults_of_repositories_are_caught_and_the_harmless_one_is_not_reported(rows, contents, subject):
    before = contents(subject.root)
    found = rows(*(f"R0{n}" for n in range(1, 9)), "R06b", "R07b", "R07c")
    assert len(found) == 11
    assert [row.id for row in found.values() if not row.correct] == []
    assert caught(found["R03"]) == ["digest", "comparison", "audit"]
    assert caught(found["R06b"]) == ["refusal"]
    assert caught(found["R08"]) == []
    assert contents(subject.root) == before


def test_a_metric_that_no_fault_moves_is_blind(subject, faults):
    chosen = [fault for fault in faults if fault.kind == "pipeline"]
    answers = {trial: run_trial(trial) for trial in plan_trials(subject, chosen)}
    assert build_matrix(chosen, answers).blind("smooth") == ("deaf",)


def test_a_fault_missed_in_one_fixture_is_not_hidden_by_another(subject, faults):
    """Each fixture has its own row; faults of the repository have one, without a fixture."""
    other = replace(subject, archive="golden/optics/other.npz")
    hit, miss = (Detection("digest", caught=caught_it) for caught_it in (True, False))
    answers = {
        Trial(subject, "X01", "data"): (hit,),
        Trial(other, "X01", "data"): (miss,),
        Trial(subject, "R01", "repository"): (hit,),
    }
    matrix = build_matrix([fault for fault in faults if fault.id in {"R01", "X01"}], answers)
    assert [(row.label, row.caught) for row in matrix.rows] == [
        ("R01", True),
        ("X01 in lattice", True),
        ("X01 in optics/other", False),
    ]
    assert [row.label for row in matrix.incorrect] == ["X01 in optics/other"]


def test_without_faults_nothing_is_read(subject):
    (subject.path.with_suffix(".json")).unlink()
    assert list(plan_trials(subject, ())) == []
