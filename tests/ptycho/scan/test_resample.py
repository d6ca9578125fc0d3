"""Cropping and binning change probe, object and coordinates to match, or refuse a beam that does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.core.errors import RefusedError, UsageError
from harness.ptycho.scan.forward import amplitude, far_field, fitted_scale, patches
from harness.ptycho.scan.resample import bin_detector, crop
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


def measured(scan):
    return Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y).residuals()


def narrow(share):
    """Simulate 128 x 128 pixels with the beam's far end cut to *share* of the window, as an aperture does."""
    scan = simulate(detector=128, photons=None)
    row, column = np.indices((128, 128)) - 64
    probe = scan.probe * np.exp(-((np.hypot(row, column) / (share * 128)) ** 4))
    return replace(scan, probe=probe, diffraction=amplitude(probe, scan.object, scan.x, scan.y))


def test_a_factor_of_one_changes_nothing(scan):
    """The same scan is returned, without a note."""
    assert crop(scan, 1) is scan
    assert bin_detector(scan, 1) is scan


def test_crop_scales_everything_to_match(scan):
    """The detector's middle; coordinates and object pixels by 1/k; the probe's light kept."""
    half = crop(replace(scan, x_start=scan.x + 1, y_start=scan.y + 2), 2)
    np.testing.assert_array_equal(half.diffraction, scan.diffraction[:, 16:48, 16:48])
    np.testing.assert_array_equal(half.x, scan.x / 2)
    np.testing.assert_array_equal(half.y_start, (scan.y + 2) / 2)
    assert half.object.shape == (84, 84)
    assert half.probe.shape == half.detector == (32, 32)
    assert np.sum(np.abs(half.probe) ** 2) == pytest.approx(np.sum(np.abs(scan.probe) ** 2), rel=1e-3)
    assert "cropped by 2 to 32 x 32" in half.transformations[-1]


def test_bin_adds_counts_and_keeps_the_coordinates():
    """Counts of k x k pixels are added; object and coordinates stay, the window shrinks."""
    scan = narrow(0.15)
    half = bin_detector(scan, 2)
    counts = scan.diffraction**2
    added = counts[:, 0::2, 0::2] + counts[:, 1::2, 0::2] + counts[:, 0::2, 1::2] + counts[:, 1::2, 1::2]
    np.testing.assert_allclose(half.diffraction**2, added)
    assert half.x is scan.x
    assert half.object is scan.object
    assert half.detector == (64, 64)
    assert "binned by 2 to 64 x 64" in half.transformations[-1]


@pytest.mark.parametrize("photons", [None, 1e6])
def test_the_cropped_scan_is_explained(photons):
    """The residual stays below a tenth of what permuted coordinates give, and the scale of the probe fits."""
    half = measured(crop(simulate(photons=photons), 2))
    assert half.residual < 0.05
    assert half.contrast > 5


def test_the_binned_scan_is_explained():
    """A beam that fits into the smaller window is explained after binning, too."""
    half = measured(bin_detector(narrow(0.15), 2))
    assert half.residual < 0.05
    assert half.contrast > 5


@pytest.mark.parametrize("resampled", [lambda s: crop(s, 2), lambda s: bin_detector(s, 2)])
def test_coordinates_on_the_wrong_scale_are_not_explained(resampled):
    """The test above can fail: with coordinates of the wrong scale the contrast is lost."""
    half = resampled(narrow(0.15))
    middle = np.array(half.object.shape)[::-1, None] / 2
    centred = np.stack([half.x, half.y]) - middle
    x, y = middle + 0.5 * centred
    assert measured(replace(half, x=x, y=y)).contrast < 1.5


def test_the_unit_of_the_probe_follows():
    """Predicted amplitudes need no new scale after a crop or a bin."""
    scan = narrow(0.15)
    for half in (crop(scan, 2), bin_detector(scan, 2)):
        predicted = amplitude(half.probe, half.object, half.x, half.y)
        assert fitted_scale(predicted, half.diffraction) == pytest.approx(1, abs=0.01)


