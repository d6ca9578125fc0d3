"""Sums over patterns are robust: a few broken pixels do not change the scale."""

from __future__ import annotations

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.pixels.sums import Pixels, excluding, robust_scale, varying_scale
from harness.ptycho.scan.residual import Dataset


@pytest.fixture(scope="module")
def evidence():
    return Evidence.of(Dataset.of(make_scan(Variant(photons=1e4), 4)))


def test_the_scale_is_that_of_the_sound_pixels(evidence):
    broken = evidence.measured.copy()
    broken[:, 10:14] = 0
    broken[:, 30, 30] = 10 * broken.max()
    assert robust_scale(evidence.predicted, evidence.measured) == pytest.approx(1, rel=0.02)
    assert robust_scale(evidence.predicted, broken) == pytest.approx(1, rel=0.02)
    assert robust_scale(0 * broken, broken) == 0


def test_few_photons_do_not_lower_the_scale():
    """The mean of a root is below the root of the mean: by a fifth at half a photon a pixel."""
    dim = Evidence.of(Dataset.of(make_scan(Variant(photons=200.0), 4)))
    assert robust_scale(dim.predicted, dim.measured) == pytest.approx(1, rel=0.05)


def test_a_background_takes_no_part_in_what_varies(evidence):
    pixels = Pixels.of(evidence)
    lifted = Pixels(np.sqrt(pixels.measured**2 + 0.1), pixels.predicted, None)
    assert varying_scale(lifted) == pytest.approx(varying_scale(pixels))


def test_sound_pixels_differ_from_others_by_less_than_seven_deviations(evidence):
    pixels = Pixels.of(evidence)
    lit = pixels.light > pixels.light.mean() / 10
    assert pixels.deviations[lit].max() < 7
    assert Pixels(pixels.measured, pixels.predicted, None).deviations[lit].max() < 9


def test_excluding_adds_to_the_mask(evidence):
    broken = np.zeros(evidence.data.probe.shape, dtype=bool)
    broken[1, 2] = True
    once = excluding(evidence.data, broken)
    assert np.array_equal(~broken, once.mask)
    assert (~excluding(once, np.roll(broken, 1)).mask).sum() == 2
