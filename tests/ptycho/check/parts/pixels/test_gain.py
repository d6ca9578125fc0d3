"""A step of the gain is found where it is; two sides that count the same photons have none."""

from __future__ import annotations

import numpy as np
import pytest
from second_simulator import Variant, make_scan

from harness.ptycho.check.evidence import Evidence
from harness.ptycho.check.parts.pixels.gain import best_step, uneven_gain
from harness.ptycho.check.parts.pixels.sums import Pixels
from harness.ptycho.scan.residual import Dataset


def _found(arrays):
    return list(uneven_gain(Pixels.of(Evidence.of(Dataset.of(arrays)))))


@pytest.mark.parametrize("axis", [1, 2])
def test_a_step_of_rows_or_columns_is_found_and_divided_out_exactly(axis):
    sound = make_scan(Variant(photons=1e5), 6)
    stack = sound["diffraction"].astype(np.float64)
    np.moveaxis(stack, axis, 0)[:21] *= np.sqrt(0.87)
    (found,) = _found({**sound, "diffraction": stack.astype(np.float32)})
    assert ("rows 0-20", "columns 0-20")[axis - 1] in found.remedy
    assert "13.0% less" in found.name
    mended = found.apply(Dataset.of({**sound, "diffraction": stack.astype(np.float32)}))
    assert mended.diffraction == pytest.approx(sound["diffraction"], rel=1e-5)


def test_sound_data_have_one_gain():
    assert not _found(make_scan(Variant(photons=1e4), 6))


def test_a_step_needs_light_on_both_sides():
    assert best_step(np.array([0.0, 1.0, 0.0]), np.array([0.0, 1.0, 0.0])) is None
    assert best_step(np.array([2.0, 2.0, 1.0, 1.0]), np.ones(4)) == (2, 2.0)
