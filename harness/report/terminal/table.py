"""Tables: rich draws them on a terminal with styles; elsewhere they are aligned text, without lines.

Both have the same cells in the same places. No word is broken. Where a table is too wide, its text columns
become narrower; on a terminal, paths are then broken after ``/`` and before ``.``. Where that is not enough,
the first cell of each row has a line of its own.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple, TextIO

from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import COLUMNS, Screen, screen_of
from harness.report.terminal.wrapping import cell_width, filled, longest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_GAP = 2
_INDENT = 4
_NARROWEST = 20
"""Narrower columns of text are hard to read."""

_STYLES = {
    "same": "green",
    "within tolerance": "green",
    "reproduced": "green",
    "accepted": "green",
    "recorded": "green",
    "same content, other container": "yellow",
    "report-only": "yellow",
    "unregistered": "yellow",
    "not judged": "yellow",
    "weak": "yellow",
    "drifted": "red",
    "collapsed": "red",
    "missing": "red",
    "corrupt": "red",
    "stale format": "red",
    "cannot tell": "red",
    "interrupted": "red",
    "refused": "red",
    "broken": "red",
}
"""Colours of verdicts; the words are there without them."""


# A named tuple, not a dataclass: importing dataclasses takes a fifth of the time of `harness verify`.
class TextTable(NamedTuple):
    r"""Cells of text under headings.

    Attributes
    ----------
    head : tuple of str
    rows : tuple of tuple of str
        Each as long as the head. A cell may have several lines.
    numbers : frozenset of str
        Headings of the columns that are aligned at the right.
    title : str

    Examples
    --------
    >>> table = TextTable(("array", "differ"), (("power", "11"), ("phase", "2")), frozenset({"differ"}))
    >>> print("\n".join(table_lines(table)))
    array  differ
    power      11
    phase       2
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: frozenset[str] = frozenset()
    title: str = ""


def table_lines(table: TextTable, width: int = COLUMNS, *, paths: bool = False) -> list[str]:
    """Return a table as aligned text.

    Parameters
    ----------
    table : TextTable
    width : int, optional
        No line is longer, unless a single word is.
    paths : bool, optional
        Whether paths may be broken.
    """
    table = _escaped(table)
    title = filled(table.title, width, paths=paths) if table.title else []
    widths = _widths(table, width, paths=paths)
    if widths is None:
        return [*title, *_stacked(table, width, paths=paths)]
    cells = [_filled_row(row, widths, paths=paths) for row in (table.head, *table.rows)]
    right = [heading in table.numbers for heading in table.head]
    return [*title, *(line for row in cells for line in _row_lines(row, widths, right))]


def show_table(table: TextTable, stream: TextIO | None = None) -> None:
    """Print a table to a stream, by default standard output, as it can show it."""
    stream = sys.stdout if stream is None else stream
    screen = screen_of(stream)
    drawn = _drawn(table, screen) if screen.styled else None
    lines = table_lines(table, screen.width, paths=screen.terminal) if drawn is None else [drawn]
    stream.write("\n".join(lines) + "\n")
    stream.flush()


def _drawn(table: TextTable, screen: Screen) -> str | None:
    """Return a table as rich draws it; None if it has to be stacked."""
    table = _escaped(table)
    widths = _widths(table, screen.width, paths=True)
    if widths is None:
        return None
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(
        box=box.SIMPLE_HEAD if screen.unicode else None, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0)
    )
    shown.title, shown.title_justify = Text(table.title, "bold") if table.title else None, "left"
    for heading, width in zip(table.head, widths, strict=True):
        justify = "right" if heading in table.numbers else "left"
        text = Text("\n".join(filled(heading, width, paths=True)))
        shown.add_column(text, justify=justify, no_wrap=True, width=width)  # type: ignore[arg-type]
    for row in table.rows:
        cells = _filled_row(row, widths, paths=True)
        texts = zip(row, cells, strict=True)
        shown.add_row(*(Text("\n".join(lines), _STYLES.get(cell, "")) for cell, lines in texts))
    console = Console(width=screen.width, force_terminal=True, highlight=False, legacy_windows=False)
    with console.capture() as captured:
        console.print(shown)
    return captured.get().rstrip("\n")


