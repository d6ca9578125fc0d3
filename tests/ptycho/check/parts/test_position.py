"""Errors of the coordinates are found, named with their size, and corrected by the remedy, executed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts import position
from harness.ptycho.check.search import chosen, is_computable
from harness.ptycho.check.trial import execute, execute_blindly
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate

COUNT = 36
SIDE = 6


def made(photons, seed=0):
    return Dataset.of(simulate(positions=COUNT, detector=32, step=7.0, photons=photons, seed=seed).arrays())


@pytest.fixture(scope="module")
def data():
    return made(1e6)


@pytest.fixture(scope="module")
def dim():
    return made(1e4)


def accepted(stored):
    """Return the trial that the position part makes, if it is accepted."""
    if not is_computable(stored):
        return chosen(
            [t for one in position.blind(stored) if (t := execute_blindly(one, stored)) is not None]
        )
    evidence = Evidence.of(stored)
    for propose in (position.quick, position.slow):
        found = chosen([t for one in propose(evidence) if (t := execute(one, evidence)) is not None])
        if found is not None:
            return found
    return None


def distance(one, other):
    """Return the rms distance of the positions of two datasets, in pixels."""
    return float(np.sqrt(np.mean((one.x - other.x) ** 2 + (one.y - other.y) ** 2)))


def along(data, dx, dy):
    return replace(data, x=data.x + dx, y=data.y + dy)


def mapped(data, matrix):
    z = np.stack([data.x - data.x.mean(), data.y - data.y.mean()])
    x, y = np.asarray(matrix) @ z
    return replace(data, x=data.x.mean() + x, y=data.y.mean() + y)


def turned(data, degrees):
    angle = np.deg2rad(degrees)
    return mapped(data, [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def jittered(data, rms):
    return along(data, *(rms * np.random.default_rng(5).standard_normal((2, len(data.x)))))


INDEX = np.arange(COUNT)
TOGETHER = {
    "off by (+0.15, +0.20) px": lambda d: along(d, 0.15, 0.2),
    "off by (+3.00, -5.00) px": lambda d: along(d, 3, -5),
    "scaled by 1.01": lambda d: mapped(d, 1.01 * np.eye(2)),
    "scaled by 1.0": lambda d: mapped(d, 1.06 * np.eye(2)),
    "rotated by 0.": lambda d: turned(d, 0.8),
    "rotated by 5": lambda d: turned(d, 5.0),
    "x scaled by 1.0": lambda d: mapped(d, [[1.02, 0], [0, 1]]),
    "sheared: x grows by 0.0": lambda d: mapped(d, [[1, 0.02], [0, 1]]),
    "drift by (+0.": lambda d: along(d, 0.8 * (INDEX / 35 - 0.5), 0.6 * (INDEX / 35 - 0.5)),
    "every second line of the scan off by (+0.": lambda d: along(d, 0.5 * (INDEX // SIDE % 2 - 0.5), 0),
    "every second position off by (+0.": lambda d: along(d, 0.5 * (INDEX % 2 - 0.5), 0),
    "a slip: from position 1": lambda d: along(d, 0.6 * (INDEX >= 18), 0.8 * (INDEX >= 18)),
    "the wrong sign of the coordinates' subpixel part": lambda d: replace(
        d, x=2 * np.rint(d.x) - d.x, y=2 * np.rint(d.y) - d.y
    ),
}


@pytest.mark.parametrize("name", ["off by (+0.", "rotated by 0.", "drift by (+0.", "every second line"])
def test_errors_are_seen_in_dim_light(dim, name):
    make = next(TOGETHER[full] for full in TOGETHER if full.startswith(name))
    found = accepted(make(dim))
    assert name in found.correction.name
    assert distance(found.corrected.stored, dim) <= 0.5 * distance(make(dim), dim)


@pytest.mark.parametrize("name", TOGETHER)
def test_errors_of_all_positions_are_named_and_corrected(data, name):
    found = accepted(TOGETHER[name](data))
    assert name in found.correction.name
    # What is left is what noise gives to a few numbers, or an offset that a slip shares with both sides.
    offset = 0.5 * ("slip" in name)
    assert distance(found.corrected.stored, data) <= 0.08 + offset
    assert found.after.excess <= 0.05 * max(found.before.excess, found.after.noise.mean())


def test_a_size_has_its_uncertainty(data):
    found = accepted(turned(data, 0.8))
    size = found.correction.sizes[0]
    assert size.quantity == "rotation"
    assert size.unit == "degrees"
    assert abs(size.value - 0.8) <= max(5 * size.uncertainty, 0.01)


FREE = {
    "each position off by itself": lambda d: jittered(d, 0.3),
    "rounded to whole pixels": lambda d: replace(d, x=np.rint(d.x), y=np.rint(d.y)),
}


@pytest.mark.parametrize("name", FREE)
def test_positions_that_are_each_off_are_fitted_one_by_one(data, name):
    found = accepted(FREE[name](data))
    assert name in found.correction.name
    assert found.correction.parameters == 2 * COUNT
    assert distance(found.corrected.stored, data) <= 0.2 * distance(FREE[name](data), data)


def test_a_single_position_is_named_by_its_number(data):
    found = accepted(along(data, 1.2 * (INDEX == 17), -0.9 * (INDEX == 17)))
    assert found.correction.name.startswith("position 17 off by (+1.")
    assert distance(found.corrected.stored, data) <= 0.1


FRAMES = {
    "x and y swapped": lambda d: replace(d, x=d.y, y=d.x),
    "top-left coordinates": lambda d: along(d, -16, -16),
    "x reversed": lambda d: replace(d, x=d.object.shape[1] - d.x),
    "y reversed": lambda d: replace(d, y=d.object.shape[0] - d.y),
    "both coordinate axes reversed": lambda d: replace(
        d, x=d.object.shape[1] - d.x, y=d.object.shape[0] - d.y
    ),
    "x and y swapped, and x reversed": lambda d: replace(d, x=d.y, y=d.object.shape[1] - d.x),
    "measured from the object's centre": lambda d: along(d, -d.object.shape[1] / 2, -d.object.shape[0] / 2),
    "whose origin is not the object's corner": lambda d: along(d, -d.x.mean() - 2, -d.y.mean() + 3),
    "scaled by 0.5": lambda d: replace(d, x=d.x / 2, y=d.y / 2),
    "in metres (1.3": lambda d: in_units(d, 1.3e-8),
    "in nanometres (1": lambda d: in_units(d, 13.0),
}


def in_units(data, size):
    rows, columns = data.object.shape
    return replace(data, x=(data.x - columns / 2) * size, y=(data.y - rows / 2) * size)


@pytest.mark.parametrize("name", FRAMES)
def test_another_frame_is_named_and_corrected(data, name):
    found = accepted(FRAMES[name](data))
    assert name in found.correction.name
    corrected = found.correction.apply(FRAMES[name](data))
    # The middle of the scan need not be the object's: the rest is found on top.
    assert np.hypot(corrected.x - data.x, corrected.y - data.y).max() <= (5 if "origin" in name else 0.3)


@pytest.mark.parametrize("photons", [None, 1e6, 1e4, 300.0])
def test_a_sound_scan_has_no_finding(photons):
    data = made(photons, seed=3)
    assert list(position.quick(Evidence.of(data))) == []


def test_a_beam_that_fluctuates_says_nothing_about_positions(data):
    scale = 1 + 0.05 * np.random.default_rng(0).standard_normal((COUNT, 1, 1))
    stored = replace(data, diffraction=data.diffraction * scale)
    assert list(position.quick(Evidence.of(stored))) == []


def test_moves_below_a_tenth_of_what_a_measured_scan_needs_do_not_matter(data):
    trials = [one for one in position.quick(Evidence.of(along(data, 0.02, 0.0))) if one.is_material]
    assert trials == []


def test_vacuum_says_nothing_about_positions():
    scan = made(1e6)
    flat = replace(scan, object=np.ones_like(scan.object))
    stored = replace(flat, diffraction=np.sqrt(np.random.default_rng(0).poisson(flat.predict() ** 2)))
    assert list(position.quick(Evidence.of(stored))) == []


def test_patterns_outside_the_object_stay_where_they_are(data):
    stored = along(data, 0.3 + 1000.0 * (INDEX == 5), 0)
    found = accepted(stored)
    assert len(found.correction.apply(stored).x) == COUNT
    assert "off by (+0.3" in found.correction.name
