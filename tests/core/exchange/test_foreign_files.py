"""Files of other tools: read exactly, or refused in one sentence; nothing in them is run."""

from __future__ import annotations

import io
import os
import pickle
import zipfile

import numpy as np
import pytest

from harness.core.errors import UnreadableError
from harness.core.exchange.foreign_files import (
    read_fits,
    read_npy,
    read_npz,
    read_text_array,
    read_utf8,
    read_yaml,
)

READERS = [read_fits, read_npy, read_npz, read_text_array, read_utf8, read_yaml]


def npy(array) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def test_an_archive_of_numpy_comes_back_as_it_is(tmp_path):
    arrays = {"velocity [m/s]": np.arange(3, dtype=">f4"), "n": np.int8(3), "label": np.array(["a", "bc"])}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    read = read_npz(tmp_path / "a.npz").data
    assert read.keys() == arrays.keys()
    assert all(np.array_equal(read[name], arrays[name]) for name in arrays)
    assert read["velocity [m/s]"].dtype == np.dtype("=f4")


@pytest.mark.parametrize("name", ["../out", "/etc/passwd", "a/../b", "a//b", "..\\out", "a\nb", "."])
def test_a_name_that_looks_like_a_way_out_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(f"{name}.npy", npy(np.zeros(2)))
    with pytest.raises(UnreadableError, match="a member named"):
        read_npz(tmp_path / "a.npz")


def test_two_arrays_of_one_name_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", npy(np.zeros(2)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", npy(np.ones(2)))
    with pytest.raises(UnreadableError, match="two members"):
        read_npz(tmp_path / "a.npz")


class Bomb:
    def __reduce__(self):
        return os.mkdir, ("exploded",)


def test_pickles_are_not_loaded(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bomb = np.array([Bomb()], dtype=object)
    (tmp_path / "a.npy").write_bytes(npy(bomb))
    np.savez(tmp_path / "a.npz", a=bomb)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Bomb()))
    (tmp_path / "a.yml").write_text("!!python/object/apply:os.mkdir [exploded]")
    for read, name in ((read_npy, "a.npy"), (read_npy, "b.npy"), (read_npz, "a.npz"), (read_npz, "b.npz")):
        with pytest.raises(UnreadableError):
            dict(read(tmp_path / name).data)
    with pytest.raises(UnreadableError, match="a YAML file of plain values"):
        read_yaml(tmp_path / "a.yml")
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"PK\x03\x04", b"\x93NUMPY\x01\x00", b"SIMPLE  =  T"])
def test_other_bytes_are_one_error(tmp_path, read, content):
    if read is read_fits and content.startswith(b"SIMPLE"):
        pytest.importorskip("astropy")
    if read is read_utf8 and content.isascii():
        return
    path = tmp_path / "file"
    path.write_bytes(content)
    if read is read_yaml and content.isascii() and b"\x03" not in content:
        return  # a text that happens to be YAML
    with pytest.raises(UnreadableError, match="file: expected"):
        read(path)


@pytest.mark.parametrize("read", READERS)
def test_directories_pipes_and_nothing_are_refused(tmp_path, read):
    paths = [tmp_path, tmp_path / "missing"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        paths.append(tmp_path / "pipe")
    for path in paths:
        with pytest.raises(UnreadableError):
            read(path)


def test_an_array_that_claims_more_than_the_file_has_is_refused(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    (tmp_path / "a.npy").write_bytes(header.getvalue() + bytes(64))
    with pytest.raises(UnreadableError):
        read_npy(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(npy(np.arange(100.0))[:-8])
    with pytest.raises(UnreadableError):
        read_npy(tmp_path / "b.npy")


def test_a_single_array_comes_back_in_this_machines_byte_order(tmp_path):
    np.save(tmp_path / "a.npy", np.asfortranarray(np.arange(6, dtype=">i4").reshape(2, 3)))
    data = read_npy(tmp_path / "a.npy").data
    assert data.dtype == np.dtype("=i4")
    assert data.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_text_has_the_digits_that_it_has(tmp_path):
    np.savetxt(tmp_path / "a.txt", [1 / 3, 20.0], fmt="%g")
    read = read_text_array(tmp_path / "a.txt")
    assert read.data.tolist() == [0.333333, 20.0]
    assert read.notes == ("text with 6 significant digits or fewer",)
    assert read.rtol == pytest.approx(5e-6)
    np.savetxt(tmp_path / "b.txt", [[1 / 3, 2e-300]])
    read = read_text_array(tmp_path / "b.txt")
    assert read.data.tolist() == [1 / 3, 2e-300]
    assert (read.notes, read.rtol) == ((), 0.0)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "1 2\n3\n", "one two\n"])
def test_text_without_columns_of_numbers_is_refused(tmp_path, text):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(UnreadableError, match="numbers in columns"):
        read_text_array(tmp_path / "a.txt")


def test_yaml_is_read_as_pytest_regressions_wrote_it(tmp_path):
    (tmp_path / "a.yml").write_text("fit:\n  slope: 2.5\n  steps:\n  - 1\n  - 2\nname: é\n", "utf-8")
    assert read_yaml(tmp_path / "a.yml").data == {"fit": {"slope": 2.5, "steps": [1, 2]}, "name": "é"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &x [1]\nb: *x\n", "an alias"),
        ("a: 1\na: 2\n", "the key 'a' twice"),
        ("[" * 500 + "]" * 500, "nested too deep"),
        ("a: [1\n", "while parsing"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
    ],
)
def test_yaml_that_nobody_wrote_for_this_is_refused(tmp_path, text, problem):
    (tmp_path / "a.yml").write_text(text)
    with pytest.raises(UnreadableError, match=problem):
        read_yaml(tmp_path / "a.yml")


def test_a_fits_image_comes_back(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    fits.PrimaryHDU(np.arange(6, dtype="f4").reshape(2, 3)).writeto(tmp_path / "a.fits")
    read = read_fits(tmp_path / "a.fits")
    assert read.data.dtype == np.dtype("=f4")
    assert read.data.tolist() == [[0, 1, 2], [3, 4, 5]]
    (tmp_path / "b.fits").write_bytes((tmp_path / "a.fits").read_bytes()[:2900])
    with pytest.raises(UnreadableError):
        read_fits(tmp_path / "b.fits")


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.float32(2), np.array(["a", "bc"]), np.array(True)])
def test_arrays_without_elements_or_dimensions_come_back(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    data = read_npy(tmp_path / "a.npy").data
    assert (data.dtype, data.shape) == (np.asarray(array).dtype, np.shape(array))
    assert np.array_equal(data, array)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.5, 1.5], [100000.0, 3e20]])
def test_short_numbers_are_not_taken_for_imprecise_ones(tmp_path, values):
    np.savetxt(tmp_path / "a.txt", values, fmt="%g")
    assert read_text_array(tmp_path / "a.txt").rtol == pytest.approx(5e-6)
