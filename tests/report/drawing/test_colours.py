"""Values have their places on a scale, whatever their range."""

from __future__ import annotations

import numpy as np
import pytest

from harness.report.drawing.colours import Scale, digits_for, dimmed, number


@pytest.mark.parametrize(
    ("low", "high"), [(0.0, 1.0), (-1.7e308, 1.7e308), (5e-324, 1e-323), (1.0, 1.0 + 1e-15), (-3.0, -2.0)]
)
def test_the_ends_of_any_range_have_the_ends_of_the_scale(low, high):
    places = Scale("sequential", low, high).places(np.array([low, high]))
    assert places.tolist() == [0.0, 1.0]


def test_zero_is_the_middle_of_a_symmetric_scale():
    assert Scale("symmetric", -2.0, 2.0).places(np.array([0.0])).tolist() == [0.5]


def test_a_scale_of_one_value_has_its_middle_alone():
    assert Scale("sequential", 3.0, 3.0).places(np.array([3.0, 4.0])).tolist() == [0.5, 0.5]


def test_a_logarithmic_scale_counts_decades():
    scale = Scale("log", 1e-300, 1e300)
    assert scale.places(np.array([1e-300, 1.0, 1e300, 0.0, np.nan])).tolist() == [0.0, 0.5, 1.0, 0.0, 0.0]
    assert scale.value_at(0.5) == pytest.approx(1.0)


@pytest.mark.parametrize("kind", ["sequential", "log", "cyclic", "symmetric", "grey"])
def test_every_kind_has_colours(kind):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")
    colours = Scale(kind, 1.0, 2.0).colours(63)
    assert colours.shape == (63, 3)
    assert len(np.unique(colours, axis=0)) > 30


def test_both_ends_of_a_cyclic_scale_have_one_colour():
    """Of a scale that is not cyclic they are far apart."""
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")
    ends = {
        kind: Scale(kind, -1.0, 1.0).colours(63)[[0, -1]].astype(int) for kind in ("cyclic", "sequential")
    }
    assert abs(np.diff(ends["cyclic"], axis=0)).max() < 10
    assert abs(np.diff(ends["sequential"], axis=0)).max() > 100


def test_outside_a_mask_colours_are_pale():
    assert dimmed(np.array([0, 100, 255], np.uint8)).tolist() == [191, 216, 255]


def test_numbers_have_as_many_digits_as_tell_them_apart():
    low, high = 1.0, 1.0000001
    digits = digits_for(low, high)
    assert number(low, digits) != number(high, digits)
    assert number(low) == number(high)
    assert number(2**63 - 1) == "9223372036854775807"
    assert Scale("sequential", low, high).texts((0.0, 1.0)) == ["1", "1.0000001"]
