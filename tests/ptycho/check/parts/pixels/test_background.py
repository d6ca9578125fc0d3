"""A background is what dark pixels read; noise of the electronics has no value twice."""

from __future__ import annotations

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.pixels.background import backgrounds, dark_level
from harness.ptycho.check.parts.pixels.sums import Pixels
from harness.ptycho.scan.residual import Dataset


def _with_background(photons):
    sound = make_scan(Variant(photons=photons), 5)
    unit = sound["diffraction"][sound["diffraction"] > 0].min()
    counts = np.rint((sound["diffraction"] / unit) ** 2)
    more = np.random.default_rng(0).poisson(0.05 * counts.mean(), counts.shape)
    return {**sound, "diffraction": (unit * np.sqrt(counts + more)).astype(np.float32)}


@pytest.mark.parametrize("photons", [1e4, 1e6])
def test_the_level_is_that_of_the_background_within_its_error(photons):
    pixels = Pixels.of(Evidence.of(Dataset.of(_with_background(photons))))
    level = dark_level(pixels)
    expected = 0.05 / 1.05 * pixels.stored.mean()
    assert level.value == pytest.approx(expected, abs=5 * level.error + 0.02 * expected)


def test_the_remedy_subtracts_what_it_says():
    arrays = _with_background(1e6)
    data = Dataset.of(arrays)
    constant = next(iter(backgrounds(Pixels.of(Evidence.of(data)))))
    said = float(constant.remedy.split("subtract ")[1].split(" ")[0])
    mended = constant.apply(data)
    lit = mended.mask & (mended.diffraction[0] > 0)
    subtracted = np.square(data.diffraction[0], dtype=np.float64) - np.square(mended.diffraction[0])
    assert subtracted[lit] == pytest.approx(said, rel=0.01)
    assert f"the {(~mended.mask).sum()} pixels" in constant.remedy


def test_sound_data_have_no_background():
    assert not list(backgrounds(Pixels.of(Evidence.of(Dataset.of(make_scan(Variant(photons=1e4), 5))))))
