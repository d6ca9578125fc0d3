"""The two containers of ptychodus in one form: HDF5 under the flat names of its .npz archives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.errors import UnreadableError
from harness.ptycho.files.arrays.named import Named
from harness.ptycho.files.hdf5.reader import open_hdf5
from harness.ptycho.files.hdf5.writing import new_hdf5

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from harness.ptycho.files.content import Content
    from harness.ptycho.files.hdf5.reader import Hdf5

Attributes = dict[str, tuple[str, str]]
"""Flat name -> dataset ("" for the root) and attribute of an HDF5 file."""


def read_hdf5(path: Path, attributes: Attributes, read: Callable[[Named], Content]) -> Content:
    """Return what *read* makes of the datasets at the root of a file, and of some of its attributes.

    Raises
    ------
    UnreadableError
        As :class:`~harness.ptycho.files.hdf5.reader.Hdf5`.
    RefusedError
        As *read*.
    """
    with open_hdf5(path) as file:
        there = {name for name, place in attributes.items() if file.has_attribute(*place)}

        def get(name: str) -> np.ndarray:
            return _attribute(file, *attributes[name]) if name in there else file.array(name)

        return read(Named(file.name, there.union(file.names()), get))


def _attribute(file: Hdf5, key: str, name: str) -> np.ndarray:
    value = file.attribute(key, name)
    if isinstance(value, str):
        where = f"{file.name}: {key or '/'}, attribute {name}"
        raise UnreadableError(where, expected="a number", found="a text", remedy="Write the file again.")
    return np.asarray(value)


def write_hdf5(path: Path, arrays: Mapping[str, Any], attributes: Attributes) -> None:
    """Write values under flat names as datasets, or as the attributes that *attributes* makes of them."""
    with new_hdf5(path) as file:
        for name in sorted(arrays.keys() - attributes.keys()):
            file.create_dataset(name, data=arrays[name])
        for name in sorted(arrays.keys() & attributes.keys()):
            key, attribute = attributes[name]
            (file[key] if key else file).attrs[attribute] = arrays[name]
