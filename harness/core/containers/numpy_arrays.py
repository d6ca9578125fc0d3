"""Arrays of numpy: plain, masked, structured, matrices, and those whose values numpy has no dtype for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node
from harness.core.fixtures.plain_arrays import plain_array

if TYPE_CHECKING:
    from harness.core.containers.nodes import Place

_ONLY_VALUES = frozenset({"chararray", "matrix", "recarray", "record", "void"})
"""Classes of numpy whose elements are all that they carry. By name: numpy warns where one is looked up."""
_SMALL_FLOATS = ("bfloat16", "float8", "float6", "float4")
"""Of ml_dtypes, which jax and others use. float32 holds each of their values exactly."""


def _is_only_values(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == "numpy" and kind.__name__ in _ONLY_VALUES


def is_array(value: Any) -> bool:
    """Whether *value* is an array of numpy, or one element of a structured array."""
    return isinstance(value, (np.ndarray, np.void))


def from_array(value: Any, place: Place) -> Node:
    """Return an array's values, mask and fields; of an unknown subclass, raise."""
    if isinstance(value, np.ma.MaskedArray):
        return _from_masked(value, place)
    array = np.asarray(value) if _is_only_values(type(value)) else value
    if array.dtype.names is not None:
        return _from_fields(array, place)
    if array.dtype.type.__module__ == "ml_dtypes" and array.dtype.name.startswith(_SMALL_FLOATS):
        return Node(array.astype(np.float32), note=f"{array.dtype.name} -> float32")
    return Node(plain_array(place.name, array))


def _from_masked(value: np.ma.MaskedArray, place: Place) -> Node:
    """Values with masked elements set to zero, and the mask."""
    if value.dtype.names is not None:
        return _from_fields(value, place)
    mask = np.ma.getmaskarray(value)
    data = np.array(value.data, copy=True, subok=False)
    if not data.dtype.hasobject:
        data[mask] = np.zeros((), data.dtype)
    return place.reader(data, place).having(mask=Node(mask))


def _from_fields(value: Any, place: Place) -> Node:
    """The fields of a structured array by name."""
    return Node(children={name: place.read(value[name], name, value) for name in value.dtype.names})
