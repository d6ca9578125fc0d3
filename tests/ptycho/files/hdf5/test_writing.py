"""New HDF5 files have the same bytes for the same values, and none is left after an error."""

import numpy as np
import pytest

from harness.core.errors import UnwritableError
from harness.ptycho.files.hdf5.writing import new_hdf5

pytest.importorskip("h5py", reason="h5py is not installed: the extra `files` brings it")


def write(path):
    with new_hdf5(path) as file:
        file["group/a"] = np.arange(10.0)
        file["group"].attrs["unit"] = "m"


def test_bytes_are_the_same(tmp_path):
    write(tmp_path / "one.h5")
    write(tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_nothing_is_left_after_an_error(tmp_path):
    with pytest.raises(TypeError), new_hdf5(tmp_path / "a.h5") as file:
        file["a"] = object()
    assert not any(tmp_path.iterdir())


def test_no_file_is_written_over(tmp_path):
    write(tmp_path / "a.h5")
    before = (tmp_path / "a.h5").read_bytes()
    with pytest.raises(UnwritableError):
        write(tmp_path / "a.h5")
    assert (tmp_path / "a.h5").read_bytes() == before


def test_a_missing_directory_is_named(tmp_path):
    with pytest.raises(UnwritableError, match="none"):
        write(tmp_path / "none/a.h5")
