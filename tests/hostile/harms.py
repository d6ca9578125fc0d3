"""Harms: each, given a path and a reader, leaves a broken file there."""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import warnings
import zipfile
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from arena import Reader

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Harm:
    """A harm, a text that the error must contain, and whether a reader may also accept the file."""

    do: Callable[[Path, Reader], None]
    says: str = ""
    harmless: bool = False


def writes(make: Callable[[Reader], bytes], says: str = "", *, harmless: bool = False) -> Harm:
    return Harm(lambda path, reader: _write(path, make(reader)), says, harmless)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _mode_zero(path: Path, reader: Reader) -> None:
    path.write_bytes(reader.sound())
    path.chmod(0)


def _sparse(path: Path, reader: Reader) -> None:
    path.write_bytes(reader.sound())
    os.truncate(path, 3 << 30)


ANY: Mapping[str, Harm] = {
    "directory": Harm(lambda path, _: path.mkdir()),
    "pipe": Harm(lambda path, _: os.mkfifo(path)),
    "endless device": Harm(lambda path, _: path.symlink_to("/dev/zero")),
    "link to itself": Harm(lambda path, _: path.symlink_to(path)),
    "no permission": Harm(_mode_zero, "Permission denied"),
    "three sparse gigabytes": Harm(_sparse),
    "empty": writes(lambda _: b"", "an empty file"),
    "half": writes(lambda reader: reader.sound()[: len(reader.sound()) // 2]),
    "not UTF-8": writes(lambda _: b"\xff\xfe\x80 = [\xe9]"),
    "zeros": writes(lambda _: bytes(MIB)),
    "pickle": writes(lambda _: pickle.dumps([1, 2])),
    "LFS pointer": writes(
        lambda _: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS"
    ),
}

# JSON


def beside(text: bytes) -> Callable[[Reader], bytes]:
    """Insert a member, ``"extra": text``, into the sound document."""
    return lambda reader: reader.sound().replace(reader.place, reader.place + b'"extra": ' + text + b",", 1)


def twice(reader: Reader) -> bytes:
    """A member given twice, with two values."""
    return reader.sound().replace(reader.place, reader.place + b'"k": "one", "k": "two",', 1)


def another_schema(reader: Reader) -> bytes:
    return re.sub(rb'"schema": (\d)', lambda schema: b'"schema": %d' % (int(schema[1]) + 1), reader.sound())


def conflict(reader: Reader) -> bytes:
    first, rest = reader.sound().split(b"\n", 1)
    return first + b"\n<<<<<<< ours\n" + rest + b"=======\n" + rest + b">>>>>>> theirs\n"


def nested(opening: bytes, closing: bytes, depth: int) -> Callable[[Reader], bytes]:
    return beside(opening * depth + b"1" + closing * depth)


JSON: Mapping[str, Harm] = {
    "key twice": writes(twice, "the key 'k' twice in $"),
    "conflict markers": writes(conflict, "conflict markers of git, the first in line 2"),
    "half of a conflict": writes(lambda r: r.sound() + b">>>>>>> theirs\n", "conflict markers"),
    "lists 70 deep": writes(nested(b"[", b"]", 70), "nested more than 64 deep"),
    "lists 100,000 deep": writes(nested(b"[", b"]", 100_000)),
    "tables 100,000 deep": writes(nested(b'{"a":', b"}", 100_000)),
    "unclosed lists": writes(beside(b"[" * 100_000)),
    "11 million empty lists": writes(beside(b"[" + b"[]," * 11_000_000 + b"[]]"), "more than"),
    "just fewer lists": writes(beside(b"[" + b"[]," * 500_000 + b"[]]"), harmless=True),
    "just fewer keys": writes(
        beside(b"{" + b",".join(b'"%x":0' % i for i in range(1_000_000)) + b"}"), harmless=True
    ),
    "31 MiB of wide text": writes(beside('"😀'.encode() + b"a" * (31 * MIB) + b'"'), harmless=True),
    "too much text": writes(lambda r: beside(b'"' + b"a" * (r.mebibytes * MIB) + b'"')(r), "MiB"),
    "a key of 30 MiB": writes(
        lambda r: r.sound().replace(b"{", b'{"' + b"k" * (30 * MIB) + b'": 1,', 1), "unknown field"
    ),
    "a key for terminals": writes(
        lambda r: r.sound().replace(b"{", b'{"\\u001b[2J\\n": 1,', 1), "`\\x1b[2J\\n`"
    ),
    "1e999": writes(beside(b"1e999")),
    "5,000 digits": writes(beside(b"9" * 5000)),
    "NaN": writes(beside(b"NaN"), "malformed"),
    "half a surrogate": writes(beside(b'"\\ud800"')),
    "a raw line break": writes(beside(b'"a\nb"')),
    "not UTF-8 in text": writes(beside(b'"\xff"')),
    "UTF-16": writes(lambda r: r.sound().decode().encode("utf-16")),
    "byte order mark": writes(lambda r: b"\xef\xbb\xbf" + r.sound(), "malformed"),
    "more after the end": writes(lambda r: r.sound() + b"{}", "trailing"),
    "a list": writes(lambda _: b"[]", "Expected `object`"),
    "null": writes(lambda _: b"null", "Expected `object`"),
    "another schema": writes(another_schema, "schema"),
    "an endless schema": writes(lambda r: re.sub(rb'("schema": \d)', rb"\1" + b"1" * 5000, r.sound())),
}

# The registry has its own decoder, with other messages. Every key of it is fixed, so few harms are harmless.


def _sized(reader: Reader, size: bytes) -> bytes:
    return re.sub(rb'"size": \d+', b'"size": ' + size, reader.sound(), count=1)


def _with_surrogate(reader: Reader) -> bytes:
    return re.sub(rb"(golden/)\w+", rb"\1\\ud800", reader.sound())


REGISTRY: Mapping[str, Harm] = {
    **{name: replace(harm, says="") for name, harm in JSON.items()},
    "key twice": writes(
        lambda r: r.sound().replace(b'"kind": ', b'"kind": "file", "kind": ', 1), "the key 'kind' twice in $"
    ),
    "conflict markers": JSON["conflict markers"],
    "a list": writes(lambda _: b"[]", "not an object"),
    "a size of -1": writes(lambda r: _sized(r, b"-1"), "the size -1 at $.entries['golden/a.npz'].size"),
    "a size of -0": writes(lambda r: _sized(r, b"-0.0"), "the size -0.0 at"),
    "a size of 2^64": writes(lambda r: _sized(r, b"%d" % 2**64), "the size 18446744073709551616 at"),
    "a size that is true": writes(lambda r: _sized(r, b"true"), "the size True at"),
    "half a surrogate in a path": writes(_with_surrogate, "a path that is not Unicode text at $.entries"),
}

# JSON lines: the history of golden files

HISTORY: Mapping[str, Harm] = {
    "conflict markers": writes(conflict, "merge conflict"),
    "lists 100,000 deep": JSON["lists 100,000 deep"],
    "tables 100,000 deep": JSON["tables 100,000 deep"],
    "11 million empty lists": JSON["11 million empty lists"],
    "too much text": JSON["too much text"],
    "key twice": writes(twice, "the key 'k' twice in $"),
    "NaN": JSON["NaN"],
    "half a surrogate": JSON["half a surrogate"],
    "half a surrogate in a path": writes(_with_surrogate, "malformed"),
    "another type": writes(lambda r: r.sound().replace(b'"type":"record"', b'"type":"note"'), "type"),
    "a record by another spelling": writes(lambda r: r.sound().replace(b'":"', b'": "')),
    "Windows line ends": writes(lambda r: r.sound().replace(b"\n", b"\r\n"), "Windows line endings"),
}

# TOML

TOML: Mapping[str, Harm] = {
    "conflict markers": writes(conflict, "conflict markers"),
    "key twice": writes(lambda r: r.sound() + b"lattice = 'again'\n"),
    "lists 100,000 deep": writes(lambda _: b"a = " + b"[" * 100_000),
    "5,000 digits": writes(lambda _: b"a = " + b"9" * 5000),
    "34 MiB of text": writes(lambda r: r.sound() + b"# " + b"a" * (34 * MIB), "more than"),
    "unknown table": writes(lambda r: r.sound().replace(b"generators", b"generator"), "generator"),
    "wrong type": writes(lambda r: r.sound().replace(b"'example:lattice'", b"3"), "Expected `str`"),
    "wrong tables": writes(lambda _: b"tool = 3\n", "Expected"),
    "leads nowhere": writes(lambda _: b"[[tool.harness]]\n", "Expected"),
}

# npz


def member(text: str, values: bytes = bytes(64), version: int = 1) -> bytes:
    """Return an .npy whose header is *text*."""
    lines = text.encode() + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(lines))
    return b"\x93NUMPY" + bytes([version, 0]) + size + lines + values


def shaped(shape: str, descr: str = "|u1") -> str:
    return f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}}}"


