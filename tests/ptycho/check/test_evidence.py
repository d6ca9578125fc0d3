"""Evidence measures what photon noise does not explain, and leaves masked pixels out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.check.evidence import SAMPLED_PATTERNS, Evidence, fit, predict
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.simulate import simulate


@pytest.mark.parametrize("photons", [1e6, 1e4, 300])
def test_sound_data_have_no_excess(photons):
    """At any dose the residual is what photon noise leaves, within five of its standard deviations."""
    found = Evidence.of(Dataset.of(simulate(positions=36, detector=32, step=6.0, photons=photons).arrays()))
    assert abs(found.fit.significance) < 5
    assert found.fit.residual == pytest.approx(found.fit.floor, rel=0.02)
    assert not found.has_excess


def test_noise_free_data_have_an_excess_of_rounding_alone():
    """The dose is unknown, so nothing is subtracted; what is left is too little to be called an excess."""
    found = Evidence.of(Dataset.of(simulate(positions=16, detector=32, step=6.0, photons=None).arrays()))
    assert found.fit.floor == 0
    assert not found.has_excess


def test_a_wrong_prediction_does_not_raise_the_noise(small_data):
    """The floor is that of photon counts, whatever is predicted wrongly: it does not hide the excess."""
    right = Evidence.of(small_data)
    wrong = Evidence.of(replace(small_data, x=small_data.y, y=small_data.x))
    assert wrong.fit.floor == pytest.approx(right.fit.floor, rel=0.02)
    assert wrong.fit.excess > 50 * right.fit.noise.mean()
    assert wrong.has_excess


def test_masked_pixels_count_nowhere(small_data):
    """A masked pixel may hold anything, and the fit is that of the rest."""
    mask = np.ones((32, 32), dtype=bool)
    mask[10:13, 20] = False
    spoiled = small_data.diffraction.copy()
    spoiled[:, ~mask] = np.nan
    found = Evidence.of(replace(small_data, diffraction=spoiled, mask=mask))
    assert np.isfinite(found.fit.errors).all()
    assert abs(found.fit.significance) < 5
    assert not predict(found.few)[:, ~mask].any()


def test_patterns_outside_the_object_are_left_out(small_data):
    moved = small_data.x.copy()
    moved[[3, 7]] = -5.0
    found = Evidence.of(replace(small_data, x=moved))
    assert np.array_equal(found.index, np.setdiff1d(np.arange(36), [3, 7]))
    assert not found.has_excess


def test_a_large_scan_is_sampled_and_its_whole_is_measured_in_blocks():
    """The sample is spread over the scan; the whole has each pattern's error, in the sample's units."""
    data = Dataset.of(simulate(positions=SAMPLED_PATTERNS + 22, detector=16, step=3.0).arrays())
    found = Evidence.of(data)
    assert len(found.sample) == SAMPLED_PATTERNS
    whole = fit(found.data.predict(), found.data.diffraction, found.one_photon)
    assert found.whole.errors == pytest.approx(whole.errors, rel=0.02)
    assert found.whole.noise == pytest.approx(whole.noise, rel=0.02)
    assert len(list(found.blocks())) == 2


def test_dark_patterns_are_explained_by_nothing():
    found = fit(np.ones((2, 4, 4)), np.zeros((2, 4, 4)), one_photon=None)
    assert found.residual == 1


def test_a_dark_prediction_has_no_noise():
    found = fit(np.zeros((2, 4, 4)), np.ones((2, 4, 4)), one_photon=1.0)
    assert (found.residual, found.floor) == (1, 0)
    assert found.significance == np.inf
