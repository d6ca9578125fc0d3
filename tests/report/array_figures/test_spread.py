"""Counts of differences agree with the comparison that decides, and places with where they are."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.fixtures.compare import compare_arrays
from harness.core.fixtures.tolerance import DefaultTolerance, Tolerance
from harness.report.array_figures.layout import layout_of
from harness.report.array_figures.spread import SHARES, measure


def spread(golden, obtained, tolerance=None):
    return measure("a", golden, obtained, tolerance, layout_of(golden.shape))


def noisy(shape, dtype, seed=0):
    rng = np.random.default_rng(seed)
    golden = rng.normal(size=shape).astype(dtype)
    moved = golden.copy()
    some = rng.random(shape) < 0.1
    moved[some] = (moved[some] * (1 + 1e-6 * rng.normal(size=some.sum()))).astype(dtype)
    return golden, moved


@pytest.mark.parametrize("shape", [(5000,), (40, 50), (4, 300, 301), (70_000, 2), (2, 3, 4, 5)])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize(
    "tolerance", [None, Tolerance(rtol=1e-6), Tolerance(ulp=4), DefaultTolerance(axis=-1)]
)
def test_counts_are_those_of_the_comparison(shape, dtype, tolerance):
    golden, moved = noisy(shape, dtype)
    drift = compare_arrays("a", golden, moved, tolerance)
    found = spread(golden, moved, tolerance)
    assert (found.unequal, found.drifted, found.worst) == (drift.unequal_bits, drift.drifted, drift.worst)
    assert found.largest == drift.max_absolute
    assert found.ulp.sum() == drift.unequal_bits
    beyond = found.shares[SHARES.index(1.0) + 1 :].sum() + found.intolerable
    assert beyond == drift.drifted


def test_a_difference_exactly_at_the_limit_is_within():
    found = spread(np.zeros(3), np.array([0.0, 0.5, 0.5000001]), Tolerance(atol=0.5))
    limit = SHARES.index(1.0)
    assert found.shares[limit] == 1
    assert found.shares[limit + 1] == 1


@pytest.mark.parametrize("distance", [1, 2, 3, 4, 2**20, 2**53 - 1])
def test_ulp_steps_are_powers_of_two(distance):
    golden = np.array([1.0, 1.0])
    moved = np.array([1, 1.0]).view(np.uint64)
    moved[0] += np.uint64(distance)
    found = spread(golden, moved.view(np.float64))
    assert np.flatnonzero(found.ulp).tolist() == [distance.bit_length()]


def test_integers_without_a_tolerance_are_counted_apart():
    found = spread(np.arange(6), np.arange(6) + np.array([0, 0, 0, 0, 1, 2**40]))
    assert found.intolerable == 2
    assert found.shares.sum() == 0
    assert not found.in_tolerances
    assert found.on_picture.tolist() == [[0, 0, 0, 0, 1, 2**40]]


def test_values_on_one_side_only_are_infinite_in_the_map():
    golden, moved = np.zeros((3, 3)), np.zeros((3, 3))
    golden[0, 0] = moved[0, 0] = np.nan
    moved[1, 2] = np.nan
    found = spread(golden, moved)
    assert found.one_sided == 1
    assert np.argwhere(np.isinf(found.on_picture)).tolist() == [[1, 2]]
    assert found.worst == (1, 2)


@pytest.mark.parametrize("tolerance", [None, DefaultTolerance(axis=0), DefaultTolerance(axis=2)])
def test_places_are_where_the_differences_are(tolerance):
    golden = np.ones((5, 400, 300))
    moved = golden.copy()
    moved[3, 399, 7] = 2
    found = spread(golden, moved, tolerance)
    assert found.steps == (3, 2, 1)
    assert np.argwhere(found.on_picture > 0).tolist() == [[133, 3]]
    assert np.flatnonzero(found.on_others).tolist() == [3]


def test_minus_zero_differs_by_nothing():
    found = spread(np.zeros(2), np.array([0.0, -0.0]))
    assert (found.unequal, found.drifted, found.ulp[0]) == (1, 0, 1)
