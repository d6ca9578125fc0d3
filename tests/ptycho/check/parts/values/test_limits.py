"""Clipped, wrapped, rounded and cut-off values are told apart, and their masks exclude them."""

from __future__ import annotations

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.values.limits import dim_scale, light_of, limited, unwrapped
from harness.ptycho.scan.residual import Dataset


@pytest.fixture(scope="module")
def sound():
    return make_scan(Variant(photons=1e5), 7)


def _found(arrays):
    return list(limited(Evidence.of(Dataset.of(arrays))))


def test_sound_values_have_no_limit(sound):
    assert not _found(sound)


def test_the_mask_excludes_the_clipped_values(sound):
    most = 0.6 * sound["diffraction"].max()
    stack = np.minimum(sound["diffraction"], most)
    (found,) = _found({**sound, "diffraction": stack})
    mask = found.apply(Dataset.of({**sound, "diffraction": stack})).mask
    assert np.array_equal(sound["diffraction"] < most, mask)


def test_counts_that_wrapped_around_are_restored(sound):
    unit = sound["diffraction"][sound["diffraction"] > 0].min()
    counts = np.rint((sound["diffraction"].astype(np.float64) / unit) ** 2)
    period = 2.0 ** np.floor(np.log2(counts.max() / 2))
    stack = (unit * np.sqrt(counts % period)).astype(np.float32)
    found = next(one for one in _found({**sound, "diffraction": stack}) if "wrapped" in one.name)
    mended = found.apply(Dataset.of({**sound, "diffraction": stack})).diffraction
    restored = np.rint((mended / unit) ** 2)
    assert (restored != counts).mean() < 2e-3


def test_the_scale_is_that_of_values_below_the_limit(sound):
    evidence = Evidence.of(Dataset.of(sound))
    clipped = np.minimum(evidence.measured, evidence.measured.max() / 3)
    assert dim_scale(evidence.predicted, clipped) == pytest.approx(1, rel=0.02)
    assert dim_scale(0 * clipped, clipped) == 0


def test_unwrapping_adds_whole_periods_only_upwards():
    stored, light = np.array([3.0, 5.0, 1.0]), np.array([36.0, 4.0, 0.0])
    assert unwrapped(stored, light, 16.0).tolist() == [35.0, 5.0, 1.0]


def test_light_outside_the_object_is_none(sound):
    data = Dataset.of({**sound, "xcoords": np.where(np.arange(36) == 4, -100.0, sound["xcoords"])})
    light = light_of(data, 2.0)
    assert not light[4].any()
    inside = Dataset.of(sound).predict()
    assert light[5] == pytest.approx(4 * inside[5] ** 2, rel=1e-5, abs=1e-8)
