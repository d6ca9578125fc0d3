"""Canonical torch files keep the contract of formats; pickles that name anything but tensors are refused."""

from __future__ import annotations

import pickle
import sys
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from contract import FormatContract  # noqa: E402 - after the skip

from harness.core.errors import DependencyError, UnreadableError  # noqa: E402
from harness.ptycho.files.canonical.torch_file import FORMAT  # noqa: E402
from harness.ptycho.files.content import Content  # noqa: E402
from harness.ptycho.files.format import Reading  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Command:
    """What a pickle makes by a call."""

    def __init__(self, *arguments: object) -> None:
        self.arguments = arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.arguments[0], self.arguments[1:]


class TestTorch(FormatContract):
    """Arrays as they are; no lengths."""

    format = FORMAT
    reference = "harness.ptycho.files.canonical.torch_file:FORMAT"

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        for name, value in harmful(torch.load(path)).items():
            torch.save(value, folder / name)
            yield folder / name
        for name, change in {
            "a deflated member": zipfile.ZIP_DEFLATED,
            "an LZMA member": zipfile.ZIP_LZMA,
        }.items():
            _packed_again(path, folder / name, change)
            yield folder / name
        torch.save(torch.load(path), folder / "the old format", _use_new_zipfile_serialization=False)
        yield folder / "the old format"


def harmful(tensors: dict[str, object]) -> dict[str, object]:
    stack = tensors["diffraction"]
    return {
        "a command": tensors | {"note": Command(exec, "raise SystemExit")},
        "memory": tensors | {"note": Command(bytearray, 1 << 40)},
        "a tensor": stack,
        "a list": [stack],
        "no tensors": {"diffraction": 1.0},
        "an endless view": tensors | {"mask": torch.zeros(1).expand(1 << 20, 1 << 10, 1 << 10)},
        "sparse": tensors | {"mask": stack.to_sparse()},
        "bfloat16": tensors | {"diffraction": stack.to(torch.bfloat16)},
        "a missing key": {key: value for key, value in tensors.items() if key != "ycoords"},
        "another shape": tensors | {"diffraction": stack[0]},
        "not a number": tensors | {"xcoords": tensors["xcoords"] * np.nan},
    }


def _packed_again(path: Path, target: Path, method: int) -> None:
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", method) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))


def test_nothing_runs(tmp_path):
    """A command in a pickle is refused by name, and not run."""
    tensors = {"diffraction": torch.ones(2, 3, 4), "note": Command(print, "ran")}
    torch.save(tensors, tmp_path / "scan.pt")
    with pytest.raises(UnreadableError, match=r"names .*print, which could run"):
        FORMAT.read(tmp_path / "scan.pt", Reading())


def test_other_files_of_torch_are_named(tmp_path):
    """A checkpoint, say: what it has, and what a scan would have."""
    torch.save({"weights": torch.ones(3)}, tmp_path / "scan.pt")
    assert FORMAT.recognise(tmp_path / "scan.pt")
    with pytest.raises(UnreadableError, match=r"an object with its probe .*, found only weights"):
        FORMAT.read(tmp_path / "scan.pt", Reading())


def test_a_flipped_bit_is_seen(tmp_path):
    """By the checksum, which torch does not look at."""
    FORMAT.write(tmp_path / "scan.pt", Content(diffraction=np.full((2, 3, 4), 1234.5)))
    data = bytearray((tmp_path / "scan.pt").read_bytes())
    data[data.index(np.float64(1234.5).tobytes())] ^= 1
    (tmp_path / "scan.pt").write_bytes(data)
    with pytest.raises(UnreadableError, match="checksum"):
        FORMAT.read(tmp_path / "scan.pt", Reading())


def test_a_plain_pickle_is_not_recognised(tmp_path):
    (tmp_path / "scan.pt").write_bytes(pickle.dumps({"diffraction": 1}))
    assert not FORMAT.recognise(tmp_path / "scan.pt")


def test_the_same_content_gives_the_same_bytes(tmp_path):
    content = Content(diffraction=np.ones((2, 3, 4)))
    FORMAT.write(tmp_path / "one.pt", content)
    FORMAT.write(tmp_path / "two.pt", content)
    assert (tmp_path / "one.pt").read_bytes() == (tmp_path / "two.pt").read_bytes()


def test_a_missing_package_is_one_error(tmp_path, monkeypatch):
    """It names the command that installs it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[ptycho\]'"):
        FORMAT.write(tmp_path / "a", Content(diffraction=np.ones((2, 3, 4))))
    assert not any(tmp_path.iterdir())
