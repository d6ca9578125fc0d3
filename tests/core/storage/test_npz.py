"""Archives: the same arrays give the same bytes; files other than archives of plain arrays are refused."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from hypothesis.extra.numpy import arrays as any_arrays

from harness.core.errors import RefusedError, UnreadableError, UsageError
from harness.core.storage.arrays.mapped import release
from harness.core.storage.digest import digest_array, digest_file
from harness.core.storage.npz import map_archive, read_archive, write_archive

READERS = [read_archive, map_archive]
CODES = [
    "?",
    "i1",
    "u2",
    "i4",
    "u8",
    "f2",
    "<f4",
    ">f8",
    "<c8",
    ">c16",
    "S3",
    "<U2",
    ">U2",
    "M8[ns]",
    "m8[s]",
]


@st.composite
def named_arrays(draw):
    """A few arrays of any plain dtype and shape, some in Fortran order."""
    named = {}
    for name in draw(st.sets(st.sampled_from(["image", "phase", "a b", "Å", "x.npy"]))):
        dtype = draw(st.sampled_from(CODES))
        shape = draw(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
        array = draw(any_arrays(dtype, shape))
        named[name] = np.array(array, order=draw(st.sampled_from("CF")))
    return named


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A path that each test, and each of its examples, overwrites."""
    return tmp_path_factory.mktemp("archive") / "example.npz"


@pytest.fixture
def archive(path, arrays):
    """The example's arrays, as this package writes them."""
    write_archive(path, arrays)
    return path


def member(array: np.ndarray) -> bytes:
    """A .npy file of an array."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(text: str, values: bytes = b"") -> bytes:
    """A .npy file, version 1.0, with a header of that text."""
    padded = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(padded).to_bytes(2, "little") + padded + values


def zipped(path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED):
    """A zip file of any members."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    """Whether names, dtypes, shapes and values are the same, bit by bit."""
    return {name: digest_array(array) for name, array in one.items()} == {
        name: digest_array(array) for name, array in other.items()
    }


# Promises


@given(named=named_arrays())
def test_what_is_written_is_read_again(path, named):
    """Names, dtypes, shapes and values are the same, whether read, mapped or loaded by numpy."""
    write_archive(path, named)
    assert same(read_archive(path), named)
    assert same(map_archive(path), named)
    with np.load(path, allow_pickle=False) as loaded:
        assert same(dict(loaded), named)


@given(named=named_arrays(), order=st.randoms(use_true_random=False))
def test_bytes_do_not_depend_on_key_memory_or_byte_order(path, named, order):
    """Nor on strides."""
    write_archive(path, named)
    before = path.read_bytes()
    names = list(named)
    order.shuffle(names)
    others = {name: np.asarray(named[name].T.copy().T) for name in names}
    others = {
        name: array.byteswap().view(array.dtype.newbyteorder()) if array.dtype.isnative else array
        for name, array in others.items()
    }
    write_archive(path, others)
    assert path.read_bytes() == before


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
def test_bytes_are_the_same_in_another_process(tmp_path, archive, zone):
    """Another interpreter, with another hash seed and time zone, writes the same file."""
    script = (
        "import sys, numpy as np; from harness.core.storage.npz import read_archive, write_archive;"
        "write_archive(sys.argv[2], dict(reversed(read_archive(sys.argv[1]).items())))"
    )
    env = os.environ | {"PYTHONHASHSEED": "7", "TZ": zone}
    subprocess.run([sys.executable, "-c", script, archive, tmp_path / "other.npz"], env=env, check=True)
    assert (tmp_path / "other.npz").read_bytes() == archive.read_bytes()


def test_form_of_an_archive_has_not_changed(archive):
    """The example has the recorded bytes, whatever the clock, platform or zlib version."""
    assert digest_file(archive) == "xxh128:ea2281a7b4577f9f609c43e1088ee59f"


def test_members_are_stored_sorted_and_undated(archive):
    with zipfile.ZipFile(archive) as opened:
        members = opened.infolist()
    assert [info.filename for info in members] == ["image.npy", "index.npy", "phase.npy"]
    assert {info.compress_type for info in members} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in members} == {(1980, 1, 1, 0, 0, 0)}
    assert {(info.create_system, info.external_attr >> 16) for info in members} == {(3, 0o100644)}


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_archives_that_numpy_wrote_are_read(tmp_path, arrays, save):
    save(tmp_path / "numpy.npz", fortran=np.array(arrays["image"], order="F"), **arrays)
    expected = arrays | {"fortran": arrays["image"]}
    assert same(read_archive(tmp_path / "numpy.npz"), expected)
    assert same(map_archive(tmp_path / "numpy.npz"), expected)


def test_version_2_of_the_npy_header_is_read(path):
    """Headers longer than 64 kB need version 2.0; shorter ones may have it too."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.arange(3), version=(2, 0))
    assert same(read_archive(zipped(path, {"image.npy": stream.getvalue()})), {"image": np.arange(3)})


