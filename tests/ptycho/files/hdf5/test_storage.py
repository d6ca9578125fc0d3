"""Each chunk is looked at before HDF5 unpacks it."""

import struct
import sys

import numpy as np
import pytest
from hdf5_harms import gibibyte, h5py

from harness.core.errors import DependencyError, UnreadableError
from harness.ptycho.files.hdf5 import storage
from harness.ptycho.files.hdf5.reader import open_hdf5

DATA = np.arange(60000, dtype="u2").reshape(60, 1000) // 7
CHUNK = (20, 1000)
LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD = 32000, 32001, 32004, 32008, 32015


def written(path, array=DATA, **how):
    with h5py.File(path, "w") as new:
        new.create_dataset("a", data=array, chunks=CHUNK, **how)
    return path


def read(path):
    with open_hdf5(path) as opened:
        return opened.array("a")


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("fletcher32", [False, True])
@pytest.mark.parametrize("compression", [None, "gzip", "lzf"])
def test_what_h5py_packs_is_read(tmp_path, compression, shuffle, fletcher32):
    path = written(tmp_path / "a.h5", compression=compression, shuffle=shuffle, fletcher32=fletcher32)
    np.testing.assert_array_equal(read(path), DATA)


def test_what_cannot_be_packed_is_read(tmp_path):
    """Chunks of noise are stored as they are, and marked so."""
    noise = np.random.default_rng(0).integers(0, 1 << 16, DATA.shape, "u2")
    for compression in ("gzip", "lzf"):
        path = written(tmp_path / compression, noise, compression=compression)
        np.testing.assert_array_equal(read(path), noise)


@pytest.mark.parametrize("name", ["Blosc", "LZ4", "Bitshuffle", "Zstd"])
def test_what_detectors_pack_is_read(tmp_path, name):
    hdf5plugin = pytest.importorskip("hdf5plugin", reason="the extra `detectors` brings it")
    path = written(tmp_path / "a.h5", **getattr(hdf5plugin, name)())
    np.testing.assert_array_equal(read(path), DATA)


@pytest.mark.parametrize("name", ["Blosc", "LZ4", "Bitshuffle", "Zstd"])
def test_sizes_that_detectors_filters_claim_are_checked(tmp_path, name):
    """The first chunk claims a gigabyte: these filters take that much memory at once."""
    hdf5plugin = pytest.importorskip("hdf5plugin", reason="the extra `detectors` brings it")
    path = written(tmp_path / "a.h5", **getattr(hdf5plugin, name)())
    claims = {
        "Blosc": (4, struct.pack("<I", 1 << 30)),
        "LZ4": (0, struct.pack(">Q", 1 << 30)),
        "Bitshuffle": (0, struct.pack(">Q", 1 << 30)),
        "Zstd": (4, b"\xa0" + struct.pack("<I", 1 << 30)),  # a size of four bytes, no window
    }
    place, claim = claims[name]
    with h5py.File(path, "r+") as opened:
        mask, packed = opened["a"].id.read_direct_chunk((0, 0))
        changed = bytearray(packed)
        changed[place : place + len(claim)] = claim
        opened["a"].id.write_direct_chunk((0, 0), bytes(changed), mask)
    with pytest.raises(
        UnreadableError, match="expected chunks of 40000 bytes, found one that unpacks to 1073741824"
    ):
        read(path)


@pytest.mark.parametrize("compression", ["gzip", "lzf"])
def test_a_chunk_that_unpacks_to_more_is_refused(tmp_path, compression):
    """Stored in no more bytes than a chunk may have, which could still fill the memory."""
    shape = (1, 1 << 23)
    bombs = {"gzip": gibibyte() + bytes(1 << 22), "lzf": b"\x00a" + b"\xe0\xff\x00" * (1 << 21)}
    with h5py.File(tmp_path / "a.h5", "w") as new:
        bomb = new.create_dataset("a", shape=shape, dtype="u1", chunks=shape, compression=compression)
        bomb.id.write_direct_chunk((0, 0), bombs[compression])
    with pytest.raises(UnreadableError, match="unpacks to"):
        read(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("packed", "size"),
    [
        (b"\x02abc", 3),
        (b"\x02abc\x20\x00", 6),
        (b"\x02abc\xe0\x0a\x00", 22),
        (b"\xe0", None),
        (b"", 0),
    ],
)
def test_sizes_of_lzf(packed, size):
    """Literals count one more than their byte, copies two more, long ones have a second byte."""
    stored = storage._Stored("a", None, 1000, {LZF: ()})
    assert storage._of_lzf(packed, stored) == size


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (b"\x20\x05", 5),  # one segment: a byte
        (b"\x60\x00\x01", 512),  # two bytes, to which 256 are added
        (b"\x40\x00\x00\x01", 512),  # the same behind a window
        (b"\x80\x00\x01\x02\x00\x00", 513),
        (b"\xe1\x07\x01\0\0\0\0\0\0\0", 1),  # behind the number of a dictionary
        (b"\x00\x00", None),  # no size
    ],
)
def test_sizes_of_zstandard(frame, size):
    packed = (b"\x28\xb5\x2f\xfd" + frame).ljust(18, b"\0")
    assert storage._of_zstd(packed, storage._Stored("a", None, 0, {})) == size
    assert storage._of_zstd(packed[1:], storage._Stored("a", None, 0, {})) is None


def test_two_compressions_of_one_another_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as new:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(CHUNK)
        plist.set_deflate(4)
        plist.set_filter(LZF, h5py.h5z.FLAG_OPTIONAL, ())
        space = h5py.h5s.create_simple(DATA.shape)
        h5py.h5d.create(new.id, b"a", h5py.h5t.NATIVE_UINT16, space, plist)
    with pytest.raises(UnreadableError, match="expected one compression, found HDF5 filters 1 and 32000"):
        read(tmp_path / "a.h5")


@pytest.mark.parametrize("options", [{"scaleoffset": 0}])
def test_rare_filters_are_refused_with_the_command_that_rewrites(tmp_path, options):
    path = written(tmp_path / "a.h5", **options)
    with pytest.raises(UnreadableError, match=r"HDF5 filter 6\. Write the file again with gzip: `h5repack"):
        read(path)


def test_without_the_package_of_a_filter_the_extra_is_named(tmp_path, monkeypatch):
    with h5py.File(tmp_path / "a.h5", "w") as new:
        plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        plist.set_chunk(CHUNK)
        plist.set_filter(BITSHUFFLE, h5py.h5z.FLAG_OPTIONAL, (0, 4, 2, 0, 2))
        space = h5py.h5s.create_simple(DATA.shape)
        h5py.h5d.create(new.id, b"a", h5py.h5t.NATIVE_UINT16, space, plist)
    monkeypatch.setattr(h5py.h5z, "filter_avail", lambda _: False)
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    with pytest.raises(
        DependencyError, match=r"HDF5 filter 32008, .*`pip install 'golden-harness\[detectors\]'"
    ):
        read(tmp_path / "a.h5")


def test_values_behind_the_end_of_the_file_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as new:
        new["a"] = np.zeros(10)
        offset = new["a"].id.get_offset()
    data = bytearray((tmp_path / "a.h5").read_bytes())
    place = data.find(struct.pack("<QQ", offset, 80))
    data[place : place + 8] = struct.pack("<Q", 10**6)
    (tmp_path / "a.h5").write_bytes(data)
    with pytest.raises(UnreadableError, match=r"values up to byte 1000080|invalid dataset size"):
        read(tmp_path / "a.h5")
