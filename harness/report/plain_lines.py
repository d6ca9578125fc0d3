"""Text that others wrote, such as names and reasons, as lines that a terminal or a CI service only shows."""

from __future__ import annotations


def plain_line(text: str) -> str:
    r"""Return *text* as one line of printable characters that is not a GitHub workflow command.

    GitHub obeys lines that begin with ``::``, and ``##[`` anywhere.

    >>> plain_line("::error::fine\n")
    '\\x3a:error::fine\\n'
    """
    start = len(text) - len(text.lstrip())
    if text.startswith("::", start):
        text = f"{text[:start]}\\x3a{text[start + 1 :]}"
    text = text.replace("##[", "#\\x23[")
    return text if text.isprintable() else "".join(map(_escaped, text))


def plain_text(text: str) -> str:
    """Return several lines, each as :func:`plain_line`."""
    return "\n".join(map(plain_line, text.split("\n")))


def _escaped(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
