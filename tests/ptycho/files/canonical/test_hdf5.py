"""Canonical HDF5 files keep the contract of formats, and hostile ones are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

from contract import FormatContract  # noqa: E402 - after the skip
from hdf5_harms import changed, harmed  # noqa: E402 - it imports h5py

from harness.core.errors import UnreadableError  # noqa: E402
from harness.ptycho.files.canonical.hdf5 import FORMAT  # noqa: E402
from harness.ptycho.files.format import Reading  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestHdf5(FormatContract):
    """Arrays as they are, with lengths."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.hdf5:FORMAT"

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        keys = ("diffraction", "xcoords")
        yield from (broken for broken in harmed(path, folder, *keys) if "renamed diff" not in broken.name)
        lengths = {"not UTF-8": np.bytes_(b"\xff\xfe"), "text": "eight", "negative": -1.0, "nan": np.nan}
        for name, value in lengths.items():
            with changed(path, folder / f"length {name}") as file:
                file.attrs["distance"] = value
            yield folder / f"length {name}"


def test_what_else_a_file_has_is_listed(tmp_path):
    """Groups and datasets of other names are not read, and named."""
    with h5py.File(tmp_path / "scan", "w") as file:
        file["diffraction"] = np.ones((3, 4, 5))
        file["log/temperature"] = 20.0
    content = FORMAT.read(tmp_path / "scan", Reading())
    assert content.parts() == {"diffraction"}
    assert content.left_out == ("log",)


def test_an_error_names_file_key_and_fault(tmp_path):
    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["diffraction"] = np.ones((3, 4, 5))
        file.attrs["object_pixel"] = [1e-8, 0.0]
    with pytest.raises(UnreadableError, match=r"scan.h5: object_pixel: expected two positive numbers"):
        FORMAT.read(tmp_path / "scan.h5", Reading())
