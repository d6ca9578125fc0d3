r"""Text in lines of a width: broken between words, and in paths after ``/`` and before ``.``, nowhere else.

A word that is longer than a line has a line of its own, which a terminal may break as it likes. What is
between backticks, and what follows ``next:``, is for copying: it is broken nowhere.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\S*`[^`]*`\S*|\[[\d, ]+\]\S*|\S+")
_BETWEEN_PIECES = re.compile(r"(?<=/)(?=[^/])|(?<=[^/.])(?=\.[^\W\d])")
_HANGING = 4
_TO_BE_COPIED = ("next: ", "  harness diff ")


def cell_width(text: str) -> int:
    """Return how many columns a terminal needs for *text*: two for a wide character.

    >>> cell_width("ab"), cell_width("漢字")
    (2, 4)
    """
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def words_of(text: str) -> list[str]:
    """Return the words of *text*; a command between backticks is one, and so is an index.

    >>> words_of("See `git diff`, then commit.")
    ['See', '`git diff`,', 'then', 'commit.']
    """
    return _WORD.findall(text)


def pieces_of(word: str) -> list[str]:
    """Return a word in pieces that may be on different lines.

    >>> pieces_of("golden/tests/waves.npz")
    ['golden/', 'tests/', 'waves', '.npz']
    """
    return _BETWEEN_PIECES.split(word)


def wrapped(line: str, width: int) -> list[str]:
    """Return a line in lines of at most *width* columns; those after the first are indented more.

    >>> wrapped("  an array of which all elements differ", 24)
    ['  an array of which all', '      elements differ']
    """
    if cell_width(line) <= width or line.startswith(_TO_BE_COPIED):
        return [line]
    indent = len(line) - len(line.lstrip(" "))
    first, later = " " * indent, " " * min(indent + _HANGING, width // 2)
    words = words_of(line)
    gaps = re.split(_WORD, line)[1:-1]  # such as the columns of a list: kept within a line
    lines = [first]
    for word, gap in zip(words, [None, *gaps], strict=True):
        room = width - cell_width(lines[-1])
        if gap is None:
            lines[-1] += word
        elif cell_width(gap + word) <= room:
            lines[-1] += gap + word
        else:
            lines.append(later + word)
    return lines


def filled(text: str, width: int, *, paths: bool) -> list[str]:
    """Return the text of a cell in lines of at most *width* columns, if no word or piece is longer.

    Parameters
    ----------
    text : str
    width : int
    paths : bool
        Whether a path may be broken after ``/`` and before ``.``.

    Examples
    --------
    >>> filled("golden/tests/waves.npz has drifted", 13, paths=True)
    ['golden/tests/', 'waves.npz has', 'drifted']
    """
    lines = [""]
    for word in words_of(text):
        if lines[-1] and cell_width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        elif not paths or cell_width(word) <= width:
            lines.append(word)
        else:
            lines += _joined(pieces_of(word), width)
    return lines[1:] or [""]


def longest(texts: Iterable[str], *, paths: bool) -> int:
    """Return the width of the longest word, or piece of one, in *texts*."""
    words = (word for text in texts for word in words_of(text))
    parts = (part for word in words for part in (pieces_of(word) if paths else [word]))
    return max(map(cell_width, parts), default=0)


def _joined(pieces: Sequence[str], width: int) -> list[str]:
    lines = [""]
    for piece in pieces:
        if lines[-1] and cell_width(lines[-1] + piece) > width:
            lines.append(piece)
        else:
            lines[-1] += piece
    return lines
