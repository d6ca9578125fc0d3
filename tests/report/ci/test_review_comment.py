"""The comment of a review: a summary, one table, folded details, and no more than GitHub takes."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.fixtures.compare import ElementDrift
from harness.core.registry.history import Record
from harness.core.revisions.values import (
    Comparison,
    FileChange,
    Limit,
    RevisionName,
    State,
    Subject,
    ValueChange,
)
from harness.report.ci.pictures import Picture
from harness.report.ci.review_comment import LIMIT, review_comment

BEFORE, AFTER = RevisionName("main", "1" * 40), RevisionName("HEAD", "2" * 40)
LIMITS = Limit("1e-07 relative", "default")


def record(**parts) -> Record:
    given = {"path": "golden/a.npz", "sha256": f"sha256:{'0' * 64}", "at": "2026-01-31T12:00:00Z"}
    given |= {"by": "Ada", "reason": "finer mesh", "commit": None, "dirty": False, "command": "pytest"}
    return Record(**{**given, "environment": f"sha256:{'1' * 64}", "previous": None, **parts})


def changed(path="golden/a.npz", name="image", reason="finer mesh", **parts) -> FileChange:
    value = ValueChange(
        Subject.ARRAY,
        name,
        0.75,
        1.25,
        **{"tolerances": 320.0, "limit": LIMITS, "where": (1, 2), "differing": 1, "size": 12, **parts},
    )
    return FileChange(path, State.CHANGED, "fixture", values=(value,), records=(record(reason=reason),))


def comment(*files, notes=(), **options) -> str:
    return review_comment(Comparison(BEFORE, AFTER, files, 3, notes), **options)


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")]


def test_the_first_lines_say_what_changed_and_the_most_of_it():
    first, second, *_ = comment(changed()).splitlines()
    assert first == (
        "**Golden files: 1 changed, 3 the same**, between <code>main (111111111111)</code> and "
        "<code>HEAD (222222222222)</code>."
    )
    assert second == (
        "1 of 1 changed values are beyond their tolerance; the largest change is 320 tolerances, in "
        "<code>image</code>."
    )


def test_one_table_has_values_place_reason_and_author():
    assert rows(comment(changed()))[2] == (
        "| <code>golden/a.npz</code> | <code>image</code> | <code>0.75</code> | <code>1.25</code> | "
        "**320** | [1, 2]; 1 of 12 | finer mesh (Ada, 2026-01-31) |"
    )


def test_nothing_changed_is_one_line():
    text = comment()
    assert text.startswith("**Golden files: no change, 3 the same**")
    assert text.count("\n") == 2


def test_details_are_folded_with_elements_and_records():
    text = comment(changed(elements=(ElementDrift((1, 2), 0.75, 1.25),), largest="largest difference 0.5"))
    assert "<details>\n<summary><code>golden/a.npz</code>: changed</summary>\n\n" in text
    assert "- <code>image</code>: allowed: 1e-07 relative (default); largest difference 0.5\n" in text
    assert "    - <code>&#91;1, 2&#93;</code>: <code>0.75</code> → <code>1.25</code>\n" in text
    assert "- recorded 2026-01-31T12&#58;00&#58;00Z by Ada: finer mesh\n" in text


def test_what_matters_most_comes_first():
    within = changed("golden/a.npz", accepted=True, tolerances=0.5)
    beyond = changed("golden/b.npz")
    unclear = FileChange("golden/c.npz", State.CHANGED, "fixture", obstacle="a pointer")
    text = comment(within, beyond, unclear)
    paths = [re.search(r"golden/\w", row)[0] for row in rows(text)[2:]]
    assert paths == ["golden/c", "golden/b", "golden/a"]
    assert "**1 of them could not be compared**" in text
    assert "| 0.5, within |" in text


def test_a_new_file_has_one_row_and_its_contents_in_the_details():
    """However many arrays it has."""
    values = tuple(ValueChange(Subject.ARRAY, f"a{n}", None, "float64 (3,)") for n in range(30))
    text = comment(FileChange("golden/b.npz", State.ADDED, "fixture", values=values))
    assert len(rows(text)) == 3
    assert "- <code>a7</code>: new, float64 (3,)\n" in text
    assert "beyond" not in text


def test_a_renamed_file_has_both_paths():
    text = comment(FileChange("golden/b.npz", State.RENAMED, "fixture", old_path="golden/a.npz"))
    assert "| <code>golden/a.npz</code> → <code>golden/b.npz</code> | renamed |" in text


def test_pictures_stand_with_their_file():
    made = [Picture("golden/a.npz", "image", word, f"1-{word}.png", f"a picture ]({word})") for word in "xy"]
    text = comment(changed(), pictures=made, folder="out dir/")
    assert "| x | y |\n| --- | --- |\n" in text
    assert "![a picture &#93;(x)](out%20dir/1-x.png)" in text
    assert text.count("![") == 2


def test_a_comment_is_never_longer_than_github_takes():
    """Rows first, then details; what is left out is counted."""
    files = [changed(f"golden/file{number:04}.npz", reason="é" * 300) for number in range(500)]
    text = comment(*files)
    assert len(text) <= len(text.encode()) <= LIMIT
    shown = len(rows(text)) - 2
    left = int(re.search(r"(\d+) more rows are left out", text)[1])
    assert shown > 20
    assert shown + left == len(files)
    folded = text.count("<details>")
    assert f"Details of {len(files) - folded} more files are left out" in text
    assert text.count("</details>") == folded


@pytest.mark.parametrize("limit", [2000, 5000])
def test_another_limit_is_kept_too(limit):
    files = [changed(f"golden/file{number:04}.npz") for number in range(100)]
    assert len(comment(*files, limit=limit)) <= limit


@pytest.mark.parametrize("length", range(800, 2600, 100))
def test_details_of_any_length_keep_the_limit(length):
    """Just inside and just outside."""
    file = FileChange("golden/a.npz", State.CHANGED, "fixture", notes=("x" * length,))
    text = comment(file, limit=2000)
    assert len(text) <= 2000
    assert ("<details>" in text) != ("Details of 1 more files are left out" in text)
    assert len(comment(changed(name="n" * length), notes=("y" * length * 9,), limit=9000)) <= 9000


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_hostile_names_and_reasons_are_only_shown(data, hostile_texts):
    """The table keeps its columns, and there is no HTML, link, image or mention but our own."""
    path, name, reason, by, note, before = (data.draw(hostile_texts) for _ in range(6))
    value = ValueChange(Subject.MANIFEST, name, before, "x")
    file = FileChange(
        path,
        State.CHANGED,
        "fixture",
        values=(value,),
        records=(record(reason=reason, by=by),),
        notes=(note,),
        obstacle=note,
    )
    text = comment(file, notes=(note,))
    assert [row.count("|") for row in rows(text)] == [8, 8, 8]
    assert set(re.findall(r"<[^>]*>?", text)) <= {
        *("<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>")
    }
    assert "](" not in text
    assert not re.search(r"@\w|(?<!&)#\d|https?://|www\.", text)
    assert text.count("<details>") == 1
    assert "\r" not in text
