"""What a stream can show."""

from __future__ import annotations

import io

import pytest

from harness.report.terminal.screen import Screen, fitted, screen_of, show_lines

LONG = "word " * 30
BLOCKS = "utf-8"


class Terminal(io.TextIOWrapper):
    """A terminal with an encoding."""

    def __init__(self, encoding: str = BLOCKS) -> None:
        super().__init__(io.BytesIO(), encoding)

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _clean(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)


def test_a_pipe_shows_text_alone():
    assert screen_of(io.StringIO()) == Screen(80, terminal=False, styled=False, unicode=False)


def test_a_terminal_shows_everything():
    assert screen_of(Terminal()) == Screen(80, terminal=True, styled=True, unicode=True)


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_styles_are_switched_off(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    assert screen_of(Terminal()) == Screen(80, terminal=True, styled=False, unicode=True)


def test_an_empty_no_color_means_nothing(monkeypatch):
    """As its standard has it."""
    monkeypatch.setenv("NO_COLOR", "")
    assert screen_of(Terminal()).styled


def test_force_color_treats_a_pipe_as_a_terminal(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert screen_of(io.StringIO()).styled


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_encodings_without_blocks(encoding):
    assert not screen_of(Terminal(encoding)).unicode


@pytest.mark.parametrize(
    ("given", "width"), [("60", 60), ("200", 200), ("1", 20), ("", 80), ("many", 80), ("0", 80)]
)
def test_columns_gives_the_width(monkeypatch, given, width):
    """But no table fits a handful of columns."""
    monkeypatch.setenv("COLUMNS", given)
    assert screen_of(io.StringIO()).width == width


def test_a_closed_stream_shows_nothing():
    stream = io.StringIO()
    stream.close()
    assert screen_of(stream) == Screen()


def test_lines_are_wrapped_on_a_terminal_alone():
    """A pipe gets a line for each fact."""
    assert fitted([LONG], Screen()) == [LONG]
    assert all(len(line) <= 40 for line in fitted([LONG], Screen(40, terminal=True)))


def test_lines_are_printed_to_standard_output(capsys):
    show_lines(["a", "b"])
    assert capsys.readouterr() == ("a\nb\n", "")