def test_arrays_in_memory_are_writable_and_mapped_ones_are_not(archive):
    read_archive(archive)["image"][0, 0] = 7
    mapped = map_archive(archive)["image"]
    assert isinstance(mapped, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0, 0] = 7


def test_values_larger_than_a_block_are_read_whole(archive, arrays, monkeypatch):
    monkeypatch.setattr("harness.core.storage.npz._BLOCK_BYTES", 7)
    assert same(read_archive(archive), arrays)


def test_writing_in_blocks_gives_the_same_file(archive, arrays, monkeypatch):
    whole = archive.read_bytes()
    monkeypatch.setattr("harness.core.storage.npz._BLOCK_BYTES", 7)
    write_archive(archive, arrays)
    assert archive.read_bytes() == whole


@pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the number of open files")
def test_more_arrays_than_files_may_be_open_are_mapped(path):
    """A mapping for each array would keep a file open for each."""
    write_archive(path, {f"x{number}": np.arange(number) for number in range(200)})
    script = (
        "import resource, sys; from harness.core.storage.npz import map_archive;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64));"
        "print(sum(array.size for array in map_archive(sys.argv[1]).values()))"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert int(done.stdout) == sum(range(200))


def test_released_arrays_are_read_again_when_used(archive, arrays):
    mapped = map_archive(archive)
    for array in mapped.values():
        release(array)
    assert same(mapped, arrays)


@pytest.mark.parametrize("mode", ["c", "r+"])
def test_a_changed_private_mapping_is_not_released(tmp_path, mode):
    np.save(tmp_path / "values.npy", np.zeros(5000))
    mapped = np.load(tmp_path / "values.npy", mmap_mode=mode)
    mapped[:] = 7
    release(mapped)
    assert np.all(mapped == 7)


# Refusals


def refusal(path, reader) -> str:
    """Return what *reader* found when it refused *path*. The error names the file and a remedy."""
    with pytest.raises(UnreadableError) as caught:
        reader(path)
    assert str(path) in caught.value.thing
    assert caught.value.remedy
    assert caught.value.exit_code == 2
    return caught.value.found


@pytest.mark.parametrize("reader", READERS)
def test_missing_and_misplaced_files_are_refused(tmp_path, reader):
    assert "No such file" in refusal(tmp_path / "none.npz", reader)
    assert "a directory" in refusal(tmp_path, reader)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX systems")
def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.npz")
    assert "a directory, pipe or device" in refusal(tmp_path / "pipe.npz", read_archive)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
        (member(np.arange(3)), "a single .npy array"),
        (b"PK\x03\x04 and no more", "truncated or damaged"),
        (b"\x80\x04]\x94.", "a pickle, which is never loaded"),
        (b"any text" * 100, "a text file"),
        (b"\x00\x01\x02" * 100, "not a zip archive"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    ],
)
def test_a_file_that_is_not_an_archive_is_named_for_what_it_is(path, reader, data, found):
    path.write_bytes(data)
    assert found in refusal(path, reader)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.999])
def test_truncated_archives_are_refused(archive, reader, share):
    whole = archive.read_bytes()
    archive.write_bytes(whole[: int(share * len(whole))])
    assert "truncated or damaged" in refusal(archive, reader)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_pickles_are_refused_without_loading_them(path, reader, save):
    """An object array could run code when loaded; this one would end the interpreter."""
    save(path, image=np.array([Bomb()], object))
    assert "pickled" in refusal(path, reader)


