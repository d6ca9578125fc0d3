"""Archives in which programs could find different members are refused; whatever numpy writes is accepted.

Each archive here is built byte by byte from parts, and one part of it is changed.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from hypothesis.extra.numpy import arrays as any_arrays

from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import describe_arrays
from harness.core.storage.npz import Arrays, map_archive, read_archive, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

READERS = [read_archive, map_archive, lambda path: dict(Arrays(path))]
BIG = 0xFFFFFFFF
UTF_8, DESCRIBED_AFTER = 0x800, 0x8


def npy(array: np.ndarray) -> bytes:
    """A .npy file of an array."""
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def extra(key: int, data: bytes) -> bytes:
    """One extra field of a header."""
    return struct.pack("<HH", key, len(data)) + data


def descriptor(checksum: int, packed: int, size: int, form: str = "<LLL", mark: bytes = b"PK\7\x08") -> bytes:
    """What follows the data of a member that was written to a pipe."""
    return mark + struct.pack(form, checksum, packed, size)


@dataclass(frozen=True)
class Header:
    """A header of a member; the same values are in its own header and in the directory."""

    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    name: bytes
    extra: bytes = b""
    comment: bytes = b""
    version: int = 20
    disk: int = 0
    attributes: int = 0
    offset: int | None = None

    def local(self) -> bytes:
        numbers = (self.version, self.flags, self.method, 0, 0x21, self.checksum, self.packed, self.size)
        lengths = (len(self.name), len(self.extra))
        return struct.pack("<4s5H3L2H", b"PK\3\4", *numbers, *lengths) + self.name + self.extra

    def central(self, offset: int) -> bytes:
        numbers = (20, self.version, self.flags, self.method, 0, 0x21, self.checksum, self.packed, self.size)
        lengths = (len(self.name), len(self.extra), len(self.comment))
        place = offset if self.offset is None else self.offset
        more = (self.disk, 0, self.attributes, place)
        return (
            struct.pack("<4s6H3L5H2L", b"PK\1\2", *numbers, *lengths, *more)
            + self.name
            + self.extra
            + self.comment
        )


@dataclass(frozen=True)
class Member:
    """A member with its two headers, what is in front of it, and what is behind its data."""

    own: Header
    listed: Header | None
    data: bytes
    front: bytes = b""
    after: bytes = b""


def member(name: str, array: np.ndarray, method: int = zipfile.ZIP_STORED, flags: int = 0) -> Member:
    """A sound member."""
    whole = npy(array)
    data = deflated(whole) if method else whole
    header = Header(flags, method, zlib.crc32(whole), len(data), len(whole), name.encode())
    return Member(header, header, data)


@dataclass(frozen=True)
class Archive:
    """Members, and what surrounds them; ``end`` overrides numbers of the end record by place."""

    members: tuple[Member, ...]
    front: bytes = b""
    before_directory: bytes = b""
    before_end: bytes = b""
    end: tuple[tuple[int, int], ...] = ()
    after: bytes = b""

    def build(self) -> bytes:
        data, directory, count = self.front, b"", 0
        for item in self.members:
            data += item.front
            if item.listed is not None:
                directory += item.listed.central(len(data))
                count += 1
            data += item.own.local() + item.data + item.after
        data += self.before_directory
        numbers = [0, 0, count, count, len(directory), len(data), 0]
        for place, value in self.end:
            numbers[place] = value
        return data + directory + self.before_end + struct.pack("<4s4H2LH", b"PK\5\6", *numbers) + self.after


ARRAYS = {"image": np.arange(6, dtype="f4").reshape(2, 3), "index": np.arange(3)}
STORED = Archive(tuple(member(f"{name}.npy", array) for name, array in ARRAYS.items()))
PACKED = Archive(tuple(member(f"{name}.npy", array, zipfile.ZIP_DEFLATED) for name, array in ARRAYS.items()))
FIRST, SECOND = STORED.members
TRUE = (FIRST.own.checksum, FIRST.own.packed, FIRST.own.size)


def own(archive: Archive = STORED, **changes: Any) -> Archive:
    """Change the first member's own header alone."""
    first, second = archive.members
    return replace(archive, members=(replace(first, own=replace(first.own, **changes)), second))


def listed(archive: Archive = STORED, **changes: Any) -> Archive:
    """Change the first member's entry in the directory alone."""
    first, second = archive.members
    return replace(archive, members=(replace(first, listed=replace(first.listed, **changes)), second))


