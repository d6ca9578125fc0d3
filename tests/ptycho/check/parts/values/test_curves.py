"""Curves are recognised from the stored values of 1, 2 and 3 photons, or from the prediction."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.check.parts.values.curves import (
    logarithm,
    of_counts,
    of_prediction,
    offset,
    plain_logarithm,
    power,
    rooted_logarithm,
)

COUNTS = np.random.default_rng(0).poisson(np.geomspace(0.05, 300, 64 * 64).reshape(64, 64), (8, 64, 64))


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        (COUNTS * 0.013, "intensity"),
        (1.7 * COUNTS**0.25, "root taken twice"),
        (0.3 * COUNTS**0.45, "power 0.9"),
        (0.7 * np.log1p(COUNTS), "log1p"),
        (0.7 * np.log(np.maximum(COUNTS, 1)), "the logarithm of counts"),
        (np.sqrt(3.1 * np.log1p(COUNTS)), "root of the logarithm"),
        (0.2 * np.sqrt(COUNTS) + 0.031, "offset of 0.031"),
    ],
)
def test_the_curve_of_counts_is_found_without_a_prediction(stored, name):
    """Only roundings of float32 are left of the counts."""
    found = [curve for curve in of_counts(stored.astype(np.float32).astype(np.float64)) if name in curve.name]
    assert len(found) == 1
    amplitudes = found[0].undo(stored)
    lit = (1 if name == "the logarithm of counts" else 0) < COUNTS
    assert np.std(amplitudes[lit] / np.sqrt(COUNTS[lit])) < 1e-3 * np.mean(
        amplitudes[lit] / np.sqrt(COUNTS[lit])
    )


def test_amplitudes_in_equal_levels_are_not_taken_for_a_logarithm():
    """Powers of two are whole, and the logarithms of equal levels."""
    levels = np.rint(2 * np.sqrt(COUNTS)) / 2
    assert not [curve for curve in of_counts(levels) if "logarithm" in curve.name]


def test_the_prediction_tells_an_exponent_and_a_logarithm():
    light = np.random.default_rng(1).gamma(1.0, 1.0, (4, 32, 32))
    assert next(of_prediction(light, light**1.7)).name == "amplitudes to the power 1.7"
    log = list(of_prediction(light, np.log1p(50 * light**2)))[-1]
    assert log.undo(np.log1p(50 * light**2)) == pytest.approx(np.sqrt(50) * light, rel=0.02)


def test_amplitudes_as_predicted_have_no_curve():
    light = np.random.default_rng(1).gamma(1.0, 1.0, (4, 32, 32))
    assert not list(of_prediction(light, light + 1e-3 * np.random.default_rng(2).random(light.shape)))


@pytest.mark.parametrize(
    ("curve", "make"),
    [
        (power(0.7), lambda a: a**0.7),
        (logarithm(0.5), lambda a: 0.5 * np.log1p(a**2)),
        (plain_logarithm(0.5), lambda a: 0.5 * np.log(a**2)),
        (rooted_logarithm(0.5), lambda a: np.sqrt(0.5 * np.log1p(a**2))),
        (offset(0.5), lambda a: a + 0.5),
    ],
)
def test_undoing_a_curve_leads_back(curve, make):
    amplitudes = np.array([[1.5, 2.0, 7.0]])
    assert curve.undo(make(amplitudes)) == pytest.approx(amplitudes)
