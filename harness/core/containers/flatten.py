"""Anything that tests compare -> named plain arrays, with nothing dropped, or one refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.containers import (
    foreign,
    labelled,
    numpy_arrays,
    python_values,
    sparse,
    tables,
    tensors,
)
from harness.core.containers.keys import encode_key, named
from harness.core.containers.nodes import Node, Place
from harness.core.errors import UsageError
from harness.core.fixtures.plain_arrays import class_name, plain_array, refusal
from harness.core.storage.names import name_problem, require_distinct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

_READERS: tuple[tuple[Callable[[Any], bool], Callable[[Any, Place], Node]], ...] = (
    # The first that fits. What carries more than values comes before what it inherits from.
    (python_values.is_enum, python_values.from_enum),
    (tables.is_table, tables.from_table),
    (python_values.is_date, python_values.from_date),
    (tensors.is_tensor, tensors.from_tensor),
    (labelled.is_labelled, labelled.from_labelled),
    (sparse.is_sparse, sparse.from_sparse),
    (foreign.is_on_device, foreign.from_device),
    (foreign.is_quantity, foreign.from_quantity),
    (numpy_arrays.is_array, numpy_arrays.from_array),
    (foreign.is_stored, foreign.from_stored),
    (foreign.is_store_group, foreign.from_store_group),
    (python_values.is_mapping, python_values.from_mapping),
    (python_values.is_record, python_values.from_record),
    (python_values.is_sequence, python_values.from_sequence),
    (python_values.is_scalar, python_values.from_scalar),
    (foreign.has_array, foreign.from_array),
)


@dataclass(frozen=True, slots=True, eq=False)
class Flattened:
    """Named plain arrays.

    Attributes
    ----------
    arrays : dict of str to ndarray
        Of plain dtypes. They are not copied where the data have them already.
    notes : tuple of str
        Conversions to another dtype, each of which is exact: ``KEY: bfloat16 -> float32``.
    tolerance_keys : dict of str to str
        What a user may write in a table of tolerances -> the name of an array, or of a container, which is
        what its arrays' names begin with.
    exact : frozenset of str
        Arrays that name or place other values (indexes, coordinates), and containers of them: they must be
        equal, unless a tolerance is given for exactly them.
    """

    arrays: dict[str, np.ndarray]
    notes: tuple[str, ...]
    tolerance_keys: dict[str, str]
    exact: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Named:
    name: str
    spelled: str
    node: Node
    exact: bool


def flatten(data: Any, *, name: str = "data") -> Flattened:
    """Return everything that *data* hold as named arrays of plain dtypes.

    Two inputs give the same arrays only if they have the same values under the same keys. The class of a
    container does not count: a dataclass is the mapping of its fields, a list that of its indexes, a table
    that of its columns and what belongs to them.

    Parameters
    ----------
    data : object
        - A mapping, dataclass or named tuple: ``KEY``, and ``KEY.FIELD`` where they are nested. Keys are
          strings or integers. A list or tuple of containers or arrays: ``KEY.0``, ``KEY.1``.
        - A number, string, date or time, or a rectangular nested list of them: one array.
        - A numpy array or tensor of any layout. What it has beside values: ``KEY.mask`` (masked elements are
          zero), ``KEY.FIELD`` of a structure, ``KEY.names`` of axes, ``KEY.unit``; ``KEY.indices``,
          ``KEY.values`` and ``KEY.shape`` of a sparse one, whose duplicates are summed.
        - A table of pandas or polars: ``KEY.COLUMN``, with ``.mask`` where values are missing, and
          ``KEY.index``, ``KEY.columns``, ``KEY.dtypes``. Its ``attrs`` are not compared, nor the ``freq`` of
          an index. None, NaN and NA are one missing value among objects and text.
        - A dataset or array of xarray: values with ``.dims``, ``.coords`` and ``.name``. Its ``attrs`` and
          ``encoding`` are not compared.
        - A group of zarr or HDF5: ``KEY.MEMBER``. Its attributes are not compared.
        - Anything else that numpy makes an array of. Arrays of zarr, HDF5 and mapped files that have more
          than 64 MiB are read block by block, and never held as a whole.
    name : str
        Of the array if *data* is one. A mapping or table has no prefix.

    Returns
    -------
    Flattened

    Raises
    ------
    UsageError
        If something cannot be stored with all that it carries, or is empty. The error names its key and the
        conversion.

    Examples
    --------
    >>> import numpy as np
    >>> flatten({"fit": {"slope [m/s]": 2.5, "residuals": np.zeros(3)}, "steps": [1, 2]}).arrays.keys()
    dict_keys(['fit.slope [m%2Fs]', 'fit.residuals', 'steps'])
    """
    root = read(data, Place(read, name))
    named_nodes = list(_top(root, name))
    arrays = {each.name: each.node.array for each in named_nodes if each.node.array is not None}
    for key in arrays:
        _require_short(key)
    require_distinct("array", arrays)
    return Flattened(
        arrays,
        tuple(f"{each.name}: {each.node.note}" for each in named_nodes if each.node.note),
        _tolerance_keys(named_nodes),
        frozenset(each.name for each in named_nodes if each.exact),
    )


def read(value: Any, place: Place) -> Node:
    """Return the node of a value, whatever its kind.

    Raises
    ------
    UsageError
        If no kind fits.
    """
    for fits, reader in _READERS:
        if fits(value):
            node = reader(value, place)
            if node.array is None and not node.children:
                raise _empty(value, place)
            return node
    plain_array(place.name, value)  # refuses, with the conversion
    raise refusal(place.name, value)


def _top(root: Node, name: str) -> Iterator[_Named]:
    if not root.bare:
        yield from _below(_Named(encode_key(name), name, root, root.exact))
    for key, spelled, node in named(dict(root.children)) if root.bare else ():
        yield from _below(_Named(key, spelled, node, root.exact or node.exact))


def _below(one: _Named) -> Iterator[_Named]:
    """Yield a named node and all that belongs to it."""
    yield one
    for key, spelled, node in named(dict(one.node.children)):
        yield from _below(
            _Named(f"{one.name}.{key}", f"{one.spelled}.{spelled}", node, one.exact or node.exact)
        )


def _tolerance_keys(nodes: list[_Named]) -> dict[str, str]:
    """What a user may write -> names; what could mean two of them is left out."""
    meant: dict[str, set[str]] = {}
    for one in nodes:
        for key in (one.spelled, one.name):
            meant.setdefault(key, set()).add(one.name)
    return {key: next(iter(names)) for key, names in meant.items() if len(names) == 1}


def _empty(value: object, place: Place) -> UsageError:
    return UsageError(
        f"array {place.name!r}",
        expected="one array or more",
        found=f"a {class_name(value)} without any",
        message=f"{place.name!r} is a {class_name(value)} without arrays",
        remedy="Leave it out, so that nothing that it holds later is missed.",
    )


def _require_short(name: str) -> None:
    """Raise if a name is not valid, which only its length can cause."""
    if problem := name_problem(name, suffix=".npy"):
        raise UsageError(
            f"array {name!r}",
            expected="a name that is valid on every system",
            found=problem,
            message=f"the array's name {name!r} is not valid: it has {problem}",
            remedy="Use shorter keys, or fewer levels of nesting.",
        )
