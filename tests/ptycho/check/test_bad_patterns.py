"""Single patterns that do not fit are named by index, and honest scans have none."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.bad_patterns import copies, dark, identical, outliers
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate


def predicted(scan):
    return amplitude(scan.probe, scan.object, scan.x, scan.y)


@pytest.fixture(scope="module", params=["noise-free", 1e6, 2e5, 1e3, "star"])
def case(request):
    """A scan at a dose, or 64 measured positions: what is predicted, and a function that copies the data."""
    if request.param == "star":
        star = request.getfixturevalue("star")
        scan = star.take(stratified(star.x, star.y, 64))
    else:
        scan = simulate(photons=None if request.param == "noise-free" else request.param)
    return predicted(scan), scan.diffraction.copy


def told(case, change):
    expected, data = case
    measured = data()
    change(measured)
    return {outlier.pattern: outlier.kind for outlier in outliers(expected, measured)}


def test_an_honest_scan_has_none(case):
    assert told(case, lambda _: None) == {}


def test_two_swapped_patterns_are_each_named(case):
    def swap(data):
        data[[17, 23]] = data[[23, 17]]

    assert told(case, swap) == {17: "that of position 23", 23: "that of position 17"}


def test_a_duplicated_pattern_is_named_once(case):
    """The copy, not the pattern that it is a copy of."""

    def duplicate(data):
        data[17] = data[23]

    assert told(case, duplicate) == {17: "that of position 23, byte for byte"}


def test_dead_patterns_are_named(case):
    """P21: 2 of 64."""

    def kill(data):
        data[[5, 40]] = 0

    assert told(case, kill) == {5: "dead", 40: "dead"}


def test_a_scrambled_pattern_is_not_blamed_on_a_position(case):
    """A pattern that no position explains is named, without a guess."""

    def scramble(data):
        data[30] = np.random.default_rng(0).permutation(data[30].ravel()).reshape(data[30].shape)

    assert told(case, scramble) == {30: "not explained"}


def test_a_pattern_of_half_the_brightness_is_named(scan):
    data = scan.diffraction.copy()
    data[9] *= 0.5
    (outlier,) = outliers(predicted(scan), data)
    assert (outlier.pattern, outlier.kind) == (9, "0.5 times as bright as predicted")
    assert outlier.after < 0.1 * outlier.before
    assert "so read" in str(outlier)


def test_an_honest_dense_measured_scan_has_none(star):
    """516 positions, some 1.6 px apart."""
    assert outliers(predicted(star), star.diffraction) == ()


def test_a_position_visited_twice_is_no_copy():
    """Without noise, two visits give the same bytes, and neither is wrong."""
    scan = simulate(photons=None)
    index = np.r_[np.arange(63), 62]
    twice = scan.take(index)
    assert outliers(predicted(twice), twice.diffraction) == ()
    assert copies(identical(twice.diffraction), np.ones(64)).size == 0


def test_dark_throughout_has_no_dead_pattern():
    """Nothing stands out of nothing."""
    assert dark(np.zeros((4, 2, 2))).size == 0
