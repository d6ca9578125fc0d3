"""Sketches: in the right place, and only where they can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.fixtures.compare import compare_arrays
from harness.core.fixtures.tolerance import Tolerance
from harness.report.terminal.screen import Screen
from harness.report.terminal.sketch import sketch_lines

TERMINAL = Screen(width=80, terminal=True, unicode=True)


def sketch(shape, *places, screen: Screen = TERMINAL) -> list[str]:
    golden = np.zeros(shape)
    found = golden.copy()
    for place in places:
        found[place] = 1.0
    return sketch_lines(compare_arrays("a", golden, found, Tolerance()), screen)


def test_one_axis_is_a_line_of_bars():
    """The end too; an element each, if there is room."""
    assert sketch(10, 0, 9) == ["█········█"]


def test_a_long_axis_is_gathered():
    """The bar is as high as the share that differs, compared with the highest."""
    (line,) = sketch(6000, slice(100, 200), slice(5900, 5950))
    assert (len(line), line[1], line[59], set(line[2:59])) == (60, "█", "▄", {"·"})


def test_two_axes_are_a_map():
    assert sketch((3, 10), (1, 4)) == ["··········", "····█·····", "··········"]


def test_more_axes_are_looked_at_along_the_first():
    assert sketch((5, 3, 10), (4, 1, 4), (2, 0, 0)) == ["█·········", "····█·····", "··········"]


def test_a_map_has_a_dozen_rows():
    assert [len(sketch((400, 500), (399, 499))), sketch((400, 500), (399, 499))[-1][-1]] == [12, "█"]


@pytest.mark.parametrize("shape", [(), (7,), (0,), (1, 4), (2, 3)])
def test_small_arrays_have_none(shape):
    """Their elements are listed."""
    assert sketch(shape, *([(0,) * len(shape)] if 0 not in shape else [])) == []


def test_what_differs_everywhere_or_nowhere_has_none():
    assert sketch(20, slice(None)) == []
    assert sketch(20) == []


@pytest.mark.parametrize("screen", [Screen(), Screen(terminal=True), Screen(unicode=True)])
def test_none_where_it_cannot_be_read(screen):
    """In a pipe, and where the encoding has no such characters."""
    assert sketch(20, 3, screen=screen) == []


def test_arrays_of_other_names_or_shapes_have_none():
    assert sketch_lines(compare_arrays("a", np.zeros(20), None), TERMINAL) == []
    assert sketch_lines(compare_arrays("a", np.zeros(20), np.zeros(21)), TERMINAL) == []


@given(st.integers(8, 3000), st.data())
def test_the_place_is_right(length, data):
    """For any length, the mark is in the cell that holds the element."""
    place = data.draw(st.integers(0, length - 1))
    (line,) = sketch(length, place)
    cells = min(60, length)
    assert line == "·" * (place * cells // length) + "█" + "·" * (cells - place * cells // length - 1)


@given(st.integers(20, 200))
def test_it_fits_the_terminal(width):
    lines = sketch((50, 300), (3, 4), screen=TERMINAL._replace(width=width))
    assert max(map(len, lines)) <= width - 4
