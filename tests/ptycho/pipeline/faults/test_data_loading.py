"""Faults of reading change the arrays in the way that they claim."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.core.storage.npz import read_archive
from harness.ptycho.fixture import minimal
from harness.ptycho.pipeline.faults import data_loading as faults
from harness.ptycho.pipeline.faults.data_loading import _centred_by_last_half, _nominal, _snapped
from harness.ptycho.pipeline.model import experiment as experiments
from harness.ptycho.pipeline.model import infer, train


def read(square, fault):
    """Return the arrays that a pipeline reads with *fault*."""
    with fault.__wrapped__():
        return experiments.read_archive(square)


def changed(square, fault):
    """Return the names of the arrays that *fault* changes."""
    before, after = read_archive(square), read(square, fault)
    assert before.keys() == after.keys()
    return {k for k in before if before[k].dtype != after[k].dtype or not np.array_equal(before[k], after[k])}


@pytest.mark.parametrize(
    ("fault", "names"),
    [
        (faults.nominal_positions, {"xcoords", "ycoords"}),
        (faults.whole_pixels, {"xcoords", "ycoords"}),
        (faults.half_precision, {"diffraction"}),
        (faults.dead_patterns, {"diffraction"}),
    ],
    ids=["P10", "P19", "P20", "P21"],
)
def test_only_the_named_arrays_change(square, fault, names):
    assert changed(square, fault) == names


def test_positions_are_whole_numbers(square):
    """P19: each moves by half a pixel at most."""
    x = read(square, faults.whole_pixels)["xcoords"]
    assert np.array_equal(x, np.rint(x))
    assert np.abs(x - read_archive(square)["xcoords"]).max() <= 0.5


def test_diffraction_passes_through_float16(square):
    """P20: the values differ by rounding only, which no metric sees and a digest does."""
    before, after = read_archive(square)["diffraction"], read(square, faults.half_precision)["diffraction"]
    assert after.dtype == np.float16
    np.testing.assert_allclose(after, before, rtol=1e-3, atol=1e-4)


def test_one_pattern_in_32_is_dead(square):
    """P21: all zeros, and the others are unchanged."""
    dead = ~read(square, faults.dead_patterns)["diffraction"].any(axis=(1, 2))
    assert np.flatnonzero(dead).tolist() == [16]


def test_the_probe_is_scaled_twice(square):
    """P05: the experiment's probe is too weak by its scale, in both stages."""
    plain = experiments.read_experiment(square)
    for module in (train, infer):
        with faults.scaled_twice.__wrapped__():
            probe = module.read_experiment(square).probe
        assert np.allclose(probe * plain.probe_scale, plain.probe)


def test_only_inference_transposes(square):
    """P22: training reads the patterns as stored; inference reads axes rotated by one."""
    plain = experiments.read_experiment(square)
    with faults.transposed_at_inference.__wrapped__():
        trained, inferred = train.read_experiment(square), infer.read_experiment(square)
    assert trained.inputs == plain.inputs
    assert {k for k in plain.inputs if inferred.inputs[k] != plain.inputs[k]} == {"diffraction"}
    assert inferred.amplitude.shape == plain.amplitude.shape


def test_positions_of_the_last_file_stay(square):
    """P09: the first half of the scan is moved onto the second, and windows follow."""
    plain = experiments.read_experiment(square)
    with faults.last_centre_of_mass.__wrapped__():
        moved = train.read_experiment(square)
    half = plain.positions // 2
    np.testing.assert_allclose(moved.y[half:], plain.y[half:])
    assert np.abs(moved.y[:half] - plain.y[:half]).max() > 1
    assert moved.windows.index.shape == plain.windows.index.shape
    assert moved.windows.index.max() < np.prod(plain.windows.shape)


def test_windows_are_rounded_half_to_even():
    """P23: around whole-numbered centres they begin at 28, 30, 30, 32, 32, as in the package that had it."""
    corners = np.arange(28.5, 33.5)
    edges = [20.0, 41.0]  # positions at the scan's edge stay inside
    moved = _snapped(np.concatenate([corners - 0.5, edges]))
    assert (moved[:-2] + 0.0).tolist() == [27.5, 29.5, 29.5, 31.5, 31.5]
    assert moved[-2:].tolist() == [20.0, 41.0]


def test_each_patch_is_half_a_pixel_off(square):
    """P23: one way or the other; what is read from the file is unchanged, so no digest sees it."""
    plain = experiments.read_experiment(square)
    with faults.half_pixel_snapping.__wrapped__():
        snapped = train.read_experiment(square)
    off = (snapped.x - plain.x)[(plain.x > plain.x.min() + 0.5) & (plain.x < plain.x.max() - 0.5)]
    np.testing.assert_allclose(np.abs(off), 0.5)
    assert 0.2 < np.mean(off > 0) < 0.8
    assert snapped.inputs == plain.inputs
    assert not torch.equal(snapped.windows.ramp, plain.windows.ramp)


def test_nominal_positions_form_a_regular_raster():
    """Sixteen jittered positions give four lines at the raster's step; stored nominal ones are preferred."""
    arrays = dict(minimal(positions=16, step=12.0, jitter=0.2, name="raster").arrays)
    for axis in "xy":
        nominal = _nominal(arrays, axis)
        lines = np.unique(nominal)
        assert len(lines) == 4
        assert np.diff(lines) == pytest.approx(12.0, abs=1.5)
        assert np.abs(nominal - arrays[f"{axis}coords"]).max() < 12.0 * 0.5
        stored = arrays[f"{axis}coords"] + 1
        assert _nominal({**arrays, f"{axis}coords_start": stored}, axis) is stored


def test_the_first_of_two_files_is_moved_onto_the_last():
    """Each file keeps its own shape; a position that would leave the scan is set to its edge."""
    first = np.array([0.0, 1.0, 2.0, 10.0, 11.0, 12.0])
    assert _centred_by_last_half(first).tolist() == [10, 11, 12, 10, 11, 12]
    assert _centred_by_last_half(np.array([0.0, 4.0, 10.0, 11.0])).tolist() == [8.5, 11, 10, 11]
