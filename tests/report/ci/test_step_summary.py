"""The table in the summary of a step."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UnwritableError
from harness.report.ci.items import Item, Level
from harness.report.ci.step_summary import LIMIT, VARIABLE, append_summary, summary_text

MISSING = Item(Level.ERROR, "golden/a_b.npz", "missing", "expected 9 bytes", "Restore it.")


def test_a_summary_counts_all_and_lists_what_did_not_pass():
    text = summary_text("harness verify", [MISSING, Item(Level.PASSED, "golden/c.npz", "same")])
    assert text.splitlines() == [
        "### <code>harness verify</code>",
        "",
        "1 error, 1 passed.",
        "",
        "|  | golden file | what | detail | next step |",
        "| --- | --- | --- | --- | --- |",
        "| error | <code>golden/a_b.npz</code> | missing | expected 9 bytes | Restore it. |",
    ]


def test_without_anything_to_list_there_is_no_table():
    assert "|" not in summary_text("harness verify", [Item(Level.PASSED, "golden/c.npz", "same")])


def test_a_summary_stays_below_its_limit_and_counts_what_it_leaves_out():
    text = summary_text("harness verify", [MISSING] * 20_000)
    assert len(text.encode()) <= LIMIT
    shown = text.count("golden/a")
    assert shown > 5000
    assert f"{20_000 - shown} more rows are left out" in text


def test_a_summary_is_appended(tmp_path, monkeypatch):
    """Other commands of the step have theirs in the same file."""
    file = tmp_path / "summary.md"
    file.write_text("before\n")
    monkeypatch.setenv(VARIABLE, str(file))
    append_summary("harness verify", [MISSING])
    assert file.read_text().startswith("before\n### ")


def test_what_is_in_the_file_counts(tmp_path, monkeypatch):
    file = tmp_path / "summary.md"
    file.write_text("x" * (LIMIT - 5000))
    monkeypatch.setenv(VARIABLE, str(file))
    append_summary("harness verify", [MISSING] * 1000)
    assert file.stat().st_size <= LIMIT
    assert "left out" in file.read_text()


@pytest.mark.parametrize("name", ["folder", "folder/none/summary.md", "bad\ud800"])
def test_a_file_that_cannot_be_written_is_an_error(tmp_path, monkeypatch, name):
    (tmp_path / "folder").mkdir()
    monkeypatch.setattr("os.environ", {VARIABLE: f"{tmp_path}/{name}"})
    with pytest.raises(UnwritableError, match="cannot append the step's summary") as caught:
        append_summary("harness verify", [MISSING])
    assert caught.value.exit_code == 2


def test_elsewhere_than_in_github_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    append_summary("harness verify", [MISSING])
    assert not list(tmp_path.iterdir())


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_hostile_names_keep_the_columns(data, hostile_items, hostile_texts):
    items = hostile_items(*data.draw(st.lists(hostile_texts, min_size=1, max_size=4)))
    rows = [line for line in summary_text("harness verify", items).split("\n") if line.startswith("|")]
    assert len(rows) == 2 + len(items)
    assert {row.count("|") for row in rows} == {6}
    assert not re.search(r"<(?!/?code>)", "\n".join(rows))
