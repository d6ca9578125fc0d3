"""Canonical zarr stores keep the contract of formats."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from contract import FormatContract

from harness.core.errors import UnreadableError
from harness.ptycho.files.canonical.zarr import FORMAT
from harness.ptycho.files.format import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class TestZarr(FormatContract):
    """Arrays as they are, with lengths."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.zarr:FORMAT"
    shortens = True

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        for name, harm in HARMS.items():
            copy = shutil.copytree(path, folder / name)
            harm(copy)
            yield copy


class TestZippedZarr(FormatContract):
    """The same store as an archive, which harness does not write."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.zarr:FORMAT"

    def write(self, path: Path, content) -> None:
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder, "store")
            FORMAT.write(store, content)
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                for file in sorted(store.rglob("*")):
                    if file.is_file():
                        archive.write(file, file.relative_to(store).as_posix())

    def test_what_it_cannot_be_without_is_refused(self):
        """Only folders are written."""

    def test_what_else_it_holds_may_be_missing(self):
        """Only folders are written."""


def edited(where: str, **changes: object) -> Callable[[Path], None]:
    def edit(store: Path) -> None:
        document = json.loads((store / where).read_text())
        (store / where).write_text(json.dumps(document | changes))

    return edit


def _link(store: Path) -> None:
    (store / "diffraction" / "0.0.0").unlink()
    (store / "diffraction" / "0.0.0").symlink_to("/dev/zero")


HARMS: dict[str, Callable[[Path], object]] = {
    "terabytes": edited("diffraction/.zarray", shape=[1 << 40, 12, 10]),
    "chunks of terabytes": edited("diffraction/.zarray", chunks=[1 << 40, 12, 10]),
    "another shape": edited("diffraction/.zarray", shape=[7, 12, 11]),
    "a negative shape": edited("diffraction/.zarray", shape=[-7, 12, 10]),
    "a shape of text": edited("diffraction/.zarray", shape="7"),
    "chunks of nothing": edited("diffraction/.zarray", chunks=[0, 12, 10]),
    "sixty axes": edited("diffraction/.zarray", shape=[1] * 60, chunks=[1] * 60),
    "objects": edited("diffraction/.zarray", dtype="|O"),
    "a pickle codec": edited("diffraction/.zarray", filters=[{"id": "pickle"}]),
    "a pickle compressor": edited("diffraction/.zarray", compressor={"id": "pickle"}),
    "records": edited("diffraction/.zarray", dtype=[["a", "<f4"]]),
    "an unknown order": edited("diffraction/.zarray", order="X"),
    "an unknown separator": edited("diffraction/.zarray", dimension_separator="/../"),
    "a newer format": edited("diffraction/.zarray", zarr_format=4),
    "not compressed": edited("diffraction/.zarray", compressor={"id": "zlib"}),
    "not blosc": edited("diffraction/.zarray", compressor={"id": "blosc"}),
    "not zstd": edited("diffraction/.zarray", compressor={"id": "zstd"}),
    "a negative distance": edited(".zattrs", distance=-1),
    "a distance of text": edited(".zattrs", distance="2"),
    "a missing key": lambda store: shutil.rmtree(store / "ycoords"),
    "a missing chunk": lambda store: (store / "objectGuess" / "0.0.0").unlink(),
    "a link": _link,
    "a pipe": lambda store: os.mkfifo(store / "pipe"),
    "text for metadata": lambda store: (store / "xcoords" / ".zarray").write_bytes(b"\xff"),
    "deep metadata": lambda store: (store / "xcoords" / ".zarray").write_text("[" * 100_000),
    "a list for metadata": lambda store: (store / "xcoords" / ".zarray").write_text("[]"),
    "no metadata": lambda store: (store / "xcoords" / ".zarray").write_text("{}"),
}


def test_a_damaged_folder_is_recognised_so_that_it_is_named(tmp_path):
    FORMAT.write(tmp_path / "a.zarr", TestZarr().sample(TestZarr.smallest))
    (tmp_path / "a.zarr" / ".zgroup").write_text("{")
    assert FORMAT.recognise(tmp_path / "a.zarr")
    with pytest.raises(UnreadableError, match=r"a\.zarr: \.zgroup: expected a small JSON document"):
        FORMAT.read(tmp_path / "a.zarr", Reading())


def test_other_arrays_are_listed(tmp_path):
    FORMAT.write(tmp_path / "a.zarr", TestZarr().sample(TestZarr.smallest))
    shutil.copytree(tmp_path / "a.zarr" / "xcoords", tmp_path / "a.zarr" / "monitor" / "current")
    assert FORMAT.read(tmp_path / "a.zarr", Reading()).left_out == ("monitor/current",)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    content = TestZarr().sample(TestZarr.smallest)
    for name in ("one", "two"):
        FORMAT.write(tmp_path / name, content)
    files = [p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file()]
    assert files
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
    assert np.array_equal(FORMAT.read(tmp_path / "one", Reading()).x, content.x)