def zipped(*members: tuple[str, bytes], how: int = zipfile.ZIP_STORED) -> Callable[[Reader], bytes]:
    """Add members to the sound archive. Readers must check those that they do not use, too."""

    def make(reader: Reader) -> bytes:
        stream = io.BytesIO(reader.sound())
        with warnings.catch_warnings(), zipfile.ZipFile(stream, "a", how) as archive:
            warnings.simplefilter("ignore")  # about a name given twice
            for name, data in members:
                archive.writestr(name, data)
        return stream.getvalue()

    return make


def claimed(shape: int, data: bytes, how: int = zipfile.ZIP_STORED) -> Callable[[Reader], bytes]:
    """Make a member whose header and zip directory agree on a size that it does not have."""

    def make(_: Reader) -> bytes:
        stream, head = io.BytesIO(), member(shaped(f"({shape},)"), b"")
        with zipfile.ZipFile(stream, "w", how) as archive:
            archive.writestr("image.npy", head + data)
            archive.filelist[0].file_size = len(head) + shape
            archive.filelist[0].CRC = 0
        return stream.getvalue()

    return make


def inflating(size: int, claim: int, head: bytes = b"") -> Callable[[Reader], bytes]:
    """Make a member of *size* zeros, deflated to a thousandth, that claims to have *claim* bytes."""
    head = head or member(shaped(f"({claim},)"), b"")

    def make(_: Reader) -> bytes:
        stream = io.BytesIO()
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        opening = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
        block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
        body = opening + block * (size // MIB) + packer.flush()
        with zipfile.ZipFile(stream, "w") as archive:
            archive.writestr("image.npy", body)
            info = archive.filelist[0]
            info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, len(head) + claim
        data = stream.getvalue()  # the method is in the member's own header too
        return data[:8] + struct.pack("<H", zipfile.ZIP_DEFLATED) + data[10:]

    return make


def overlapping(_: Reader) -> bytes:
    """Make an archive with 2,000 names for the same MiB."""
    stream, data = io.BytesIO(), member(shaped(f"({MIB},)"), bytes(MIB))
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("00000.npy", data)
        for number in range(1, 2000):
            info = zipfile.ZipInfo(f"{number:05}.npy")
            for part in ("CRC", "file_size", "compress_size", "header_offset"):
                setattr(info, part, getattr(archive.filelist[0], part))
            archive.filelist.append(info)
    return stream.getvalue()


def crowded(_: Reader) -> bytes:
    """Make an archive of 200,000 members, of 51 bytes each in the zip directory."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, *[0] * 16)
    entries = b"".join(entry[:28] + struct.pack("<H", 5) + entry[30:] + b"%05x" % i for i in range(200_000))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, len(entries), 0, 0)
    return entries + end


def unlisted(reader: Reader) -> bytes:
    """Add a member that the directory does not list."""
    stream = io.BytesIO(reader.sound())
    with zipfile.ZipFile(stream, "a") as archive:
        archive.writestr("hidden.npy", fine())
        archive.filelist.pop()
    return stream.getvalue()


def between(reader: Reader) -> bytes:
    """Put data between the last member and the directory, and correct the directory's place."""
    data = reader.sound()
    start = int.from_bytes(data[-6:-2], "little")
    place = struct.pack("<L", start + 4)
    return data[:start] + b"PK\1\2" + data[start:-6] + place + data[-2:]


def renamed(reader: Reader) -> bytes:
    """Change the first member's name in its own header alone."""
    data = bytearray(reader.sound())
    data[30] ^= 1
    return bytes(data)


def miscounted(reader: Reader) -> bytes:
    """Count one member less at the end."""
    data = bytearray(reader.sound())
    data[-12] = data[-14] = data[-12] - 1
    return bytes(data)


def wrong_checksum(reader: Reader) -> bytes:
    """Give the first member another checksum, in its own header and in the directory."""
    data = bytearray(reader.sound())
    for place in (14, int.from_bytes(data[-6:-2], "little") + 16):
        data[place] ^= 1
    return bytes(data)


def behind_deflate(_: Reader) -> bytes:
    """Make a member with bytes behind its deflate stream, counted as a part of it."""
    stream, whole = io.BytesIO(), fine()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = packer.compress(whole) + packer.flush() + b"more"
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("image.npy", body)
        info = archive.filelist[0]
        info.compress_type, info.file_size, info.CRC = zipfile.ZIP_DEFLATED, len(whole), zlib.crc32(whole)
    data = stream.getvalue()
    own = struct.pack("<H4xLLL", zipfile.ZIP_DEFLATED, zlib.crc32(whole), len(body), len(whole))
    return data[:8] + own + data[26:]


def objects(reader: Reader) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([{}], object), allow_pickle=True)
    return zipped(("more.npy", stream.getvalue()))(reader)


