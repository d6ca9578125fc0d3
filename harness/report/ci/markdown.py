r"""Pieces of GitHub's Markdown that show any text as it is.

Names and reasons come from files that a stranger may have written. In a comment they must not become
markup, a link, an image, a mention of a person or a reference to an issue. So each character that Markdown or
HTML could take for its own is written as a character reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harness.report.plain_lines import plain_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SPECIAL = re.compile(r"[$&*<>\[\\\]`|~@#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|:(?=\S)|(?<=www)\.|(?<=GH)-")
_LINKING = frozenset("@#-")
_APART = "&#8203;"  # of no width, between a sign and what would become a mention or a reference


def prose(text: str) -> str:
    """Return *text* on one line, so that Markdown shows it as it is.

    >>> prose("see #4, says @ada | <b>")
    'see &#35;&#8203;4, says &#64;&#8203;ada &#124; &#60;b&#62;'
    """
    return _SPECIAL.sub(_apart, plain_line(text))


def code(text: str) -> str:
    """Return *text* on one line as code: nothing in it is a mention, a reference or an emoji.

    >>> code("a|b")
    '<code>a&#124;b</code>'
    """
    return f"<code>{_SPECIAL.sub(_reference, plain_line(text))}</code>" if text else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a table; cells are Markdown of :func:`prose` and :func:`code`."""
    return [_row(head), _row(["---"] * len(head)), *map(_row, rows)]


def details(summary: str, lines: Sequence[str]) -> list[str]:
    """Return lines that are folded under a summary until a reader opens them."""
    return ["<details>", f"<summary>{summary}</summary>", "", *lines, "", "</details>"]


def size(text: str) -> int:
    """Return how much of a limit *text* takes up: its bytes, which are at least its characters."""
    return len(text.encode("utf-8", "backslashreplace"))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _reference(found: re.Match[str]) -> str:
    return f"&#{ord(found[0])};"


def _apart(found: re.Match[str]) -> str:
    return _reference(found) + (_APART if found[0] in _LINKING else "")
