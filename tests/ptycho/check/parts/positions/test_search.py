"""Places far from the stored ones are found with few patterns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.parts.positions.search import (
    Place,
    best_far,
    best_near,
    best_zoom,
    few_patterns,
    misfit_of,
    misfits,
)
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def data():
    return Dataset.of(simulate(positions=49, detector=32, step=8.0, photons=1e5).arrays())


def middle(data):
    return complex(data.x.mean(), data.y.mean())


def error(stored, place, right):
    """Return the largest distance of the found places from the right ones, in pixels."""
    moves = place.moves(stored.x, stored.y)
    return np.hypot(stored.x + moves[:, 0] - right.x, stored.y + moves[:, 1] - right.y).max()


def test_the_right_place_agrees_best(data):
    few = few_patterns(data, 5)
    found = misfits(few, few.x[:, None] + [0, 2, 9], few.y[:, None] + [0, 0, 0])
    assert np.all(found.argmin(axis=1) == 0)
    assert found[:, 0].max() < 0.2 * found[:, 2].min()


def test_a_place_outside_the_object_cannot_be_compared(data):
    few = few_patterns(data, 3)
    assert np.isinf(misfits(few, few.x[:, None] + 1e4, few.y[:, None])).all()
    assert misfit_of(few, few.x + 1e4, few.y) == np.inf


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_scale_is_found(data, factor):
    stored = replace(data, x=data.x * factor, y=data.y * factor)
    place = best_zoom(few_patterns(stored), middle(stored)).place
    assert abs(abs(place.factor) * factor - 1) < 0.05


def test_offset_and_rotation_are_found_together(data):
    z = middle(data) + (data.x + 1j * data.y - middle(data)) * np.exp(-0.1j) - (7 + 4j)
    stored = replace(data, x=z.real, y=z.imag)
    assert error(stored, best_near(few_patterns(stored), middle(stored)).place, data) < 3.5


def test_a_large_offset_is_found(data):
    stored = data.moved(-20, 15)
    assert error(stored, best_far(few_patterns(stored), 0j).place, data) < 4


def test_a_mask_hides_what_lies_behind_it(data):
    mask = np.ones((32, 32), dtype=bool)
    mask[10:12] = False
    broken = replace(data, diffraction=np.where(mask, data.diffraction, 0.0), mask=mask)
    few = few_patterns(broken, 4)
    assert misfit_of(few, few.x, few.y) < 0.5 * misfit_of(replace(few, mask=None), few.x, few.y) + 0.01


def test_a_place_without_a_change_moves_nothing():
    assert Place(1, 3j, 0j).moves(np.arange(3.0), np.arange(3.0)).tolist() == [[0, 0]] * 3
