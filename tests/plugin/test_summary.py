"""The session's line about golden files: each file counts once, by its worst outcome."""

from __future__ import annotations

from harness.plugin.session import GoldenOutcome
from harness.plugin.summary import outcome_line


def test_a_file_counts_by_its_worst_outcome():
    outcomes = {
        ("test_a", "golden/x.npz"): GoldenOutcome("identical"),
        ("test_b", "golden/x.npz"): GoldenOutcome("drifted"),
        ("test_c", "golden/y.npz"): GoldenOutcome("within tolerance", 0.25, "y.power"),
        ("test_d", "golden/y.npz"): GoldenOutcome("within tolerance", 0.5, "y.phase"),
    }
    assert outcome_line(outcomes) == (
        "golden files: 0 identical, 1 within tolerance (worst 0.5 of it: y.phase), 1 drifted"
    )


def test_files_whose_values_are_only_reported_are_counted_if_there_are_any():
    outcomes = {
        ("test_a", "golden/x.npz"): GoldenOutcome("report-only"),
        ("test_b", "golden/x.npz"): GoldenOutcome("within tolerance", 0.5, "x.a"),
    }
    assert outcome_line(outcomes) == (
        "golden files: 0 identical, 0 within tolerance, 0 drifted, 1 report-only"
    )


def test_missing_files_are_counted_if_there_are_any():
    outcomes = {("test_a", "golden/x.npz"): GoldenOutcome("missing")}
    assert outcome_line(outcomes) == "golden files: 0 identical, 0 within tolerance, 0 drifted, 1 missing"
