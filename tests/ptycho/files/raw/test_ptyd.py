"""PtyPy's files keep the contract of formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

from contract import FormatContract, Sizes, made, only  # noqa: E402 - after the skip
from hdf5_harms import changed, harmed  # noqa: E402

from harness.core.errors import RefusedError, UnreadableError  # noqa: E402
from harness.ptycho.files.format import Reading  # noqa: E402
from harness.ptycho.files.raw.ptyd import FORMAT  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestPtyd(FormatContract):
    """Intensities, metres, keV, rows before columns."""

    format = FORMAT
    reference = "harness.ptycho.files.raw.ptyd:FORMAT"
    needs = frozenset({"diffraction", "x", "y"})
    always = frozenset({"scan_index"})
    exact = False
    changes = (
        "diffraction: float64 intensity -> float64 amplitude (square root)",
        "x, y: metres -> object pixels, on the smallest canvas",
    )

    def harms(self, path: Path, folder: Path) -> Iterator[Path]:
        keys = ("chunks/0/data", "chunks/0/positions")
        positions = ("renamed chunks_0_positions", "group chunks_0_positions")
        yield from (broken for broken in harmed(path, folder, *keys) if broken.name not in positions)
        for number, (key, value) in enumerate(VALUES):
            with changed(path, folder / f"value {number}") as file:
                del file[key]
                file[key] = value
            yield folder / f"value {number}"


VALUES = [
    ("chunks/0/positions", np.zeros((7, 3))),
    ("chunks/0/positions", np.zeros((6, 2))),
    ("chunks/0/positions", np.full((7, 2), np.nan)),
    ("chunks/0/weights", np.ones((7, 3, 3))),
    ("chunks/0/indices", np.arange(6)),
    ("chunks/0/indices", np.arange(7) + 0.5),
    ("chunks/0/data", np.full((7, 12, 10), np.nan)),
    ("meta/energy", -8.0),
    ("meta/energy", [8.0, 9.0]),
    ("meta/distance", np.nan),
    ("meta/psize", [1e-5, 1e-5, 1e-5]),
    ("meta/psize", 1e-5 + 1e-5j),
]


@pytest.fixture
def content():
    return only(made(Sizes(mask="one")), FORMAT.holds)


@pytest.fixture
def stored(tmp_path, content):
    FORMAT.write(tmp_path / "a.ptyd", content)
    return tmp_path / "a.ptyd"


def read(path):
    return FORMAT.read(path, Reading())


def test_rows_come_before_columns_in_metres(stored, content):
    """As PtyPy has coordinates in the order of an array's axes."""
    pixel = read(stored).geometry.object_pixel
    with h5py.File(stored) as file:
        positions = file["chunks/0/positions"][()]
    np.testing.assert_allclose(np.diff(positions[:, 0]), np.diff(content.y) * pixel[0], atol=1e-18)
    np.testing.assert_allclose(np.diff(positions[:, 1]), np.diff(content.x) * pixel[1], atol=1e-18)


def test_the_energy_is_in_kilo_electronvolts(stored):
    """0.124 nm is 10 keV."""
    with h5py.File(stored) as file:
        assert file["meta/energy"][()] == pytest.approx(9.9987, abs=1e-4)


def test_chunks_are_joined_by_number(stored, content):
    """10 comes after 2."""
    with h5py.File(stored, "r+") as file:
        whole = {name: file["chunks/0"][name][()] for name in file["chunks/0"]}
        del file["chunks/0"]
        for chunk, rows in {"0": slice(0, 2), "2": slice(2, 3), "10": slice(3, None)}.items():
            for name, values in whole.items():
                file[f"chunks/{chunk}/{name}"] = values[rows]
    back = read(stored)
    np.testing.assert_array_equal(back.scan_index, content.scan_index)
    np.testing.assert_allclose(back.diffraction, content.diffraction, rtol=1e-6)


def test_links_to_files_of_chunks_are_refused(stored):
    """PtyPy keeps chunks apart where it is asked to (save = link)."""
    with h5py.File(stored, "r+") as file:
        del file["chunks/0"]
        file["chunks/0"] = h5py.ExternalLink("a.ptyd.part000", "/")
    with pytest.raises(UnreadableError, match=r"an external link to / in a\.ptyd\.part000"):
        read(stored)


def test_one_weight_for_all_is_a_mask(stored, content):
    """In chunks it is empty then."""
    with h5py.File(stored, "r+") as file:
        del file["chunks/0/weights"]
        file["chunks/0/weights"] = np.zeros(0)
        file["meta/weight2d"] = content.mask.astype(float)
    np.testing.assert_array_equal(read(stored).mask, content.mask)


def test_positions_without_a_geometry_are_left_out(stored):
    """PtyPy stores None as a text; metres are no pixels then."""
    with h5py.File(stored, "r+") as file:
        del file["meta/distance"]
        file["meta/distance"] = "None"
    back = read(stored)
    assert back.x is None
    assert back.diffraction is not None
    assert back.left_out == ("positions: in metres, and no energy, distance and psize give the pixel",)


def test_the_geometry_may_be_in_info(stored, content):
    with h5py.File(stored, "r+") as file:
        for name in ("energy", "distance", "psize"):
            file.move(f"meta/{name}", f"info/{name}")
    assert read(stored).geometry.distance == content.geometry.distance


def test_a_beam_off_the_centre_is_said(stored):
    with h5py.File(stored, "r+") as file:
        file["meta/center"][...] = [4, 9]
    assert read(stored).left_out == ("meta/center: 4, 9, and patterns are taken as they are",)


def test_other_datasets_are_listed(stored):
    with h5py.File(stored, "r+") as file:
        file["common/positions_scan"], file["chunks/0/num"] = np.zeros((7, 2)), 0
    assert read(stored).left_out == ("common", "chunks/*/num")


def test_chunks_of_other_pixels_are_refused(stored):
    with h5py.File(stored, "r+") as file:
        file["chunks/1/data"] = np.ones((2, 3, 3))
    with pytest.raises(RefusedError, match="like the first chunk"):
        read(stored)
