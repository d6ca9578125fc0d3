"""Another container of the same arrays is accepted only if every reader finds these arrays in it."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile

import numpy as np
import pytest

from harness.core.errors import UnreadableError
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import read_manifest
from harness.core.provenance.evidence import gather
from harness.core.registry.repacked import is_repacked
from harness.core.registry.verify import verify
from harness.core.storage.npz import write_archive
from harness.core.verdict import Outcome

FIXTURE = "golden/lattice.npz"


@pytest.fixture
def manifest(made, tmp_path):
    """The manifest of the example's arrays."""
    return read_manifest(write_fixture(made(), tmp_path / "made")[1])


class OneWay(io.RawIOBase):
    """A stream that cannot go back: sizes then follow the data of a member."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data) -> int:
        self.data += data
        return len(data)


def write_one_way(path, **arrays) -> None:
    stream = OneWay()
    np.savez_compressed(stream, **arrays)
    path.write_bytes(stream.data)


def write_own(path, **arrays) -> None:
    write_archive(path, arrays)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed, write_one_way, write_own])
def test_the_same_arrays_however_they_were_written(tmp_path, manifest, arrays, save):
    save(tmp_path / "a.npz", **dict(reversed(arrays.items())))
    assert is_repacked(tmp_path / "a.npz", manifest)


@pytest.mark.parametrize("change", ["value", "name", "dtype", "shape", "more", "fewer"])
def test_other_arrays_are_not_the_same(tmp_path, manifest, arrays, change):
    image = arrays.pop("image")
    changed = {
        "value": {"image": image + np.float32(1)},
        "name": {"picture": image},
        "dtype": {"image": image.astype("f8")},
        "shape": {"image": image.reshape(4, 3)},
        "more": {"image": image, "other": image},
        "fewer": {},
    }
    np.savez(tmp_path / "a.npz", **arrays, **changed[change])
    assert not is_repacked(tmp_path / "a.npz", manifest)


PEAK = """
import re, sys
from pathlib import Path
from harness.core.fixtures.manifest import read_manifest
from harness.core.registry.repacked import is_repacked

def peak():  # unlike ru_maxrss, without that of the process that started this one
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

before = peak()
assert is_repacked(Path(sys.argv[1]), read_manifest(sys.argv[2]))
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have no /proc/self/status")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_one_array_at_a_time_is_in_memory(tmp_path, made, save):
    """Of eight arrays of 20 MiB: this package's and numpy's copies of one, and blocks."""
    arrays = {f"x{i}": np.full(20 << 17, i, "f8") for i in range(8)}
    _, document = write_fixture(made(arrays=arrays), tmp_path / "made")
    save(tmp_path / "a.npz", **arrays)
    call = [sys.executable, "-c", PEAK, tmp_path / "a.npz", document]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 100 << 10


def put_script_in_front(path) -> None:
    path.write_bytes(b"#!/bin/sh\nexit\n" + path.read_bytes())


def move_behind_a_script(path) -> None:
    """All offsets are corrected."""
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with path.open("wb") as stream:
        stream.write(b"PK\x03\x04 is how a zip archive begins")
        with zipfile.ZipFile(stream, "w") as new:
            for name, data in members.items():
                new.writestr(name, data)


def add_trailing_bytes(path) -> None:
    path.write_bytes(path.read_bytes() + b"more")


def add_comment(path) -> None:
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = b"more"


def hide_a_member(path) -> None:
    """A reader from the front finds it, the directory does not list it."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("hidden.npy", b"\x93NUMPY")
        archive.filelist.pop()
        archive._didModify = True


def hide_the_first_member(path) -> None:
    with zipfile.ZipFile(path) as old:
        members = {info.filename: old.read(info) for info in old.infolist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in {"hidden.npy": b"\x93NUMPY", **members}.items():
            new.writestr(name, data)
        new.filelist.pop(0)


def edit_header(path, at: int, value: int) -> None:
    """Change a number of the first member's own header; the directory stays as it is."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, at, value)
    path.write_bytes(data)


def lie_about_the_checksum(path) -> None:
    edit_header(path, 14, 1)


def lie_about_the_size(path) -> None:
    edit_header(path, 22, 1)


def add_name_that_numpy_confuses(path) -> None:
    """For numpy ``image.npy`` is the member of that name, not the array in ``image.npy.npy``."""
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("image.npy.npy", archive.read("phase.npy"))


CHANGES = [
    put_script_in_front,
    move_behind_a_script,
    add_trailing_bytes,
    add_comment,
    hide_a_member,
    hide_the_first_member,
    lie_about_the_checksum,
    lie_about_the_size,
    add_name_that_numpy_confuses,
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_archive_that_shows_readers_different_things_is_corrupt(project, change):
    """For `harness verify` and for the audit, which never calls it repacked."""
    change(project.root / FIXTURE)
    found = {item.name: item for item in verify(project)}[FIXTURE]
    assert found.outcome is Outcome.CORRUPT
    file = gather(project).files[FIXTURE]
    assert (file.repacked, bool(file.contradiction)) == (False, True)


@pytest.mark.parametrize("change", CHANGES)
def test_it_is_refused_even_if_its_own_manifest_describes_it(tmp_path, manifest, arrays, change):
    np.savez(tmp_path / "a.npz", **arrays)
    change(tmp_path / "a.npz")
    with pytest.raises(UnreadableError):
        is_repacked(tmp_path / "a.npz", manifest)
