"""Metrics are perfect for the truth up to its ambiguities, bad for bad images, and always finite."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from skimage.metrics import structural_similarity

from harness.core.errors import UsageError
from harness.ptycho.quality import metrics

PERFECT = {
    "aligned_amplitude_ssim": 1.0,
    "aligned_phase_ssim": 1.0,
    "aligned_amplitude_mae": 0.0,
    "aligned_phase_mae": 0.0,
    "aligned_correlation": 1.0,
    "aligned_frc_mean": 1.0,
    "aligned_frc_cutoff": 0.5,
}


@pytest.fixture(scope="module")
def metrics_of(scan):
    return partial(metrics.object_metrics, truth=scan.object, probe=scan.probe, x=scan.x, y=scan.y)


@pytest.fixture(scope="module")
def mask(scan):
    return metrics.illuminated(scan.probe, scan.x, scan.y, scan.object.shape)


def test_the_truth_is_perfect(metrics_of, scan):
    """The truth compared with itself has the best value of every metric."""
    found = metrics_of(scan.object)
    assert found.pop("aligned_amplitude_psnr") > 300
    assert found == pytest.approx(PERFECT, abs=1e-9)


def test_factor_ramp_and_shift_do_not_matter(metrics_of, scan):
    """The truth with a global factor, a phase ramp and a subpixel shift is (nearly) perfect."""
    rows, columns = (np.fft.fftfreq(168)[:, None], np.fft.fftfreq(168)[None, :])
    row, column = np.indices((168, 168))
    moved = np.fft.ifft2(np.fft.fft2(scan.object) * np.exp(2j * np.pi * (0.4 * rows - 0.3 * columns)))
    found = metrics_of(5 * moved * np.exp(1j + 2j * np.pi * (0.01 * row - 0.02 * column)))
    assert found.pop("aligned_amplitude_psnr") > 50
    assert found.pop("aligned_frc_mean") > 0.98, "the outermost rings hold nothing but interpolation error"
    assert found == pytest.approx({key: PERFECT[key] for key in found}, abs=2e-3)


def test_a_flat_object_is_far_from_good(metrics_of):
    """A collapsed network has an SSIM of about 0.1 and an amplitude MAE of about 0.12."""
    flat = metrics_of(np.ones((168, 168), dtype=np.complex64))
    assert flat["aligned_amplitude_ssim"] < 0.15
    assert flat["aligned_phase_ssim"] < 0.15
    assert flat["aligned_amplitude_mae"] > 0.1
    assert flat["aligned_phase_mae"] > 0.4
    assert flat["aligned_correlation"] < 0.5
    assert flat["aligned_frc_mean"] < 0.2


@pytest.mark.parametrize("value", [0, np.nan, np.inf, 1e300, 1e-300])
def test_a_dead_or_diverged_object_gives_finite_bad_metrics(metrics_of, value):
    """Zero, NaN, infinity, overflow and underflow give finite metrics, all of them bad."""
    with np.errstate(over="ignore", under="ignore"):
        found = metrics_of(np.full((168, 168), value, dtype=np.complex128))
    assert np.isfinite(list(found.values())).all()
    assert found["aligned_amplitude_ssim"] < 0.15
    assert found["aligned_phase_ssim"] < 0.15


def test_metrics_get_worse_with_noise(metrics_of, scan):
    """More noise is worse in every metric."""
    rng = np.random.default_rng(3)
    noise = rng.standard_normal((168, 168)) + 1j * rng.standard_normal((168, 168))
    mild, strong = metrics_of(scan.object + 0.02 * noise), metrics_of(scan.object + 0.2 * noise)
    for key in mild:
        better = -1 if key.endswith("mae") else 1
        assert better * mild[key] > better * strong[key], key


def test_the_conjugate_is_bad_in_its_phase_alone(metrics_of, scan):
    """A flipped phase is bad in the phase metrics and does not change the amplitude metrics."""
    found = metrics_of(scan.object.conj())
    assert found["aligned_phase_mae"] > 0.5
    assert found["aligned_phase_ssim"] < 0.5
    assert found["aligned_amplitude_ssim"] > 0.8
    assert found["aligned_amplitude_mae"] < 0.05


def test_a_shift_of_whole_pixels_is_seen(metrics_of, scan):
    """An object two or three pixels off (fault P12) is not aligned away."""
    assert metrics_of(np.roll(scan.object, 2, axis=1))["aligned_amplitude_ssim"] < 0.95
    assert metrics_of(np.roll(scan.object, 3, axis=0))["aligned_amplitude_ssim"] < 0.85


def test_only_the_illuminated_region_counts(metrics_of, scan, mask):
    """Pixels that were not illuminated may hold anything."""
    found = metrics_of(np.where(mask, scan.object, 7.0))
    found.pop("aligned_amplitude_psnr")
    assert found == pytest.approx(PERFECT, abs=1e-6)


def test_other_shapes_are_refused(metrics_of, scan):
    """A reconstruction of another shape cannot be compared."""
    with pytest.raises(UsageError, match=r"\(168, 168\)"):
        metrics_of(scan.object[1:])


def test_ssim_is_scikit_images_where_everything_is_illuminated():
    """With a full mask it is the mean of scikit-image's map, borders left out as scikit-image does."""
    rng = np.random.default_rng(4)
    truth = rng.uniform(0.5, 1, (40, 40))
    image = truth + 0.05 * rng.standard_normal((40, 40))
    expected = structural_similarity(image, truth, data_range=np.ptp(truth))
    assert metrics.ssim(image, truth, np.ones((40, 40), dtype=bool)) == pytest.approx(expected)


