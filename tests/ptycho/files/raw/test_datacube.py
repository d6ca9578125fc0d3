"""Datacubes keep the contract of formats, in each of their containers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from contract import FormatContract, Sizes, made

from harness.core.errors import RefusedError, UnreadableError
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Reading
from harness.ptycho.files.raw.datacube import FORMAT
from harness.ptycho.files.zarr_store.writing import write_store
from harness.ptycho.scan.simulate import simulate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COLUMNS = 3
STEP = Reading(step=2.5, rotation=30.0)


class Datacubes(FormatContract):
    format = FORMAT
    reference = "harness.ptycho.files.raw.datacube:FORMAT"
    reading = STEP
    exact = False
    changes = (
        "diffraction: axes (scan y, scan x, H, W) -> (N, H, W), 7 x 3 positions",
        "diffraction: float64 intensity -> float64 amplitude (square root)",
        "x, y: a raster with a step of 2.5 pixels, turned by 30 degrees, as given",
    )

    def sample(self, size: Sizes) -> Content:
        """A raster of as many rows as the size has positions, and three columns."""
        count = size.positions * COLUMNS
        whole = made(replace(size, positions=count, mask="none"))
        row, column = np.divmod(np.arange(count), COLUMNS)
        along, across = np.cos(np.pi / 6), np.sin(np.pi / 6)
        return Content(
            diffraction=whole.diffraction,
            x=2.5 * (column * along - row * across),
            y=2.5 * (column * across + row * along),
            scan_index=np.arange(count),
        )

    def cube(self, content: Content) -> np.ndarray:
        stack = content.diffraction.astype(np.float64) ** 2
        return stack.reshape(-1, COLUMNS, *stack.shape[1:])


class TestNpy(Datacubes):
    """One array, without a name."""

    def write(self, path: Path, content: Content) -> None:
        with path.open("wb") as stream:
            np.save(stream, self.cube(content))

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        cube, data = np.load(path), path.read_bytes()
        arrays = {
            "three axes": cube[0],
            "complex": cube * 1j,
            "text": cube.astype("S4"),
            "nothing": cube[:, :0],
            "not a number": cube * np.nan,
            "records": np.zeros(cube.shape, [("a", "f4")]),
            "wide": cube.astype(np.longdouble),
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array)
            yield folder / f"{name}.npy"
        files = {
            "terabytes": data.replace(b"(7, 3, 12, 10)", b"(7, 3, 99999999, 9999)", 1),
            "negative": data.replace(b"(7, 3, 12, 10)", b"(7, 3, -2, -60)", 1),
            "code": data.replace(b"(7, 3, 12, 10)", b"(print(1),) ", 1),
            "objects": data.replace(b"'<f8'", b"'|O' ", 1),
            "more": data + b"more",
            "version 9": data[:6] + b"\x09" + data[7:],
        }
        for name, changed in files.items():
            assert changed != data
            (folder / name).write_bytes(changed)
            yield folder / name


class TestHdf5(Datacubes):
    """Somewhere in the file, as py4DSTEM and HyperSpy have it."""

    def write(self, path: Path, content: Content) -> None:
        h5py = pytest.importorskip("h5py", reason="h5py is not installed")
        with h5py.File(path, "w") as file:
            file["root/datacube/data"] = self.cube(content)
            file["root/datacube/dim0"] = np.arange(7.0)
            file["root/datacube/units"] = "pixels"

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        from hdf5_harms import harmed

        # The cube is still in the file then, under another name.
        moved = ("renamed ", "external ", "through_external_group ")
        copies = harmed(path, folder, "root/datacube/data")
        yield from (copy for copy in copies if not copy.name.startswith(moved))


class TestZarr(Datacubes):
    """The one array of four axes."""

    shortens = True  # of attributes

    def write(self, path: Path, content: Content) -> None:
        write_store(path, {"data": self.cube(content), "dim0": np.arange(7)}, {"title": "cube"})

    def assert_same(self, content: Content, back: Content) -> None:
        super().assert_same(content, back)
        assert back.left_out == ("dim0",)


@pytest.fixture
def cube(tmp_path):
    np.save(tmp_path / "cube.npy", np.arange(2 * 3 * 4 * 5, dtype=np.uint16).reshape(2, 3, 4, 5) % 11)
    return tmp_path / "cube.npy"


def test_without_a_step_there_are_no_positions(cube):
    """Patterns alone, row by row."""
    content = FORMAT.read(cube, Reading())
    assert content.parts() == {"diffraction", "scan_index"}
    assert content.left_out == ("positions: a datacube has none; give their distance with --step",)
    np.testing.assert_array_equal(content.diffraction[4], np.sqrt(np.load(cube)[1, 1].astype(float)))


def test_a_step_makes_a_raster(cube):
    """Columns first, on the smallest canvas."""
    content = FORMAT.read(cube, Reading(step=2.0))
    np.testing.assert_allclose(content.x, np.array([0, 2, 4, 0, 2, 4]) + 2.5)
    np.testing.assert_allclose(content.y, np.array([0, 0, 0, 2, 2, 2]) + 2.0)


def test_a_right_angle_turns_columns_into_rows(cube):
    """From x towards y."""
    content = FORMAT.read(cube, Reading(step=2.0, rotation=90.0))
    np.testing.assert_allclose(content.y, np.array([0, 2, 4, 0, 2, 4]) + 2.0)
    np.testing.assert_allclose(content.x, np.array([2, 2, 2, 0, 0, 0]) + 2.5)


def test_axes_in_reverse_are_refused(tmp_path):
    """RosettaSciIO's .emd; patterns are equally bright, and their middle is brighter than their edge."""
    stack = simulate(positions=16, detector=32).diffraction ** 2
    cube = stack.reshape(4, 4, 32, 32)
    np.save(tmp_path / "a.npy", cube)
    assert FORMAT.read(tmp_path / "a.npy", Reading()).diffraction.shape == (16, 32, 32)
    np.save(tmp_path / "b.npy", cube.T)
    with pytest.raises(RefusedError, match=r"expected axes \(scan y, scan x, H, W\)"):
        FORMAT.read(tmp_path / "b.npy", Reading())


def test_two_cubes_are_not_guessed_between(tmp_path):
    write_store(tmp_path / "a", {"one": np.ones((2, 2, 2, 2)), "two": np.ones((2, 2, 2, 2))}, {})
    assert not FORMAT.recognise(tmp_path / "a")
    with pytest.raises(UnreadableError, match="one array of four axes, found one, two"):
        FORMAT.read(tmp_path / "a", Reading())


def test_an_empty_cube_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 0, 2, 2)))
    with pytest.raises(RefusedError, match="a datacube"):
        FORMAT.read(tmp_path / "a.npy", Reading())
