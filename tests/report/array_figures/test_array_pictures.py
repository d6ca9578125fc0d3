"""Pictures of an array and of its differences: shared scales, and alternative texts with numbers."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")

from harness.report.array_figures.array_pictures import difference_of, picture_of, signed_difference
from harness.report.drawing.colours import Scale


def pixels(data: bytes) -> np.ndarray:
    from PIL import Image

    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_equal_values_have_equal_colours_in_both_figures():
    """With a scale of its own, each figure would use all colours, and both would look the same."""
    shared = Scale("sequential", 0.0, 10.0)
    golden, obtained = np.full((8, 8), 1.0), np.full((8, 8), 10.0)
    one, other = (pixels(picture_of("a", values, shared).data) for values in (golden, obtained))
    assert one.shape == other.shape
    assert (one[200, 200] != other[200, 200]).any()
    again = pixels(picture_of("a", golden, shared).data)
    assert (one == again).all()


def test_the_alternative_text_has_the_range_and_the_largest_index():
    values = np.zeros((4, 5))
    values[2, 3] = 7.25
    alt = picture_of("golden", values, Scale("sequential", 0.0, 7.25)).alt
    assert alt == "golden: picture of 4 x 5 values: 0 to 7.25, the largest at [2, 3]."


def test_down_sampling_and_masked_values_are_said():
    values = np.zeros((516, 40))
    values[0, 0] = np.nan
    figure = picture_of("golden", values, Scale("sequential", 0.0, 1.0))
    assert "516 x 40 elements, shown by the mean of each block of 3 x 1." in figure.note
    assert "Grey: 1 NaN." in figure.note
    assert figure.note in figure.alt
    assert picture_of("golden", np.ones((4, 4)), Scale("sequential", 0.0, 1.0)).note == ""


def test_the_text_of_a_difference_counts_it_and_names_the_largest():
    golden, obtained = np.zeros((516, 516)), np.zeros((516, 516))
    obtained[400, 300], obtained[1, 1] = -0.5, 0.25
    alt = difference_of("difference", golden, obtained).alt
    assert "2 of 266256 elements differ, by -0.5 to 0.25; the largest difference, at [400, 300]" in alt
    assert "largest difference of each block of 3 x 3" in alt


def test_a_single_difference_of_many_has_the_last_colour_of_the_scale():
    """The mean of its block of 3 x 3 would have a ninth of it, which is nearly white."""
    golden, obtained = np.zeros((516, 516)), np.zeros((516, 516))
    obtained[400, 300] = 1e-9
    frame = pixels(difference_of("difference", golden, obtained).data)[44:560, 84:600]
    red = Scale("symmetric", -1.0, 1.0).colours(63)[-1].astype(int)
    assert (abs(frame - red) <= 2).all(axis=-1).sum() >= 9


def test_no_difference_is_said():
    assert "no difference" in difference_of("difference", np.ones((3, 3)), np.ones((3, 3))).alt


def test_a_value_on_one_side_only_is_black_and_said():
    golden, obtained = np.zeros((9, 9)), np.zeros((9, 9))
    obtained[0, 0] = np.inf
    figure = difference_of("difference", golden, obtained)
    assert "Black: a finite value on one side only (1)." in figure.note
    corner = pixels(figure.data)[50:90, 90:130]
    assert (corner == 0).all(axis=-1).sum() > 200


@pytest.mark.parametrize(
    ("golden", "obtained", "expected"),
    [
        (np.array([4], "u1"), np.array([5], "u1"), 1.0),
        (np.array([5], "u1"), np.array([4], "u1"), -1.0),
        (np.array([-(2**63)]), np.array([2**63 - 1]), 2.0**64),
        (np.array([True]), np.array([False]), -1.0),
        (np.array([-1.7e308]), np.array([1.7e308]), np.finfo(float).max),
        (np.array([3j]), np.array([4 + 0j]), 5.0),
        (np.array([65504], "f2"), np.array([-65504], "f2"), -131008.0),
    ],
)
def test_differences_neither_wrap_nor_overflow(golden, obtained, expected):
    assert signed_difference(golden, obtained).tolist() == [expected]


def test_complex_arrays_are_shown_by_amplitude_and_phase():
    values = np.exp(1j * np.linspace(-3, 3, 64)).reshape(8, 8)
    figure = picture_of("golden", values, Scale("sequential", 0.0, 1.0))
    real = picture_of("golden", values.real, Scale("sequential", 0.0, 1.0))
    assert figure.height == 2 * real.height
    assert "amplitudes" in figure.alt
    turned = difference_of("difference", values, values * np.exp(0.5j))
    assert "64 of 64 elements differ" in turned.alt
    assert "Phases are compared where both amplitudes" in turned.note
