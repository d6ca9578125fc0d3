"""Stores that the package zarr writes are read as it reads them; hostile ones are refused."""

from __future__ import annotations

import gzip
import json
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.core.errors import UnreadableError
from harness.ptycho.files.zarr_store.reader import ZarrStore
from harness.ptycho.files.zarr_store.writing import write_store

if TYPE_CHECKING:
    from pathlib import Path

ARRAYS = {
    "bool": np.arange(35).reshape(5, 7) % 3 == 0,
    "int16": np.arange(-30, 30, dtype=np.int16).reshape(5, 12),
    "float64": np.linspace(0, 1, 7 * 5 * 3).reshape(7, 5, 3),
    "complex64": (np.arange(24.0) + 1j).reshape(2, 3, 4).astype(np.complex64),
    "big": np.arange(12, dtype=">f4").reshape(3, 4),
    "group/inside": np.arange(5.0),
}


@pytest.fixture
def zarr():
    return pytest.importorskip("zarr", minversion="3", reason="zarr 3 is not installed")


COMPRESSORS = {
    2: {
        "none": lambda _: None,
        "zlib": lambda c: c.Zlib(),
        "gzip": lambda c: c.GZip(),
        "zstd": lambda c: c.Zstd(),
        "blosc": lambda c: c.Blosc(cname="lz4", shuffle=2),
        "lz4": lambda c: c.LZ4(),
    },
    3: {
        "none": lambda _: None,
        "gzip": lambda c: c.GzipCodec(),
        "zstd": lambda c: c.ZstdCodec(),
        "blosc": lambda c: c.BloscCodec(),
    },
}


def stored(zarr, path, version, name, **options):
    """Write ARRAYS with the package, in chunks that do not divide them."""
    import numcodecs
    from zarr import codecs

    compressor = COMPRESSORS[version][name](numcodecs if version == 2 else codecs)
    store = zarr.storage.ZipStore(path, mode="w") if path.suffix == ".zip" else path
    root = zarr.open_group(store, mode="w", zarr_format=version)
    for key, values in ARRAYS.items():
        chunks = tuple(min(3, side) for side in values.shape)
        new = root.create_array(
            key, shape=values.shape, dtype=values.dtype, chunks=chunks, compressors=compressor, **options
        )
        new[...] = values
    root.attrs["distance"] = 2.5
    if path.suffix == ".zip":
        store.close()


@pytest.mark.parametrize("suffix", ["", ".zip"])
@pytest.mark.parametrize(
    ("version", "name"), [(version, name) for version, table in COMPRESSORS.items() for name in table]
)
@pytest.mark.filterwarnings("ignore:Duplicate", "ignore:.*not part in the Zarr")
def test_what_zarr_writes_is_read(zarr, tmp_path, version, name, suffix):
    """Both formats, folders and archives, every compression, odd chunks, both byte orders."""
    path = tmp_path / f"store{suffix}"
    stored(zarr, path, version, name, config={"write_empty_chunks": True})
    store = ZarrStore(path)
    assert store.names == set(ARRAYS)
    assert store.attributes() == {"distance": 2.5}
    for key, values in ARRAYS.items():
        found = store.array(key)
        assert found.dtype == values.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("order", ["C", "F"])
def test_order_and_separator(zarr, tmp_path, version, order):
    """Fortran order is a codec in format 3, and a chunk's name may have slashes or dots."""
    key = "chunk_key_encoding"
    encoding = {"name": "v2" if version == 2 else "default", "separator": "/" if version == 2 else "."}
    filters = [zarr.codecs.TransposeCodec(order=(2, 1, 0))] if version == 3 and order == "F" else None
    options = {"order": order} if version == 2 else {"filters": filters or ()}
    root = zarr.open_group(tmp_path / "store", mode="w", zarr_format=version)
    values = np.arange(4 * 5 * 6.0).reshape(4, 5, 6)
    new = root.create_array(
        "a", shape=values.shape, dtype=values.dtype, chunks=(3, 2, 4), **{key: encoding}, **options,
        config={"write_empty_chunks": True},
    )  # fmt: skip
    new[...] = values
    np.testing.assert_array_equal(ZarrStore(tmp_path / "store").array("a"), values)


def test_an_array_may_be_the_store(zarr, tmp_path):
    """Without a group around it."""
    new = zarr.create_array(tmp_path / "store", shape=(4, 5), dtype="f4", chunks=(2, 2))
    new[...] = np.ones((4, 5))
    store = ZarrStore(tmp_path / "store")
    assert store.names == {""}
    np.testing.assert_array_equal(store.array(""), np.ones((4, 5)))


