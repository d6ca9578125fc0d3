"""Reconstructions of fold_slice keep the contract of formats, in both versions of MATLAB's files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from contract import FormatContract, Sizes, made, only
from scipy.io import loadmat, savemat

from harness.ptycho.files.format import Reading
from harness.ptycho.files.matlab.fold_slice import FORMAT
from harness.ptycho.scan.forward import first_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHANGES = (
    "object: axes (rows, columns, n) -> (n, rows, columns)",
    "probe: axes (rows, columns, n) -> (n, rows, columns)",
    "x, y: from MATLAB's index",
    "dp: axes (H, W, N) -> (N, H, W)",
    "diffraction: float64 intensity -> float64 amplitude (square root)",
)


class Reconstructions(FormatContract):
    format = FORMAT
    reference = "harness.ptycho.files.matlab.fold_slice:FORMAT"
    needs = frozenset({"object", "probe", "x", "y"})
    exact = False
    changes = CHANGES


class TestVersion5(Reconstructions):
    """Written by scipy."""

    shortens = True  # a variable at the end may be missing

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        whole = {key: value for key, value in loadmat(path).items() if not key.startswith("__")}
        for name, changes in harmful(whole).items():
            arrays = {key: value for key, value in (whole | changes).items() if value is not None}
            savemat(folder / f"{name}.mat", arrays)
            yield folder / f"{name}.mat"


def harmful(whole: dict) -> dict[str, dict]:
    positions = {"probe_positions": np.zeros((7, 3))}
    cell = np.empty(3, object)
    cell[:] = ["a", 1.0, {"b": 2}]
    return {
        "no object": {"object": None, "object_of_mine": whole["object"]},
        "no probe": {"probe": None},
        "an object of text": {"object": "text"},
        "an object of cells": {"object": cell},
        "an object that is a structure": {"object": {"a": 1}},
        "an object of one axis": {"object": np.zeros((1, 1, 2, 2, 3))},
        "not a number": {"probe": whole["probe"] * np.nan},
        "positions of three columns": {"outputs": positions},
        "positions of text": {"outputs": {"probe_positions": "text"}},
        "positions of cells": {"outputs": {"probe_positions": cell}},
        "a negative wavelength": {"p": {"lambda": -1.0}},
        "a wavelength of text": {"p": {"lambda": "short"}},
        "pixels of nothing": {"p": {"dx_spec": [0.0, 0.0]}},
        "patterns of another shape": {"dp": whole["dp"][1:]},
        "more patterns": {"dp": np.concatenate([whole["dp"], whole["dp"]], axis=2)},
    }


class TestVersion73(Reconstructions):
    """HDF5 behind a header of 512 bytes, axes in reverse, complex numbers as pairs; written by h5py."""

    def write(self, path: Path, content) -> None:
        h5py = pytest.importorskip("h5py", reason="h5py is not installed")
        FORMAT.write(path, content)
        arrays = loadmat(path)
        outputs, p = arrays["outputs"][0, 0], arrays["p"][0, 0]
        path.unlink()
        with h5py.File(path, "w", userblock_size=512) as file:
            for key in {"object", "probe", "dp"} & arrays.keys():
                file[key] = as_stored(arrays[key])
            file["outputs/probe_positions"] = as_stored(outputs["probe_positions"])
            file["p/lambda"], file["p/dx_spec"] = as_stored(p["lambda"]), as_stored(p["dx_spec"])
            file["#refs#/a"] = 1.0
        with path.open("r+b") as stream:
            header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(116)
            stream.write(header + bytes(8) + b"\0\2IM")

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        from hdf5_harms import harmed

        yield from harmed(path, folder, "object")

    def test_what_it_cannot_be_without_is_refused(self):
        """Only version 5 is written."""

    def test_what_else_it_holds_may_be_missing(self):
        """Only version 5 is written."""


def as_stored(array: np.ndarray) -> np.ndarray:
    reverse = np.ascontiguousarray(array.T)
    if reverse.dtype.kind != "c":
        return reverse
    part = reverse.real.dtype
    return reverse.view([("real", part), ("imag", part)]).reshape(reverse.shape)


@pytest.fixture
def content():
    return only(made(Sizes()), FORMAT.holds)


@pytest.mark.parametrize(("below", "right"), [(20, 30), (21, 31), (20, 31)])
def test_windows_begin_where_fold_slice_reads_them(tmp_path, below, right):
    """By the formula of its find_reconstruction_ROI.m, as an index from 0."""
    content = only(made(Sizes(below=below, right=right)), FORMAT.holds)
    FORMAT.write(tmp_path / "a.mat", content)
    arrays = loadmat(tmp_path / "a.mat")
    positions = arrays["outputs"][0, 0]["probe_positions"]
    for axis, coordinate in ((1, content.x), (0, content.y)):
        half = np.ceil((arrays["object"].shape[axis] - arrays["probe"].shape[axis]) / 2)
        theirs = positions[:, 1 - axis] + half - 1
        first, fraction = first_pixels(coordinate, arrays["probe"].shape[axis])
        np.testing.assert_allclose(theirs, first + fraction, atol=1e-9)


def test_scipy_reads_what_is_written(tmp_path, content):
    """In MATLAB's axis order, complex64, without a date."""
    FORMAT.write(tmp_path / "a.mat", content)
    arrays = loadmat(tmp_path / "a.mat")
    np.testing.assert_array_equal(arrays["object"], np.moveaxis(content.object, 0, -1))
    np.testing.assert_array_equal(arrays["probe"], np.moveaxis(content.probe, 0, -1))
    assert arrays["probe"].dtype == np.complex64
    assert b"Created" not in (tmp_path / "a.mat").read_bytes()[:128]


