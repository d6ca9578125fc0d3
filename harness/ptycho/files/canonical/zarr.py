"""Canonical data as zarr: the contract's keys as arrays of the root, lengths as its attributes.

Read in format 2 and 3, from folders and zip archives; written as a folder in format 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.ptycho.files.canonical.arrays import ARRAYS, GEOMETRY, arrays_of, content_of, is_canonical
from harness.ptycho.files.canonical.lengths import geometry_of, lengths_of
from harness.ptycho.files.format import Format, Reading, Written
from harness.ptycho.files.zarr_store.files import MARKS
from harness.ptycho.files.zarr_store.reader import ZarrStore
from harness.ptycho.files.zarr_store.writing import write_store
from harness.ptycho.scan.rules import BAD_PIXELS, RULES

if TYPE_CHECKING:
    from pathlib import Path

    from harness.ptycho.files.content import Content


def _recognise(path: Path) -> bool:
    """A damaged folder is recognised, too, so that reading it says what is wrong with it."""
    try:
        return is_canonical(ZarrStore(path).names)
    except HarnessError:
        return path.is_dir() and any((path / mark).is_file() for mark in MARKS)


def _read(path: Path, reading: Reading) -> Content:
    store = ZarrStore(path)
    names = sorted(name for name in store.names if name in RULES or name == BAD_PIXELS)
    arrays = {name: store.array(name) for name in names}
    geometry = geometry_of(store.name, store.attributes())
    others = tuple(sorted(store.names - set(names)))
    return content_of(store.name, arrays, reading, geometry=geometry, left_out=others)


def _write(path: Path, content: Content) -> Written:
    write_store(path, arrays_of(content), lengths_of(content.geometry))
    return Written()


FORMAT = Format(
    name="zarr",
    title="canonical data (zarr)",
    suffixes=(".zarr",),
    holds=ARRAYS | GEOMETRY,
    canonical=True,
    uses=frozenset({"axes"}),
    recognise=_recognise,
    read=_read,
    write=_write,
)
FORMATS = (FORMAT,)
