"""Counts are recognised, and the noise computed from them is the noise that they have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from second_simulator import Variant, drawn_variant, make_scan

from harness.ptycho.scan.forward import amplitude, residual
from harness.ptycho.scan.photons import (
    photon_residual,
    photons_per_pattern,
    quantum,
    root_of_counts,
    usual_quantum,
)
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


def _hot(data):
    data[:, 3, 5] = 0.317 * data.max()
    return data


def _clipped(data):
    return np.minimum(data, 0.4321 * data.max())


def _cut_off(data):
    return np.where(data**2 > 4.5 * data[data > 0].min() ** 2, data, 0)


def _with_background(data):
    unit = data[data > 0].min()
    counts = np.rint((data / unit) ** 2)
    return unit * np.sqrt(counts + np.random.default_rng(1).poisson(20.0, counts.shape))


def _hit(data):
    data[4, 2:9, 7] = 0.777 * data.max()
    return data


@pytest.mark.parametrize("change", [_hot, _clipped, _cut_off, _with_background, _hit])
@pytest.mark.parametrize("photons", [1e4, 1e6])
def test_a_few_values_that_are_not_counts_do_not_hide_the_quantum(change, photons):
    """A hot pixel, saturation, faint counts cut off, a background, and one hit: scans of two simulators."""
    scans = [simulate(photons=photons, positions=36, detector=48).diffraction]
    scans += [make_scan(Variant(photons=photons), seed)["diffraction"] for seed in range(2)]
    for stack in scans:
        one = quantum(stack)
        assert quantum(change(stack.astype(np.float64)).astype(np.float32)) == pytest.approx(one, rel=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        np.square,
        np.sqrt,
        np.log1p,
        lambda data: data**0.7,
        lambda data: data + 0.0123 * data.max(),
        lambda data: np.rint(32 * data / data.max()),
        lambda data: data / data.max(axis=(1, 2), keepdims=True),
        lambda data: data * np.linspace(1, 1.3, data.shape[2]),
    ],
    ids=["intensity", "root", "logarithm", "power", "offset", "few levels", "normalised", "uneven gain"],
)
@pytest.mark.parametrize("photons", [1e3, 1e6])
def test_other_numbers_of_a_second_simulator_have_no_quantum(change, photons):
    for seed in range(2):
        stack = make_scan(Variant(photons=photons), seed)["diffraction"].astype(np.float64)
        assert quantum(change(stack).astype(np.float32)) is None


def test_the_quantum_of_drawn_sound_scans_is_known_unless_they_are_noise_free():
    """The dose that the quantum gives is the dose that was asked for."""
    for seed in range(12):
        variant = replace(drawn_variant(seed), mask="")
        one = quantum(stack := make_scan(variant, seed)["diffraction"])
        if variant.photons is None:
            assert one is None
        else:
            assert photons_per_pattern(stack, one) == pytest.approx(variant.photons, rel=0.1)


def test_patterns_that_were_scaled_one_by_one_show_their_own_dose(scan):
    """Normalised patterns have no quantum in common; without counts there is none at all."""
    norm = np.linalg.norm(scan.diffraction, axis=(1, 2), keepdims=True)
    assert quantum(scan.diffraction / norm) is None
    assert usual_quantum(scan.diffraction / norm) == pytest.approx(np.sqrt(np.mean(1 / norm**2)), rel=1e-6)
    assert usual_quantum(scan.diffraction) == quantum(scan.diffraction)
    assert usual_quantum(np.random.default_rng(0).random((8, 16, 16))) is None
