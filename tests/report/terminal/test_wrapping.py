"""Lines of a width: broken between words alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.terminal.wrapping import cell_width, filled, longest, pieces_of, words_of, wrapped

TEXT = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" /.`"), max_size=200)
WIDTH = st.integers(20, 120)


def test_a_short_line_is_as_it_is():
    """Its columns too."""
    assert wrapped("  a    b", 20) == ["  a    b"]


def test_later_lines_are_indented_more():
    assert wrapped("  one two three", 9) == ["  one two", "    three"]


@pytest.mark.parametrize(
    "command", ["next: git checkout -- a/b/c/d", "  harness diff aaaaaa.npz bbbbbbb.npz"]
)
def test_a_command_to_be_copied_is_not_broken(command):
    """A line break in it would end it."""
    assert wrapped(command, 20) == [command]


def test_a_command_in_a_sentence_is_one_word():
    assert wrapped("Type `git commit -a`.", 15) == ["Type", "    `git commit -a`."]


def test_an_index_is_one_word():
    assert words_of("worst at [3, 12], or so") == ["worst", "at", "[3, 12],", "or", "so"]


def test_a_long_word_has_a_line_of_its_own():
    """And stays below its head, which the first path of a list did not."""
    assert wrapped(f"    {'x' * 30}, y", 20) == [f"    {'x' * 30},", "        y"]


@pytest.mark.parametrize(
    ("word", "pieces"),
    [
        ("golden/a.npz", ["golden/", "a", ".npz"]),
        ("/usr//x/", ["/", "usr//", "x/"]),
        (".gitignore", [".gitignore"]),
        ("1.5e-3", ["1.5e-3"]),
        ("plain", ["plain"]),
        ("a..b", ["a..b"]),
    ],
)
def test_pieces_of_a_path(word, pieces):
    assert pieces_of(word) == pieces


@given(TEXT)
def test_pieces_are_the_whole_word(text):
    assert "".join(pieces_of(text)) == text


@given(TEXT, WIDTH)
def test_no_word_is_lost_or_broken(text, width):
    """Whatever it is, and wherever it is shown."""
    lines = wrapped(text, width)
    assert words_of(" ".join(lines)) == words_of(text)


@given(TEXT, WIDTH)
def test_no_line_is_longer_unless_it_has_a_single_word(text, width):
    for line in wrapped(text, width):
        assert cell_width(line) <= width or len(words_of(line)) == 1


@given(TEXT, WIDTH, st.booleans())
def test_a_cell_has_the_width_unless_a_piece_is_longer(text, width, paths):
    lines = filled(text, width, paths=paths)
    assert "".join(lines).replace(" ", "") == "".join(words_of(text)).replace(" ", "")
    assert max(map(cell_width, lines)) <= max(width, longest([text], paths=paths))


def test_wide_characters_count_twice():
    assert wrapped("漢字漢字 漢字漢字 漢字漢字", 20) == ["漢字漢字 漢字漢字", "    漢字漢字"]
