"""The simulated scan: seeded, subpixel, at a dose that matters."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.core.storage.digest import digest_array
from harness.ptycho.scan import forward
from harness.ptycho.scan.simulate import simulate


def _residual(scan):
    return forward.residual(forward.amplitude(scan.probe, scan.object, scan.x, scan.y), scan.diffraction)


def test_the_same_seed_gives_the_same_scan(scan):
    """Every array is the same to the bit, and so is the source's digest."""
    again = simulate()
    assert again.source == scan.source
    for key, array in scan.arrays().items():
        assert digest_array(again.arrays()[key]) == digest_array(array), key


def test_another_seed_changes_object_positions_and_noise(scan):
    """A seed is no inert parameter; the probe does not depend on it beyond its exposure."""
    other = simulate(seed=1)
    assert not np.allclose(other.object, scan.object)
    assert not np.allclose(other.x, scan.x)
    assert other.source.digest != scan.source.digest


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_streams_of_a_seed_are_independent(seed):
    """Object and positions do not repeat the bare seed's own numbers (a seed list ending in 0 would)."""
    bare = np.random.default_rng(seed).standard_normal((168, 168))
    obj = np.abs(simulate(seed=seed).object)
    assert abs(np.corrcoef(bare.ravel(), obj.ravel())[0, 1]) < 0.03


@pytest.mark.parametrize("photons", [1e4, 1e5, 1e6])
def test_the_photon_number_is_that_of_the_patterns(photons):
    """The recorded dose is the data's: patterns hold so many counts on average, all of them whole."""
    counts = simulate(photons=photons).diffraction ** 2
    assert np.mean(counts.sum(axis=(1, 2))) == pytest.approx(photons, rel=0.01)
    np.testing.assert_allclose(counts, np.rint(counts), rtol=1e-12, atol=1e-12)


def test_the_residual_follows_the_dose(clean):
    """Noise-free data are explained to rounding; ten times the photons leave a third of the residual."""
    at_1e5, at_1e6 = _residual(simulate(photons=1e5)), _residual(simulate(photons=1e6))
    assert _residual(clean) < 1e-14
    assert at_1e5 / at_1e6 == pytest.approx(np.sqrt(10), rel=0.25)


def test_the_probe_explains_the_counts_without_a_scale(scan):
    """Probe and patterns share their unit: the fitted global scale is 1."""
    predicted = forward.amplitude(scan.probe, scan.object, scan.x, scan.y)
    assert forward.fitted_scale(predicted, scan.diffraction) == pytest.approx(1, abs=1e-3)


def test_the_object_has_no_wraps_and_structure_at_several_scales(scan):
    """Amplitude within 0.5 .. 1, phase within -1 .. 1 rad, and contrast at 2, 8 and 24 px."""
    amplitude, phase = np.abs(scan.object), np.angle(scan.object)
    assert amplitude.min() >= 0.5
    assert amplitude.max() <= 1
    assert np.abs(phase).max() <= 1
    for size in (2, 8, 24):
        for image in (amplitude, phase):
            blocks = image[:168, :168].reshape(168 // size, size, 168 // size, size)
            assert blocks.mean(axis=(1, 3)).std() > 0.2 * image.std()
            assert blocks.std(axis=(1, 3)).mean() > 0.1 * image.std()


def test_the_beam_spans_two_steps_and_ends_before_its_window(scan):
    """Neighbours share at least half the beam (90 % of its energy), and hardly any light wraps around."""
    intensity = np.sort(np.abs(scan.probe).ravel() ** 2)[::-1]
    area = np.searchsorted(np.cumsum(intensity) / intensity.sum(), 0.9)
    edge = np.abs(np.concatenate([scan.probe[0], scan.probe[:, 0]])) ** 2
    assert 2 * np.sqrt(area / np.pi) >= 2 * 12
    assert edge.max() < 0.01 * intensity[0]


@pytest.mark.parametrize("positions", [16, 50, 64, 100])
def test_positions_are_subpixel_near_their_step_and_inside(positions):
    """Any number of positions fits into the object with a margin, off the pixel grid, unlike a raster."""
    scan = simulate(positions=positions, photons=None)
    assert scan.positions == positions
    assert min(scan.object.shape) >= 128
    for centre, extent in ((scan.x, scan.object.shape[1]), (scan.y, scan.object.shape[0])):
        assert forward.inside(centre - 5, 64, extent).all()
        assert forward.inside(centre + 5, 64, extent).all()
        assert np.mean(np.abs(centre - np.rint(centre)) > 0.01) > 0.9
    points = np.stack([scan.x, scan.y], axis=1)
    apart = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(positions)
    assert np.median(apart.min(axis=1)) == pytest.approx(12, rel=0.3)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("positions", 0), ("detector", 63), ("detector", 6), ("step", 0.0), ("step", float("nan")),
        ("photons", 0.0), ("photons", -1.0), ("photons", float("inf")),
        ("jitter", -0.1), ("seed", -1), ("seed", 0.5),
    ],
)  # fmt: skip
def test_an_impossible_parameter_is_refused_by_name(key, value):
    """The refusal names the parameter, its range and the value."""
    with pytest.raises(UsageError) as refusal:
        simulate(**{key: value})
    assert refusal.value.thing == key
    assert refusal.value.found == repr(value)