def test_lengths_of_electrons_are_in_angstrom(tmp_path, content):
    """And recorded."""
    FORMAT.write(tmp_path / "a.mat", content)
    arrays = {key: value for key, value in loadmat(tmp_path / "a.mat").items() if key[0] != "_"}
    savemat(tmp_path / "b.mat", arrays | {"p": {"lambda": 0.0197, "dx_spec": [0.25, 0.5]}})
    read = FORMAT.read(tmp_path / "b.mat", Reading())
    assert read.geometry.wavelength == pytest.approx(1.97e-12)
    assert read.geometry.object_pixel == pytest.approx((5e-11, 2.5e-11))
    assert "wavelength, object pixel: angstrom -> metres" in read.transformations


def test_without_positions_there_are_none(tmp_path, content):
    """Older files have corners in ``p.positions``, whose origin is not known: they are left out by name."""
    savemat(
        tmp_path / "a.mat", {"object": content.object[0], "probe": content.probe[0], "p": {"positions": 1}}
    )
    read = FORMAT.read(tmp_path / "a.mat", Reading())
    assert read.parts() == {"object", "probe"}
    assert read.left_out == ("p: all fields besides",)


def test_a_damaged_file_is_recognised_so_that_it_is_named(tmp_path, content):
    """No other format is MATLAB's; variables of other names are left to others."""
    FORMAT.write(tmp_path / "a.mat", content)
    (tmp_path / "b.mat").write_bytes((tmp_path / "a.mat").read_bytes()[:5000])
    assert FORMAT.recognise(tmp_path / "b.mat")
    savemat(tmp_path / "c.mat", {"x": 1})
    assert not FORMAT.recognise(tmp_path / "c.mat")


def test_of_a_probe_that_varies_the_first_is_read(tmp_path, content):
    """(rows, columns, modes, variations), as PtyRAD reads it."""
    probe = np.arange(4 * 5 * 2 * 3.0).reshape(4, 5, 2, 3)
    savemat(tmp_path / "a.mat", {"object": content.object[0], "probe": probe})
    read = FORMAT.read(tmp_path / "a.mat", Reading())
    np.testing.assert_array_equal(read.probe, np.moveaxis(probe[..., 0], -1, 0))
    assert "probe: the first of 3 variations" in read.transformations
