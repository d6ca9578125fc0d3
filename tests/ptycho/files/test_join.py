"""Patterns and positions of two files are joined by index, and nothing else."""

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.files.content import Content
from harness.ptycho.files.geometry import Geometry
from harness.ptycho.files.join import join


def patterns(*index, **more) -> Content:
    """Patterns that hold their own index."""
    stack = np.array(index, float)[:, None, None] * np.ones((1, 3, 4))
    return Content(diffraction=stack, scan_index=np.array(index), **more)


def positions(*index, **more) -> Content:
    """Positions at ten times their index."""
    return Content(x=np.array(index) * 10.0, y=np.array(index) * 1.0, scan_index=np.array(index), **more)


def test_each_pattern_gets_the_position_of_its_index():
    for one, other in ((patterns(3, 1, 2), positions(1, 2, 3)), (positions(2, 3, 1), patterns(3, 1, 2))):
        both = join(one, other)
        assert both.scan_index.tolist() == [3, 1, 2]
        np.testing.assert_array_equal(both.x, 10 * both.diffraction[:, 0, 0])
        np.testing.assert_array_equal(both.y, both.diffraction[:, 0, 0])


def test_what_has_no_partner_is_left_out_and_listed():
    both = join(patterns(1, 2, 5), positions(2, 3, 4, 1))
    assert both.scan_index.tolist() == [1, 2]
    assert both.transformations == (
        "2 patterns joined with positions by scan_index",
        "2 positions left out, which have no pattern: indices 3, 4",
        "1 pattern left out, which has no position: index 5",
    )


def test_long_lists_are_cut():
    notes = join(patterns(0), positions(*range(20))).transformations
    assert notes[1] == "19 positions left out, which have no pattern: indices 1, 2, 3, 4, 5, ..."


def test_without_an_index_rows_are_counted():
    both = join(
        Content(diffraction=np.ones((3, 2, 2)) * np.arange(3)[:, None, None]),
        Content(x=np.arange(3.0), y=np.zeros(3), scan_index=np.array([2, 1, 0])),
    )
    assert both.x.tolist() == [2, 1, 0]


def test_masks_truth_and_nominal_positions_follow():
    mask = np.arange(3 * 12).reshape(3, 3, 4) % 5 > 0
    truth = np.arange(3)[:, None, None] * np.ones((1, 3, 4)) * 1j
    one = patterns(7, 8, 9, mask=mask, truth=truth)
    both = join(one, positions(9, 7, x_start=np.array([90.5, 70.5]), y_start=np.zeros(2)))
    np.testing.assert_array_equal(both.mask, mask[[0, 2]])
    np.testing.assert_array_equal(both.truth, truth[[0, 2]])
    assert both.x_start.tolist() == [70.5, 90.5]


def test_one_mask_for_all_stays():
    mask = np.ones((3, 4), bool)
    assert join(patterns(1, 2, mask=mask), positions(1)).mask.shape == (3, 4)


def test_positions_of_the_patterns_give_way_to_the_others():
    """Raw data have nominal positions; those of a reconstruction are on its object."""
    both = join(patterns(1, 2, x=np.zeros(2), y=np.zeros(2)), positions(2, 1))
    assert both.x.tolist() == [10, 20]
    assert "x, y: those of the other file left out" in both.transformations


def test_lengths_are_merged():
    both = join(
        patterns(1, geometry=Geometry(detector_pixel=(1e-4, 1e-4))),
        positions(1, geometry=Geometry(wavelength=1e-10)),
    )
    assert both.geometry == Geometry(detector_pixel=(1e-4, 1e-4), wavelength=1e-10)


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (patterns(1, 2, 1), positions(1, 2), "one index for each of the patterns, found index 1 2 times"),
        (patterns(1, 2), positions(2, 2), "one index for each of the positions"),
        (patterns(1, 2), positions(3, 4), "some indices in both files, found 1 to 2 of patterns and 3 to 4"),
        (patterns(1), patterns(1), "found patterns and patterns"),
        (positions(1), positions(1), "found positions and positions"),
        (Content(), positions(1), "found neither and positions"),
        (
            patterns(1, x=np.ones(1)),
            patterns(1, x=np.ones(1)),
            "found patterns with positions and patterns with",
        ),
        (
            patterns(1, probe=np.ones((1, 3, 4))),
            positions(1, probe=np.ones((1, 3, 4))),
            "probe: expected it in one",
        ),
        (
            patterns(1, geometry=Geometry(distance=1.0)),
            positions(1, geometry=Geometry(distance=1.1)),
            "geometry.distance: expected the same in both files, found 1.0 and 1.1",
        ),
    ],
)
def test_what_does_not_belong_together_is_refused(one, other, message):
    for first, second in ((one, other), (other, one)):
        with pytest.raises(RefusedError) as caught:
            join(first, second)
        if first is one:
            assert message in str(caught.value)
