"""Alignment removes the ambiguities of a reconstruction, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from harness.ptycho.quality.align import LARGEST_SHIFT, align, find_alignment
from harness.ptycho.quality.metrics import illuminated


@pytest.fixture(scope="module")
def mask(scan):
    return illuminated(scan.probe, scan.x, scan.y, scan.object.shape)


def disturbed(obj, *, shift=(0.0, 0.0), ramp=(0.0, 0.0), factor=1.0):
    """Shift *obj* by the Fourier theorem (it is periodic), tilt it and multiply it."""
    rows, columns = (np.fft.fftfreq(n) for n in obj.shape)
    moved = np.fft.ifft2(
        np.fft.fft2(obj) * np.exp(2j * np.pi * (rows[:, None] * shift[0] + columns[None, :] * shift[1]))
    )
    row, column = np.indices(obj.shape)
    return factor * moved * np.exp(2j * np.pi * (ramp[0] * row + ramp[1] * column))


@pytest.mark.parametrize(
    ("shift", "ramp"),
    [
        ((0.37, -0.61), (0.0, 0.0)),
        ((0.0, 0.0), (0.0031, -0.0047)),
        ((-0.25, 0.5), (0.013, -0.025)),
        ((0.9, 0.9), (-0.06, 0.1)),
    ],
)
def test_shift_ramp_and_factor_are_found(scan, mask, shift, ramp):
    """A known disturbance is found to 1/100 px and 1/1000 of a Fourier pixel, and undone."""
    image = disturbed(scan.object, shift=shift, ramp=ramp, factor=3 * np.exp(2j))
    found = find_alignment(image, scan.object, mask)
    np.testing.assert_allclose(found.shift, -np.array(shift), atol=0.01)
    np.testing.assert_allclose(found.ramp, -np.array(ramp), atol=1e-3 / 168)
    assert abs(found.factor) == pytest.approx(1 / 3, rel=1e-3)
    error = np.abs(found.apply(image) - scan.object)[mask]
    assert error.mean() < 2e-3


def test_a_shift_of_whole_pixels_is_not_removed(scan, mask):
    """Two pixels are an error, not an ambiguity: they stay in the metrics."""
    image = np.roll(scan.object, 2, axis=0)
    found = find_alignment(image, scan.object, mask)
    assert np.abs(found.shift).max() <= LARGEST_SHIFT
    assert np.abs(found.apply(image) - scan.object)[mask].mean() > 0.05


def test_pixels_outside_the_mask_are_ignored(scan, mask):
    """Pixels that were never illuminated may hold anything."""
    rubbish = np.where(mask, scan.object, 50 * np.exp(1j * np.arange(168)))
    np.testing.assert_allclose(align(rubbish, scan.object, mask)[mask], scan.object[mask], atol=1e-6)


@pytest.mark.parametrize("level", [0.0, 1.0, 1e-30, 1e6j])
def test_a_flat_image_is_aligned_to_something_finite(scan, mask, level):
    """A collapsed reconstruction has no shift, and its alignment does not divide by zero."""
    aligned = align(np.full(scan.object.shape, level), scan.object, mask)
    assert np.isfinite(aligned).all()
    np.testing.assert_allclose(np.ptp(np.abs(aligned)), 0, atol=1e-9)
