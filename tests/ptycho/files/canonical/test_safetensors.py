"""Canonical safetensors files keep the contract of formats."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("safetensors", reason="safetensors is not installed")

from contract import FormatContract

from harness.core.errors import DependencyError
from harness.ptycho.files.canonical.safetensors import FORMAT
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class TestSafetensors(FormatContract):
    """Arrays as they are, with lengths."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.safetensors:FORMAT"

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        for name, change in HEADERS.items():
            header, data = opened(path)
            change(header)
            text = json.dumps(header).encode()
            (folder / name).write_bytes(len(text).to_bytes(8, "little") + text + data)
            yield folder / name
        for name, data in BYTES.items():
            (folder / name).write_bytes(data)
            yield folder / name


def opened(path: Path) -> tuple[dict, bytes]:
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


HEADERS: dict[str, Callable[[dict], object]] = {
    "a missing key": lambda h: h.pop("ycoords"),
    "a renamed key": lambda h: h.update(other=h.pop("xcoords")),
    "a shape beyond the data": lambda h: h["diffraction"].update(shape=[1 << 40, 4, 4]),
    "offsets beyond the data": lambda h: h["xcoords"].update(data_offsets=[0, 1 << 50]),
    "overlapping offsets": lambda h: h["xcoords"].update(data_offsets=h["ycoords"]["data_offsets"]),
    "an unknown dtype": lambda h: h["xcoords"].update(dtype="PICKLE"),
    "a dtype that numpy has not": lambda h: h["xcoords"].update(dtype="BF16", shape=[28]),
    "metadata that are not JSON": lambda h: h["__metadata__"].update(geometry="{"),
    "metadata that are a list": lambda h: h["__metadata__"].update(geometry="[]"),
    "a negative length": lambda h: h["__metadata__"].update(geometry='{"distance": -2}'),
    "a length that is text": lambda h: h["__metadata__"].update(geometry='{"distance": "2"}'),
    "nested lengths": lambda h: h["__metadata__"].update(
        geometry='{"distance": ' + "[" * 9999 + "]" * 9999 + "}"
    ),
    "no tensors": lambda h: h.clear(),
}
BYTES = {
    "a header of terabytes": (1 << 42).to_bytes(8, "little") + b"{",
    "a header of lists": (200_000).to_bytes(8, "little") + b"[" * 200_000,
    "a header that is not UTF-8": (4).to_bytes(8, "little") + b"{\xff}}",
}


def test_a_missing_package_is_one_error(tmp_path, monkeypatch):
    """It names the command that installs it."""
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[files\]'"):
        FORMAT.write(tmp_path / "a", Content(diffraction=np.ones((2, 3, 4))))
    assert not any(tmp_path.iterdir())


def test_metadata_of_others_are_listed(tmp_path):
    from safetensors.numpy import save_file

    save_file({"diffraction": np.ones((2, 3, 4))}, tmp_path / "a", metadata={"author": "somebody"})
    assert FORMAT.read(tmp_path / "a", Reading()).left_out == ("metadata author",)
