"""The format CXI: how its files are recognised, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError
from harness.ptycho.files.content import LAYERS, MODES
from harness.ptycho.files.cxi.layout import ENTRY
from harness.ptycho.files.cxi.read_cxi import read_cxi
from harness.ptycho.files.cxi.write_cxi import write_cxi
from harness.ptycho.files.format import Format
from harness.ptycho.files.hdf5.reader import is_hdf5, open_hdf5

if TYPE_CHECKING:
    from pathlib import Path

_GROUPS = ("instrument_1", "data_1", "image_1", "sample_1")


def is_cxi(path: Path) -> bool:
    """Return whether a file has the groups of a CXI file; False for a damaged one.

    Raises
    ------
    DependencyError
        h5py is not installed, and the file is HDF5.
    """
    if not is_hdf5(path):
        return False
    try:
        with open_hdf5(path) as file:
            return ENTRY in file.names() and not set(_GROUPS).isdisjoint(file.names(ENTRY))
    except UnreadableError:
        return False


FORMAT = Format(
    name="cxi",
    title="a CXI file",
    suffixes=(".cxi",),
    holds=frozenset(
        {"diffraction", "object", "probe", "x", "y", "scan_index", "mask", LAYERS, MODES}
        | {f"geometry.{name}" for name in ("wavelength", "distance", "detector_pixel", "object_pixel")}
        | {"geometry.object_center"}
    ),
    recognise=is_cxi,
    read=read_cxi,
    write=write_cxi,
)
FORMATS = (FORMAT,)