class Bomb:
    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    ("members", "found"),
    [
        ({"image.npy": member(np.zeros(3, [("x", "f4")]))}, "of dtype [('x', '<f4')]"),
        ({"image.npy": member(np.zeros(3, "V4"))}, "of dtype |V4"),
        ({"image.npy": b""}, "broken array header"),
        ({"image.npy": b"no array at all"}, "broken array header"),
        ({"image.npy": member(np.zeros(3))[:60]}, "broken array header"),
        ({"image.npy": b"\x93NUMPY\x09\x00" + member(np.zeros(3))[8:]}, "broken array header"),
        ({"image.npy": member(np.zeros(3))[:-1]}, "claiming 24 bytes of values and holding 23"),
        ({"image.npy": member(np.zeros(3)) + b"\0"}, "claiming 24 bytes of values and holding 25"),
        ({"../image.npy": member(np.zeros(3))}, "a member named '../image.npy'"),
        ({"/image.npy": member(np.zeros(3))}, "a member named '/image.npy'"),
        ({"a/image.npy": member(np.zeros(3))}, "a member named 'a/image.npy'"),
        ({"c:image.npy": member(np.zeros(3))}, "a member named 'c:image.npy'"),
        ({"a/": b""}, "a member named 'a/'"),
        ({".npy": member(np.zeros(3))}, "a member named '.npy'"),
        ({"image.txt": b"text"}, "a member named 'image.txt'"),
    ],
)
def test_members_other_than_plain_arrays_are_refused(path, reader, members, found):
    assert found in refusal(zipped(path, members), reader)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "text",
    [
        "{'descr': '<f8', 'fortran_order': False, 'shape': (-2, -4)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 10000000000000000000000)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4611686018427387904)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (3.0,)}",
        "{'descr': '<f8', 'fortran_order': 3, 'shape': (3,)}",
        "{'descr': '<f8', 'shape': (3,)}",
        "{'descr': '|S0', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': ('<f4', (2,)), 'fortran_order': False, 'shape': (8,)}",
        "{'descr': (), 'fortran_order': False, 'shape': (8,)}",
        "{'descr': 3, 'fortran_order': False, 'shape': (8,)}",
        "{'descr': '<q9', 'fortran_order': False, 'shape': (8,)}",
        "{'descr': '<f8', (",
        "__import__('os')._exit(1)",
        "[" * 100,
    ],
)
def test_impossible_headers_are_refused(path, reader, text):
    """Negative or endless sides, empty dtypes, code in place of a literal."""
    zipped(path, {"image.npy": header(text, bytes(64))})
    with pytest.raises(UnreadableError, match=r"broken array header|of dtype|claiming"):
        reader(path)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_header_that_claims_terabytes_is_refused_before_any_memory(path, reader, compression):
    text = "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,)}"
    zipped(path, {"image.npy": header(text, bytes(64))}, compression)
    assert "claiming 8796093022208 bytes of values and holding 64" in refusal(path, reader)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_directory_that_claims_terabytes_is_refused(path, reader, compression):
    """Header and zip directory agree on 3 GB or 8 TB that are missing: refused where the bytes end."""
    for values in (3 << 30, 1 << 43):
        text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({values},)}}"
        data = header(text, bytes(64))
        with zipfile.ZipFile(path, "w", compression) as archive:
            archive.writestr("image.npy", data)
            claim = archive.filelist[0]
            claim.file_size = len(data) - 64 + values
            claim.compress_size = (
                claim.file_size if compression == zipfile.ZIP_STORED else claim.compress_size
            )
        with pytest.raises(UnreadableError, match=r"image\.npy (shorter|truncated|damaged|claiming)"):
            reader(path)


