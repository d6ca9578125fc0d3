"""Tables of pandas and polars: columns, index, labels and dtypes, with a mask where values are missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.containers.nodes import Node, Part, label_key, text, texts
from harness.core.containers.object_values import labels, masked, with_missing
from harness.core.fixtures.plain_arrays import comes_from, has_attributes, plain_array

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.core.containers.nodes import Place

_USUAL_TEXT = frozenset({"object", "str"})
"""How pandas calls the dtype of text, by its version."""


def is_table(value: Any) -> bool:
    """Whether *value* is a table, column, index or array of pandas or polars."""
    pandas = comes_from(value, "pandas") and has_attributes(value, "isna", "to_numpy")
    polars = comes_from(value, "polars") and has_attributes(value, "to_numpy", "to_pandas")
    return not isinstance(value, type) and (pandas or polars)


def from_table(value: Any, place: Place) -> Node:
    """Return columns by label, ``index``, ``columns`` and ``dtypes``; of a column, values, index and name."""
    if comes_from(value, "polars"):
        return _from_polars(value, place)
    if has_attributes(value, "columns", "index", "iloc"):
        return _from_frame(value, place)
    if has_attributes(value, "iloc", "index"):
        return _from_series(value, place)
    if has_attributes(value, "nlevels"):
        return _from_index(value, place)
    return _from_extension(value, place).having(dtype=text(value.dtype))


def _from_frame(frame: Any, place: Place) -> Node:
    columns = [
        (path, _column(frame.iloc[:, number], place.at(".".join(map(str, path)))))
        for number, path in enumerate(_paths(frame.columns))
    ]
    return Node(children=_nested(columns), bare=True).having(
        index=_axis(frame.index, place.at("index")),
        columns=_axis(frame.columns, place.at("columns")),
        dtypes=texts(list(frame.dtypes)),
    )


def _from_series(series: Any, place: Place) -> Node:
    return _column(series, place).having(
        index=_axis(series.index, place.at("index")),
        dtype=text(series.dtype),
        name=_name(series, place),
    )


def _from_index(index: Any, place: Place) -> Node:
    """Each level of an index as an array, with its name and, where numpy has no such dtype, its dtype."""
    if index.nlevels > 1:
        levels = range(index.nlevels)
        return Node(
            children={each: _from_index(index.get_level_values(each), place.at(each)) for each in levels}
        )
    node = _axis_values(index, place)
    usual = isinstance(index.dtype, np.dtype) or str(index.dtype) in _USUAL_TEXT
    return node.having(dtype=None if usual else text(index.dtype), name=_name(index, place))


def _name(axis: Any, place: Place) -> Node | None:
    """The name of a column or index, which need not be a string."""
    return None if axis.name is None else labels([axis.name], place.name)


def _axis(index: Any, place: Place) -> Node:
    return replace(_from_index(index, place), exact=True)


def _axis_values(index: Any, place: Place) -> Node:
    if isinstance(index.dtype, np.dtype) and index.dtype.kind == "O":
        return labels(list(index), place.name)
    return _column(index, place)


def _column(column: Any, place: Place) -> Node:
    """Values of a series or an index."""
    if not isinstance(column.dtype, np.dtype):
        return _from_extension(column.array, place)
    if column.dtype.kind == "O":
        return with_missing(list(column), place.name)
    return Node(plain_array(place.name, np.asarray(column)))


def _from_extension(array: Any, place: Place) -> Node:
    """Values of a dtype of pandas."""
    reader = next((reader for attributes, reader in _EXTENSIONS if has_attributes(array, *attributes)), None)
    if reader is not None:
        return reader(array, place)
    dtype = array.dtype
    plain = dtype if isinstance(dtype, np.dtype) else getattr(dtype, "numpy_dtype", None)
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return Node(plain_array(place.name, np.asarray(array)))
    if plain is None or plain.kind not in "biufc":
        return with_missing(list(array), place.name)
    missing = np.asarray(array.isna())
    if not missing.any():
        return Node(plain_array(place.name, array.to_numpy(dtype=plain)))
    return masked(Node(array[~missing].to_numpy(dtype=plain)), missing)


def _from_categories(array: Any, place: Place) -> Node:
    """Values, and the categories that they are chosen from, used or not."""
    categories = _from_index(array.categories, place.at("categories"))
    codes = np.asarray(array.codes)
    missing = codes < 0
    chosen = Node(codes if categories.array is None else categories.array[codes[~missing]])
    if categories.array is not None and missing.any():
        chosen = masked(chosen, missing)
    return chosen.having(categories=categories, ordered=Node(np.array(bool(array.ordered))))


def _from_intervals(array: Any, place: Place) -> Node:
    """Both ends of each interval, and which of them belong to it."""
    return Node().having(
        left=_column(array.left, place.at("left")),
        right=_column(array.right, place.at("right")),
        closed=text(array.closed),
    )


def _from_dates(array: Any, place: Place) -> Node:
    """Dates and times, in UTC if they have a zone."""
    return Node(plain_array(place.name, np.asarray(array, f"M8[{getattr(array, 'unit', 'ns')}]")))


def _from_periods(array: Any, place: Place) -> Node:
    """The number of each period, counted from 1970."""
    return Node(plain_array(place.name, np.asarray(array.asi8)))


def _from_filled(array: Any, place: Place) -> Node:
    """All values, also those that a sparse array leaves out."""
    return Node(plain_array(place.name, np.asarray(array)))


_EXTENSIONS: tuple[tuple[tuple[str, ...], Callable[[Any, Place], Node]], ...] = (
    # By attributes of the array's class. The first that fits.
    (("categories", "codes"), _from_categories),
    (("left", "right", "closed"), _from_intervals),
    (("asi8", "start_time"), _from_periods),
    (("asi8", "tz_convert"), _from_dates),
    (("sp_values",), _from_filled),
)


def _paths(columns: Any) -> list[tuple[str | int, ...]]:
    """Where each column is found: its labels, and its number among those of the same labels."""
    several = columns.nlevels > 1
    """Where each column is found: its labels, and its number among those of the same labels."""
    several = columns.nlevels > 1
    paths = [tuple(map(label_key, label if several else (label,))) for label in columns]
    times, seen = Counter(paths), Counter[tuple[str | int, ...]]()
    unique = []
    for path in paths:
        unique.append((*path, seen[path]) if times[path] > 1 else path)
        seen[path] += 1
    return unique


def _nested(columns: Sequence[tuple[tuple[str | int, ...], Node]]) -> dict[str | int | Part, Node]:
    """A tree of columns from their paths, which are all of one length or end in a number."""
    groups: dict[str | int | Part, list[tuple[tuple[str | int, ...], Node]]] = {}
    for (first, *rest), node in columns:
        groups.setdefault(first, []).append((tuple(rest), node))
    return {
        key: group[0][1] if not group[0][0] else Node(children=_nested(group))
        for key, group in groups.items()
    }


def _from_polars(value: Any, place: Place) -> Node:
    if not has_attributes(value, "columns", "dtypes"):
        node = _from_polars_column(value, place)
        return node.having(dtype=text(value.dtype), name=text(value.name))
    columns = {name: _from_polars_column(value.get_column(name), place.at(name)) for name in value.columns}
    return Node(children=columns, bare=True).having(columns=texts(value.columns), dtypes=texts(value.dtypes))


def _from_polars_column(column: Any, place: Place) -> Node:
    """Values of a column, with a mask if some are null."""
    dtype = column.dtype
    missing = column.is_null().to_numpy()
    present = column.drop_nulls()
    if not (dtype.is_numeric() or dtype.is_temporal() or str(dtype) == "Boolean") or dtype.is_decimal():
        return with_missing(column.to_list(), place.name)
    node = Node(plain_array(place.name, present.to_numpy()))
    return masked(node, missing) if missing.any() else node
