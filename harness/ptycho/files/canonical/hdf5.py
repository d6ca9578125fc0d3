"""Canonical data as HDF5: the contract's keys as datasets at the root, lengths as attributes of the root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.ptycho.files.canonical.arrays import (
    ARRAYS,
    GEOMETRY,
    LENGTHS,
    arrays_of,
    content_of,
    is_canonical,
)
from harness.ptycho.files.canonical.lengths import geometry_of, lengths_of
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.hdf5.reader import open_hdf5, root_names
from harness.ptycho.files.hdf5.writing import new_hdf5
from harness.ptycho.scan.rules import BAD_PIXELS, RULES

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.content import Content


def _recognise(path: Path) -> bool:
    try:
        return is_canonical(root_names(path))
    except HarnessError:
        return False


def _read(path: Path, reading: Reading) -> Content:
    with open_hdf5(path) as file:
        names = [name for name in file.names() if name in RULES or name == BAD_PIXELS]
        arrays = {name: file.array(name) for name in names}
        lengths = {name: file.attribute("", name) for name in LENGTHS}
        others = tuple(name for name in file.names() if name not in names)
    return content_of(path.name, arrays, reading, geometry=geometry_of(path.name, lengths), left_out=others)


def _write(path: Path, content: Content) -> Written:
    arrays = arrays_of(content)
    with new_hdf5(path) as file:
        for key, array in sorted(arrays.items()):
            file[key] = array
        for name, length in lengths_of(content.geometry).items():
            file.attrs[name] = length
    return Written()


FORMAT = Format(
    name="h5",
    title="canonical data (HDF5)",
    suffixes=(".h5", ".hdf5"),
    holds=ARRAYS | GEOMETRY,
    canonical=True,
    uses=frozenset({"axes"}),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
