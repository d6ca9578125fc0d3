"""Golden files are grouped by what is compared together."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.overview.golden_groups import group_files, most_severe, severity
from harness.core.registry.format import Entry
from harness.core.storage.project import Project
from harness.core.verdict import Outcome, Verdict

PROJECT = Project(Path("/repository"))


def entry(kind):
    return Entry(kind, 1, f"xxh128:{'0' * 32}", f"sha256:{'0' * 64}", f"sha256:{'1' * 64}")


def test_a_fixture_a_baseline_and_a_file_are_three_groups():
    """The manifest and the tolerances belong to the fixture, the stored arrays to the baseline."""
    entries = {
        "golden/a.v2/waves.npz": entry("fixture"),
        "golden/a.v2/waves.json": entry("manifest"),
        "golden/a.v2/waves.tolerances.json": entry("tolerances"),
        "golden/a.v2/waves.smooth.json": entry("baseline"),
        "golden/a.v2/waves.smooth.npz": entry("result"),
        "golden/a.v2/waves.csv": entry("file"),
    }
    groups = group_files(PROJECT, entries, [Verdict(path, Outcome.SAME) for path in entries])
    assert [(group.name, group.kind, len(group.verdicts)) for group in groups] == [
        ("a.v2/waves", "fixture", 3),
        ("a.v2/waves.smooth", "baseline", 2),
        ("golden/a.v2/waves.csv", "file", 1),
    ]
    assert [group.main for group in groups] == [
        "golden/a.v2/waves.npz",
        "golden/a.v2/waves.smooth.json",
        "golden/a.v2/waves.csv",
    ]


def test_the_outcome_of_a_group_is_the_most_severe_of_its_files():
    entries = {"golden/a.npz": entry("fixture"), "golden/a.json": entry("manifest")}
    verdicts = [Verdict("golden/a.npz", Outcome.SAME), Verdict("golden/a.json", Outcome.MISSING)]
    (group,) = group_files(PROJECT, entries, verdicts)
    assert group.outcome is Outcome.MISSING


def test_an_unregistered_file_is_a_group_without_records():
    verdict = Verdict("golden/new.npz", Outcome.UNREGISTERED)
    (group,) = group_files(PROJECT, {}, [verdict])
    assert (group.name, group.kind, group.main) == ("golden/new.npz", "file", None)


def test_what_is_not_a_file_is_in_no_group():
    assert group_files(PROJECT, {}, [Verdict("regeneration", Outcome.INTERRUPTED)]) == ()


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_severity(outcome):
    assert most_severe([Outcome.SAME, outcome]) is outcome
    assert severity(outcome) <= severity(Outcome.SAME)
