"""Places of pixels are told in words: rows, columns, areas, single pixels."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.parts.pixels.places import described, grown


def _where(*slices):
    found = np.zeros((16, 20), dtype=bool)
    for one in slices:
        found[one] = True
    return found


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (_where((3, 4)), "1 hot pixel (row 3, column 4)"),
        (_where((3, 4), (9, 1)), "2 hot pixels (row 3, column 4; row 9, column 1)"),
        (_where(slice(5, 8)), "3 hot rows (5-7)"),
        (_where((slice(None), 2), (slice(None), 9)), "2 hot columns (2, 9)"),
        (_where(4, (10, 10)), "1 hot row (4) and 1 hot pixel (row 10, column 10)"),
        (_where((slice(7, 10), slice(9, 12))), "a rectangle of 9 hot pixels around the centre"),
        (_where((slice(2, 5), slice(3, 8))), "a rectangle of 15 hot pixels around row 3, column 5"),
        (_where((slice(7, 10), slice(9, 12)), (8, 8), (8, 12)), "a disc of 11 hot pixels around the centre"),
    ],
)
def test_the_words_name_number_and_place(found, said):
    assert described(found, "hot") == said


def test_many_scattered_pixels_are_counted_after_the_first_four():
    found = np.zeros((16, 20), dtype=bool)
    found[::3, ::5] = True
    assert described(found, "hot").endswith("; and 20 more)")


def test_a_dead_row_is_completed_where_no_light_falls():
    """Pixels in the dark do not show that they are dead, but their row does."""
    dead = _where(6)
    found = dead & (np.arange(20) > 8)
    assert np.array_equal(dead, grown(found, dead))


def test_a_hole_in_an_area_is_filled_with_candidates_only():
    area = _where((slice(4, 9), slice(4, 9)))
    holed = area.copy()
    holed[6, 6] = False
    assert np.array_equal(area, grown(holed, area))
    assert np.array_equal(holed, grown(holed, holed))
