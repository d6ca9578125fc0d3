"""Single patterns that do not fit are named by index, and valid scans have none."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.bad_patterns import (
    bad_patterns,
    dead_patterns,
    identical_patterns,
    worse_copies,
)
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.select import stratified
from harness.ptycho.scan.simulate import simulate


def predicted(scan):
    return amplitude(scan.probe, scan.object, scan.x, scan.y)


@pytest.fixture(scope="module", params=["noise-free", 1e6, 2e5, 1e3, "star"])
def case(request):
    """A scan at some dose, or 64 measured positions: predicted amplitudes and a function that copies data."""
    if request.param == "star":
        star = request.getfixturevalue("star")
        scan = star.take(stratified(star.x, star.y, 64))
    else:
        scan = simulate(photons=None if request.param == "noise-free" else request.param)
    return predicted(scan), scan.diffraction.copy


def problems(case, change):
    expected, data = case
    measured = data()
    change(measured)
    return {bad.pattern: bad.problem for bad in bad_patterns(expected, measured)}


def test_a_valid_scan_has_none(case):
    assert problems(case, lambda _: None) == {}


def test_two_swapped_patterns_are_each_named(case):
    def swap(data):
        data[[17, 23]] = data[[23, 17]]

    assert problems(case, swap) == {17: "belongs to position 23", 23: "belongs to position 17"}


def test_a_duplicated_pattern_is_named_once(case):
    """The copy, not the pattern that it is a copy of."""

    def duplicate(data):
        data[17] = data[23]

    assert problems(case, duplicate) == {17: "belongs to position 23, same bytes as pattern 23"}


def test_dead_patterns_are_named(case):
    """P21: 2 of 64."""

    def kill(data):
        data[[5, 40]] = 0

    assert problems(case, kill) == {5: "dead", 40: "dead"}


def test_a_scrambled_pattern_is_not_given_to_another_position(case):
    """A pattern that no position explains is reported without naming one."""

    def scramble(data):
        data[30] = np.random.default_rng(0).permutation(data[30].ravel()).reshape(data[30].shape)

    assert problems(case, scramble) == {30: "fits no position"}


def test_a_pattern_of_half_the_brightness_is_named(scan):
    data = scan.diffraction.copy()
    data[9] *= 0.5
    (bad,) = bad_patterns(predicted(scan), data)
    assert (bad.pattern, bad.problem) == (9, "0.5 times as bright as predicted")
    assert bad.after < 0.1 * bad.before
    assert "after correction" in str(bad)


def test_a_valid_dense_measured_scan_has_none(star):
    """516 positions, some 1.6 px apart."""
    assert bad_patterns(predicted(star), star.diffraction) == ()


def test_a_position_visited_twice_is_not_a_copy():
    """Without noise, two visits give the same bytes, and neither is wrong."""
    scan = simulate(photons=None)
    index = np.r_[np.arange(63), 62]
    twice = scan.take(index)
    assert bad_patterns(predicted(twice), twice.diffraction) == ()
    assert worse_copies(identical_patterns(twice.diffraction), np.ones(64)).size == 0


def test_a_stack_that_is_dark_throughout_has_no_dead_pattern():
    """Dead is relative to the median pattern, which is dark too."""
    assert dead_patterns(np.zeros((4, 2, 2))).size == 0