def test_truth_patches_follow(scan):
    """Truth patches of the resampled scan are the resampled object's patches (inside, off the edges)."""
    full = replace(scan, truth=patches(scan.object, scan.x, scan.y, (64, 64)))
    half = crop(full, 2)
    expected = patches(half.object, half.x, half.y, (32, 32))
    middle = np.s_[:, 8:24, 8:24]
    assert np.abs(half.truth - expected)[middle].mean() < 0.02


@pytest.mark.parametrize("factor", [0, -2, 3, 64])
@pytest.mark.parametrize("resample", [crop, bin_detector])
def test_an_impossible_factor_is_refused(scan, factor, resample):
    """A factor that does not leave an even number of pixels is a usage error."""
    with pytest.raises(UsageError, match="64 x 64"):
        resample(scan, factor)


def test_a_beam_that_does_not_fit_the_binned_window_is_refused(scan):
    """The probe of minimal_v1 fills its window: binning would cut light away."""
    with pytest.raises(RefusedError, match="binned pattern's window"):
        bin_detector(scan, 2)


def test_measured_light_beyond_the_cropped_detector_is_refused(star):
    """The star's probe keeps a third of its light on half the detector: no crop can be explained."""
    with pytest.raises(RefusedError, match=r"cropped detector, 32 x 32 pixels, found 33\.3%"):
        crop(star, 2)


def test_a_measured_scan_padded_in_fourier_space_is_cropped_back(star):
    """On twice the detector and cropped again, the residual is the same."""
    fine = _finer(star)
    before, after = measured(star), measured(crop(fine, 2))
    assert after.residual == pytest.approx(before.residual, abs=0.002)
    assert after.contrast == pytest.approx(before.contrast, rel=0.02)


def _finer(scan):
    """Put the scan on a detector twice as wide, dark beyond the old one: all of it at half the pixel size."""
    pad = [(32, 32), (32, 32)]
    spectrum = np.pad(far_field(scan.probe), pad)
    probe = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(spectrum), norm="ortho"))
    wide = np.fft.fftshift(np.fft.fft2(scan.object))
    rows, columns = wide.shape
    top, left = rows - rows // 2, columns - columns // 2
    wide = np.pad(wide, [(top, rows - top), (left, columns - left)])
    return replace(
        scan,
        probe=probe,
        object=4 * np.fft.ifft2(np.fft.ifftshift(wide)),
        x=2 * scan.x,
        y=2 * scan.y,
        diffraction=np.pad(scan.diffraction, [(0, 0), *pad]),
    )


def test_crop_keeps_the_middle_of_the_mask(scan):
    """One mask for all patterns, or one for each."""
    each = np.random.default_rng(0).random(scan.diffraction.shape) > 0.5
    np.testing.assert_array_equal(crop(replace(scan, mask=each), 2).mask, each[:, 16:48, 16:48])
    np.testing.assert_array_equal(crop(replace(scan, mask=each[0]), 2).mask, each[0, 16:48, 16:48])
    assert crop(scan, 2).mask is None


@pytest.mark.parametrize("each", [False, True])
def test_a_binned_pixel_counts_if_all_its_pixels_do(each):
    """The light of the others is not known; what they held has no effect, and 0 is stored."""
    scan = narrow(0.15)
    mask = np.ones(scan.diffraction.shape if each else scan.detector, dtype=bool)
    mask[..., 3, 4] = mask[..., 100, 7] = False
    spoiled = replace(scan, mask=mask, diffraction=np.where(mask, scan.diffraction, np.nan))
    half, whole = bin_detector(spoiled, 2), bin_detector(scan, 2)
    expected = np.ones((64, 64), dtype=bool)
    expected[1, 2] = expected[50, 3] = False
    np.testing.assert_array_equal(half.mask, np.broadcast_to(expected, half.mask.shape))
    np.testing.assert_array_equal(half.diffraction, np.where(expected, whole.diffraction, 0))
