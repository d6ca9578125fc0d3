"""Digests of blocks: which blocks an array has, what the root covers, and that streams are cut anywhere."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from harness.core.storage.arrays import block_digests
from harness.core.storage.arrays.block_digests import LARGE, BlockDigests, elements_of_block, tree_root
from harness.core.storage.digest import all_digests, digest_array, digests_of_array


@pytest.mark.parametrize(
    ("size", "itemsize", "elements"),
    [
        (LARGE // 8, 8, 0),
        (LARGE // 8 + 1, 8, 1 << 20),
        (20_000_000_000 // 4, 4, 1 << 21),
        (1 << 38, 4, 1 << 26),  # 1 TiB in 4096 blocks of 256 MiB
        (10**8, 12, (1 << 23) // 12),  # text of three letters: whole elements
        (3, 1 << 25, 1),  # an element larger than a block
    ],
)
def test_blocks_are_of_one_length_and_not_too_many(size, itemsize, elements):
    assert elements_of_block(size, itemsize) == elements
    assert not elements or -(-size // elements) <= 4096


@given(data=st.binary(max_size=60), length=st.integers(1, 20), cuts=st.lists(st.integers(0, 60), max_size=5))
def test_a_stream_is_cut_anywhere(data, length, cuts):
    state, ends = BlockDigests(length), [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, stop in itertools.pairwise(ends):
        state.update(memoryview(data)[start:stop])
    expected = [data[start : start + length] for start in range(0, len(data), length)]
    assert state.digests() == tuple(f"xxh128:{xxhash.xxh3_128_hexdigest(block)}" for block in expected)


@pytest.fixture
def small_blocks(monkeypatch):
    """Arrays of more than 256 bytes have a tree; its blocks are of 64 bytes."""
    monkeypatch.setattr(block_digests, "LARGE", 256)
    monkeypatch.setattr(block_digests, "_LEAST_BYTES", 64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("dtype", ["<f8", ">f8", "<c16", "<i2", "S12", "<U3"])
def test_the_tree_is_of_the_canonical_values(dtype):
    """Memory order and byte order do not count, and the digests of the whole are what they were."""
    array = np.arange(600).reshape(20, 30).astype(dtype)
    found = all_digests(array, sha256=True)
    assert (found.xxh128, found.sha256) == (digest_array(array), digests_of_array(array)[1])
    data, length = array.astype(array.dtype.newbyteorder("<")).tobytes(), found.tree.elements * array.itemsize
    blocks = [data[start : start + length] for start in range(0, len(data), length)]
    assert found.tree.blocks == tuple(f"xxh128:{xxhash.xxh3_128_hexdigest(block)}" for block in blocks)
    for same in (np.asfortranarray(array), array[::-1][::-1], array.astype(array.dtype.newbyteorder())):
        assert all_digests(same, sha256=True) == found


@pytest.mark.usefixtures("small_blocks")
def test_one_element_changes_one_block_and_the_root():
    one, other = np.arange(600.0), np.arange(600.0)
    other[123] = 0
    first, second = (all_digests(array, sha256=True).tree for array in (one, other))
    differing = [
        number
        for number, pair in enumerate(zip(first.blocks, second.blocks, strict=True))
        if len({*pair}) > 1
    ]
    assert differing == [123 // first.elements]
    assert first.root != second.root


def test_a_root_belongs_to_one_array():
    """A tree that is moved to an array with other digests has another root there."""
    roots = {
        tree_root(digest, sha256, elements, blocks)
        for digest in ("xxh128:1", "xxh128:2")
        for sha256 in ("sha256:1", "sha256:2")
        for elements in (1, 2)
        for blocks in (("xxh128:3", "xxh128:4"), ("xxh128:4", "xxh128:3"))
    }
    assert len(roots) == 16


def test_a_small_array_has_no_tree():
    assert all_digests(np.zeros(100), sha256=True).tree is None
