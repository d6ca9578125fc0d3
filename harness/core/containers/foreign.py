"""Arrays of other packages: on a device, with a unit, in a store, or whatever numpy makes an array of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node, text
from harness.core.errors import UsageError
from harness.core.fixtures.plain_arrays import class_name, comes_from, has_attributes, plain_array
from harness.core.storage.arrays.block_digests import LARGE
from harness.core.storage.arrays.stored import ChunkedArray
from harness.core.storage.digest import is_plain

if TYPE_CHECKING:
    from harness.core.containers.nodes import Place

_ON_DEVICE = {"cupy": "get", "cupyx": "get", "cudf": "to_pandas"}
_UNITS = {"astropy": ("unit", "value"), "pint": ("units", "magnitude"), "unyt": ("units", "value")}
_STORES = frozenset({"zarr", "h5py"})
_TABLES = ("columns", "colnames", "column_names", "null_count")
"""What shows that numpy would get the values without the names of columns, or missing ones as NaN."""


def is_on_device(value: Any) -> bool:
    """Whether *value* is on a GPU and has a method that copies it."""
    return any(
        comes_from(value, package) and has_attributes(value, method) for package, method in _ON_DEVICE.items()
    )


def from_device(value: Any, place: Place) -> Node:
    """Return the node of a copy in main memory."""
    copied = next(
        getattr(value, method)() for package, method in _ON_DEVICE.items() if comes_from(value, package)
    )
    return place.reader(copied, place)


def is_quantity(value: Any) -> bool:
    """Whether *value* has a unit."""
    return not isinstance(value, type) and _unit_names(value) is not None


def from_quantity(value: Any, place: Place) -> Node:
    """Return the values and the text of the unit."""
    unit, values = _unit_names(value) or ("", "")
    node = place.reader(getattr(value, values), place.within(value))
    return node.having(unit=text(getattr(value, unit)))


def _unit_names(value: Any) -> tuple[str, str] | None:
    """The attributes of a quantity that hold its unit and its values."""
    found = (names for package, names in _UNITS.items() if comes_from(value, package))
    return next((names for names in found if has_attributes(value, *names)), None)


def is_stored(value: Any) -> bool:
    """Whether *value* is an array of zarr or HDF5, of which parts can be read."""
    return _is_of_store(value, "Array", "Dataset")


def from_stored(value: Any, place: Place) -> Node:
    """Return a large array as it is, to be read block by block wherever it is needed; else its values."""
    if is_plain(np.dtype(value.dtype)) and value.size * np.dtype(value.dtype).itemsize > LARGE:
        return Node(plain_array(place.name, ChunkedArray(value)))
    return from_array(value, place)


def is_store_group(value: Any) -> bool:
    """Whether *value* is a group of arrays of zarr or HDF5."""
    return _is_of_store(value, "Group", "File")


def from_store_group(value: Any, place: Place) -> Node:
    """Return the members of a group by name, those of its groups below theirs. Attributes are left out."""
    return Node(children={name: place.read(value[name], name, value) for name in sorted(value)}, bare=True)


def _is_of_store(value: Any, *names: str) -> bool:
    kind = type(value)
    return kind.__module__.partition(".")[0] in _STORES and kind.__name__ in names


def has_array(value: Any) -> bool:
    """Whether numpy makes an array of *value* by a protocol that its class has."""
    protocols = ("__array__", "__array_interface__")
    return not isinstance(value, type) and any(has_attributes(value, name) for name in protocols)


def from_array(value: Any, place: Place) -> Node:
    """Return the values that numpy gets."""
    if any(has_attributes(value, name) for name in _TABLES):
        raise UsageError(
            f"array {place.name!r}",
            expected="a table of pandas or polars, or a mapping of arrays",
            found=f"a {class_name(value)}",
            remedy="With x for it, store x.to_pandas(), or a mapping of its columns.",
        )
    try:
        array = np.asanyarray(value)  # a file may give a masked array
    except Exception as error:
        raise UsageError(
            f"array {place.name!r}",
            expected="values of which numpy makes an array",
            found=f"a {class_name(value)}, which raised {type(error).__name__}: {error}",
            remedy="Convert it to a numpy array.",
        ) from error
    if array.dtype.kind == "O":  # text of any length, in files
        return Node(plain_array(place.name, array.tolist()))
    return place.reader(array, place)
