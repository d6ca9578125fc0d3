"""A scan keeps its per-position arrays together."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from harness.ptycho.scan.scan import KEYS, Scan


def test_take_uses_one_index_for_every_per_position_array(scan):
    """Every per-position array, optional ones included, is taken by the same index array."""
    numbers = np.arange(scan.positions)
    full = replace(
        scan, x_start=scan.x + 1, y_start=scan.y + 2, truth=scan.diffraction + 3j, scan_index=numbers * 10
    )
    index = np.array([5, 0, 63, 17])
    taken = full.take(index)
    for name in KEYS.keys() - {"object", "probe", "mask"}:
        np.testing.assert_array_equal(getattr(taken, name), getattr(full, name)[index])


def test_take_selects_a_mask_for_each_pattern_and_keeps_one_for_all(scan):
    """A mask (N, H, W) goes with its patterns; one (H, W) is about all of them."""
    each = np.random.default_rng(0).random(scan.diffraction.shape) > 0.5
    index = np.array([5, 0])
    np.testing.assert_array_equal(replace(scan, mask=each).take(index).mask, each[index])
    np.testing.assert_array_equal(replace(scan, mask=each[0]).take(index).mask, each[0])


def test_scan_index_points_into_the_source_however_often_positions_are_taken(scan):
    """Taking from what was taken keeps the source's numbers."""
    bare = replace(scan, scan_index=None)
    twice = bare.take(np.array([40, 30, 20, 10])).take(np.array([3, 1]))
    assert twice.scan_index.tolist() == [10, 30]


def test_transformations_are_kept_in_order(scan):
    """A note is added at the end; no note adds nothing."""
    assert scan.noted("one").noted(None).take(np.arange(2), note="two").transformations == ("one", "two")


def test_arrays_and_of_are_inverse(scan):
    """A scan survives the way through the contract's keys; absent arrays stay absent."""
    arrays = scan.arrays()
    back = Scan.of(arrays, name=scan.name, source=scan.source)
    assert set(arrays) == {"diffraction", "objectGuess", "probeGuess", "xcoords", "ycoords", "scan_index"}
    for field in KEYS:
        assert getattr(back, field) is getattr(scan, field)


def test_a_scan_is_frozen(scan):
    """No room changes a scan that another one holds."""
    with pytest.raises(FrozenInstanceError):
        scan.name = "other"
