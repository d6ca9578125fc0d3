"""Markdown that shows any text as it is."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.ci.markdown import code, details, prose, size, table
from harness.report.plain_lines import plain_line

ACTIVE = re.compile(
    r"[<>|`\[\]*~$\\@]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:\w+:|www\.|https?:|GH-\d|(?<!&)#|&(?!#\d+;)"
)
"""What GitHub's Markdown could take for its own."""


def shown(markdown: str) -> str:
    """What a reader sees of prose or code: character references are resolved."""
    inner = markdown.removeprefix("<code>").removesuffix("</code>")
    return html.unescape(inner).replace("\u200b", "")


@settings(deadline=None, derandomize=True, max_examples=200)
@given(data=st.data())
def test_nothing_in_a_text_is_markup(data, hostile_texts):
    """And the reader sees the text, with control characters escaped."""
    text = data.draw(hostile_texts)
    for made in (prose(text), code(text)):
        inner = made.removeprefix("<code>").removesuffix("</code>")
        assert not ACTIVE.search(inner)
        assert shown(made) == plain_line(text)


@settings(deadline=None, derandomize=True)
@given(data=st.data())
def test_every_row_has_as_many_cells_as_the_head(data, hostile_texts):
    rows = data.draw(st.lists(st.tuples(hostile_texts, hostile_texts), max_size=4))
    lines = table(("one", "other"), [(prose(one), code(other)) for one, other in rows])
    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in lines} == {3}
    assert all(len(line.splitlines()) == 1 for line in lines)


@pytest.mark.parametrize("text", ["@ada", "see #4", "owner/name#4", "GH-4", "ada@example.org"])
def test_nobody_is_mentioned_and_no_issue_referred_to(text):
    """Between the sign and the name is a character of no width."""
    assert not re.search(r"@\w|#\d|GH-\d", html.unescape(prose(text)))


def test_no_code_is_no_mark():
    assert code("") == ""


def test_details_are_folded_under_a_summary():
    assert details("two files", ["- a", "- b"]) == [
        "<details>",
        "<summary>two files</summary>",
        "",
        "- a",
        "- b",
        "",
        "</details>",
    ]


def test_size_is_bytes():
    assert (size("é"), size("a")) == (2, 1)
