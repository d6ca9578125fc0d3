"""A golden array made of another one reads its own file only where it differs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.storage.arrays.flat_blocks import flat_blocks
from harness.core.storage.arrays.patched import PatchedArray
from harness.core.storage.arrays.stored import ChunkedArray, slabs_of


class Own(np.ndarray):
    """An array that notes which of its elements are read, in C order."""

    read: set[int]

    def reshape(self, *shape):
        flat = np.asarray(self).reshape(-1)
        read = self.read

        class Flat:
            def __getitem__(self, index):
                read.update(range(*index.indices(flat.size)))
                return flat[index]

        return Flat() if shape == (-1,) else super().reshape(*shape)


@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple),
    elements=st.integers(1, 7),
    most=st.integers(1, 30),
    changed=st.sets(st.integers(0, 124), max_size=4),
)
def test_every_block_is_right_and_only_differing_ones_are_read(shape, elements, most, changed):
    found = np.arange(float(np.prod(shape))).reshape(shape)
    golden = found.copy()
    changed = {place for place in changed if place < golden.size}
    golden.flat[list(changed)] = -1
    own = golden.view(Own)
    own.read = set()
    array = PatchedArray(found, own, elements, {place // elements for place in changed})
    for slab in slabs_of(shape, (1,) * len(shape), most):
        block = array.part(*slab)
        expected = golden[(*slab.lead, slice(slab.start, slab.stop))]
        assert np.array_equal(block, expected)
        assert array.may_differ(*slab) or np.array_equal(
            found[(*slab.lead, slice(slab.start, slab.stop))], expected
        )
    assert {place // elements for place in own.read} == {place // elements for place in changed}


@pytest.mark.parametrize("known", [np.asarray, ChunkedArray, lambda a: a.astype(">f8"), np.asfortranarray])
def test_the_other_array_may_be_of_any_kind(known):
    golden = np.arange(24.0).reshape(4, 6)
    found = golden.copy()
    found[2, 1] = 50
    array = PatchedArray(known(found), golden, 5, [13 // 5])
    assert np.array_equal(np.concatenate(list(flat_blocks(array))), golden.ravel())
    assert array.dtype == golden.dtype
    assert array[2, 1] == 13.0
