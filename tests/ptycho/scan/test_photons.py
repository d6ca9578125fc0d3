"""Counts are recognised, and the noise computed from them is the noise that they have."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.scan.forward import amplitude, residual
from harness.ptycho.scan.photons import photon_residual, photons_per_pattern, quantum, root_of_counts
from harness.ptycho.scan.simulate import simulate


@pytest.mark.parametrize("photons", [2e2, 1e4, 1e6])
@pytest.mark.parametrize("scale", [1.0, 0.125, 0.3])
def test_the_quantum_of_counts_is_found_at_any_scale(photons, scale):
    """float32 roots of counts, scaled: the amplitude of one photon, and with it the dose."""
    data = (scale * simulate(photons=photons).diffraction).astype(np.float32)
    one = quantum(data)
    assert one == pytest.approx(scale)
    assert photons_per_pattern(data, one) == pytest.approx(photons, rel=0.05)


@pytest.mark.parametrize(
    "change",
    [np.square, lambda data: data**2 * 0.01, lambda data: data + 0.1, np.zeros_like, np.ones_like],
    ids=["counts", "scaled counts", "offset", "dark", "flat"],
)
def test_values_that_are_not_roots_of_counts_have_no_quantum(scan, change):
    """The dose of intensities, amplitudes with an offset, and flat data is unknown."""
    assert quantum(change(scan.diffraction)) is None


def test_noise_free_data_have_no_quantum(clean):
    assert quantum(clean.diffraction) is None


@pytest.mark.parametrize("photons", [2e2, 1e3, 1e4, 1e6])
def test_the_photon_residual_is_that_of_the_truth(photons):
    """Data that the model explains leave what photon noise leaves, within 1 %, at any dose."""
    scan = simulate(photons=photons)
    predicted = amplitude(scan.probe, scan.object, scan.x, scan.y)
    expected = residual(predicted, scan.diffraction)
    assert photon_residual(predicted, scan.diffraction, 1.0) == pytest.approx(expected, rel=0.01)


def test_a_wrong_prediction_leaves_more_than_photon_noise(scan):
    predicted = amplitude(scan.probe, scan.object, scan.x + 1, scan.y)
    assert residual(predicted, scan.diffraction) > 2 * photon_residual(predicted, scan.diffraction, 1.0)


@pytest.mark.parametrize("mean", [0.05, 0.5, 3.0, 40.0, 100.0, 1e4])
def test_mean_and_variance_of_a_root_are_those_of_drawn_counts(mean):
    """Against 4 x 10^5 Poisson draws, across the border between table and series."""
    roots = np.sqrt(np.random.default_rng(0).poisson(mean, 400_000))
    found = root_of_counts(np.array([np.sqrt(mean)]))
    assert found[0][0] == pytest.approx(roots.mean(), abs=5 * roots.std() / np.sqrt(len(roots)) + 1e-4)
    assert found[1][0] == pytest.approx(roots.var(), rel=0.03)
