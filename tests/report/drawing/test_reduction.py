"""Down-sampling keeps what matters, and its notes say what was done."""

from __future__ import annotations

import numpy as np
import pytest

from harness.report.drawing.reduction import (
    MOST_PIXELS,
    MOST_POINTS,
    block_any,
    block_extremes,
    block_means,
    block_phases,
    curve_note,
    envelope,
    reduction_note,
)

SIZES = ((7, 9), (192, 192), (193, 192), (516, 1000))


@pytest.mark.parametrize("shape", SIZES)
def test_nothing_is_larger_than_the_limit(shape):
    reduced = block_means(np.ones(shape))
    assert max(reduced.values.shape) <= MOST_PIXELS
    assert reduced.is_whole == (max(shape) <= MOST_PIXELS)
    assert np.array_equal(reduced.values, np.ones(reduced.values.shape))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("place", [(0, 0), (515, 999), (17, 400)])
def test_a_single_difference_stays_at_its_full_height(place, sign):
    """A mean would dilute it to a sixth: that is the broken variant."""
    values = np.zeros((516, 1000))
    values[place] = sign * 1e-3
    reduced = block_extremes(values)
    rows, columns = reduced.step
    assert reduced.values[place[0] // rows, place[1] // columns] == sign * 1e-3
    assert np.count_nonzero(reduced.values) == 1
    assert abs(block_means(values).values).max() < 1e-3


def test_means_leave_out_what_is_not_finite_and_mark_its_block():
    values = np.ones((400, 400))
    values[0, 0], values[399, 399] = np.nan, np.inf
    reduced = block_means(values)
    assert np.isfinite(reduced.values).all()
    assert reduced.values[0, 0] == pytest.approx(1)
    assert reduced.blank.sum() == 2
    assert reduced.blank[0, 0]
    assert reduced.blank[-1, -1]


def test_a_block_at_the_edge_is_a_mean_of_what_it_has():
    values = np.arange(193.0)[None, :].repeat(2, axis=0)
    assert block_means(values).values[0, -1] == 192


def test_huge_values_do_not_overflow():
    assert np.isfinite(block_means(np.full((400, 400), 1.7e308)).values).all()


def test_the_phase_of_a_block_is_that_of_its_mean_value():
    """Angles of +3 and -3 rad have their mean at pi, not at 0."""
    values = np.exp(1j * np.where(np.arange(384) % 2, 3.0, -3.0))[None, :].repeat(2, axis=0)
    assert abs(block_phases(values).values) == pytest.approx(np.pi)


@pytest.mark.parametrize("size", [MOST_POINTS, MOST_POINTS + 1, 516_000])
def test_a_curve_keeps_every_extreme_value(size):
    values = np.zeros(size)
    values[size // 3], values[size // 2] = 5, -7
    curve = envelope(values)
    assert len(curve.x) <= MOST_POINTS
    assert curve.y[curve.x == size // 3] == 5
    assert curve.y[curve.x == size // 2] == -7
    assert (np.diff(curve.x) >= 0).all()


def test_a_part_of_a_curve_without_finite_values_is_a_gap():
    values = np.zeros(8000)
    values[:100] = np.nan
    curve = envelope(values)
    assert np.isnan(curve.y[:4]).all()
    assert not np.isnan(curve.y[-4:]).any()


def test_a_flag_in_a_block_is_kept():
    flags = np.zeros((400, 400), bool)
    flags[301, 7] = True
    assert block_any(flags).sum() == 1


def test_notes_say_what_was_done_and_nothing_if_nothing_was():
    assert reduction_note((1, 1), (5, 5), "mean") == ""
    assert "each block of 3 x 4" in reduction_note((3, 4), (516, 700), "mean")
    assert curve_note(1, 20) == ""
    assert curve_note(5, 2000) == "2000 elements, shown by the least and the largest of each 5."
