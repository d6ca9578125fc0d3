"""Arrays of any layout give their elements in C order, a block at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes

from harness.core.storage.arrays import flat_blocks as module
from harness.core.storage.arrays.flat_blocks import flat_blocks, plain_values
from harness.core.storage.arrays.stored import ChunkedArray, StoredArray

LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "reversed": lambda a: a[::-1] if a.ndim else a,
    "transposed": lambda a: a.T,
    "stored": ChunkedArray,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@given(shape=array_shapes(min_dims=0, min_side=0, max_side=5), block=st.sampled_from([1, 8, 24, 1 << 20]))
def test_elements_come_in_c_order(layout, shape, block):
    array = LAYOUTS[layout](np.arange(np.prod(shape, dtype=int)).reshape(shape))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_BYTES", block)
        patch.setattr(StoredArray, "slab_bytes", block)
        blocks = list(flat_blocks(array))
    assert all(one.ndim == 1 and one.size and one.flags.c_contiguous for one in blocks)
    assert [v for one in blocks for v in one.tolist()] == np.asarray(array).ravel().tolist()


def test_a_mapped_array_in_fortran_order_is_not_copied_as_a_whole(tmp_path, monkeypatch):
    """Its blocks are small parts, and its pages are freed after each."""
    np.save(tmp_path / "a.npy", np.asfortranarray(np.arange(600.0).reshape(20, 30)))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    freed = []
    monkeypatch.setattr(module, "SLAB_BYTES", 1000)
    monkeypatch.setattr(module, "release", freed.append)
    blocks = list(flat_blocks(mapped))
    assert max(one.nbytes for one in blocks) <= 1000
    assert len(freed) == len(blocks) == 5


def test_a_stored_array_stays_stored():
    array = ChunkedArray(np.zeros(3))
    assert plain_values(array) is array
    assert isinstance(plain_values([1, 2]), np.ndarray)
