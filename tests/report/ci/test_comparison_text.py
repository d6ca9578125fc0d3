"""Two revisions as text and as a document."""

from __future__ import annotations

import pytest

from harness.core.revisions.values import (
    Comparison,
    FileChange,
    Limit,
    RevisionName,
    State,
    Subject,
    ValueChange,
)
from harness.report.ci.comparison_text import comparison_document, comparison_lines

BEFORE, AFTER = RevisionName("main", "1a2b3c4d5e6f" + "0" * 28), RevisionName()


@pytest.fixture
def comparison():
    """Make a comparison of given files."""
    return lambda *files, notes=(): Comparison(BEFORE, AFTER, files, 3, notes)


def test_each_file_has_its_values_and_what_is_allowed(comparison):
    value = ValueChange(
        Subject.ARRAY,
        "image",
        0.75,
        1.25,
        tolerances=3.2e4,
        limit=Limit("9.5e-07 + 1.3e-06 relative", "default"),
        where=(1, 2),
        differing=1,
        size=12,
    )
    file = FileChange("golden/a.npz", State.CHANGED, "fixture", values=(value,), notes=("a note",))
    assert comparison_lines(comparison(file)) == [
        "changed: golden/a.npz",
        "  image: 0.75 -> 1.25 at [1, 2]; 1 of 12 elements",
        "    3.2e+04 tolerances (default: 9.5e-07 + 1.3e-06 relative)",
        "  note: a note",
        "main (1a2b3c4d5e6f) -> the work tree: 1 changed, 3 the same",
    ]


def test_a_manifest_that_follows_its_archive_is_only_counted(comparison):
    files = [
        FileChange("golden/a.json", State.ADDED, "manifest"),
        FileChange("golden/a.npz", State.ADDED, "fixture"),
    ]
    lines = comparison_lines(comparison(*files))
    assert lines == [
        "added: golden/a.npz",
        "main (1a2b3c4d5e6f) -> the work tree: 2 added, 3 the same",
    ]
    assert len(comparison_document(comparison(*files))["files"]) == 2


def test_a_new_and_a_removed_file_have_their_contents(comparison):
    new = ValueChange(Subject.METRIC, "mae", None, 0.5)
    gone = ValueChange(Subject.ARRAY, "image", "float64 (3,)", None)
    lines = comparison_lines(
        comparison(
            FileChange("golden/a.smooth.json", State.ADDED, "baseline", values=(new,)),
            FileChange("golden/b.npz", State.REMOVED, "fixture", values=(gone,)),
        )
    )
    assert lines[:4] == [
        "added: golden/a.smooth.json",
        "  mae: new, 0.5",
        "removed: golden/b.npz",
        "  image: gone, was float64 (3,)",
    ]


def test_what_could_not_be_compared_says_why(comparison):
    file = FileChange("golden/a.npz", State.CHANGED, "fixture", obstacle="no content")
    assert "  cannot be compared: no content" in comparison_lines(comparison(file, notes=("no history",)))
    assert comparison(file).exit_code == 2


def test_hostile_names_are_single_lines(comparison):
    file = FileChange("a\n::error::\x1b[31m", State.ADDED, "file", notes=("b\nc",))
    assert all(line.isprintable() for line in comparison_lines(comparison(file)))


def test_the_document_has_numbers(comparison):
    value = ValueChange(Subject.METRIC, "mae", 0.25, 0.5, tolerances=2.0, limit=Limit("0.125", "baseline"))
    file = FileChange("golden/a.smooth.json", State.CHANGED, "baseline", values=(value,))
    document = comparison_document(comparison(file))
    assert document["before"] == {"revision": "main", "commit": BEFORE.commit}
    assert document["after"] == {"revision": None, "commit": None}
    (found,) = document["files"][0]["values"]
    assert (found["before"], found["after"], found["tolerances"]) == (0.25, 0.5, 2.0)
