"""Errors against all positions are those of a plain loop, and show where a pattern belongs."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check import best_positions
from harness.ptycho.check.best_positions import (
    affordable_patterns,
    own_errors,
    position_errors,
    robust_scale,
)


@pytest.fixture
def stacks():
    """Six random predictions, and what is measured of them: 1 % noise, patterns 2 and 4 exchanged."""
    rng = np.random.default_rng(0)
    predicted = rng.random((6, 8, 8))
    measured = predicted[[0, 1, 4, 3, 2, 5]] + 0.01 * rng.standard_normal((6, 8, 8))
    return predicted, measured


def test_errors_are_those_of_a_plain_loop(stacks):
    predicted, measured = stacks
    found = position_errors(predicted, measured, 1.0, np.arange(6))
    unit = np.median([np.sum(m**2) for m in measured])
    expected = np.array([[np.sum((p - m) ** 2) for m in measured] for p in predicted]) / unit
    np.testing.assert_allclose(found.own, np.diag(expected))
    np.testing.assert_allclose(found.typical, np.median(expected, axis=0))
    np.fill_diagonal(expected, np.inf)
    np.testing.assert_allclose(found.other, expected.min(axis=0))
    np.testing.assert_allclose(own_errors(predicted, measured, 1.0), found.own)


def test_exchanged_patterns_gain_at_each_others_position(stacks):
    found = position_errors(*stacks, 1.0, np.arange(6))
    assert found.other_position[[2, 4]].tolist() == [4, 2]
    assert (found.gain[[2, 4]] > 0.9).all()
    assert (found.significance[[2, 4]] > 10).all()
    assert (found.gain[[0, 1, 3, 5]] < 0).all()


def test_only_the_patterns_asked_for_are_compared(stacks):
    every, some = position_errors(*stacks, 1.0, np.arange(6)), position_errors(*stacks, 1.0, np.array([4, 1]))
    np.testing.assert_allclose(some.own, every.own[[4, 1]])
    assert some.other_position.tolist() == every.other_position[[4, 1]].tolist()


def test_the_noise_is_that_of_repeated_measurements():
    """The standard deviation of own - other over 2000 draws, to a few percent."""
    rng = np.random.default_rng(1)
    predicted = rng.random((2, 16, 16))
    draws = [predicted + 0.05 * rng.standard_normal(predicted.shape) for _ in range(2000)]
    found = [position_errors(predicted, measured, 1.0, np.array([0])) for measured in draws]
    differences = [(f.own - f.other)[0] for f in found]
    assert np.std(differences) == pytest.approx(np.mean([f.noise[0] for f in found]), rel=0.1)


def test_the_robust_scale_ignores_dead_patterns(stacks):
    predicted, _ = stacks
    measured = 3 * predicted
    measured[:2] = 0
    assert robust_scale(predicted, measured) == pytest.approx(3)


def test_all_patterns_are_compared_while_they_are_affordable(monkeypatch):
    """Exactly within the work all are taken, beyond it evenly spread ones."""
    predicted = np.zeros((10, 4, 4))
    monkeypatch.setattr(best_positions, "LARGEST_WORK", 10 * predicted.size)
    assert affordable_patterns(predicted).tolist() == list(range(10))
    monkeypatch.setattr(best_positions, "LARGEST_WORK", 4 * predicted.size)
    assert affordable_patterns(predicted).tolist() == [0, 3, 6, 9]
    monkeypatch.setattr(best_positions, "LARGEST_WORK", 1)
    assert affordable_patterns(predicted).tolist() == [0]
