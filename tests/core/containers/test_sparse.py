"""Sparse arrays and matrices of scipy, in one order whatever their format."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.containers.flatten import flatten

sparse = pytest.importorskip("scipy.sparse", reason="scipy is not installed: the extra `calibrate` brings it")

ENTRIES = ([5.0, 1.0, 2.0, 0.0], ([1, 0, 0, 1], [0, 1, 1, 1]))
"""(0, 1) twice, and an explicit zero."""


def stored(data) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten({"a": data}).arrays.items()}


@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
@pytest.mark.parametrize("make", ["coo_array", "coo_matrix"])
def test_elements_are_in_order_and_duplicates_summed(kind, make):
    assert stored(getattr(sparse, make)(ENTRIES, shape=(2, 2)).asformat(kind)) == {
        "a.indices": [[0, 1, 1], [1, 0, 1]],
        "a.values": [3.0, 5.0, 0.0],
        "a.shape": [2, 2],
        "a.format": kind,
    }


@pytest.mark.parametrize("kind", ["bsr", "dok", "lil", "dia"])
def test_formats_with_other_rules_for_zeros_keep_all_else(kind):
    flat = flatten(sparse.coo_array(ENTRIES, shape=(2, 2)).asformat(kind)).arrays
    dense = np.zeros(flat["data.shape"])
    dense[tuple(flat["data.indices"])] = flat["data.values"]
    assert dense.tolist() == [[0.0, 3.0], [5.0, 0.0]]
    assert flat["data.format"] == kind


def test_the_order_of_the_entries_has_no_effect():
    values, (rows, columns) = ENTRIES
    turned = sparse.coo_array((values[::-1], (rows[::-1], columns[::-1])), shape=(2, 2))
    assert stored(turned) == stored(sparse.coo_array(ENTRIES, shape=(2, 2)))


def test_the_data_are_not_changed():
    array = sparse.coo_array(ENTRIES, shape=(2, 2))
    flatten(array)
    assert array.nnz == 4


def test_indices_have_one_dtype_and_values_their_own():
    arrays = flatten(sparse.eye_array(3, dtype="c8", format="csr")).arrays
    assert arrays["data.indices"].dtype == arrays["data.shape"].dtype == np.int64
    assert arrays["data.values"].dtype == np.complex64


def test_one_dimension_is_enough():
    assert stored(sparse.coo_array(np.array([0.0, 2.0])))["a.indices"] == [[1]]


def test_an_array_without_elements_keeps_its_shape():
    found = stored(sparse.csr_array((2, 3)))
    assert (found["a.indices"], found["a.shape"]) == ([[], []], [2, 3])