def both(archive: Archive = STORED, **changes: Any) -> Archive:
    """Change the first member's header in both places."""
    return listed(own(archive, **changes), **changes)


def with_first(**changes: Any) -> Archive:
    """Change the first member in a way that its headers do not show."""
    return replace(STORED, members=(replace(FIRST, **changes), SECOND))


def streamed(after: bytes, base: Archive = STORED, **changes: Any) -> Archive:
    """Let the sizes of the first member follow its data; its own header has none."""
    empty = {"checksum": 0, "packed": 0, "size": 0}
    archive = own(both(base, flags=DESCRIBED_AFTER), **{**empty, **changes})
    first, second = archive.members
    return replace(archive, members=(replace(first, after=after), second))


def hidden_behind_deflate() -> Archive:
    """Bytes behind a deflate stream, counted as a part of it."""
    first, second = PACKED.members
    data = first.data + b"more"
    found = replace(first.own, packed=len(data))
    return replace(PACKED, members=(Member(found, found, data), second))


def unended_deflate() -> Archive:
    """All values, but no mark that the deflate stream ends."""
    whole = npy(ARRAYS["image"])
    packer = zlib.compressobj(wbits=-15)
    data = packer.compress(whole) + packer.flush(zlib.Z_SYNC_FLUSH)
    header = replace(PACKED.members[0].own, packed=len(data))
    return replace(PACKED, members=(Member(header, header, data), PACKED.members[1]))


def false_description() -> Archive:
    """Stored values that contain what describes the values before it, and another member."""
    values = np.zeros(4096, np.uint8)
    front = npy(values)[: 64 - values.nbytes]
    text = descriptor(zlib.crc32(front), len(front), len(front))
    values[64 : 64 + len(text)] = np.frombuffer(text, np.uint8)
    only = member("image.npy", values)
    true = (only.own.checksum, only.own.packed, only.own.size)
    return streamed(descriptor(*true), replace(STORED, members=(only, SECOND)))


def with_end_64(*changes: tuple[int, int], locator: tuple[int, int, int] | None = None) -> Archive:
    """An archive with the end records that large ones have, and numbers of the first changed by place."""
    plain = STORED.build()
    *_, size, start, _ = struct.unpack("<4s4H2LH", plain[-22:])
    numbers = [44, 45, 45, 0, 0, 2, 2, size, start]
    for place, value in changes:
        numbers[place] = value
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", *numbers)
    record += struct.pack("<4sLQL", b"PK\6\7", *(locator or (0, start + size, 1)))
    return replace(STORED, before_end=record)


def with_locator(record: bytes) -> Archive:
    """The last entry of the directory ends as if the end record of a large archive were there."""
    text = extra(0x9999, record + struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1))
    return replace(STORED, members=(FIRST, replace(SECOND, listed=replace(SECOND.own, extra=text))))


