"""The unit, direction and origin of coordinates are found; the remedy's sentence is what is executed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.parts.positions.units import Unit, fitted_unit
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def data():
    return Dataset.of(simulate(positions=36, detector=32, step=7.0, photons=1e5).arrays())


@pytest.mark.parametrize(("size", "name"), [(1.3e-8, "metres"), (0.02, "micrometres"), (7.0, "nanometres")])
@pytest.mark.parametrize("origin", [(64.0, 64.0), (70.0, 50.0)])
def test_a_unit_is_named_and_undone(data, size, name, origin):
    stored = replace(data, x=(data.x - origin[0]) * size, y=-(data.y - origin[1]) * size)
    unit = fitted_unit(stored)
    assert f"coordinates in {name} (" in unit.name
    assert "y reversed" in unit.name
    right = unit.correct(stored)
    assert np.hypot(right.x - data.x, right.y - data.y).max() < 0.2


def test_an_origin_alone_is_no_unit(data):
    unit = fitted_unit(data.moved(-61.0, -66.0))
    assert unit.factor == 1
    assert unit.name == "coordinates whose origin is not the object's corner"
    assert unit.remedy.startswith("Add 61.0")


def test_patterns_of_another_object_have_no_unit(data):
    other = Dataset.of(simulate(positions=36, detector=32, step=7.0, seed=5).arrays())
    stored = replace(data, object=other.object, x=data.x * 1e-8, y=data.y * 1e-8)
    unit = fitted_unit(stored)
    # Whatever fits best is executed before it is said, and does not explain the data.
    assert unit is None or not unit.correct(stored).is_computable or _explained(unit.correct(stored)) > 0.2


def test_one_place_has_no_unit(data):
    assert fitted_unit(replace(data, x=data.x * 0, y=data.y * 0)) is None


def test_the_remedy_says_what_is_done():
    unit = Unit(50.0, swap=True, right=-1, origin=(60.0, 64.0))
    assert unit.remedy == "Store ycoords / -0.02 + 60.00 as xcoords and xcoords / 0.02 + 64.00 as ycoords."
    assert unit.name.startswith("coordinates in micrometres (0.02 per object pixel) where object pixels")
    assert unit.name.endswith("swapped, x reversed")


def _explained(data):
    return data.residuals().residual
