"""The faults of scans: pure functions, each of which changes something, and the same for the same seed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from second_simulator import Variant, make_scan
from second_simulator.faults import FAULTS, counts_of

PARTS = {"pixel", "pattern", "order", "detector", "value", "position", "probe", "object", "contract"}


def same(one, other):
    return one.keys() == other.keys() and all(
        one[key].shape == other[key].shape and one[key].tobytes() == other[key].tobytes() for key in one
    )


def test_names_differ_and_every_part_has_faults():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) > 100
    assert {fault.part for fault in FAULTS} == PARTS
    assert all(re.compile(fault.says) for fault in FAULTS)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_a_pure_function_that_changes_something(fault):
    sound = make_scan(fault.variant(Variant(shape=(32, 32))), 1)
    before = {key: array.copy() for key, array in sound.items()}
    faulty = fault.of(sound, 1)
    assert same(sound, before)
    assert not same(faulty, sound)
    assert same(fault.of(sound, 1), faulty) or "metadata" in faulty  # a pickled object has no bytes


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.part != "contract"], ids=lambda fault: fault.name)
def test_only_physics_is_wrong(fault):
    """A naive reader sees nothing: dtypes, shapes and the range of values are those of the contract."""
    sound = make_scan(fault.variant(Variant(shape=(32, 32), photons=1e4)), 2)
    faulty = fault.of(sound, 2)
    assert {key: a.dtype for key, a in faulty.items()} == {key: sound[key].dtype for key in faulty}
    assert 0 <= faulty["diffraction"].min() <= faulty["diffraction"].max() < 10
    assert all(np.isfinite(array).all() for array in faulty.values())
    assert len(faulty["xcoords"]) == len(faulty["ycoords"]) == len(faulty["diffraction"])
    assert faulty["probeGuess"].shape == faulty["diffraction"].shape[1:]


@pytest.mark.parametrize("photons", [200.0, 1e4, 1e7])
def test_counts_are_found_again(photons):
    counts, unit = counts_of(make_scan(Variant(photons=photons), 1))
    assert counts.sum(axis=(1, 2)).mean() == pytest.approx(photons, rel=0.05)
    assert unit > 0
    assert np.array_equal(counts, np.rint(counts))


def test_noise_free_patterns_are_taken_for_a_million_photons():
    counts, _ = counts_of(make_scan(Variant(photons=None), 1))
    assert counts.sum(axis=(1, 2)).mean() == pytest.approx(1e6)
    assert not np.array_equal(counts, np.rint(counts))
