"""What is wrong with an unusual pattern: hit, exposed twice, of another position, or unknown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.patterns.oddities import find_oddities
from harness.ptycho.check.parts.patterns.survey import largest_usual, survey


@pytest.fixture
def oddities(small_data):
    def find(change, unusual):
        stack = small_data.diffraction.copy()
        change(stack)
        evidence = Evidence.of(replace(small_data, diffraction=stack))
        found = survey(evidence)
        limit = largest_usual(found.unexplained, 8.0, 0.02)
        return find_oddities(np.array(unusual, dtype=np.intp), limit, found, evidence)

    return find


def test_pixels_that_were_hit_are_found(oddities):
    def hit(stack):
        stack[9, [5, 6], 6] += 0.8 * stack.max()

    found = oddities(hit, [9])
    assert np.argwhere(found.hits[9]).tolist() == [[5, 6], [6, 6]]
    assert found.problems == {}


def test_a_hit_in_a_pattern_that_is_not_unusual_is_found_as_well(oddities):
    def hit(stack):
        stack[9, 5, 6] += 0.3 * stack.max()

    assert list(oddities(hit, []).hits) == [9]


def test_a_pattern_of_another_position_is_named(oddities):
    def copy(stack):
        stack[9] = stack[20]

    assert oddities(copy, [9]).problems == {9: "belongs to position 20"}


def test_the_light_of_two_positions_is_recognised(oddities):
    def expose(stack):
        stack[9] = np.hypot(stack[9], stack[10])

    (problem,) = oddities(expose, [9]).problems.values()
    assert "exposed twice" in problem


def test_a_scrambled_pattern_fits_nowhere(oddities):
    def scramble(stack):
        stack[9] = np.random.default_rng(0).permutation(stack[9].ravel()).reshape(stack[9].shape)

    assert oddities(scramble, [9]).problems == {9: "fits no position"}


def test_a_usual_pattern_has_no_problem(oddities):
    found = oddities(lambda _: None, [9])
    assert (found.hits, found.problems) == ({}, {})
