"""Residuals are small where data are explained, and the contrast decides at the documented bounds."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import RefusedError
from harness.ptycho.scan.forward import residual
from harness.ptycho.scan.residual import (
    LEAST_CONTRAST,
    Dataset,
    Residuals,
    permuted_residual,
    residuals,
    squared_errors,
)


@pytest.fixture
def data(scan):
    return Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)


def test_stored_coordinates_explain_the_data_and_swapped_ones_do_not(data):
    swapped = Dataset(data.diffraction, data.probe, data.object, data.y, data.x)
    assert data.residuals().is_explained
    assert not swapped.residuals().is_explained


def test_the_patterns_errors_add_up_to_the_residual(data):
    predicted = data.moved(1, 0).predict()
    errors = squared_errors(predicted, data.diffraction)
    assert errors.shape == (64,)
    assert np.sqrt(errors.sum()) == pytest.approx(residual(predicted, data.diffraction))


def test_the_permuted_residual_is_that_of_permuted_predictions(data):
    """The mean over many single permutations agrees with it to a few percent."""
    predicted = data.predict()
    rng = np.random.default_rng(7)
    drawn = [residual(predicted[rng.permutation(64)], data.diffraction) for _ in range(20)]
    assert permuted_residual(predicted, data.diffraction) == pytest.approx(np.mean(drawn), rel=0.03)


@pytest.mark.parametrize(
    ("ratio", "is_explained"), [(LEAST_CONTRAST + 0.01, True), (LEAST_CONTRAST - 0.01, False)]
)
def test_data_are_explained_from_the_least_contrast_on(ratio, is_explained):
    assert Residuals(residual=0.1, permuted=0.1 * ratio).is_explained == is_explained


def test_photon_noise_is_subtracted_where_the_dose_is_known():
    """A residual that is nearly all noise has a low contrast and a high noise-free contrast."""
    found = Residuals(residual=0.30, permuted=0.36, photon=0.299, spread=1e-6)
    assert found.contrast < LEAST_CONTRAST
    left, permuted = 0.30**2 - 0.299**2, 0.36**2 - 0.299**2
    assert found.noise_free_contrast == pytest.approx(np.sqrt(permuted / left))
    assert found.is_explained
    assert not Residuals(residual=0.30, permuted=0.36).is_explained


def test_a_residual_within_its_error_of_photon_noise_is_all_noise():
    assert Residuals(residual=0.3, permuted=0.3, photon=0.3).is_all_noise
    assert not Residuals(residual=0.31, permuted=0.31, photon=0.3).is_all_noise
    assert not Residuals(residual=0.3, permuted=0.3).is_all_noise, "the dose is unknown"


def test_dark_data_are_not_explained(data):
    dark = np.zeros_like(data.diffraction)
    found = residuals(data.predict(), dark)
    assert (found.residual, found.permuted) == (pytest.approx(1.0), 1.0)
    assert not found.is_explained


def test_a_dataset_with_a_patch_outside_the_object_is_not_computable(data):
    outside = data.moved(data.object.shape[1], 0)
    assert data.is_computable
    assert not outside.is_computable
    assert not outside.inside.any()
    with pytest.raises(RefusedError, match="scan position 0"):
        outside.residuals()


def test_a_dataset_with_a_pattern_too_few_is_not_computable(data):
    short = Dataset(data.diffraction[1:], data.probe, data.object, data.x, data.y)
    assert not short.shapes_match
    assert not short.is_computable


def test_positions_are_taken_with_their_patterns(data):
    taken = data.take(np.array([5, 2]))
    np.testing.assert_array_equal(taken.diffraction, data.diffraction[[5, 2]])
    np.testing.assert_array_equal(taken.x, data.x[[5, 2]])
    np.testing.assert_array_equal(taken.y, data.y[[5, 2]])
