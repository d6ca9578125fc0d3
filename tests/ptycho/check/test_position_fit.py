"""Small errors of the coordinates are fitted to a fraction of a pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.position_fit import (
    FEWEST_PATTERNS,
    HALF_STEP,
    Similarity,
    fit_similarity,
    movable_positions,
    normal_equations,
    with_fitted_positions,
)
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


def dataset(scan):
    return Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)


@pytest.fixture(scope="module")
def data():
    """Sixteen positions at 10^6 photons, on 32 x 32 pixels."""
    return dataset(simulate(positions=16, detector=32, step=6.0))


@pytest.mark.parametrize("positions", [16, 64])
def test_a_similarity_is_fitted_to_a_tenth_of_a_pixel(positions):
    """Offset, scale and rotation at 10^4 photons per pattern."""
    right = dataset(simulate(photons=1e4, positions=positions))
    wrong = Similarity(1.01 * np.exp(0.01j), complex(-0.4, 0.7))
    found = wrong.then(fit_similarity(wrong.move(right), offset_only=False))
    assert found.largest_move(right) < 0.2
    offset = fit_similarity(Similarity(offset=3j).move(right), offset_only=True).offset
    assert abs(offset + 3j) < 0.1


def test_an_offset_alone_neither_scales_nor_rotates(data):
    assert fit_similarity(data.moved(1, 0), offset_only=True).factor == 1


def test_right_coordinates_are_not_moved(data):
    assert fit_similarity(data, offset_only=False).largest_move(data) < 0.1


def test_each_pattern_finds_its_own_displacement(data):
    """One position moved by 0.3 px is found to 0.1 px; its noise is far smaller."""
    moved = data.x.copy()
    moved[7] += 0.3
    equations = normal_equations(replace(data, x=moved))
    found, noise = equations.displacements(), np.sqrt(equations.variances())
    assert found[7] == pytest.approx([-0.3, 0], abs=0.1)
    assert np.abs(np.delete(found, 7, axis=0)).max() < 0.1
    assert noise.max() < 0.1


def test_fitted_positions_are_moved_by_half_a_pixel_at_most(data):
    fitted = with_fitted_positions(data.moved(2, 0))
    assert np.abs(fitted.x - (data.x + 2)).max() == pytest.approx(HALF_STEP)
    rounded = replace(data, x=np.rint(data.x), y=np.rint(data.y))
    before, after = np.abs(rounded.x - data.x), np.abs(with_fitted_positions(rounded).x - data.x)
    assert after.mean() < 0.3 * before.mean()


def test_positions_at_the_objects_edge_are_not_movable(data):
    """A patch that ends half a pixel before the edge can be moved, one nearer cannot."""
    edge = data.object.shape[1] - 16
    x = data.x.copy()
    x[:2] = edge - HALF_STEP, edge - HALF_STEP + 0.01
    assert movable_positions(replace(data, x=x)).tolist() == [0, *range(2, 16)]


def test_too_few_patterns_give_no_fit(data):
    few = data.moved(1, 0).take(np.arange(FEWEST_PATTERNS - 1))
    assert fit_similarity(few, offset_only=True) == Similarity()


def test_similarities_are_applied_one_after_the_other(data):
    first, second = Similarity(1.1j, 3 + 4j), Similarity(0.5 - 1j, -2)
    one_by_one, together = second.move(first.move(data)), first.then(second).move(data)
    np.testing.assert_allclose((together.x, together.y), (one_by_one.x, one_by_one.y))
    assert Similarity(offset=3 + 4j).largest_move(data) == pytest.approx(5)
