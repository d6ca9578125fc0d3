"""Arrays in stores: every block has its elements, and each chunk is read once for all blocks in it."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.storage.arrays import stored
from harness.core.storage.arrays.stored import ChunkedArray, flat_start, part_of, slabs_of


class Store:
    """As an array of zarr: it counts how often each chunk is read."""

    def __init__(self, values: np.ndarray, chunks: tuple[int, ...]) -> None:
        self.values, self.chunks = values, chunks
        self.shape, self.dtype = values.shape, values.dtype
        self.read: Counter[tuple[int, ...]] = Counter()

    def __getitem__(self, index):
        numbers = np.zeros(self.shape, bool)
        numbers[index] = True
        self.read.update(
            {tuple(int(i) // c for i, c in zip(at, self.chunks, strict=True)) for at in np.argwhere(numbers)}
        )
        return self.values[index]


shapes = st.lists(st.integers(1, 6), min_size=1, max_size=4).map(tuple)


@given(shape=shapes, most=st.integers(1, 40), data=st.data())
def test_blocks_cover_an_array_once_in_c_order(shape, most, data):
    """Whatever the chunks are, no block has more elements than allowed."""
    chunks = tuple(data.draw(st.integers(1, length)) for length in shape)
    values, seen = np.arange(math.prod(shape)).reshape(shape), []
    for slab in slabs_of(shape, chunks, most):
        block = part_of(values, *slab)
        assert 0 < block.size <= most
        assert flat_start(shape, slab.lead, slab.start) == len(seen)
        seen += block.ravel().tolist()
    assert seen == list(range(values.size))


@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (0, 3)])
def test_an_array_without_elements_has_no_blocks(shape):
    assert list(slabs_of(shape, (1,) * len(shape), 10)) == []


@pytest.mark.parametrize(
    ("rows", "stops"),
    [(8, [8, 16]), (9, [8, 16]), (3, [3, 6, 8, 11, 14, 16]), (4, [4, 8, 12, 16]), (99, [16])],
)
def test_blocks_end_where_chunks_end(rows, stops, monkeypatch):
    """Whole chunks where they fit, else equal parts of one."""
    monkeypatch.setattr(ChunkedArray, "slab_bytes", rows * 4 * 8)
    monkeypatch.setattr(stored, "_MOST_SLABS", 1)
    array = ChunkedArray(Store(np.arange(16 * 4.0).reshape(16, 4), (8, 2)))
    assert [slab.stop for slab in array.slabs()] == stops


def test_more_is_read_at_once_where_chunks_are_longer_than_that(monkeypatch):
    """Else each of them would be read and unpacked several times."""
    monkeypatch.setattr(ChunkedArray, "slab_bytes", 100)
    store = Store(np.arange(16 * 4.0).reshape(16, 4), (8, 2))
    array = ChunkedArray(store)
    assert [array.part(*slab).shape for slab in array.slabs()] == [(8, 4), (8, 4)]
    assert set(store.read.values()) == {1}


@pytest.mark.parametrize("step", [1, 3, 5, 16])
def test_small_blocks_read_each_chunk_once(step):
    """Also those that do not end where a chunk does."""
    store = Store(np.arange(16 * 4.0).reshape(16, 4), (8, 2))
    array = ChunkedArray(store)
    blocks = [array.part((), start, start + step) for start in range(0, 16, step)]
    assert np.array_equal(np.concatenate(blocks), store.values)
    assert set(store.read.values()) == {1}


@pytest.mark.parametrize("budget", [1, 16, 40, 8 * 24, 1 << 20])
def test_every_block_has_its_elements(monkeypatch, budget):
    """With any budget, along any axis, also across what is read at once."""
    monkeypatch.setattr(ChunkedArray, "slab_bytes", budget)
    values = np.arange(4 * 3 * 5.0).reshape(4, 3, 5)
    array = ChunkedArray(Store(values, (2, 2, 3)))
    for lead in [(), (2,), (3, 1)]:
        part = values[lead]
        for start in range(len(part)):
            for stop in range(start + 1, len(part) + 1):
                assert np.array_equal(array.part(lead, start, stop), part[start:stop])


def test_an_element_and_a_copy_of_all_are_read_at_once():
    values = np.arange(6.0).reshape(2, 3)
    array = ChunkedArray(Store(values, (1, 3)))
    assert array[1, 2] == 5.0
    assert (array.ndim, array.size, array.nbytes) == (2, 6, 48)
    assert np.array_equal(np.asarray(array), values)