UNICODE_NAME = extra(0x7075, struct.pack("<BL", 1, zlib.crc32(b"image.npy")) + b"other.npy")
SIZES = struct.pack("<QQ", FIRST.own.size, FIRST.own.packed)
HIDDEN = member("hidden.npy", np.zeros(3))
CONTRADICTS = "image.npy with a header that contradicts the zip directory"
DIRECTORY = "a zip directory that contradicts the header of 'image.npy'"
REFUSED: dict[str, tuple[Callable[[], Archive], str]] = {
    "script in front": (lambda: replace(STORED, front=b"#!/bin/sh\n"), "in front of a zip archive"),
    "mark in front": (lambda: replace(STORED, front=b"PK\7\x08"), "in front of a zip archive"),
    "hidden first member": (
        lambda: replace(STORED, members=(replace(HIDDEN, listed=None), *STORED.members)),
        "in front of a zip archive",
    ),
    "hidden member between": (
        lambda: replace(STORED, members=(FIRST, replace(HIDDEN, listed=None), SECOND)),
        "in front of index.npy",
    ),
    "hidden last member": (
        lambda: replace(STORED, members=(*STORED.members, replace(HIDDEN, listed=None))),
        "in front of the zip directory",
    ),
    "all members hidden": (
        lambda: replace(STORED, members=(replace(FIRST, listed=None),)),
        "in front of a zip archive",
    ),
    "bytes between": (
        lambda: replace(STORED, members=(FIRST, replace(SECOND, front=b"\0"))),
        "in front of index.npy",
    ),
    "bytes in front of the directory": (
        lambda: replace(STORED, before_directory=b"PK\1\2"),
        "in front of the zip directory",
    ),
    "bytes behind the directory": (lambda: replace(STORED, before_end=b"more"), "zip"),
    "bytes behind the end": (lambda: replace(STORED, after=b"more"), "after a zip archive"),
    "zero behind the end": (lambda: replace(STORED, after=b"\0"), "after a zip archive"),
    "comment": (lambda: replace(STORED, end=((6, 4),), after=b"more"), "after a zip archive"),
    "comment that is missing": (lambda: replace(STORED, end=((6, 4),)), "zip"),
    "archive in the comment": (
        lambda: replace(STORED, end=((6, len(PACKED.build())),), after=PACKED.build()),
        "zip archive",
    ),
    "count too low here": (lambda: replace(STORED, end=((2, 1),)), "after a zip archive"),
    "count too low in all": (lambda: replace(STORED, end=((3, 1),)), "after a zip archive"),
    "both counts too high": (lambda: replace(STORED, end=((2, 3), (3, 3))), "after a zip archive"),
    "disk": (lambda: replace(STORED, end=((0, 1),)), "after a zip archive"),
    "disk of the directory": (lambda: replace(STORED, end=((1, 1),)), "after a zip archive"),
    "directory elsewhere": (lambda: replace(STORED, end=((5, 3),)), "zip archive"),
    "count without the record of large archives": (
        lambda: replace(STORED, end=((2, 0xFFFF), (3, 0xFFFF))),
        "after a zip archive",
    ),
    "large end, another count": (lambda: with_end_64((6, 1)), "after a zip archive"),
    "large end, another count here": (lambda: with_end_64((5, 1)), "after a zip archive"),
    "large end, another disk": (lambda: with_end_64((3, 1)), "zip"),
    "large end, more bytes": (lambda: with_end_64((0, 45)), "after a zip archive"),
    "large end, located elsewhere": (lambda: with_end_64(locator=(0, 7, 1)), "after a zip archive"),
    "locator in the last entry": (lambda: with_locator(b""), "zip archive"),
    "end record in the last entry": (
        lambda: with_locator(struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, *[0] * 6)),
        "zip archive",
    ),
    "own name": (lambda: own(name=b"other.npy"), "contradicts the header of 'other.npy'"),
    "own name, shorter": (lambda: own(name=b"image.np"), "contradicts the header of 'image.np'"),
    "listed name": (lambda: listed(name=b"other.npy"), "contradicts the header of 'image.npy'"),
    "own method": (lambda: own(method=zipfile.ZIP_DEFLATED), CONTRADICTS),
    "own checksum": (lambda: own(checksum=1), CONTRADICTS),
    "own packed size": (lambda: own(packed=1), CONTRADICTS),
    "own size": (lambda: own(size=1), CONTRADICTS),
    "listed checksum": (lambda: listed(checksum=1), CONTRADICTS),
    "listed size": (lambda: listed(size=TRUE[2] - 4), CONTRADICTS),
    "stored with two sizes": (lambda: both(size=TRUE[2] - 4), CONTRADICTS),
    "checksum": (lambda: both(checksum=1), "image.npy damaged (wrong checksum)"),
    "own version": (lambda: own(version=64), CONTRADICTS),
    "both versions": (lambda: both(version=64), "zip archive"),
    "own flag of encryption": (lambda: own(flags=1), DIRECTORY),
    "own flag of a description": (lambda: own(flags=DESCRIBED_AFTER), CONTRADICTS),
    "listed flag of a description": (lambda: listed(flags=DESCRIBED_AFTER), DIRECTORY),
    "own flag of UTF-8": (lambda: own(flags=UTF_8), DIRECTORY),
    "encrypted": (lambda: both(flags=0x1), "image.npy encrypted"),
    "strongly encrypted": (lambda: both(flags=0x41), "image.npy encrypted"),
    "encrypted directory": (lambda: both(flags=0x2000), "image.npy encrypted"),
    "patch": (lambda: both(flags=0x20), "zip"),
    "reserved flag": (lambda: both(flags=0x8000), "zip flags 0x8000"),
    "member's comment": (lambda: listed(comment=b"more"), "with a comment"),
    "another disk": (lambda: listed(disk=1), "split archive"),
    "symbolic link": (lambda: listed(attributes=0o120777 << 16), "marked as no plain file"),
    "directory": (lambda: listed(attributes=0x10), "marked as no plain file"),
    "another name in the extra field": (lambda: own(extra=UNICODE_NAME), CONTRADICTS),
    "another name in the directory's extra field": (lambda: listed(extra=UNICODE_NAME), "'image.npy'"),
    "name that ends early": (lambda: both(name=b"image.npy\0.npy"), "a member named"),
    "name in an unknown encoding": (lambda: both(name="bildhöhe.npy".encode("cp437")), "contradicts"),
    "name that is not UTF-8": (lambda: both(name=b"\xff.npy", flags=UTF_8), "zip"),
    "damaged extra field": (lambda: own(extra=b"\1\0\x10"), CONTRADICTS),
    "extra field of another length": (lambda: own(extra=struct.pack("<HH", 0x9999, 9)), CONTRADICTS),
    "extra field twice": (lambda: own(extra=2 * extra(0x9999, b"")), CONTRADICTS),
    "other sizes in the extra field": (
        lambda: own(packed=BIG, size=BIG, extra=extra(1, struct.pack("<QQ", 3, 3))),
        CONTRADICTS,
    ),
    "other sizes in the extra field too": (
        lambda: own(extra=extra(1, struct.pack("<QQ", 3, 3))),
        CONTRADICTS,
    ),
    "other sizes in the extra field too, described after": (
        lambda: streamed(descriptor(*TRUE), extra=extra(1, SIZES)),
        CONTRADICTS,
    ),
    "one size in the extra field": (lambda: own(packed=BIG, extra=extra(1, SIZES)), CONTRADICTS),
    "listed sizes in an extra field too": (lambda: listed(extra=extra(1, SIZES)), DIRECTORY),
    "two members at one place": (
        lambda: replace(STORED, members=(FIRST, replace(SECOND, listed=replace(SECOND.own, offset=0)))),
        "in front of",
    ),
    "duplicate": (lambda: replace(STORED, members=(FIRST, FIRST)), "two members named 'image.npy'"),
    "name that numpy confuses": (
        lambda: replace(STORED, members=(*STORED.members, member("image.npy.npy", np.arange(2)))),
        "which numpy confuses",
    ),
    "hidden behind deflate": (hidden_behind_deflate, "image.npy damaged (shorter or longer"),
    "deflate without an end": (unended_deflate, "image.npy damaged (shorter or longer"),
    "description of other data": (lambda: streamed(descriptor(1, *TRUE[1:])), CONTRADICTS),
    "description without its mark": (lambda: streamed(descriptor(*TRUE, mark=b"")), CONTRADICTS),
    "no description": (lambda: streamed(b""), CONTRADICTS),
    "description that is too long": (lambda: streamed(descriptor(*TRUE) + b"\0"), "in front of index.npy"),
    "description and another size": (lambda: streamed(descriptor(*TRUE), size=9), CONTRADICTS),
    "description among the values": (false_description, CONTRADICTS),
    "values end early": (lambda: with_first(data=FIRST.data[:-1]), "in front of index.npy"),
}
ACCEPTED: dict[str, Callable[[], Archive]] = {
    "stored": lambda: STORED,
    "deflated": lambda: PACKED,
    "described after": lambda: streamed(descriptor(*TRUE)),
    "described after, and sizes in front": lambda: streamed(
        descriptor(*TRUE), checksum=TRUE[0], packed=TRUE[1], size=TRUE[2]
    ),
    "described after with large sizes": lambda: streamed(descriptor(*TRUE, form="<LQQ")),
    "large sizes": lambda: own(packed=BIG, size=BIG, extra=extra(1, SIZES), version=45),
    "large sizes, described after": lambda: streamed(
        descriptor(*TRUE, form="<LQQ"), packed=BIG, size=BIG, extra=extra(1, bytes(16))
    ),
    "sizes in both places, as Python 3.10 writes them": lambda: own(extra=extra(1, SIZES)),
    "sizes in both places, described after": lambda: streamed(descriptor(*TRUE), extra=extra(1, bytes(16))),
    "large sizes in the directory": lambda: listed(packed=BIG, size=BIG, extra=extra(1, SIZES)),
    "large end": with_end_64,
    "time in an extra field": lambda: both(extra=extra(0x5455, b"\1\0\0\0\0")),
    "the same name in an extra field": lambda: both(
        extra=extra(0x7075, struct.pack("<BL", 1, zlib.crc32(b"image.npy")) + b"image.npy")
    ),
}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return describe_arrays(one) == describe_arrays(other)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A path that each test, and each of its examples, overwrites."""
    return tmp_path_factory.mktemp("members") / "example.npz"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ACCEPTED)
def test_sound_archives_are_read(path, kind, reader):
    """Otherwise the refusals prove nothing. zipfile finds nothing wrong with them, either."""
    path.write_bytes(ACCEPTED[kind]().build())
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    assert same(reader(path), ARRAYS)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", REFUSED)
def test_an_archive_that_programs_could_read_differently_is_refused(path, kind, reader):
    """One sentence names the file, what is wrong with it and a remedy."""
    build, found = REFUSED[kind]
    path.write_bytes(build().build())
    with pytest.raises(UnreadableError) as caught:
        reader(path)
    assert found in caught.value.found
    assert str(path) in caught.value.thing
    assert caught.value.remedy
    assert str(caught.value).isprintable()


def test_a_directory_in_another_order_than_the_members_is_read(path):
    """Both orders have the same members."""
    data = STORED.build()
    start, end = data.index(b"PK\1\2"), len(data) - 22
    second = data.index(b"PK\1\2", start + 4)
    path.write_bytes(data[:start] + data[second:end] + data[start:second] + data[end:])
    assert same(read_archive(path), ARRAYS)


# Whatever numpy and this package write is accepted


class OneWay(io.RawIOBase):
    """A stream that cannot go back: sizes then follow the data of a member."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.data += data
        return len(data)


