"""Each pattern's displacement is fitted without bias, and its covariance is what noise gives it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.parts.positions.fit import Displacements, displacements, fitted_each, moved
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def clean():
    return Dataset.of(simulate(positions=16, detector=64, step=6.0, photons=None).arrays())


def noisy(data, photons, seed):
    """Return the clean *data* with photon noise, whose single photon has the amplitude 1."""
    counts = data.diffraction.astype(float) ** 2
    counts *= photons / counts.sum(axis=(1, 2)).mean()
    stack = np.sqrt(np.random.default_rng(seed).poisson(counts))
    return replace(data, diffraction=stack)


@pytest.mark.parametrize(("dx", "dy"), [(0.1, 0.0), (0.0, -0.1), (0.05, 0.08)])
def test_a_small_displacement_is_found_with_its_sign(clean, dx, dy):
    moves = displacements(clean.moved(-dx, -dy), None).moves
    # Light at a window's edge, which differs where the window is another one, bends a few.
    assert np.allclose(np.median(moves, axis=0), [dx, dy], atol=0.005)


@pytest.mark.parametrize("photons", [1e5, 3e3])
def test_the_covariance_is_that_of_photon_noise(clean, photons):
    found = [displacements(noisy(clean, photons, seed), 1.0) for seed in range(40)]
    chi_squared = np.concatenate([one.chi_squared for one in found])
    # 1280 numbers of variance 1: their mean square is 1 within 4 %, one standard deviation.
    assert 0.8 < chi_squared.mean() / 2 < 1.2
    pull, precision = (
        sum(one.pull.sum(axis=0) for one in found),
        sum(one.precision.sum(axis=0) for one in found),
    )
    error = np.sqrt(np.linalg.inv(precision).diagonal())
    assert np.all(np.abs(np.linalg.solve(precision, pull)) < 4 * error)


def test_masked_pixels_say_nothing(clean):
    mask = np.random.default_rng(0).uniform(size=(64, 64)) > 0.2
    stored = replace(clean, diffraction=np.where(mask, clean.diffraction, 0), mask=mask).moved(0.1, 0)
    assert np.allclose(np.median(displacements(stored, None).moves, axis=0), [-0.1, 0], atol=0.005)


def test_a_pattern_without_light_has_no_displacement(clean):
    dark = replace(clean, diffraction=clean.diffraction * (np.arange(16) != 3)[:, None, None])
    found = displacements(dark, None)
    assert found.moves[3].tolist() == [0, 0]
    assert np.isfinite(found.moves).all()


def test_what_is_left_after_the_moves_is_nothing(clean):
    found = displacements(clean.moved(0.1, 0.1), None)
    assert found.less(found.moves).chi_squared.max() < 1e-6 * found.chi_squared.max()


def test_steps_converge_from_a_pixel_away(clean):
    far = clean.moved(0.8, -0.6)
    moves = fitted_each(far, None, np.zeros((16, 2)), 4)
    assert np.allclose(moves, [-0.8, 0.6], atol=1e-2)
    assert np.allclose(moved(far, moves).x, clean.x, atol=1e-2)


def test_no_patterns_have_no_displacements(clean):
    found = displacements(clean.take(np.array([], dtype=int)), None)
    assert isinstance(found, Displacements)
    assert found.moves.shape == (0, 2)