def test_psnr_of_a_known_error():
    """An error of a tenth of the range everywhere is 20 dB."""
    truth = np.linspace(0, 1, 100).reshape(10, 10)
    assert metrics.psnr(truth + 0.1, truth, np.ones((10, 10), dtype=bool)) == pytest.approx(20)


def test_illumination_is_the_probe_put_down_at_every_position(scan):
    """Its sum is the beam's energy times the number of positions, and its middle is inside the mask."""
    dose = metrics.illumination(scan.probe, scan.x, scan.y, scan.object.shape)
    assert dose.sum() == pytest.approx(64 * np.sum(np.abs(scan.probe) ** 2))
    mask = metrics.illuminated(scan.probe, scan.x, scan.y, scan.object.shape)
    assert mask[84, 84]
    assert not mask[0, 0]


def test_frc_of_independent_noise_is_near_zero(mask):
    """Two halves that share nothing do not correlate, and fall below the threshold at once."""
    rng = np.random.default_rng(5)
    a, b = (rng.standard_normal((168, 168)) + 1j * rng.standard_normal((168, 168)) for _ in range(2))
    found = metrics.frc(a, b, mask)
    assert abs(found.mean) < 0.05
    assert found.cutoff == found.frequency[metrics.SKIPPED_RINGS]


def test_frc_cutoff_is_where_the_common_signal_ends(scan, mask):
    """Halves with a common signal below 0.2 cycles per pixel have their cutoff there."""
    rng = np.random.default_rng(6)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(168), np.fft.fftfreq(168), indexing="ij"))
    common = np.fft.fft2(rng.standard_normal((168, 168))) * (frequency < 0.2)
    halves = [np.fft.ifft2(common) + 0.3 * rng.standard_normal((168, 168)) for _ in range(2)]
    assert metrics.frc(*halves, mask).cutoff == pytest.approx(0.2, abs=0.02)


def test_the_frc_cutoff_moves_with_the_curve_and_does_not_jump(mask):
    """Noise that grows by 1 % at a time moves it by less than a ring each time, though single rings cross."""
    rng = np.random.default_rng(7)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(168), np.fft.fftfreq(168), indexing="ij"))
    decay = np.exp(-frequency / 0.12)
    common = np.fft.ifft2(np.fft.fft2(rng.standard_normal((168, 168))) * decay)
    noise = [0.06 * rng.standard_normal((168, 168)) for _ in range(2)]
    cutoffs = [
        metrics.frc(*(common + level * n for n in noise), mask).cutoff for level in np.geomspace(0.8, 1.6, 70)
    ]
    assert cutoffs[0] > cutoffs[-1] + 5 / 168, "the noise matters"
    assert np.abs(np.diff(cutoffs)).max() < 1 / 168


def test_the_half_bit_threshold_is_the_published_curve():
    """Van Heel and Schatz (2005): 0.1716 for rings of very many pixels, 1 for a single one."""
    assert metrics.half_bit(np.array([1e12])) == pytest.approx(0.2071 / 1.2071, abs=1e-4)
    assert metrics.half_bit(np.array([0.0, 1.0])).tolist() == pytest.approx([1, 1])


def test_diffraction_error_is_taken_where_pixels_count(scan, clean):
    """Garbage behind a mask has no effect."""
    mask = np.random.default_rng(0).random((64, 64)) > 0.2
    at = {"probe": scan.probe, "x": scan.x, "y": scan.y, "obj": scan.object, "mask": mask}
    stack = np.where(mask, clean.diffraction, np.nan)
    assert metrics.diffraction_error(stack, **at) < 1e-14
    assert metrics.diffraction_error(np.where(mask, 2 * clean.diffraction, 65535.0), **at) < 1e-14


def test_diffraction_error_of_truth_and_of_flat(scan, clean):
    """The truth explains noise-free data to rounding, a flat object does not."""
    at = {"probe": clean.probe, "x": clean.x, "y": clean.y}
    assert metrics.diffraction_error(clean.diffraction, obj=clean.object, **at) < 1e-14
    assert metrics.diffraction_error(clean.diffraction, obj=np.ones((168, 168)), **at) > 0.2
    assert metrics.diffraction_error(clean.diffraction, obj=np.full((168, 168), np.nan), **at) == 1.0
