"""Sparse arrays and matrices of scipy, in canonical order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node, integers, text
from harness.core.fixtures.plain_arrays import comes_from, has_attributes

if TYPE_CHECKING:
    from harness.core.containers.nodes import Place


def is_sparse(value: Any) -> bool:
    """Whether *value* is a sparse array or matrix of scipy."""
    return comes_from(value, "scipy") and has_attributes(value, "tocoo", "nnz", "format")


def from_sparse(value: Any, place: Place) -> Node:
    """Return indices (one row a dimension), values, shape and format.

    Elements are in C order of their indices, duplicates are summed, explicit zeros are kept.
    """
    entries = value.tocoo(copy=True)
    entries.sum_duplicates()
    axes = getattr(entries, "coords", None) or (entries.row, entries.col)
    order = np.lexsort(tuple(reversed(axes)))
    return Node().having(
        indices=integers(np.stack([np.asarray(axis)[order] for axis in axes])),
        values=place.read(np.asarray(entries.data)[order], "values", value),
        shape=integers(value.shape),
        format=text(value.format),
    )
