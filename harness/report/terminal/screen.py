"""What the stream can show that results are printed to: its width, styles and characters.

`harness verify` imports this module on every push, so rich is imported only where a terminal shows styles.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from harness.report.terminal.wrapping import wrapped

if TYPE_CHECKING:
    from collections.abc import Iterable

COLUMNS = 80
"""Width of a table where there is no terminal."""

_FEWEST = 20
_SKETCHED = "█▇▆▅▄▃▂▁░▒▓·─"


class Screen(NamedTuple):
    """What a stream shows.

    Attributes
    ----------
    width : int
    terminal : bool
        Whether a person reads along: lines are wrapped, and arrays may be sketched.
    styled : bool
        Whether colours and other styles are shown.
    unicode : bool
        Whether block characters can be written.
    """

    width: int = COLUMNS
    terminal: bool = False
    styled: bool = False
    unicode: bool = False


def screen_of(stream: TextIO | None = None) -> Screen:
    """Return what a stream, by default standard output, can show.

    ``NO_COLOR`` and ``TERM=dumb`` switch styles off, ``FORCE_COLOR`` treats every stream as a terminal, and
    ``COLUMNS`` gives the width.

    >>> import io
    >>> screen_of(io.StringIO())
    Screen(width=80, terminal=False, styled=False, unicode=False)
    """
    stream = sys.stdout if stream is None else stream
    terminal = bool(os.environ.get("FORCE_COLOR")) or _is_terminal(stream)
    styled = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Screen(max(_FEWEST, _columns(stream)), terminal, styled, terminal and can_write_blocks(stream))


def fitted(lines: Iterable[str], screen: Screen) -> list[str]:
    """Return *lines* as a terminal shows them: wrapped between words, with a command never broken.

    Where there is no terminal they are as they are: a line for each fact, for grep and for logs.
    """
    if not screen.terminal:
        return list(lines)
    return [part for line in lines for part in wrapped(line, screen.width)]


def show_lines(lines: Iterable[str], stream: TextIO | None = None) -> None:
    """Print lines to a stream, by default standard output, as it can show them."""
    stream = sys.stdout if stream is None else stream
    text = "".join(f"{line}\n" for line in fitted(lines, screen_of(stream)))
    stream.write(text)
    stream.flush()


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # not a stream, or a closed one
        return False


def _columns(stream: TextIO) -> int:
    """Return the width that ``COLUMNS`` or the terminal has."""
    given = os.environ.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or COLUMNS
    except (AttributeError, OSError, ValueError):
        return COLUMNS


def can_write_blocks(stream: TextIO | None) -> bool:
    """Whether a stream's encoding has the characters of tables and sketches.

    >>> import io
    >>> can_write_blocks(io.TextIOWrapper(io.BytesIO(), "utf-8")), can_write_blocks(None)
    (True, False)
    """
    try:
        _SKETCHED.encode(getattr(stream, "encoding", None) or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return True
