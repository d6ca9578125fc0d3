"""Tables: aligned, within the width, no word broken, and nothing in them that a terminal would obey."""

from __future__ import annotations

import io
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.report.terminal.table import TextTable, show_table, table_lines
from harness.report.terminal.wrapping import cell_width, longest, words_of

CELL = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" /."), max_size=60)
ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


class Terminal(io.StringIO):
    """A terminal that keeps what is written to it."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@st.composite
def tables(draw):
    columns = draw(st.integers(1, 5))
    head = tuple(f"head{n}" for n in range(columns))
    rows = draw(st.lists(st.tuples(*[CELL] * columns), max_size=5))
    return TextTable(head, tuple(rows), frozenset(draw(st.lists(st.sampled_from(head)))))


def drawn(table: TextTable, monkeypatch, **variables: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = Terminal()
    show_table(table, terminal)
    return terminal.getvalue()


TABLE = TextTable(
    ("golden file", "verdict", "share"),
    (("golden/a.npz", "same", "0.5"), ("golden/tests/waves/spectrum.npz", "drifted", "12")),
    frozenset({"share"}),
    "what was compared",
)


def test_columns_are_aligned():
    """Numbers at the right; no space at the end of a line."""
    assert table_lines(TABLE) == [
        "what was compared",
        "golden file                      verdict  share",
        "golden/a.npz                     same       0.5",
        "golden/tests/waves/spectrum.npz  drifted     12",
    ]


def test_paths_are_broken_on_a_terminal_alone():
    assert table_lines(TABLE, 40, paths=True)[-2:] == [
        "golden/tests/waves/       drifted     12",
        "spectrum.npz",
    ]


def test_a_name_that_is_too_long_has_a_line_of_its_own():
    """In a log or a pipe, where a broken path could not be searched for."""
    assert table_lines(TABLE, 40) == [
        "what was compared",
        "golden file",
        "    verdict  share",
        "golden/a.npz",
        "    same       0.5",
        "golden/tests/waves/spectrum.npz",
        "    drifted     12",
    ]


def test_cells_that_fit_nowhere_are_listed():
    """Each with its heading."""
    table = TextTable(("name", "why", "how"), (("a" * 30, "b" * 30, "c c"),))
    assert table_lines(table, 30)[-4:] == ["a" * 30, "    why:", f"    {'b' * 30}", "    how: c c"]


def test_a_text_column_does_not_become_a_strip():
    """Twenty columns are the fewest; else the name has a line of its own."""
    table = TextTable(("name", "why"), (("n" * 50, "one two three four five six seven"),))
    assert table_lines(table, 60)[-1] == "    one two three four five six seven"
    assert table_lines(table, 72)[-2:] == [f"{'n' * 50}  one two three four", f"{' ' * 52}five six seven"]


def test_wide_characters_are_aligned():
    lines = table_lines(TextTable(("name", "n"), (("漢字", "1"), ("ab", "2"))))
    assert [lines[1].index("1"), lines[2].index("2")] == [4, 6]  # two characters of two columns each


def test_control_characters_are_escaped():
    evil = "\x1b[31m\u202eevil\n::error::x ##[error]y"
    for line in table_lines(TextTable((evil, "b"), ((evil, evil),), title=evil)):
        assert line.isprintable()
        assert "##[" not in line
        assert not line.lstrip().startswith("::")


@given(tables(), st.integers(20, 120), st.booleans())
def test_no_line_is_longer_than_the_width_or_a_single_word(table, width, paths):
    """For any cells; paths may be broken where that is wanted."""
    cells = [cell for row in (table.head, *table.rows) for cell in row]
    indented = 4 + max(longest(cells, paths=paths), 8)
    for line in table_lines(table, width, paths=paths):
        assert cell_width(line) <= max(width, indented)


@given(tables(), st.integers(20, 120))
def test_no_word_is_broken(table, width):
    """Every word of every cell is found whole."""
    shown = " ".join(table_lines(table, width)).split()
    for row in table.rows:
        for word in (word for cell in row for word in words_of(cell)):
            assert not word.isprintable() or word in shown or word.startswith("::") or "##" in word


@settings(max_examples=30)
@given(tables())
def test_rich_draws_the_same_cells_in_the_same_places(table):
    """But for the rule below the headings."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        plain = drawn(table, monkeypatch, COLUMNS="80", NO_COLOR="1").split("\n")
        styled = ESCAPE.sub("", drawn(table, monkeypatch, COLUMNS="80")).split("\n")
    assert [line.rstrip() for line in styled if set(line) - set("─ ")] == [
        line.rstrip() for line in plain if line.strip()
    ]


def test_styles_on_a_terminal(monkeypatch):
    """A verdict has its colour, and the headings a rule."""
    shown = drawn(TABLE, monkeypatch)
    assert "\x1b[31mdrifted" in shown
    assert "\x1b[32msame" in shown
    assert "───" in shown


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_styles_where_they_are_not_wanted(monkeypatch, variables):
    assert "\x1b" not in drawn(TABLE, monkeypatch, **variables)


def test_nor_in_a_pipe(capsys):
    """And no lines either."""
    show_table(TABLE)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert shown.isascii()
    assert "---" not in shown


def test_an_encoding_without_lines_has_none(monkeypatch):
    monkeypatch.setattr(Terminal, "encoding", "ascii")
    assert drawn(TABLE, monkeypatch).isascii()


def test_the_width_is_that_of_the_terminal(monkeypatch):
    assert max(map(cell_width, ESCAPE.sub("", drawn(TABLE, monkeypatch, COLUMNS="30")).splitlines())) <= 30