@pytest.mark.parametrize("reader", READERS)
def test_two_members_of_one_name_are_refused(path, reader):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("image.npy", member(np.zeros(3)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("image.npy", member(np.ones(3)))
    assert "two members named 'image.npy'" in refusal(path, reader)


@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_comment_length_cannot_hide_members(archive, reader):
    """A wrong length in the zip directory would turn all later members into a comment."""
    damaged = bytearray(archive.read_bytes())
    damaged[damaged.find(b"PK\x01\x02") + 32] = 46 + len("index.npy")
    archive.write_bytes(damaged)
    assert "image.npy with a comment" in refusal(archive, reader)


@pytest.mark.parametrize("reader", READERS)
def test_encrypted_members_are_refused(archive, reader):
    data = archive.read_bytes().replace(b"PK\x03\x04\x14\x00\x00", b"PK\x03\x04\x14\x00\x01")
    archive.write_bytes(data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01"))
    assert "encrypted" in refusal(archive, reader)


@settings(max_examples=300)
@given(data=st.data(), stored=st.booleans())
def test_a_damaged_archive_gives_its_arrays_or_an_error(path, data, stored):
    """A byte changed, or a part removed or inserted: never another exception, never other values."""
    original = {"image": np.arange(6, dtype="f4").reshape(2, 3), "index": np.arange(3)}
    write_archive(path, original) if stored else np.savez_compressed(path, **original)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1), label="at")
    length = data.draw(st.sampled_from([0, 1, 2, 40]), label="cut")
    put = data.draw(st.binary(min_size=1, max_size=2), label="put")
    path.write_bytes(whole[:at] + put + whole[at + length :])
    with contextlib.suppress(UnreadableError):
        assert same(read_archive(path), original)
    with contextlib.suppress(UnreadableError):
        map_archive(path)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\\b", "/a", "c:a", "a\0b"])
def test_names_that_would_be_paths_are_refused_and_nothing_is_written(tmp_path, name):
    with pytest.raises(UsageError) as caught:
        write_archive(tmp_path / "new.npz", {"fine": np.zeros(3), name: np.zeros(3)})
    assert repr(name) in caught.value.thing
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "array",
    [np.array([{}]), np.zeros(2, [("x", "f4")]), np.zeros(2, np.longdouble)],
    ids=lambda a: str(a.dtype),
)
def test_arrays_that_are_not_plain_are_refused_before_anything_is_written(archive, array):
    before = archive.read_bytes()
    with pytest.raises(RefusedError, match="expected a plain dtype") as caught:
        write_archive(archive, {"image": np.zeros(3), "odd": array})
    assert "'odd'" in caught.value.thing
    assert archive.read_bytes() == before


def test_an_archive_with_more_than_its_members_is_refused(tmp_path):
    """A script in front of it, which numpy refuses, or data after it, in which others may find more."""
    path = tmp_path / "a.npz"
    write_archive(path, {"a": np.arange(3)})
    sound = path.read_bytes()
    for data, found in ((b"#!/bin/sh\n" + sound, "in front of"), (sound + b"more", "after")):
        path.write_bytes(data)
        with pytest.raises(UnreadableError, match=f"other data {found} a zip archive"):
            read_archive(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", b"")
        archive.comment = b"a comment"
    with pytest.raises(UnreadableError, match="other data after"):
        read_archive(path)


def test_names_that_numpy_confuses_are_refused(tmp_path):
    """Numpy returns array `a` when asked for array `a.npy`."""
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.npy", "a.npy.npy"):
            archive.writestr(name, b"")
    with pytest.raises(UnreadableError, match="which numpy confuses"):
        read_archive(path)


COMPRESSIBLE = {
    "wave": np.zeros(5000),
    "index": np.arange(2000),
    "empty": np.zeros((0, 3)),
    "one": np.float32(2),
}


@pytest.mark.parametrize("read", READERS)
def test_a_compressed_archive_is_smaller_and_has_the_same_arrays(tmp_path, read):
    write_archive(tmp_path / "plain.npz", COMPRESSIBLE)
    write_archive(tmp_path / "packed.npz", COMPRESSIBLE, compress=True)
    assert (tmp_path / "packed.npz").stat().st_size * 5 < (tmp_path / "plain.npz").stat().st_size
    plain, packed = read(tmp_path / "plain.npz"), read(tmp_path / "packed.npz")
    assert {name: digest_array(array) for name, array in plain.items()} == {
        name: digest_array(array) for name, array in packed.items()
    }
    with np.load(tmp_path / "packed.npz", allow_pickle=False) as archive:
        assert sorted(archive.files) == sorted(COMPRESSIBLE)


def test_a_compressed_archive_has_the_same_bytes_each_time(tmp_path):
    for name in ("first.npz", "second.npz"):
        write_archive(tmp_path / name, COMPRESSIBLE, compress=True)
    assert digest_file(tmp_path / "first.npz") == digest_file(tmp_path / "second.npz")
    with zipfile.ZipFile(tmp_path / "first.npz") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}


def test_what_could_not_be_read_again_compressed_is_stored_as_it_is(tmp_path, monkeypatch):
    """A reader refuses archives that unpack to much more than their size, as zip bombs do."""
    monkeypatch.setattr("harness.core.storage.npz_members.MAX_INFLATED", 1 << 12)
    write_archive(tmp_path / "large.npz", COMPRESSIBLE, compress=True)
    assert read_archive(tmp_path / "large.npz")["wave"].shape == (5000,)