def _escaped(table: TextTable) -> TextTable:
    """Return a table whose cells have only printable characters: names and reasons are what others wrote."""
    rows = tuple(
        tuple("\n".join(plain_line(line.rstrip()) for line in cell.split("\n")) for cell in row)
        for row in table.rows
    )
    return table._replace(rows=rows, head=tuple(map(plain_line, table.head)), title=plain_line(table.title))


def _widths(table: TextTable, width: int, *, paths: bool) -> list[int] | None:
    """Return the width of each column, so that the table fits; None if it cannot."""
    columns = [list(column) for column in zip(table.head, *table.rows, strict=True)]
    natural = [max(cell_width(line) for cell in column for line in cell.split("\n")) for column in columns]
    least = [
        whole if heading in table.numbers else min(whole, max(_NARROWEST, longest(column, paths=paths)))
        for heading, column, whole in zip(table.head, columns, natural, strict=True)
    ]
    room = width - _GAP * (len(columns) - 1)
    if sum(least) > room:
        return None
    while sum(natural) > room:
        spare = [now - fewest for now, fewest in zip(natural, least, strict=True)]
        widest = max((n for n in range(len(natural)) if spare[n]), key=lambda n: natural[n])
        natural[widest] -= 1
    return natural


def _filled_row(row: Sequence[str], widths: Sequence[int], *, paths: bool) -> list[list[str]]:
    return [
        [line for part in cell.split("\n") for line in _filled_cell(part, width, paths=paths)]
        for cell, width in zip(row, widths, strict=True)
    ]


def _filled_cell(text: str, width: int, *, paths: bool) -> list[str]:
    return [text] if cell_width(text) <= width else filled(text, width, paths=paths)


def _row_lines(cells: Sequence[Sequence[str]], widths: Sequence[int], right: Sequence[bool]) -> Iterable[str]:
    for number in range(max(map(len, cells))):
        texts = [cell[number] if number < len(cell) else "" for cell in cells]
        aligned = (
            _aligned(text, width, right=numbers)
            for text, width, numbers in zip(texts, widths, right, strict=True)
        )
        yield (" " * _GAP).join(aligned).rstrip()


def _aligned(text: str, width: int, *, right: bool) -> str:
    space = " " * (width - cell_width(text))
    return space + text if right else text + space


def _stacked(table: TextTable, width: int, *, paths: bool) -> list[str]:
    """Return a table in which the first cell of each row has lines of its own, the others below it."""
    rest = table._replace(head=table.head[1:], rows=tuple(row[1:] for row in table.rows), title="")
    widths = _widths(rest, width - _INDENT, paths=paths) if rest.head else []
    right = [heading in table.numbers for heading in rest.head]

    def below(row: tuple[str, ...]) -> Iterable[str]:
        if widths is None:
            return () if row is rest.head else _listed(rest.head, row, width, paths=paths)
        lines = _row_lines(_filled_row(row, widths, paths=paths), widths, right) if widths else ()
        return (f"{' ' * _INDENT}{line}".rstrip() for line in lines)

    rows = ((table.head, rest.head), *zip(table.rows, rest.rows, strict=True))
    return [
        line
        for whole, others in rows
        for line in (*_filled_cell(whole[0], width, paths=paths), *below(others))
    ]


def _listed(head: Sequence[str], row: Sequence[str], width: int, *, paths: bool) -> list[str]:
    """Return the cells of a row, each with its heading, where no table of them fits."""
    indent = " " * _INDENT
    return [
        f"{indent}{line}"
        for heading, cell in zip(head, row, strict=True)
        if cell
        for line in filled(f"{heading}: {cell}", width - _INDENT, paths=paths)
    ]
