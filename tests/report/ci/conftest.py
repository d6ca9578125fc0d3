"""Items whose texts are as hostile as names in a pull request of a stranger can be."""

from __future__ import annotations

import pytest

from harness.core.verdict import Outcome, Verdict
from harness.report.ci.items import items_of_verdicts

PIECES = (
    "::error::x",
    "##[error]",
    "%",
    "%0A",
    "\n",
    "\r\n",
    ",title=x",
    "|",
    "`",
    "``` ",
    "<script>alert(1)</script>",
    "</details>",
    "<!--",
    "]]>",
    "&amp;",
    "\x00\x1b[31m\x7f",
    "\u202e",
    "\u2028",
    "\ud800",
    "\udcff",
    "\ufffe",
    "@everyone",
    "#1",
    "GH-1",
    "![x](https://example.org/x.png)",
    "[x](javascript:alert(1))",
    "https://example.org",
    "www.example.org",
    "\\",
    "*a*_b_~c~",
    ":tada:",
    "$x$",
    "'\"",
    " ",
    "é",
)
"""What each format could take for its own."""


@pytest.fixture(scope="session")
def hostile_items():
    """Make items of verdicts whose names and details are given texts."""

    def make(*texts: str, outcome: Outcome = Outcome.DRIFTED):
        return items_of_verdicts([Verdict(text, outcome, text, text) for text in texts])

    return make


@pytest.fixture(scope="session")
def hostile_texts():
    """A strategy of texts made of those pieces and of any characters."""
    from hypothesis import strategies as st

    any_text = st.text(st.characters(exclude_categories=()), max_size=20)
    return st.lists(st.one_of(st.sampled_from(PIECES), any_text), max_size=6).map("".join)