def test_zarr_reads_what_is_written(zarr, tmp_path):
    """Format 2, whatever version of the package."""
    plain = {key: values for key, values in ARRAYS.items() if "/" not in key} | {"scalar": np.array(3.5)}
    write_store(tmp_path / "store", plain, {"distance": 2.5})
    root = zarr.open_group(tmp_path / "store", mode="r")
    assert dict(root.attrs) == {"distance": 2.5}
    for key, values in plain.items():
        np.testing.assert_array_equal(root[key][...], values)
        np.testing.assert_array_equal(ZarrStore(tmp_path / "store").array(key), values)


def test_chunks_that_are_not_stored_are_not_made_up(zarr, tmp_path):
    """The package would read a fill value there."""
    root = zarr.open_group(tmp_path / "store", mode="w")
    new = root.create_array("a", shape=(4, 4), dtype="f4", chunks=(2, 2))
    new[:2] = 1
    with pytest.raises(UnreadableError, match="a: expected 4 chunks, found fewer"):
        ZarrStore(tmp_path / "store").array("a")


def test_shards_are_refused_by_name(zarr, tmp_path):
    root = zarr.open_group(tmp_path / "store", mode="w")
    root.create_array("a", shape=(8, 8), dtype="f4", chunks=(2, 2), shards=(4, 4))[...] = 1
    with pytest.raises(UnreadableError, match="sharding_indexed"):
        ZarrStore(tmp_path / "store").array("a")


def one_chunk(path: Path, data: bytes, **changes: object) -> ZarrStore:
    """Return a store with an array of eight float64 whose only chunk is *data*."""
    write_store(path, {"a": np.arange(8.0)}, {})
    document = json.loads((path / "a" / ".zarray").read_text()) | changes
    (path / "a" / ".zarray").write_text(json.dumps(document))
    (path / "a" / "0").write_bytes(data)
    return ZarrStore(path)


VALUES = np.arange(8.0).tobytes()
BOMB = bytes(1 << 28)


@pytest.mark.parametrize(
    ("codec", "data"),
    [
        (None, VALUES[:-1]),
        (None, VALUES + b"x"),
        ({"id": "zlib"}, zlib.compress(VALUES)[:-3]),
        ({"id": "zlib"}, zlib.compress(VALUES) + b"x"),
        ({"id": "zlib"}, zlib.compress(VALUES[:-1])),
        ({"id": "zlib"}, zlib.compress(BOMB)),
        ({"id": "gzip"}, gzip.compress(BOMB)),
        ({"id": "blosc"}, b"\x02\x01\x21\x08" + (1 << 31).to_bytes(4, "little") + bytes(40)),
        ({"id": "blosc"}, b"\x02\x01\x21\x08" + (64).to_bytes(4, "little") + bytes(40)),
        ({"id": "zstd"}, b"\x28\xb5\x2f\xfd\xe0" + (1 << 40).to_bytes(8, "little") + bytes(40)),
        ({"id": "lz4"}, (1 << 30).to_bytes(4, "little") + bytes(40)),
    ],
)
def test_a_chunk_of_another_size_is_refused(tmp_path, codec, data):
    """However it says so; nothing is unpacked beyond the size of a chunk."""
    with pytest.raises(UnreadableError, match=r"store: a: expected"):
        one_chunk(tmp_path / "store", data, compressor=codec).array("a")


@pytest.mark.parametrize("name", ["../outside", "/root", "a/../../b", "a\\b", "c:/d", "./a", "a//b"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "store.zip", "w") as archive:
        archive.writestr(".zgroup", '{"zarr_format": 2}')
        archive.writestr(name, "{}")
    with pytest.raises(UnreadableError, match="which leads out of it"):
        ZarrStore(tmp_path / "store.zip")


def test_an_archive_that_unpacks_to_gigabytes_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "store.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(".zgroup", '{"zarr_format": 2}')
        for number in range(3):
            archive.writestr(f"a/{number}", BOMB)
    with pytest.raises(UnreadableError, match="bytes in a file of"):
        ZarrStore(tmp_path / "store.zip")


@pytest.mark.filterwarnings("ignore:Duplicate")
def test_two_chunks_of_one_name_are_refused(tmp_path):
    """Of metadata, the last ones are valid: zarr appends them whenever they change."""
    with zipfile.ZipFile(tmp_path / "s", "w") as archive:
        archive.writestr(".zgroup", "damaged")
        archive.writestr(".zgroup", '{"zarr_format": 2}')
    assert ZarrStore(tmp_path / "s").names == set()
    with zipfile.ZipFile(tmp_path / "s", "a") as archive:
        archive.writestr("a/0", b"one")
        archive.writestr("a/0", b"two")
    with pytest.raises(UnreadableError, match="two chunks of the same name"):
        ZarrStore(tmp_path / "s")
