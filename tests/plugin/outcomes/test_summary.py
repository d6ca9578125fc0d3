"""The session's line about golden files: each file counts once, by its worst outcome."""

from __future__ import annotations

from harness.core.obtained.results import ArrayResult, CheckResult
from harness.core.verdict import Outcome
from harness.plugin.outcomes.summary import outcome_line


def result(test: str, stem: str, word: str, share: float | None = None, name: str = "power") -> CheckResult:
    accepted = word not in {"drifted", "missing"}
    outcome = Outcome.TOLERATED if accepted else Outcome.DRIFTED
    arrays = () if share is None else (ArrayResult(name, outcome, share=share),)
    return CheckResult(test, stem, "fixture", outcome, word, arrays)


def test_a_file_counts_by_its_worst_outcome():
    results = [
        result("test_a", "x", "identical"),
        result("test_b", "x", "drifted", 12.0),
        result("test_c", "y", "within tolerance", 0.25),
        result("test_d", "y", "within tolerance", 0.5, "phase"),
    ]
    assert outcome_line(results) == (
        "golden files: 0 identical, 1 within tolerance (worst 0.5 of it: y.phase), 1 drifted"
    )


def test_files_whose_values_are_only_reported_are_counted_if_there_are_any():
    results = [result("test_a", "x", "report-only"), result("test_b", "x", "within tolerance", 0.5)]
    assert outcome_line(results) == (
        "golden files: 0 identical, 0 within tolerance, 0 drifted, 1 report-only"
    )


def test_missing_and_recorded_files_are_counted_if_there_are_any():
    results = [result("test_a", "x", "missing"), result("test_b", "y", "recorded")]
    assert outcome_line(results) == (
        "golden files: 0 identical, 0 within tolerance, 0 drifted, 1 missing, 1 recorded"
    )
