"""Arrays with named dimensions and coordinates: xarray's."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node, label_key, text, texts
from harness.core.containers.object_values import labels
from harness.core.errors import UsageError
from harness.core.fixtures.plain_arrays import comes_from, has_attributes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.core.containers.nodes import Place


def is_labelled(value: Any) -> bool:
    """Whether *value* is a dataset, tree, array, variable or group of coordinates of xarray."""
    known = _is_dataset(value) or _is_variable(value) or has_attributes(value, "to_dataset")
    return comes_from(value, "xarray") and known and not isinstance(value, type)


def from_labelled(value: Any, place: Place) -> Node:
    """Return values, dimensions, coordinates and name; attributes and encodings are not compared."""
    if _is_dataset(value):
        return _from_dataset(value, place)
    return _from_array(value, place) if _is_variable(value) else _from_dataset(value.to_dataset(), place)


def _is_dataset(value: Any) -> bool:
    return has_attributes(value, "data_vars", "coords")


def _is_variable(value: Any) -> bool:
    return has_attributes(value, "dims", "data", "values")


def _from_dataset(value: Any, place: Place) -> Node:
    """Variables by name, all coordinates, and the datasets below this one."""
    variables = _by_key(value.data_vars, place)
    nodes = {key: _variable(each.variable, place.at(key, value)) for key, each in variables.items()}
    trees = {
        str(key): place.read(each, str(key), value) for key, each in getattr(value, "children", {}).items()
    }
    return Node(children=nodes | trees, bare=True).having(coords=_coordinates(value.coords, place))


def _by_key(variables: Mapping[Any, Any], place: Place) -> dict[str | int, Any]:
    """Variables by keys, of which no two may be the same text."""
    found = {label_key(label): each for label, each in variables.items()}
    if len(found) < len(variables):
        raise UsageError(
            f"array {place.name!r}",
            expected="variables whose names differ as text",
            found=", ".join(map(repr, variables)),
            remedy="Rename one of them.",
        )
    return found


def _from_array(value: Any, place: Place) -> Node:
    name = getattr(value, "name", None)
    return _variable(value, place).having(
        coords=_coordinates(getattr(value, "coords", {}), place),
        name=None if name is None else text(name),
    )


def _variable(value: Any, place: Place) -> Node:
    """Values and the names of their dimensions."""
    return _values(value.data, place).having(dims=texts(list(value.dims)))


def _values(data: Any, place: Place) -> Node:
    """The node of a variable's data, which may be strings of any length."""
    if isinstance(data, np.ndarray) and data.dtype.kind == "O":
        return _shaped(labels(data.ravel().tolist(), place.name), data.shape)
    return place.reader(data, place)


def _shaped(node: Node, shape: tuple[int, ...]) -> Node:
    """Values, and what there is for each of them, in the shape of a variable."""
    children = {key: _shaped(child, shape) for key, child in node.children.items()}
    if node.array is None or node.array.ndim == 0:  # the time zone of all values
        return replace(node, children=children)
    return replace(node, array=node.array.reshape(shape), children=children)


def _coordinates(coords: Mapping[Any, Any], place: Place) -> Node | None:
    """All coordinates, by name."""
    found = {
        key: _coordinate(each, place.at(f"coords.{key}")) for key, each in _by_key(coords, place).items()
    }
    return Node(children=found, exact=True) if found else None


def _coordinate(value: Any, place: Place) -> Node:
    """A coordinate; one of several levels is an index of pandas."""
    variable = value.variable
    index = variable.to_index() if value.dtype.kind == "O" and value.ndim == 1 else None
    if getattr(index, "nlevels", 1) == 1:
        return _variable(variable, place)
    return place.reader(index, place).having(dims=texts(list(value.dims)))
