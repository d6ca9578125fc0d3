"""Noise in the last bit is small, reproducible, and touches numbers alone."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.perturb import LAST_BIT, with_last_bit_noise


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128"])
def test_noise_is_of_the_last_bit(dtype):
    """Elements move, by no more than one part in 2**23 and a rounding; dtype and shape stay."""
    array = np.linspace(1, 2, 1000).astype(dtype).reshape(10, 100)
    moved = with_last_bit_noise({"a": array}, 0)["a"]
    assert (moved.dtype, moved.shape) == (array.dtype, array.shape)
    change = np.abs(moved - array) / np.abs(array)
    assert 0 < change.max() <= 2 * LAST_BIT
    assert np.count_nonzero(change) > 300


def test_same_seed_same_bits_other_seed_other_bits():
    """The seed alone decides, whatever the order of the arrays."""
    arrays = {"b": np.ones(50), "a": np.full(50, 3.0)}
    one = with_last_bit_noise(arrays, 1)
    again = with_last_bit_noise(dict(reversed(arrays.items())), 1)
    assert all(np.array_equal(one[name], again[name]) for name in arrays)
    assert not np.array_equal(one["b"], with_last_bit_noise(arrays, 2)["b"])


def test_integers_flags_and_words_stay():
    """Only what arithmetic rounds is moved."""
    arrays = {"i": np.arange(5), "b": np.array([True, False]), "s": np.array(["x"])}
    assert all(np.array_equal(v, arrays[k]) for k, v in with_last_bit_noise(arrays, 0).items())
