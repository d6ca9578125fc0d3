"""Lists of Python objects, as tables hold them: dates, and values some of which are missing."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node, text
from harness.core.errors import UsageError
from harness.core.fixtures.plain_arrays import class_name, has_attributes, plain_array

if TYPE_CHECKING:
    from collections.abc import Sequence

_MISSING = frozenset({"NoneType", "NAType", "NaTType"})
_LABELS = (bool, int, float, str, dt.date, dt.timedelta, type(None))


def is_date(value: Any) -> bool:
    """Whether *value* is a date, time of a day or duration of the standard library, or inherits from one."""
    return isinstance(value, (dt.date, dt.timedelta))


def dates(values: Sequence[Any], name: str, shape: tuple[int, ...]) -> Node:
    """Return dates, times or durations as one array of numpy's, times with a zone in UTC.

    Parameters
    ----------
    values : sequence
        All of one class, and of one time zone.
    name : str
        Of the array, for the error.
    shape : tuple of int
        Of the array.

    Raises
    ------
    UsageError
        If classes or time zones differ.
    """
    zones = {None if (zone := getattr(value, "tzinfo", None)) is None else str(zone) for value in values}
    kinds = {type(value).__name__ for value in values if type(value).__name__ != "NaTType"}
    if len(zones) > 1 or len(kinds) > 1:
        found = kinds if len(kinds) > 1 else {str(zone) for zone in zones}
        raise UsageError(
            f"array {name!r}",
            expected="dates of one class and one time zone",
            found=" and ".join(sorted(found)),
            remedy="Convert them to one, or store them as several arrays.",
        )
    array = np.array([_of_numpy(value) for value in values]).reshape(shape)
    zone = zones.pop()
    return Node(array).having(timezone=None if zone is None else text(zone))


def with_missing(values: Sequence[Any], name: str) -> Node:
    """Return objects as one array, with a mask if some are missing; those are zero or empty.

    Parameters
    ----------
    values : sequence
        Numbers, strings or dates of one type, None, NaN or what pandas has in their place.
    name : str
        Of the array, for the error.

    Raises
    ------
    UsageError
        If they are not of one type, or of another one.
    """
    missing = np.array([_is_missing(value) for value in values], dtype=bool)
    present = [value for value in values if not _is_missing(value)]
    if present and all(map(is_date, present)):
        node = dates(present, name, (len(present),))
    else:
        node = Node(plain_array(name, present))
    return masked(node, missing) if missing.any() else node


def masked(node: Node, missing: np.ndarray) -> Node:
    """Return values that are present as an array with all places and a mask; True is missing."""
    present = np.zeros(0) if node.array is None else node.array
    filled = np.zeros((*missing.shape, *present.shape[1:]), present.dtype)
    filled[~missing] = present
    return replace(node, array=filled).having(mask=Node(missing))


def labels(values: Sequence[Any], name: str) -> Node:
    """Return the labels of an axis, which may be of several types: then as text, with the types."""
    try:
        return with_missing(values, name)
    except UsageError:
        if not all(isinstance(value, (*_LABELS, tuple, np.generic)) for value in values):
            raise
    types = np.array([class_name(value) for value in values])
    return Node(np.array([repr(value) for value in values])).having(types=Node(types))


def _is_missing(value: Any) -> bool:
    return type(value).__name__ in _MISSING or (isinstance(value, float) and value != value)  # noqa: PLR0124


def _of_numpy(value: Any) -> np.generic:
    """A date, time or duration of numpy with the same value."""
    if getattr(value, "tzinfo", None) is not None:
        value = value.astimezone(dt.timezone.utc).replace(tzinfo=None)
    for method in ("to_datetime64", "to_timedelta64"):  # pandas, which counts nanoseconds
        if has_attributes(value, method):
            return getattr(value, method)()  # type: ignore[no-any-return]
    if isinstance(value, dt.timedelta):
        return np.timedelta64(value)
    return np.datetime64(value)
