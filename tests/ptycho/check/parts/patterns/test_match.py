"""Errors against other positions are those of a plain loop, masks included."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.patterns.match import (
    compare,
    deviations,
    energy_scale,
    mismatch,
    shifted_errors,
    suspects,
)
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module", params=["", "shared", "own"])
def data(request):
    """A small noisy scan without a mask, with one for all patterns, or with one for each."""
    scan = Dataset.of(simulate(positions=16, detector=16, step=4.0, photons=1e4).arrays())
    shape = {"": None, "shared": (16, 16), "own": (16, 16, 16)}[request.param]
    mask = None if shape is None else np.random.default_rng(0).random(shape) > 0.1
    return Dataset(*(getattr(scan, k) for k in ("diffraction", "probe", "object", "x", "y")), mask)


def plain(data, j, i, scale, unit):
    """Return the error of pattern j at position i, step by step."""
    counts = np.ones((16, 16), bool) if data.mask is None else np.broadcast_to(data.mask, (16, 16, 16))[j]
    left = scale * data.predict()[i] - data.diffraction[j]
    return np.sum(left[counts] ** 2) / unit


def test_all_errors_are_those_of_a_plain_loop(data):
    evidence = Evidence.of(data)
    found = compare(evidence.data, np.array([3, 7]), unit=5.0, scale=1.1)
    expected = [[plain(data, j, i, 1.1, 5.0) for i in range(16)] for j in (3, 7)]
    np.testing.assert_allclose(found.errors, expected, rtol=1e-6)
    np.testing.assert_allclose(found.own, [expected[0][3], expected[1][7]], rtol=1e-6)
    np.testing.assert_allclose(found.at(np.array([5, -1])), [expected[0][5], expected[1][7]], rtol=1e-6)


def test_shifted_errors_are_those_of_a_plain_loop(data):
    evidence = Evidence.of(data)
    found = shifted_errors(evidence.data, np.array([-1, 0, 2]), unit=5.0, scale=1.1)
    assert found[4].tolist() == pytest.approx([plain(data, 4, 4 + s, 1.1, 5.0) for s in (-1, 0, 2)])
    assert np.isnan(found[0]).tolist() == [True, False, False]
    assert np.isnan(found[15]).tolist() == [False, False, True]


def test_the_scale_of_energies_ignores_order_and_dark_patterns():
    predicted = np.random.default_rng(0).random((8, 4, 4))
    measured = 3 * predicted[::-1].copy()
    assert energy_scale(predicted, measured) == pytest.approx(3)
    measured[0] = 0
    assert energy_scale(predicted, measured) == pytest.approx(3, rel=0.1)
    assert energy_scale(predicted, np.zeros((8, 4, 4))) == 0


def test_a_gain_by_noise_is_within_a_few_deviations():
    """Patterns that are noise around one of two predictions: the gain at the other one is a normal number."""
    rng = np.random.default_rng(0)
    one, other = rng.random((2, 256))
    draws = one + 0.1 * rng.standard_normal((400, 256))
    gains = np.sum((draws - one) ** 2 - (draws - other) ** 2, axis=1)
    assert max(deviations(g, 0.01) for g in gains) == 0
    true = np.sum((draws - other) ** 2 - (draws - one) ** 2, axis=1)
    distance = np.linalg.norm(one - other) / 0.1 / 2
    assert np.median([deviations(g, 0.01) for g in true]) == pytest.approx(distance, rel=0.05)


def test_suspects_fit_badly_at_their_own_position(data):
    """None of a sound scan; two that were exchanged."""
    assert suspects(Evidence.of(data), 0.15, 8.0).size == 0
    order = np.arange(16)
    order[[3, 12]] = 12, 3
    swapped = replace(data, diffraction=data.diffraction[order])
    assert set(suspects(Evidence.of(swapped), 0.15, 8.0)) == {3, 12}


def test_the_mismatch_is_that_of_random_pairs(data):
    evidence = Evidence.of(data)
    pairs = [evidence.explained(evidence.data.take(np.roll(np.arange(16), k))).excess for k in range(1, 16)]
    assert mismatch(evidence) == pytest.approx(np.mean(pairs), rel=0.3)
