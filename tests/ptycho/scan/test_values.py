"""Values are surveyed in blocks, and give the same answer as in one piece."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from harness.ptycho.scan import values
from harness.ptycho.scan.values import Values, survey


@pytest.mark.parametrize("block", [1, 100, 1 << 22])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "u8"])
def test_blocks_do_not_matter(monkeypatch, block, dtype):
    monkeypatch.setattr(values, "BLOCK_BYTES", block)
    stack = np.random.default_rng(0).integers(0, 100, (7, 5, 3)).astype(dtype)
    assert survey(stack) == Values(105, 0, stack.min(), stack.max(), stack.max())


def test_what_is_not_finite_is_counted_and_left_out():
    stack = np.array([[1.0, np.nan, -7.0], [np.inf, 3.0, -np.inf]])
    assert survey(stack) == Values(6, 3, -7.0, 3.0, 7.0)
    assert not survey(stack).are_usable
    assert survey(np.full((2, 2), np.nan)) == Values(4, 4, np.inf, -np.inf, 0.0)


def test_complex_numbers_have_a_magnitude_only():
    found = survey(np.array([3 + 4j, np.nan]))
    assert (found.largest, found.unusable) == (5.0, 1)
    assert np.isnan([found.least, found.most]).all()


def test_an_empty_array_has_no_values():
    for shape in ((0,), (0, 3), (3, 0)):
        assert survey(np.empty(shape)) == Values(0, 0, np.inf, -np.inf, 0.0)


def test_masked_values_are_zero(monkeypatch):
    """A mask for each pattern is cut into the same blocks."""
    monkeypatch.setattr(values, "BLOCK_BYTES", 1)
    stack = np.array([[[1.0, np.nan]], [[-5.0, 2.0]]])
    assert survey(stack, np.array([[True, False]])) == Values(4, 1 - 1, -5.0, 1.0, 5.0)
    assert survey(stack, np.array([[[True, False]], [[False, True]]])) == Values(4, 0, 0.0, 2.0, 2.0)


def test_a_stack_is_not_copied():
    """The peak is a few blocks, far below the stack itself."""
    stack = np.ones((500, 128, 128), dtype=np.float32)
    mask = np.ones(stack.shape, dtype=bool)
    tracemalloc.start()
    try:
        survey(stack, mask)
        assert tracemalloc.get_traced_memory()[1] < 0.5 * stack.nbytes
    finally:
        tracemalloc.stop()
