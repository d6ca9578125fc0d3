"""Workflow commands: as many as intended, the most serious first, and nothing in them is a second one."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.ci.annotations import MOST, annotation_lines
from harness.report.ci.items import Item, Level

COMMAND = re.compile(r"::(error|warning|notice) ([^\n]*?)::([^\n]*)")


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """What GitHub's runner reads of a line: the command, its properties and its text."""
    found = COMMAND.fullmatch(line)
    assert found, line
    pairs = dict(pair.split("=", 1) for pair in found[2].split(","))

    def plain(text: str) -> str:
        for code, character in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
            text = text.replace(code, character)
        return text

    return found[1], {key: plain(value) for key, value in pairs.items()}, plain(found[3])


def test_an_annotation_names_the_file_in_the_repository():
    """The project may be a directory of it."""
    item = Item(Level.ERROR, "golden/a,b.npz", "drifted", "50% off: x", "Run `it`.")
    (line,) = annotation_lines([item], "sub/")
    assert line == (
        "::error file=sub/golden/a%2Cb.npz,title=drifted%3A golden/a%2Cb.npz::50%25 off: x%0ARun `it`."
    )
    assert parsed(line) == (
        "error",
        {"file": "sub/golden/a,b.npz", "title": "drifted: golden/a,b.npz"},
        "50% off: x\nRun `it`.",
    )


def test_what_is_about_no_file_has_no_place():
    (line,) = annotation_lines([Item(Level.WARNING, "", "history", "no git")])
    assert line == "::warning title=history::no git"


def test_what_passed_has_no_annotation():
    assert annotation_lines([Item(Level.PASSED, "a", "same")]) == []


def test_the_most_serious_ten_are_shown_and_the_others_counted():
    """GitHub would drop them without a word."""
    levels = [Level.NOTICE, *[Level.WARNING] * 8, *[Level.ERROR] * 4]
    items = [Item(level, "a", "r") for level in levels]
    lines = annotation_lines(items)
    assert [parsed(line)[0] for line in lines] == ["error"] * 4 + ["warning"] * 6 + ["notice"]
    assert parsed(lines[-1])[2].startswith("2 warnings, 1 notice more")


def test_ten_need_no_further_line():
    assert len(annotation_lines([Item(Level.ERROR, "e", "r")] * MOST)) == MOST


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_hostile_names_are_one_command_each(data, hostile_items, hostile_texts):
    """The name comes back whole, and no line of the output is a command of its own."""
    texts = data.draw(st.lists(hostile_texts, min_size=1, max_size=4))
    items = hostile_items(*texts)
    lines = annotation_lines(items)
    shown = "\n".join(lines).splitlines()
    assert shown == lines
    assert len(lines) == len(items)
    for line, item in zip(lines, items, strict=True):
        command, properties, text = parsed(line)
        assert (command, properties.get("file", "")) == ("error", item.path)
        assert text == item.text
        assert "##[" not in line
