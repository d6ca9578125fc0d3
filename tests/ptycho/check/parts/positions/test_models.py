"""The simplest model that explains displacements is chosen; chance is never taken for one."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.parts.positions.fit import Displacements
from harness.ptycho.check.parts.positions.models import (
    Route,
    Term,
    deviations,
    fit,
    jitter,
    lines_of,
    select,
)

NOISE = 0.01
COUNT = 64


def route(kind="raster"):
    row, column = np.divmod(np.arange(COUNT), 8)
    column = np.where(row % 2, 7 - column, column) if kind == "snake" else column
    rng = np.random.default_rng(1)
    return Route.of(100 + 12 * column + rng.uniform(-2, 2, COUNT), 90 + 12 * row + rng.uniform(-2, 2, COUNT))


def measured(moves, seed=0, noise=NOISE):
    precision = np.tile(np.eye(2) / noise**2, (len(moves), 1, 1))
    found = moves + noise * np.random.default_rng(seed).standard_normal(moves.shape)
    return Displacements(precision, np.einsum("nab,nb->na", precision, found), np.ones(len(moves)))


TERMS = {
    "offset": [0.1, -0.1],
    "zoom": [0.002],
    "scale": [0.005],
    "rotation": [-0.005],
    "scale x": [0.01],
    "scale y": [0.01],
    "shear x": [0.01],
    "shear y": [0.01],
    "drift": [0.4, 0.3],
    "alternate": [0.2, 0.0],
    "lines": [0.2, 0.1],
    "fraction": [-2.0],
}


@pytest.mark.parametrize("kind", TERMS)
@pytest.mark.parametrize("scan", ["raster", "snake"])
def test_one_kind_of_error_is_found_alone_with_its_size(kind, scan):
    places = route(scan)
    moves = Term(kind).design(places) @ np.array(TERMS[kind])
    model = select(measured(moves), places)
    assert [term.kind for term in model.terms] == [kind]
    assert np.all(np.abs(model.values[0] - TERMS[kind]) < 5 * model.errors[0])
    assert np.allclose(model.moves(places), moves, atol=5 * NOISE)


@pytest.mark.parametrize("kind", ["slip", "onset"])
def test_a_slip_is_found_where_it_happens(kind):
    places = route()
    moves = Term(kind, 20).design(places) @ np.array([0.3, 0.2])
    model = select(measured(moves), places)
    assert model.terms[0] in {Term("slip", 20), Term("onset", 20)}
    assert np.allclose(model.moves(places), moves, atol=5 * NOISE)


def test_two_kinds_are_found_together():
    places = route("snake")
    moves = Term("offset").design(places) @ np.array([0.5, 0.0])
    moves += Term("lines").design(places) @ np.array([0.0, 0.2])
    assert {term.kind for term in select(measured(moves), places).terms} == {"offset", "lines"}


def test_noise_is_never_taken_for_a_model():
    places = route()
    assert not any(select(measured(np.zeros((COUNT, 2)), seed), places).terms for seed in range(200))


def test_scatter_is_never_taken_for_a_model():
    places, rng = route(), np.random.default_rng(3)
    assert not any(select(measured(rng.normal(0, 0.2, (COUNT, 2)), k), places).terms for k in range(100))


def test_outliers_do_not_move_the_others():
    places = route()
    moves = np.tile([0.1, 0.0], (COUNT, 1))
    moves[[3, 40]] = 5.0
    model = fit(measured(moves), places, (Term("offset"),))
    assert np.allclose(model.values[0], [0.1, 0.0], atol=0.02)


def test_jitter_is_measured_beyond_noise():
    rms, error, significance = jitter(measured(np.random.default_rng(0).normal(0, 0.05, (COUNT, 2))))
    assert abs(rms - 0.05) < 4 * error
    assert significance > 10
    assert jitter(measured(np.zeros((COUNT, 2))))[2] < 4


def test_patterns_that_say_nothing_are_no_jitter():
    nothing = Displacements(np.zeros((9, 2, 2)), np.zeros((9, 2)), np.ones(9))
    assert jitter(nothing) == (0.0, 0.0, 0.0)
    assert select(nothing, Route.of(np.arange(9.0), np.arange(9.0))).terms == ()


def test_trials_make_a_deviation_less_significant():
    assert deviations(3.0, 20, 100, trials=50) < deviations(3.0, 20, 100) < deviations(3.0, 20)


def test_the_least_of_ratios_is_no_deviation():
    assert deviations(0.0, 4) < 0


def test_lines_are_found_in_rasters_and_snakes():
    row = np.repeat(np.arange(8), 8)
    assert lines_of(route().x, route().y).tolist() == row.tolist()
    assert lines_of(route("snake").x, route("snake").y).tolist() == row.tolist()


def test_a_spiral_has_no_lines():
    angle = np.arange(COUNT) * np.pi * (3 - np.sqrt(5))
    radius = np.sqrt(np.arange(COUNT))
    assert lines_of(radius * np.cos(angle), radius * np.sin(angle)) is None


def test_one_place_has_no_lines():
    assert lines_of(np.zeros(20), np.zeros(20)) is None
    assert lines_of(np.arange(3.0), np.zeros(3)) is None
