"""Patterns in another order are found by matching each with the position that explains it best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.order_mistakes import AGREEMENT, describe_order, order_candidates
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def data():
    scan = simulate(positions=25, detector=32, step=6.0)
    return Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)


def candidates(data, order):
    shuffled = replace(data, diffraction=data.diffraction[order])
    return list(order_candidates(shuffled, data.predict()))


@pytest.mark.parametrize(
    "order",
    [np.roll(np.arange(25), 3), np.arange(25)[::-1], np.random.default_rng(0).permutation(25)],
    ids=["shifted", "reversed", "shuffled"],
)
def test_the_order_of_the_patterns_is_found(data, order):
    (candidate,) = candidates(data, order)
    np.testing.assert_allclose(candidate.predicted, data.predict()[order])


def test_patterns_at_their_own_positions_give_no_candidate(data):
    assert candidates(data, np.arange(25)) == []


def test_two_swapped_patterns_are_not_an_order(data):
    """Most patterns must be elsewhere: single ones are reported as bad patterns."""
    order = np.arange(25)
    order[[3, 9]] = 9, 3
    assert candidates(data, order) == []


def test_copies_of_one_pattern_are_not_an_order(data):
    assert candidates(data, np.full(25, 7)) == []


def test_a_single_pattern_has_no_other_order(data):
    assert candidates(data.take(np.arange(1)), np.arange(1)) == []


@pytest.mark.parametrize(
    ("shift", "words", "remedy"),
    [
        (1, "shifted by -1 position in", "np.roll(diffraction, 1, axis=0)"),
        (-1, "shifted by 1 position in", "np.roll(diffraction, -1, axis=0)"),
        (3, "shifted by -3 positions in", "np.roll(diffraction, 3, axis=0)"),
    ],
)
def test_a_shift_is_described_with_the_roll_that_undoes_it(shift, words, remedy):
    """Pattern j belongs to position j + shift."""
    index = np.arange(20)
    name, action = describe_order(index, (index + shift) % 20, 20)
    assert words in name
    assert f"position j{shift:+d}" in name
    assert remedy in action
    stored = (index + shift) % 20
    assert np.roll(stored, shift).tolist() == index.tolist()


def test_a_rule_needs_the_agreement_of_most_patterns():
    """Four of five patterns in reversed order are a rule, fewer are not."""
    index = np.arange(20)
    nearest = index[::-1].copy()
    nearest[: round(20 * (1 - AGREEMENT))] = 5
    assert describe_order(index, nearest, 20)[0] == "patterns in reversed scan order"
    nearest[: round(20 * (1 - AGREEMENT)) + 1] = 5
    assert "different order (pattern 0 belongs to position 5" in describe_order(index, nearest, 20)[0]
