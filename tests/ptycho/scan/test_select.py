"""Selection is spatial, exact in number and deterministic; groups are neighbours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import spatial as _  # noqa: F401 - imported before a test has a time limit

from harness.core.errors import UsageError
from harness.ptycho.scan.select import coverage, groups, stratified


def raster(rows=33, columns=33, step=1.35):
    """A raster in file order, row by row, as the field's published 1087-position set has it."""
    row, column = np.divmod(np.arange(rows * columns), columns)
    return 34.4 + step * column, 35.8 + step * row


@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.data())
def test_exactly_the_number_asked_for_each_once_in_order(seed, total, data):
    """Any scan, any count: that many different indices, ascending."""
    count = data.draw(st.integers(1, total))
    x, y = np.random.default_rng(seed).uniform(0, 100, (2, total))
    index = stratified(x, y, count)
    assert len(index) == count
    assert (np.diff(index) > 0).all()
    assert 0 <= index[0] <= index[-1] < total


@given(st.integers(0, 1000), st.sampled_from([16, 25, 64, 128]))
def test_the_selection_covers_the_scan(seed, count):
    """More than half of each range, whatever the scan's shape; the first n of a raster cover a strip."""
    x, y = np.random.default_rng(seed).uniform(0, 100, (2, 500)) * np.array([[1], [0.4]])
    index = stratified(x, y, count)
    assert coverage(x[index], x) > 0.5
    assert coverage(y[index], y) > 0.5


def test_the_first_of_a_raster_cover_a_strip_and_the_selection_does_not():
    """Fault F13: the first 64 of 1089 positions span one or two rows."""
    x, y = raster()
    index = stratified(x, y, 64)
    assert coverage(y[:64], y) < 0.06
    assert coverage(y[index], y) > 0.8
    assert coverage(x[index], x) > 0.8


def test_selected_positions_keep_their_distance():
    """One per cell: no two selected positions are nearer than half the even spacing."""
    x, y = raster()
    index = stratified(x, y, 64)
    points = np.stack([x[index], y[index]], axis=1)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(64)
    assert apart.min() > 0.5 * 33 * 1.35 / 8


def test_file_order_does_not_matter():
    """The same places are selected from a shuffled file."""
    x, y = np.random.default_rng(0).uniform(0, 100, (2, 300))
    order = np.random.default_rng(1).permutation(300)
    straight, shuffled = stratified(x, y, 64), order[stratified(x[order], y[order], 64)]
    assert sorted(straight) == sorted(shuffled)


@pytest.mark.parametrize("count", [0, -1, 11])
def test_an_impossible_number_is_refused(count):
    """More positions than there are, or none, is a usage error that says how many there are."""
    with pytest.raises(UsageError, match="from 1 to the source's 10"):
        stratified(np.arange(10.0), np.arange(10.0), count)


@given(st.integers(0, 1000))
def test_groups_are_a_position_and_its_nearest(seed):
    """Each row: four different positions, of which the other three are some member's nearest."""
    x, y = np.random.default_rng(seed).uniform(0, 100, (2, 40))
    points = np.stack([x, y], axis=1)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    nearest = {tuple(sorted(np.argsort(apart[j])[:4])) for j in range(40)}
    found = groups(x, y)
    assert {tuple(row) for row in found.tolist()} == nearest
    assert len(found) == len(nearest)


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (np.arange(3.0), np.arange(3.0)),
        (np.zeros(20), np.zeros(20)),
        (np.arange(20.0), np.zeros(20)),
        (np.arange(20.0), 3 * np.arange(20.0)),
        (np.array([0.0, 0.0, 10.0, 0.0]), np.array([0.0, 0.0, 0.0, 10.0])),
    ],
)
def test_degenerate_groups_are_left_out(x, y):
    """Too few positions, coinciding ones, and positions on one line make no group."""
    assert groups(x, y).shape == (0, 4)


@given(st.integers(0, 1000), st.integers(2, 4), st.floats(0, 4e-4))
def test_places_visited_several_times_make_groups_of_places(seed, visits, jitter):
    """Each visit is in a group, and the members of a group are at different places."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(0, 100, (30, 2))
    points = np.concatenate([places] * visits) + rng.uniform(-jitter, jitter, (30 * visits, 2)) / 2
    order = rng.permutation(len(points))
    found = groups(*points[order].T)
    once = groups(*places.T)
    assert np.array_equal(np.unique(found), np.arange(len(points)))
    assert all(len(set(row)) == 4 for row in (order[found] % 30).tolist())
    assert len(found) >= len(once)
    if jitter == 0:
        assert {tuple(sorted(row)) for row in (order[found] % 30).tolist()} == {
            tuple(row) for row in once.tolist()
        }


def test_a_place_visited_once_more_keeps_all_groups():
    """The second visit gets a group with the only visits of its neighbours."""
    x, y = np.random.default_rng(0).uniform(0, 100, (2, 20))
    again = groups(np.append(x, x[7]), np.append(y, y[7]))
    assert {tuple(row) for row in again.tolist()} >= {tuple(row) for row in groups(x, y).tolist()}
    assert 20 in again


def test_places_on_both_sides_of_a_border_of_rounding_are_one():
    """Two positions a millionth of a pixel apart coincide, wherever they are."""
    x = np.array([0.0005 - 1e-9, 0.0005 + 1e-9, 10.0, 0.0])
    assert groups(x, np.array([0.0, 0.0, 0.0, 10.0])).shape == (0, 4)


def test_positions_in_metres_coincide_quickly():
    """5,000 positions within a micrometre are one place: no pairs of all with all."""
    x, y = np.random.default_rng(0).uniform(0, 1e-6, (2, 5000))
    assert groups(x, y).shape == (0, 4)


def test_a_raster_has_groups():
    """Ties between equally near neighbours do not make a raster degenerate."""
    assert len(groups(*raster(8, 8))) >= 16


def test_coverage_of_a_line_is_whole():
    """A source that does not extend along an axis is covered along it."""
    assert coverage(np.zeros(3), np.zeros(9)) == 1.0
