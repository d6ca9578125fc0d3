"""A pixel that does not count has no effect, whatever it holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.ptycho.scan.forward import fitted_scale, residual
from harness.ptycho.scan.mask import masked, of_positions
from harness.ptycho.scan.photons import quantum
from harness.ptycho.scan.residual import Dataset, residuals, squared_errors
from harness.ptycho.scan.simulate import simulate

GARBAGE = (np.nan, np.inf, 65535.0, -1.0)


@pytest.fixture(scope="module")
def data():
    scan = simulate(positions=16, detector=32, step=6.0)
    return Dataset(scan.diffraction, scan.probe, scan.object, scan.x, scan.y)


@pytest.fixture(params=["one for all", "one for each"])
def mask(request):
    """A fifth of the pixels does not count."""
    shape = (32, 32) if request.param == "one for all" else (16, 32, 32)
    return np.random.default_rng(0).random(shape) > 0.2


def spoiled(data, mask):
    """Return the data with garbage in the pixels that do not count, and their mask."""
    garbage = np.resize(GARBAGE, data.diffraction.shape)
    return replace(data, diffraction=np.where(mask, data.diffraction, garbage), mask=mask)


def test_without_a_mask_nothing_is_copied():
    stack = np.ones((2, 3, 3))
    assert masked(stack, None) is stack


def test_masked_keeps_dtype():
    """Float32 stays float32, and integer counts stay integers."""
    for dtype in (np.float32, np.uint16, np.complex64):
        assert masked(np.ones((1, 2, 2), dtype), np.eye(2, dtype=bool)).dtype == dtype


def test_a_mask_for_each_pattern_is_selected_and_one_for_all_is_kept():
    index = np.array([2, 0])
    each = np.arange(12).reshape(3, 2, 2) % 2 == 0
    np.testing.assert_array_equal(of_positions(each, index), each[[2, 0]])
    assert of_positions(each[0], index) is each[0] or np.array_equal(of_positions(each[0], index), each[0])
    assert of_positions(None, index) is None


def test_no_residual_depends_on_pixels_that_do_not_count(data, mask):
    """NaN, infinite, huge and negative values there: the same residual, permuted residual, scatter, scale."""
    clean, broken = replace(data, mask=mask), spoiled(data, mask)
    assert broken.residuals() == clean.residuals()
    predicted = data.predict()
    for helper in (fitted_scale, residual):
        assert helper(predicted, broken.diffraction, mask) == helper(predicted, data.diffraction, mask)
    np.testing.assert_array_equal(
        squared_errors(predicted, broken.diffraction, mask),
        squared_errors(predicted, data.diffraction, mask),
    )
    assert np.isfinite(broken.residuals().contrast)


def test_a_masked_fault_is_not_seen_and_an_unmasked_one_is(data, mask):
    """The residual of the counted pixels is that of sound data; without the mask it is not."""
    broken = replace(data, diffraction=np.where(mask, data.diffraction, 9.0))
    sound = data.residuals().residual
    assert replace(broken, mask=mask).residuals().residual == pytest.approx(sound, rel=0.15)
    assert broken.residuals().residual > 2 * sound


def test_a_mask_of_true_changes_nothing(data):
    everything = np.ones((32, 32), dtype=bool)
    assert replace(data, mask=everything).residuals() == data.residuals()


def test_taking_positions_takes_their_masks(data, mask):
    """Residuals of a subset are those of the subset with its own masks."""
    index = np.array([5, 3, 11, 7])
    taken = spoiled(data, mask).take(index)
    own = mask[index] if mask.ndim == 3 else mask
    assert taken.residuals() == replace(data.take(index), mask=own).residuals()


def test_a_dataset_of_arrays_has_zeros_where_pixels_do_not_count(data, mask):
    """So the quantum of the counts is found in spite of garbage, and uint8 masks are understood."""
    arrays = {
        "diffraction": spoiled(data, mask).diffraction,
        "probeGuess": data.probe,
        "objectGuess": data.object,
        "xcoords": data.x,
        "ycoords": data.y,
        "mask": mask.astype(np.uint8),
    }
    made = Dataset.of(arrays)
    assert made.mask.dtype == bool
    assert (made.diffraction[~np.broadcast_to(mask, made.diffraction.shape)] == 0).all()
    assert quantum(made.diffraction) == pytest.approx(quantum(data.diffraction))
    assert made.residuals() == replace(data, mask=mask).residuals()
    del arrays["mask"]
    assert Dataset.of(arrays).mask is None


def test_a_mask_for_each_pattern_stays_with_its_pattern_when_positions_are_permuted(data):
    """Patterns with one dark half each: predictions of other positions are compared in the same half."""
    mask = np.zeros((16, 32, 32), dtype=bool)
    mask[::2, :16], mask[1::2, 16:] = True, True
    flat = np.ones((16, 32, 32))
    found = residuals(flat, np.where(mask, 1.0, np.nan), mask=mask)
    assert found.permuted == pytest.approx(0, abs=1e-7)