def one_way(save: Callable[..., None]) -> Callable[..., None]:
    def write(path, **arrays: np.ndarray) -> None:
        stream = OneWay()
        save(stream, **arrays)
        path.write_bytes(stream.data)

    return write


def by_zipfile(method: int, *, force_zip64: bool, seekable: bool) -> Callable[..., None]:
    def write(path, **arrays: np.ndarray) -> None:
        stream = io.BytesIO() if seekable else OneWay()
        with zipfile.ZipFile(stream, "w", method) as archive:
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=force_zip64) as opened:
                    np.lib.format.write_array(opened, array, allow_pickle=False)
        path.write_bytes(stream.getvalue() if isinstance(stream, io.BytesIO) else stream.data)

    return write


def own_writer(path, **arrays: np.ndarray) -> None:
    write_archive(path, arrays)


WRITERS = [
    np.savez,
    np.savez_compressed,
    one_way(np.savez),
    one_way(np.savez_compressed),
    own_writer,
    *(
        by_zipfile(method, force_zip64=force, seekable=seekable)
        for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        for force in (False, True)
        for seekable in (False, True)
    ),
]


@st.composite
def named_arrays(draw: st.DrawFn) -> dict[str, np.ndarray]:
    """A few arrays of plain dtypes, in both orders, with names that need UTF-8 among them."""
    named = {}
    for name in draw(st.sets(st.sampled_from(["image", "a b", "Å", "日本", "x.npy", "PK"]))):
        dtype = draw(st.sampled_from(["?", "u1", "<i4", ">f8", "<c8", "S3", "<U2", "M8[ns]"]))
        array = draw(any_arrays(dtype, draw(array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=5))))
        named[name] = np.array(array, order=draw(st.sampled_from("CF")))
    return named


