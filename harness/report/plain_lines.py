"""Text that others wrote, such as names and reasons, as lines that a terminal or a CI service only shows."""

from __future__ import annotations

import json
import re

_COMMAND = re.compile(r"##(?=\[|vso\[)")


def plain_line(text: str) -> str:
    r"""Return *text* as one line of printable characters that is not a GitHub workflow command.

    GitHub obeys lines that begin with ``::``, and ``##[`` anywhere; Azure obeys ``##vso[`` anywhere.

    >>> plain_line("::error::fine\n")
    '\\x3a:error::fine\\n'
    """
    start = len(text) - len(text.lstrip())
    if text.startswith("::", start):
        text = f"{text[:start]}\\x3a{text[start + 1 :]}"
    text = _COMMAND.sub(r"#\\x23", text)
    return text if text.isprintable() else "".join(map(_escaped, text))


def plain_text(text: str) -> str:
    """Return several lines, each as :func:`plain_line`."""
    return "\n".join(map(plain_line, text.split("\n")))


def plain_json(document: str) -> str:
    r"""Return a JSON document with the same values, in which strings have only printable characters.

    No workflow command is in it either: no line of a document begins with ``::``.

    >>> print(plain_json('{"reason": "##[error]\u202ex"}'))
    {"reason": "#\u0023[error]\u202ex"}
    """
    text = _COMMAND.sub(r"#\\u0023", document)
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def first_command(text: str) -> str:
    """Return the first command between backticks; empty if there is none.

    >>> first_command("See `git log`, or `git show`.")
    'git log'
    """
    found = re.search(r"`([^`]+)`", text)
    return found[1] if found else ""


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
