"""Diffraction data of ptychodus: what every format promises, and what is theirs."""

import numpy as np
import pytest
from contract import FormatContract, Sizes, made, only
from hdf5_harms import changed, h5py, harmed

from harness.core.errors import RefusedError
from harness.core.storage.npz import read_archive, write_archive
from harness.ptycho.files.content import Content
from harness.ptycho.files.format import Reading
from harness.ptycho.files.ptychodus import diffraction

ONE_MASK = Sizes(mask="one")
NOTES = (
    "bad_pixels: inverted and renamed to mask",
    "diffraction: float64 intensity -> float64 amplitude (square root)",
    "indexes: renamed to scan_index",
)


class DiffractionContract(FormatContract):
    exact = False
    needs = frozenset({"diffraction"})
    always = frozenset({"scan_index"})
    changes = NOTES
    smallest = ONE_MASK


class TestDiffractionHdf5(DiffractionContract):
    format = diffraction.HDF5
    reference = "harness.ptycho.files.ptychodus.diffraction:HDF5"

    def harms(self, path, folder):
        yield from harmed(path, folder, "patterns", "indexes")


class TestDiffractionNpz(DiffractionContract):
    format = diffraction.NPZ
    reference = "harness.ptycho.files.ptychodus.diffraction:NPZ"

    def harms(self, path, folder):
        arrays = read_archive(path)
        for number, change in enumerate(
            [
                {"patterns": arrays["patterns"][0]},
                {"patterns": arrays["patterns"].astype(complex)},
                {"patterns": arrays["patterns"] * np.nan},
                {"patterns": arrays["patterns"][:, :0]},
                {"indexes": arrays["indexes"][1:]},
                {"indexes": -arrays["indexes"]},
                {"bad_pixels": arrays["bad_pixels"][1:]},
                {"bad_pixels": arrays["bad_pixels"] * 0.5},
                {"bad_pixels": arrays["bad_pixels"][None]},
            ]
        ):
            target = folder / f"changed {number}.npz"
            write_archive(target, {**arrays, **change})
            yield target


@pytest.fixture
def file(tmp_path):
    """Diffraction data as HDF5."""
    content = only(made(ONE_MASK), diffraction.HDF5.holds)
    diffraction.HDF5.write(tmp_path / "data.h5", content)
    return tmp_path / "data.h5"


def read(path) -> Content:
    return diffraction.HDF5.read(path, Reading())


def test_amplitudes_come_back_bit_for_bit(file):
    """float64 has room for the square of a float32, so that its root is the same number."""
    expected = only(made(ONE_MASK), diffraction.HDF5.holds).diffraction
    np.testing.assert_array_equal(read(file).diffraction, expected.astype(np.float64))


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4", ">f4", "<f8", ">f8"])
def test_counts_of_any_dtype_and_byte_order_are_read(file, tmp_path, dtype):
    counts = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    with changed(file, tmp_path / "counts") as stored:
        attributes = dict(stored["patterns"].attrs)
        for key in ("patterns", "indexes", "bad_pixels"):
            del stored[key]
        stored["patterns"] = counts.astype(dtype)
        stored["patterns"].attrs.update(attributes)
        stored["indexes"] = np.arange(4, dtype=dtype.replace("f", "i"))
    back = read(tmp_path / "counts")
    np.testing.assert_allclose(back.diffraction**2, counts, rtol=1e-12)
    assert back.diffraction.dtype.isnative
    assert back.scan_index.dtype.isnative


def test_the_largest_count_is_not_squared_or_cut(file, tmp_path):
    """The root of 65535 is taken in float64, not in uint16."""
    with changed(file, tmp_path / "counts") as stored:
        attributes = dict(stored["patterns"].attrs)
        for key in ("patterns", "indexes", "bad_pixels"):
            del stored[key]
        stored["patterns"] = np.full((2, 3, 4), 65535, np.uint16)
        stored["patterns"].attrs.update(attributes)
        stored["indexes"] = [0, 1]
    assert read(tmp_path / "counts").diffraction.max() == np.sqrt(65535)


def test_negative_counts_become_0_and_are_counted(file, tmp_path):
    with changed(file, tmp_path / "negative") as stored:
        row, column = np.argwhere(~stored["bad_pixels"][()])[0]
        stored["patterns"][0, row, column] = -3.0
    back = read(tmp_path / "negative")
    assert back.diffraction[0, row, column] == 0
    assert "diffraction: 1 negative value set to 0" in back.transformations


def test_bad_pixels_may_hold_anything(file, tmp_path):
    with changed(file, tmp_path / "bad") as stored:
        bad = np.argwhere(stored["bad_pixels"][()])[0]
        stored["patterns"][0, bad[0], bad[1]] = np.nan
    assert np.isfinite(read(tmp_path / "bad").diffraction).all()


def test_pixels_that_count_must_be_numbers(file, tmp_path):
    with changed(file, tmp_path / "nan") as stored:
        good = np.argwhere(~stored["bad_pixels"][()])[0]
        stored["patterns"][0, good[0], good[1]] = np.nan
    with pytest.raises(RefusedError, match="1 NaN or infinite value"):
        read(tmp_path / "nan")


def test_no_bad_pixel_is_no_mask(tmp_path):
    diffraction.NPZ.write(tmp_path / "a.npz", Content(diffraction=np.ones((2, 3, 4))))
    assert diffraction.NPZ.read(tmp_path / "a.npz", Reading()).mask is None


@pytest.mark.parametrize("compression", ["gzip", "lzf", 9])
def test_compressed_patterns_are_read(file, tmp_path, compression):
    with h5py.File(file) as old, h5py.File(tmp_path / "packed", "w") as new:
        for key in old:
            new.create_dataset(key, data=old[key][()], compression=compression, shuffle=True, fletcher32=True)
        new["patterns"].attrs.update(old["patterns"].attrs)
    np.testing.assert_array_equal(read(tmp_path / "packed").diffraction, read(file).diffraction)