@settings(max_examples=300, deadline=None)
@given(named=named_arrays(), write=st.sampled_from(WRITERS))
def test_whatever_numpy_writes_is_read_with_its_arrays(path, named, write):
    """By every reader, in whichever way it was written."""
    write(path, **named)
    for reader in READERS:
        assert same(reader(path), named)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), write=st.sampled_from(WRITERS))
def test_an_archive_with_one_byte_more_is_refused_or_the_same(path, data, write):
    """Bytes inserted anywhere never add an array, or change one."""
    write(path, **ARRAYS)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole)), label="at")
    put = data.draw(st.sampled_from([b"\0", b"PK\3\4", b"PK\7\x08", FIRST.own.local() + FIRST.data]))
    path.write_bytes(whole[:at] + put + whole[at:])
    for reader in READERS:
        with contextlib.suppress(UnreadableError):
            assert same(reader(path), ARRAYS)


def walked(data: bytes) -> Iterator[str]:
    """Yield the members that a program finds from the front, without the directory, by their sizes."""
    place = 0
    while data[place : place + 4] == b"PK\3\4":
        *_, packed, _, name, more = struct.unpack_from("<4s5H3L2H", data, place)
        yield data[place + 30 : place + 30 + name].decode()
        place += 30 + name + more + packed


def test_a_reader_from_the_front_finds_the_same_members(path):
    """In what this package writes."""
    write_archive(path, ARRAYS)
    assert [*walked(path.read_bytes())] == [f"{name}.npy" for name in read_archive(path)]
