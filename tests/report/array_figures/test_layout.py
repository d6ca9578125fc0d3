"""Which form an array has, and which of its slices are shown."""

from __future__ import annotations

import numpy as np
import pytest

from harness.report.array_figures.layout import chosen_slices, form_of, layout_of, slices_note


@pytest.mark.parametrize(
    ("array", "form"),
    [
        (np.zeros(()), "number"),
        (np.zeros((1, 1)), "number"),
        (np.zeros(3), "curve"),
        (np.zeros((1, 3, 1)), "curve"),
        (np.zeros((2, 3)), "pictures"),
        (np.zeros((2, 3), bool), "pictures"),
        (np.zeros((2, 3, 4), "complex64"), "pictures"),
        (np.zeros(0), "empty"),
        (np.zeros((3, 0), "U3"), "empty"),
        (np.array(["a"]), "table"),
        (np.zeros(2, "M8[s]"), "table"),
        (np.zeros(2, "m8[s]"), "table"),
        (np.zeros(2, [("a", "f8")]), "table"),
        (np.zeros(2, np.longdouble), "table"),
    ],
)
def test_every_kind_of_array_has_a_form(array, form):
    if array.dtype == np.float64 and form == "table":
        pytest.skip("long double is float64 on this machine")
    assert form_of(array) == form


@pytest.mark.parametrize(
    ("shape", "rows", "columns", "others"),
    [
        ((5,), None, 0, ()),
        ((4, 5), 0, 1, ()),
        ((64, 64, 64), 1, 2, (0,)),
        ((300, 20, 20), 1, 2, (0,)),
        ((3, 4, 2), 1, 2, (0,)),
        ((50, 80, 3), 0, 1, (2,)),
        ((2, 50, 3, 80), 1, 3, (0, 2)),
        ((1, 7, 1), None, 1, (0, 2)),
    ],
)
def test_pictures_have_the_last_axes_but_channels(shape, rows, columns, others):
    assert layout_of(shape) == (rows, columns, others)


def test_few_slices_are_all_shown():
    layout = layout_of((3, 9, 9))
    chosen = chosen_slices((3, 9, 9), layout, None)
    assert [one.label for one in chosen] == ["[0, :, :]", "[1, :, :]", "[2, :, :]"]
    assert slices_note((3, 9, 9), layout, 3) == ""


def test_of_many_slices_some_are_shown_and_always_the_worst():
    shape = (4, 100, 30, 40)
    layout = layout_of(shape)
    assert layout.others == (0, 1)
    chosen = chosen_slices(shape, layout, (2, 99, 17, 3))
    labels = [one.label for one in chosen]
    assert len(labels) == 9
    assert "[2, 99, :, :]" in labels
    assert labels[0] == "[0, 0, :, :]"
    assert labels[-1] == "[3, 99, :, :]"
    assert "9 of 400 slices" in slices_note(shape, layout, 9)


def test_the_index_takes_the_slice():
    values = np.arange(4 * 6 * 5).reshape(4, 6, 5)
    for one in chosen_slices(values.shape, layout_of(values.shape), None):
        assert values[one.index].shape == (6, 5)
