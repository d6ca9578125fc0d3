"""One list of items for every format: levels, order, and texts that are safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UnreadableError
from harness.core.provenance.finding import broken, note, weak
from harness.core.registry.status import Status
from harness.core.verdict import Outcome, Verdict
from harness.report.ci.items import (
    Item,
    Level,
    count_line,
    item_of_error,
    items_of_findings,
    items_of_status,
    items_of_verdicts,
)


def test_every_outcome_has_a_level_and_the_most_urgent_comes_first():
    """Accepted ones are never errors; all others are."""
    items = items_of_verdicts([Verdict(outcome.name, outcome) for outcome in Outcome])
    assert len(items) == len(Outcome)
    for item, accepted in ((item, Outcome(item.rule).accepted) for item in items):
        assert (item.level is Level.ERROR) != accepted
    assert [item.rule for item in items][:3] == ["interrupted", "corrupt", "missing"]


def test_an_accepted_verdict_needs_no_next_step():
    (item,) = items_of_verdicts([Verdict("a", Outcome.REPACKED, "other bytes", "Restore it.")])
    assert (item.level, item.remedy) == (Level.NOTICE, "")


def test_what_is_about_no_file_has_no_path():
    (item,) = items_of_verdicts([Verdict("regeneration", Outcome.INTERRUPTED, "running now")])
    assert (item.path, item.detail) == ("", "regeneration: running now")


def test_a_status_has_its_warnings_after_its_errors():
    status = Status(
        verdicts=(Verdict("golden/a.npz", Outcome.MISSING), Verdict("golden/b.npz", Outcome.SAME)),
        recordings=(),
        unreferenced=("golden/b.npz",),
        uncalibrated=("golden/c.smooth.json",),
        obstacle="line 3 is damaged",
        next="harness verify",
    )
    assert [(item.level.value, item.rule) for item in items_of_status(status)] == [
        ("error", "records"),
        ("error", "missing"),
        ("warning", "unreferenced"),
        ("warning", "uncalibrated"),
        ("passed", "same"),
    ]


def test_findings_keep_their_ranks():
    found = items_of_findings([note("a", "r", "d"), weak("b", "r", "d", "Do it."), broken("c", "r", "d")])
    assert [(item.path, item.level.value) for item in found] == [
        ("c", "error"),
        ("b", "warning"),
        ("a", "notice"),
    ]


def test_an_error_is_an_item():
    error = UnreadableError("registry.json", expected="JSON", found="nothing\n", remedy="Restore it.")
    item = item_of_error(error)
    assert (item.level, item.path) == (Level.ERROR, "")
    assert "registry.json: expected JSON" in item.detail


@pytest.mark.parametrize(
    ("levels", "line"),
    [
        ([], "nothing"),
        ([Level.ERROR], "1 error"),
        ([Level.PASSED, Level.WARNING, Level.PASSED, Level.WARNING], "2 warnings, 2 passed"),
    ],
)
def test_levels_are_counted(levels, line):
    assert count_line([Item(level, "", "r") for level in levels]) == line


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_texts_are_single_printable_lines(data, hostile_items, hostile_texts):
    """Whatever a file is called."""
    (item,) = hostile_items(data.draw(hostile_texts))
    assert all(text.isprintable() for text in (item.path, item.rule, item.detail, item.remedy))
    assert item.text.count("\n") <= 1
