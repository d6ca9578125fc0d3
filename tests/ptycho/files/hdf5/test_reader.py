"""HDF5 files are read without leaving the file, and nothing but plain numbers."""

import sys

import numpy as np
import pytest
from hdf5_harms import HARMS, h5py, harmed

from harness.core.errors import DependencyError, RefusedError, UnreadableError
from harness.ptycho.files.hdf5.reader import is_hdf5, open_hdf5, require_intact, root_names


@pytest.fixture
def file(tmp_path):
    """A file with one array in a group."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as new:
        new["scan/x"] = np.arange(12.0).reshape(3, 4)
    return path


def read(path, key="scan/x"):
    with open_hdf5(path) as opened:
        return opened.array(key)


@pytest.mark.parametrize(
    "array",
    [
        np.array(3),
        np.arange(6, dtype="u1").reshape(2, 3),
        np.arange(3, dtype=">i2"),
        np.array([1.5], ">f4"),
        np.array([[1 + 2j]], "c8"),
        np.array([1 - 2j, 3], ">c16"),
        np.array([True, False]),
        np.array([1.5], "f2"),
        np.zeros((0, 3)),
        np.array([2**63], "u8"),
    ],
)
def test_numbers_come_back_in_their_precision(tmp_path, array):
    """Byte order becomes the machine's; nothing else changes."""
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["a"] = array
    back = read(tmp_path / "a.h5", "a")
    assert (back.dtype, back.shape) == (array.dtype.newbyteorder("="), array.shape)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("names", [("r", "i"), ("real", "imag")])
@pytest.mark.parametrize("dtype", ["<f4", ">f8"])
def test_pairs_of_floats_are_complex(tmp_path, names, dtype):
    """h5py and MATLAB name the parts differently."""
    pairs = np.array([(1, 2), (3, -4)], [(names[0], dtype), (names[1], dtype)])
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new.create_dataset("a", data=pairs)
    back = read(tmp_path / "a.h5", "a")
    assert back.dtype == (np.complex64 if dtype == "<f4" else np.complex128)
    assert back.tolist() == [1 + 2j, 3 - 4j]


@pytest.mark.parametrize(
    "fields",
    [
        [("real", "f4"), ("imag", "f8")],
        [("real", "i4"), ("imag", "i4")],
        [("imag", "f4"), ("real", "f4")],
        [("real", "f4"), ("imag", "f4"), ("more", "f4")],
    ],
)
def test_other_compounds_are_refused(tmp_path, fields):
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new.create_dataset("a", data=np.zeros(2, fields))
    with pytest.raises(UnreadableError, match="compound values of"):
        read(tmp_path / "a.h5", "a")


def test_soft_links_inside_the_file_are_followed(file):
    """From the root or from where the link is, through groups too, and one after the other."""
    with h5py.File(file, "r+") as opened:
        opened["absolute"] = h5py.SoftLink("/scan/x")
        opened["scan/near"] = h5py.SoftLink("x")
        opened["group"] = h5py.SoftLink("scan")
        opened["twice"] = h5py.SoftLink("group/near")
    expected = read(file)
    for key in ("absolute", "scan/near", "group/x", "twice", "/scan/./x"):
        np.testing.assert_array_equal(read(file, key), expected)


def test_virtual_datasets_of_this_file_are_read(file):
    with h5py.File(file, "r+") as opened:
        layout = h5py.VirtualLayout((3, 4), "f8")
        layout[...] = h5py.VirtualSource(".", "scan/x", shape=(3, 4))
        opened.create_virtual_dataset("virtual", layout)
    np.testing.assert_array_equal(read(file, "virtual"), read(file))


@pytest.mark.parametrize("name", sorted(HARMS.keys() - {"zero_size", "one_axis_more"}))
def test_every_harm_is_refused_by_file_and_key(file, tmp_path, name):
    """The other two are for readers of formats, which know the axes."""
    (path,) = (path for path in harmed(file, tmp_path, "scan/x") if path.name.startswith(f"{name} "))
    with pytest.raises(UnreadableError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path.name}: ")
    assert "\n" not in str(caught.value)


def test_a_key_that_is_not_there_is_refused_with_what_is(file):
    with pytest.raises(UnreadableError, match=r"a\.h5: scan/y: expected a dataset, found only x in scan"):
        read(file, "scan/y")
    with pytest.raises(UnreadableError, match="found only scan in the file"):
        read(file, "y")
    with pytest.raises(UnreadableError, match="found a group"):
        read(file, "scan")


def test_a_path_through_a_dataset_leads_nowhere(file):
    with open_hdf5(file) as opened:
        assert not opened.has("scan/x/y")
        assert opened.names("scan/x") == ()
        assert opened.is_group("scan")
        assert not opened.is_group("scan/x")
        assert opened.is_dataset("scan/x")
        assert not opened.is_dataset("scan")


def test_shapes_and_dtypes_are_said_without_reading(file):
    with open_hdf5(file) as opened:
        assert opened.shape("scan/x") == (3, 4)
        assert opened.dtype("scan/x") == np.float64


@pytest.mark.parametrize("value", [3, 2.5, np.array([2.5]), np.array([[7]], "u1")])
def test_a_number_is_a_scalar_or_an_array_of_one(tmp_path, value):
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["a"] = value
    with open_hdf5(tmp_path / "a.h5") as opened:
        assert opened.number("a") == float(np.asarray(value).reshape(-1)[0])


