"""The words for what differs: short, and with as many digits as tell two values apart."""

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
from harness.report.ci.change_words import (
    change_words,
    count_words,
    file_words,
    name_words,
    place_words,
    record_words,
    value_words,
)

LIMIT = Limit("1e-07 relative", "default")
EXACT = Limit("no difference", "default")


def array(**parts) -> ValueChange:
    return ValueChange(Subject.ARRAY, "image", **{"before": 1.0, "after": 2.0, "limit": LIMIT, **parts})


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (1.0, 2.5, ("1", "2.5")),
        (1.0, 1.0 + 1e-12, ("1.0", "1.000000000001")),
        (1 + 2j, 1 + 3j, ("1+2j", "1+3j")),
        (None, 3, ("-", "3")),
        ("2020-01-01", "2020-01-02", ("2020-01-01", "2020-01-02")),
        ((), ("crop",), ("()", "('crop',)")),
        ("x" * 70, "y", ("x" * 60 + "...", "y")),
    ],
)
def test_values_are_short(before, after, words):
    assert value_words(array(before=before, after=after)) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (array(tolerances=12345.678), "1.23e+04"),
        (array(tolerances=0.5, accepted=True), "0.5, within"),
        (array(limit=EXACT), "must be equal"),
        (array(), "NaN or infinity"),
        (array(limit=None), "other dtype or shape"),
        (array(accepted=True), "only reported"),
        (array(before=None, limit=None), "new"),
        (array(after=None, limit=None), "gone"),
        (ValueChange(Subject.METRIC, "mae", 1.0, 2.0, limit=EXACT), "must be equal"),
        (ValueChange(Subject.MANIFEST, "generator.version", 1, 2), "-"),
    ],
)
def test_how_much_a_change_is(value, words):
    assert change_words(value) == words


def test_what_is_no_array_and_no_metric_says_what_it_is():
    names = [name_words(ValueChange(subject, "x", 1, 2)) for subject in Subject]
    assert names == ["x", "x", "tolerance of x", "control x", "manifest x"]


def test_places_and_counts():
    assert place_words(array(where=(1, 2), differing=3, size=12)) == "[1, 2]; 3 of 12"
    assert place_words(array(where=(), differing=1, size=1)) == ""
    assert place_words(array()) == ""


def test_a_renamed_file_has_both_paths():
    file = FileChange("b.npz", State.RENAMED, "fixture", old_path="a.npz")
    assert file_words(file) == "a.npz -> b.npz"


def test_without_a_record_there_is_no_reason():
    assert record_words(None) == ("", "")


def test_files_are_counted_by_what_happened_to_them():
    files = tuple(FileChange(str(n), state, "file") for n, state in enumerate([State.ADDED, *State]))
    work_tree = RevisionName()
    assert count_words(Comparison(work_tree, work_tree, files, 4)) == (
        "1 changed, 2 added, 1 removed, 1 renamed, 4 the same"
    )
    assert count_words(Comparison(work_tree, work_tree, (), 4)) == "no change, 4 the same"
