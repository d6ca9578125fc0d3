"""``harness convert`` as a user types it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.simulate import simulate


@pytest.fixture(scope="module")
def sound():
    """A small dataset that meets the contract."""
    return contract_form(simulate(positions=25, detector=32, step=6.0).arrays())[0]


@pytest.fixture
def scan(tmp_path, sound):
    path = tmp_path / "scan.npz"
    write_archive(path, sound)
    return path


def test_a_dataset_is_written_and_what_happened_is_listed(harness, scan, tmp_path):
    """Step by step at 80 columns: what was read, written, lost, and the command to type next."""
    pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")
    shown = harness("convert", "scan.npz", "scan.h5", "--to", "ptychodus-product")
    assert shown.code == 0, shown.err
    lines = shown.out.splitlines()
    assert lines[0] == "scan.npz: canonical data (.npz)"
    assert "wrote scan.h5: a ptychodus product (HDF5)" in lines
    assert "  lost: diffraction: not stored in a ptychodus product (HDF5)" in lines
    assert lines[-1] == "next: harness check scan.h5"
    assert (tmp_path / "scan.h5").read_bytes().startswith(b"\x89HDF")


def test_there_and_back_is_bit_for_bit_the_same(harness, scan, tmp_path, sound):
    pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")
    assert "read back: the same\n" in harness("convert", "scan.npz", "scan.h5").out
    assert harness("convert", "scan.h5", "back.npz").code == 0
    back = read_archive(tmp_path / "back.npz")
    assert {key: array.tobytes() for key, array in back.items()} == {
        key: array.tobytes() for key, array in sound.items()
    }
    assert harness("check", "back.npz").code == 0
    assert "all bits equal" in harness("diff", "scan.npz", "scan.h5").out


def test_json_has_the_same_facts(harness, scan):
    shown = harness("convert", "scan.npz", "other.npz", "--json")
    found = json.loads(shown.out)
    assert (found["source"], found["target"]) == ("canonical data (.npz)", "canonical data (.npz)")
    assert (found["lost"], found["assumed"], found["changed"]) == ([], [], {})


def test_formats_are_listed(harness):
    shown = harness("convert", "--formats")
    assert shown.code == 0
    assert any(line.split()[:1] == ["npz"] for line in shown.out.splitlines())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("none.npz", "a.npz"), "none.npz: expected a file, found no such file"),
        (("scan.npz", "scan.npz"), "scan.npz: expected the name of a new file"),
        (("scan.npz", "none/a.npz"), "expected a file in an existing directory"),
        (("scan.npz", "a.xyz"), "expected a suffix that means one format, found '.xyz'"),
        (("scan.npz", "a"), "expected a suffix that means one format, found none"),
        (("scan.npz", "a.npz", "--to", "best"), "--to: expected one of"),
        (("scan.npz", "a.npz", "--step", "0"), "--step: expected a number above 0"),
        (("scan.npz", "a.npz", "--pixel-size", "nan"), "--pixel-size: expected a number above 0"),
        (("scan.npz", "a.npz", "--join", "none.npz"), "none.npz: expected a file, found no such file"),
        (("waves.npz", "a.npz"), "found an archive with other arrays"),
        (("notes.txt", "a.npz"), "found a text file"),
        ((".", "a.npz"), "found a directory of other files"),
    ],
)
def test_what_cannot_be_done_is_one_error_and_nothing_is_written(harness, scan, tmp_path, words, message):
    (tmp_path / "notes.txt").write_text("x, y\n1, 2\n")
    np.savez(tmp_path / "waves.npz", wave=np.zeros(3))
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    shown = harness("convert", *words)
    assert shown.code == 2
    assert message in shown.err
    assert shown.err.count("\n") == 1
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_check_and_report_take_the_new_file_as_they_take_the_old_one(harness, scan, tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")
    harness("convert", "scan.npz", "scan.h5")
    (tmp_path / "scan.h5").rename(tmp_path / "scan.bin")
    shown = harness("check", "scan.bin")
    assert (shown.code, "scan.bin: consistency: accepted" in shown.out) == (0, True)
    shown = harness("report", "scan.bin")
    assert shown.code == 0, shown.err
    page = (tmp_path / "scan.html").read_text("utf-8")
    assert "<h1>Dataset" in page
    assert "Nothing was compared with it" in page
    assert "History" not in page


def test_a_fixture_is_generated_from_the_new_file(harness, scan, tmp_path):
    pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")
    harness("convert", "scan.npz", "scan.h5")
    shown = harness("generate", "--source", "scan.h5", "--positions", "16", "--output", "made")
    assert shown.code == 0, shown.err
    manifest = json.loads((tmp_path / "made" / "scan_16.json").read_text())
    assert manifest["source"]["name"] == "scan.h5"