@pytest.mark.parametrize("value", [np.array([1, 2]), 1j, "3", np.zeros(0)])
def test_anything_else_is_no_number(tmp_path, value):
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["a"] = value
    with open_hdf5(tmp_path / "a.h5") as opened, pytest.raises(UnreadableError):
        opened.number("a")


def test_texts_of_fixed_length_are_utf_8(tmp_path):
    """Those of variable length are in a heap, where a damaged file can lead the HDF5 library in circles."""
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["good"], new["bad"], new["variable"] = np.bytes_("ä".encode()), np.bytes_(b"\xff"), "text"
        new.attrs["good"], new.attrs["bad"], new.attrs["variable"] = (
            np.bytes_(b"nm"),
            np.bytes_(b"\xfe"),
            "text",
        )
    with open_hdf5(tmp_path / "a.h5") as opened:
        assert opened.text("good") == "ä"
        assert opened.attribute("", "good") == "nm"
        for text in (opened.text, lambda name: opened.attribute("", name)):
            with pytest.raises(UnreadableError, match="UTF-8"):
                text("bad")
            with pytest.raises(UnreadableError, match="text of variable length"):
                text("variable")


def test_attributes_are_numbers_and_arrays(file):
    with h5py.File(file, "r+") as opened:
        for where in (opened, opened["scan"], opened["scan/x"]):
            where.attrs["one"], where.attrs["two"], where.attrs["flag"] = 1.5, np.array([1, 2], ">i2"), True
    with open_hdf5(file) as opened:
        for key in ("", "scan", "scan/x"):
            assert opened.attribute(key, "one") == 1.5
            assert opened.attribute(key, "two").tolist() == [1, 2]
            assert opened.attribute(key, "flag") == 1
            assert opened.attribute(key, "none") is None
            assert opened.has_attribute(key, "one")
        assert not opened.has_attribute("nowhere", "one")
        with pytest.raises(UnreadableError, match="nowhere"):
            opened.attribute("nowhere", "one")


@pytest.mark.parametrize(
    "value", [np.zeros(1, [("x", "i4")]), h5py.Empty("f8"), np.array([b"a", b"b"]), np.zeros(1, "V4")]
)
def test_attributes_of_other_kinds_are_refused(file, value):
    with h5py.File(file, "r+") as opened:
        opened.attrs["odd"] = value
    with open_hdf5(file) as opened, pytest.raises(UnreadableError, match="attribute odd"):
        opened.attribute("", "odd")


def test_references_in_attributes_are_refused(file):
    with h5py.File(file, "r+") as opened:
        opened.attrs["odd"] = opened.ref
    with open_hdf5(file) as opened, pytest.raises(UnreadableError, match="references"):
        opened.attribute("", "odd")


def test_a_large_attribute_is_refused_unread(file):
    with h5py.File(file, "w", libver="latest") as opened:
        opened.attrs["large"] = np.zeros(10**5)
    with open_hdf5(file) as opened, pytest.raises(UnreadableError, match="at most 64 kB"):
        opened.attribute("", "large")


def test_a_file_cut_anywhere_is_refused(file, tmp_path):
    """The superblock says where the file ends."""
    data = file.read_bytes()
    for length in range(0, len(data), 97):
        (tmp_path / "cut").write_bytes(data[:length])
        with pytest.raises(UnreadableError) as caught:
            read(tmp_path / "cut")
        assert str(caught.value).startswith(str(tmp_path / "cut"))


@pytest.mark.parametrize(
    ("data", "found"), [(b"", "an empty file"), (b"PK\3\4" + bytes(99), "a file that is not HDF5")]
)
def test_other_files_are_named(tmp_path, data, found):
    (tmp_path / "a.h5").write_bytes(data)
    with pytest.raises(UnreadableError, match=found):
        read(tmp_path / "a.h5")
    assert root_names(tmp_path / "a.h5") == frozenset()


def test_directories_and_missing_files_are_named(tmp_path):
    with pytest.raises(UnreadableError, match="a directory"):
        read(tmp_path)
    with pytest.raises(UnreadableError, match="No such file"):
        read(tmp_path / "none.h5")
    assert not is_hdf5(tmp_path)
    assert not is_hdf5(tmp_path / "none.h5")


def test_hdf5_may_begin_later_in_a_file(file, tmp_path):
    """MATLAB and others put a block of their own in front."""
    path = tmp_path / "block.h5"
    with h5py.File(path, "w", userblock_size=1024) as new:
        new["a"] = [1.0]
    assert is_hdf5(path)
    assert read(path, "a").tolist() == [1.0]
    assert root_names(path) == {"a"}


def test_a_damaged_file_has_no_names(file, tmp_path):
    (tmp_path / "cut").write_bytes(file.read_bytes()[:600])
    with pytest.raises(UnreadableError, match="an intact HDF5 file, found a truncated file"):
        require_intact(tmp_path / "cut")
    require_intact(file)
    assert is_hdf5(tmp_path / "cut")
    assert root_names(tmp_path / "cut") == frozenset()


def test_errors_of_ours_pass_unchanged(file):
    with pytest.raises(RefusedError, match="ours"), open_hdf5(file) as opened:
        raise opened.error("key", expected="ours", found="this", kind=RefusedError)


def test_without_h5py_the_extra_is_named(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[files\]'"):
        read(file)
    with pytest.raises(DependencyError):
        root_names(file)
