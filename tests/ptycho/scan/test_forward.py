"""The forward model's conventions: centring, subpixel shifts, energy, zero frequency."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import RefusedError
from harness.ptycho.scan import forward
from harness.ptycho.scan.residual import Dataset


def _complex(shape, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@given(st.integers(0, 80), st.integers(0, 60))
def test_a_whole_coordinate_reads_the_window_that_is_centred_on_it(row, column):
    """Position (x, y) reads rows y - H/2 .. y + H/2 and columns x - W/2 .. x + W/2, unchanged."""
    obj = _complex((96, 84))
    (patch,) = forward.patches(obj, np.array([column + 12.0]), np.array([row + 8.0]), (16, 24))
    np.testing.assert_allclose(patch, obj[row : row + 16, column : column + 24], atol=1e-12)


def test_x_runs_along_columns():
    """One pixel right in x is one column."""
    obj = np.zeros((64, 64), dtype=complex)
    obj[30, 40] = 1
    (patch,) = forward.patches(obj, np.array([40.0]), np.array([30.0]), (16, 16))
    assert np.argmax(np.abs(patch)) == np.ravel_multi_index((8, 8), (16, 16))


@given(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5))
def test_a_fraction_samples_between_pixels(down, right):
    """On a wave that is periodic in the window the Fourier shift is exact."""
    row, column = np.mgrid[:64, :64]
    wave = lambda r, c: np.exp(2j * np.pi * (3 * r - 5 * c) / 16)  # noqa: E731
    (patch,) = forward.patches(wave(row, column), np.array([32 + right]), np.array([32 + down]), (16, 16))
    row, column = np.mgrid[24:40, 24:40]
    np.testing.assert_allclose(patch, wave(row + down, column + right), atol=1e-10)


def test_the_far_field_conserves_energy():
    """Sum |out|^2 == sum |in|^2, for every pattern of a stack."""
    wave = _complex((3, 16, 24))
    far = forward.far_field(wave)
    np.testing.assert_allclose(np.sum(np.abs(far) ** 2, (1, 2)), np.sum(np.abs(wave) ** 2, (1, 2)))


def test_the_zero_frequency_is_at_the_centre():
    """A flat exit wave lights pixel (H/2, W/2) alone."""
    far = np.abs(forward.far_field(np.ones((16, 24))))
    assert np.argmax(far) == np.ravel_multi_index((8, 12), (16, 24))
    assert np.count_nonzero(far > 1e-9) == 1


def test_the_block_size_does_not_change_the_result():
    """More positions than a block give the same amplitudes as one by one."""
    obj, probe = _complex((64, 64)), _complex((8, 8))
    x, y = np.random.default_rng(1).uniform(4, 60, (2, 2 * forward.BLOCK + 3))
    one_by_one = [forward.amplitude(probe, obj, x[j : j + 1], y[j : j + 1])[0] for j in range(len(x))]
    np.testing.assert_allclose(forward.amplitude(probe, obj, x, y), one_by_one, atol=1e-12)


@pytest.mark.parametrize(("x", "y"), [(7.9, 32), (32, 7.9), (56.1, 32), (32, 56.1), (np.nan, 32)])
def test_a_patch_outside_the_object_is_refused(x, y):
    """The refusal names the position, its coordinates and the object's size."""
    with pytest.raises(RefusedError, match="scan position 1") as refusal:
        forward.patches(np.ones((64, 64)), np.array([8.0, x]), np.array([56.0, y]), (16, 16))
    assert "64 x 64" in refusal.value.expected
    assert f"x = {x:.3f}, y = {y:.3f}" in refusal.value.found


def test_the_residual_ignores_a_global_scale_and_nothing_else():
    """One factor is fitted to all patterns; one per pattern would hide a lost scale."""
    measured = np.random.default_rng(2).uniform(1, 2, (4, 8, 8))
    assert forward.residual(7.5 * measured, measured) < 1e-15
    assert forward.residual(measured * np.array([1, 2, 1, 2])[:, None, None], measured) > 0.2


def test_the_residual_of_dark_amplitudes_is_one():
    """A dark prediction, or dark data, explain nothing, and do not give NaN."""
    ones = np.ones((2, 4, 4))
    assert forward.residual(0 * ones, ones) == 1.0
    assert forward.residual(ones, 0 * ones) == 1.0


def test_the_measured_scan_is_explained_as_published(star):
    """The window convention reproduces the residuals published beside the Siemens star, to three digits."""
    stored = Dataset(star.diffraction, star.probe, star.object, star.x, star.y).residuals()
    swapped = Dataset(star.diffraction, star.probe, star.object, star.y, star.x).residuals()
    assert f"{stored.residual:.3f} {stored.permuted:.3f} {swapped.residual:.3f}" == "0.102 0.319 0.313"
