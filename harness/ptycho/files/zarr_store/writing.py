"""Write a small zarr store of format 2 or 3: a folder with one chunk for each array, not compressed.

The same arrays give the same bytes, whatever version of zarr is installed, or none.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.storage.atomic import unwritable_on_error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def write_store(path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, Any]) -> None:
    """Write arrays as a new folder in zarr format 2, which every version of zarr reads.

    Parameters
    ----------
    path : Path
        Must not exist.
    arrays : mapping of str to ndarray
        Stored little-endian, in C order.
    attributes : mapping of str to JSON values
        Of the root.

    Raises
    ------
    UnwritableError
        It exists, or cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from harness.ptycho.files.zarr_store.reader import ZarrStore
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_store(Path(folder, "new.zarr"), {"x": np.arange(3)}, {})
    ...     ZarrStore(Path(folder, "new.zarr")).array("x")
    array([0, 1, 2])
    """
    with unwritable_on_error(path):
        path.mkdir()
        _write_json(path / ".zgroup", {"zarr_format": 2})
        _write_json(path / ".zattrs", dict(attributes))
        for name, array in arrays.items():
            _write_array(path / name, np.asarray(array, array.dtype.newbyteorder("<"), order="C"))


def _write_array(folder: Path, array: np.ndarray) -> None:
    folder.mkdir()
    _write_json(
        folder / ".zarray",
        {
            "chunks": [max(1, side) for side in array.shape],
            "compressor": None,
            "dtype": array.dtype.str,
            "fill_value": None,
            "filters": None,
            "order": "C",
            "shape": list(array.shape),
            "zarr_format": 2,
        },
    )
    if array.size:
        (folder / (".".join("0" for _ in array.shape) or "0")).write_bytes(array.tobytes())


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.write_text(json.dumps(document, indent=4, sort_keys=True) + "\n", encoding="ascii")
