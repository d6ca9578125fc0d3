"""Write a new HDF5 file: the same bytes for the same values, and nothing left behind by a failure."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.storage.atomic import unwritable_on_error
from harness.ptycho.files.package import needed_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike


@contextlib.contextmanager
def new_hdf5(path: str | PathLike[str]) -> Iterator[Any]:
    """Yield a new :class:`h5py.File` at *path*; if the block fails, the file is removed.

    h5py stores no times unless asked, so the same calls write the same bytes.

    Raises
    ------
    DependencyError
        h5py is not installed.
    UnwritableError
        The file exists or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from harness.ptycho.files.hdf5.reader import open_hdf5
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with new_hdf5(f"{folder}/new.h5") as file:
    ...         file["scan/x"] = [1, 2]
    ...     with open_hdf5(f"{folder}/new.h5") as file:
    ...         file.array("scan/x")
    array([1, 2])
    """
    h5py = needed_module("h5py", "HDF5 files")
    with unwritable_on_error(path):
        file = h5py.File(path, "x")
        try:
            with file:
                yield file
        except BaseException:
            Path(path).unlink(missing_ok=True)
            raise
