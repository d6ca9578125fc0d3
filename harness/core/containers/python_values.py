"""Python's own containers and scalars: mappings, dataclasses and other records, sequences, dates, enums."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node
from harness.core.containers.object_values import dates, is_date
from harness.core.errors import UsageError
from harness.core.fixtures.plain_arrays import class_name, plain_array

if TYPE_CHECKING:
    from harness.core.containers.nodes import Place

__all__ = ["is_date"]

_SCALARS = (bool, int, float, complex, str, bytes)
_FIELDS = ("__dataclass_fields__", "__attrs_attrs__", "__struct_fields__", "model_fields")
"""Where dataclasses, attrs, msgspec and pydantic keep the names of fields; named tuples, in ``_fields``."""


def is_enum(value: Any) -> bool:
    """Whether *value* is a member of an enumeration."""
    return isinstance(value, Enum)


def from_enum(value: Enum, place: Place) -> Node:
    """Return the node of a member's value."""
    return place.reader(value.value, place)


def from_date(value: Any, place: Place) -> Node:
    """Return a date, time or duration as one of numpy's."""
    return dates([value], place.name, shape=())


def is_mapping(value: Any) -> bool:
    """Whether *value* is a mapping, whatever its class."""
    return isinstance(value, Mapping)


def from_mapping(value: Mapping[Any, Any], place: Place) -> Node:
    """Return the values of a mapping by key."""
    keys = {_key(key, place): key for key in value}
    return _branch({key: value[original] for key, original in keys.items()}, place, value)


def is_record(value: Any) -> bool:
    """Whether *value* is an instance of a class with declared fields."""
    kind = type(value)
    named = isinstance(value, tuple) and hasattr(kind, "_fields")
    return not isinstance(value, type) and (named or any(hasattr(kind, names) for names in _FIELDS))


def from_record(value: Any, place: Place) -> Node:
    """Return the fields of a record by name."""
    return _branch({name: getattr(value, name) for name in _fields(value)}, place, value)


def is_sequence(value: Any) -> bool:
    """Whether *value* is a list or tuple, or of a class that inherits from them."""
    return isinstance(value, (list, tuple))


def from_sequence(value: list[Any] | tuple[Any, ...], place: Place) -> Node:
    """Return a nested list of scalars as one array, and any other one by index."""
    leaves = _leaves(value, place)
    if all(is_scalar(leaf) for leaf in leaves):
        return Node(plain_array(place.name, _as_lists(value)))
    if leaves and all(is_date(leaf) for leaf in leaves):
        return dates(leaves, place.name, shape=_shape(value, place))
    return _branch(dict(enumerate(value)), place, value)


def is_scalar(value: Any) -> bool:
    """Whether *value* is a number, string or bytes, of Python or numpy."""
    return type(value) in _SCALARS or (isinstance(value, np.generic) and value.dtype.names is None)


def from_scalar(value: Any, place: Place) -> Node:
    """Return a number, string or bytes as an array without dimensions."""
    return Node(plain_array(place.name, value))


def _branch(values: Mapping[Any, Any], place: Place, container: object) -> Node:
    return Node(children={key: place.read(each, key, container) for key, each in values.items()}, bare=True)


def _key(key: Any, place: Place) -> str | int:
    """A key as a plain string or integer."""
    if isinstance(key, str):
        return str(key.value) if isinstance(key, Enum) else str(key)
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return int(key)
    raise UsageError(
        f"key of {place.name!r}",
        expected="a string or an integer",
        found=f"{key!r}, a {class_name(key)}",
        remedy="Convert the keys: {str(key): x[key] for key in x}.",
    )


def _fields(value: Any) -> list[str]:
    """Names of a record's fields."""
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value)]
    kind = type(value)
    names = next(getattr(kind, names) for names in ("_fields", *_FIELDS) if hasattr(kind, names))
    return [str(getattr(each, "name", each)) for each in names]


def _leaves(value: list[Any] | tuple[Any, ...], place: Place) -> list[Any]:
    """All that nested lists hold, members of enumerations by their values."""
    within = place.within(value)
    return [leaf for item in value for leaf in (_leaves(item, within) if _is_list(item) else (_plain(item),))]


def _is_list(value: Any) -> bool:
    return is_sequence(value) and not is_record(value)


def _as_lists(value: Any) -> Any:
    """Nested lists, without the classes that inherit from list and tuple."""
    return [_as_lists(item) for item in value] if is_sequence(value) else _plain(value)


def _plain(value: Any) -> Any:
    while isinstance(value, Enum):
        value = value.value
    return value


def _shape(value: Any, place: Place) -> tuple[int, ...]:
    """The shape of nested lists of anything; raise if they are not rectangular."""

    def zeros(item: Any) -> Any:
        return [zeros(each) for each in item] if is_sequence(item) else 0

    return plain_array(place.name, zeros(value)).shape