def fine(values: Any = 3) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def _named(name: str) -> Harm:
    return writes(zipped((name, fine())), "a member named")


TERA = 10**12
NPZ: Mapping[str, Harm] = {
    "pickled objects": writes(objects, "pickled"),
    "bomb that says so": writes(inflating(2 << 30, 2 << 30), "claiming"),
    "bomb that says 64 bytes": writes(inflating(2 << 30, 64)),
    "bomb that says 100 MiB": writes(inflating(2 << 30, 100 * MIB)),
    "2,000 names for one MiB": writes(overlapping, "claiming"),
    "200,000 members": writes(crowded, "a zip directory of"),
    "bzip2": writes(zipped(("more.npy", fine()), how=zipfile.ZIP_BZIP2), "compressed by method 12"),
    "lzma": writes(zipped(("more.npy", fine()), how=zipfile.ZIP_LZMA), "compressed by method 14"),
    "header claims 10^12": writes(zipped(("image2.npy", member(shaped(f"({TERA},)")))), "claiming"),
    "all claim 10^12": writes(claimed(TERA, bytes(64)), "claiming"),
    "all claim 10^12, deflated": writes(claimed(TERA, bytes(64), zipfile.ZIP_DEFLATED), "claiming"),
    "all claim 200 MiB": writes(claimed(200 * MIB, bytes(64))),
    "header of 4 GB": writes(zipped(("big.npy", member("", b"", 2)[:8] + b"\xff" * 200)), "header"),
    "header of 255 MiB": writes(
        inflating(256 * MIB, 255 * MIB, b"\x93NUMPY\2\0" + struct.pack("<I", 255 * MIB - 12)), "header"
    ),
    "header 9,000 deep": writes(zipped(("deep.npy", member("[" * 9000))), "header"),
    "header of 9,000 signs": writes(zipped(("deep.npy", member("-" * 9000 + "1"))), "header"),
    "header of 9,000 sums": writes(zipped(("deep.npy", member("1+" * 4500 + "1"))), "header"),
    "header with code": writes(zipped(("code.npy", member("__import__('os')._exit(1)"))), "header"),
    "header with odd text": writes(zipped(("odd.npy", member(r"{'\d': 1 is 1}"))), "header"),
    "elements of 2 GB": writes(zipped(("big.npy", member(shaped("()", "|S2000000000")))), "claiming"),
    "shape below zero": writes(zipped(("shape.npy", member(shaped("(-8, -8)"))))),
    "shape beyond memory": writes(zipped(("shape.npy", member(shaped(f"(0, {1 << 70})"), b"")))),
    "name twice": writes(zipped(("more.npy", fine()), ("more.npy", fine())), "two members named"),
    "absolute name": _named("/tmp/more.npy"),  # noqa: S108 - nothing is written there
    "name that climbs": _named("../more.npy"),
    "name of a drive": _named("C:more.npy"),
    "name for terminals": _named("\x1b[2J\n.npy"),
    "name of 60,000": _named("a" * 60_000),
    "no array": writes(zipped(("notes.txt", b"text")), "a member named"),
    "a single .npy": writes(lambda _: fine(), "single .npy"),
    "script in front": writes(lambda r: b"#!/bin/sh\n" + r.sound(), "in front of a zip archive"),
    "member not listed": writes(unlisted, "in front of the zip directory"),
    "data between": writes(between, "in front of the zip directory"),
    "another name in front": writes(renamed, "contradicts the header"),
    "members miscounted": writes(miscounted, "after a zip archive"),
    "wrong checksum": writes(wrong_checksum, "wrong checksum"),
    "bytes behind deflate": writes(behind_deflate, "shorter or longer than it declares"),
    "archive in an archive": writes(lambda r: zipped(("a.npz", r.sound()))(r), "a member named"),
}

NO_TABLE = {"empty", "directory", "pipe", "endless device", "link to itself"}
NO_FILE = {"directory", "pipe", "endless device", "link to itself", "no permission"}
JOURNAL: Mapping[str, Harm] = {"half a surrogate in a path": HISTORY["half a surrogate in a path"]}
HARMS: Mapping[str, Mapping[str, Harm]] = {
    "bytes": {name: harm for name, harm in ANY.items() if name in NO_FILE},
    "npz": {**ANY, **NPZ},
    "json": {**ANY, **JSON},
    "journal": {**ANY, **JSON, **JOURNAL},
    "registry": {**ANY, **REGISTRY},
    "history": {**{name: harm for name, harm in ANY.items() if name != "empty"}, **HISTORY},
    "toml": {
        **{name: harm for name, harm in ANY.items() if name not in NO_TABLE},
        **TOML,
    },
}
"""By kind of file. An empty or missing pyproject.toml is not an error."""
