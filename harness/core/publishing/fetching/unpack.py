"""A published directory or .zip archive -> its files in a new directory, each compared with the list of sums.

Nothing is read from a publication but what SHA256SUMS lists, and nothing that it lists may be missing. Links,
encrypted members and archives that claim to hold very much more than their size are refused. What is copied
is compared while it is copied, so that no byte is used that was not compared.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import HarnessError, RefusedError, UnreadableError
from harness.core.publishing.layout import DIGEST, SUMS
from harness.core.storage.atomic import is_regular, make_directory, unwritable_on_error
from harness.core.storage.names import require_distinct
from harness.core.storage.npz_members import MAX_INFLATED, METHODS, ZIP_ERRORS, open_archive
from harness.core.storage.project import require_inner

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Callable, Iterable, Mapping
    from typing import IO

_BLOCK_BYTES = 1 << 20
_MOST_SUMS = 1 << 24
"""Bytes of a list of sums: enough for 100,000 files."""

_MOST_TIMES = 100
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_LINE = re.compile(r"([0-9a-f]{64}) [ *](.+)")
_AGAIN = "Get it again from where it was published."


class _Found(NamedTuple):
    """A file of a publication: how many bytes it has, and a function that opens it."""

    size: int
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A publication's files in a directory, each with the SHA-256 of its list.

    Attributes
    ----------
    folder : Path
    names : frozenset of str
        Paths of the files, but for the list itself.
    sums : str
        Digest ``sha256:...`` of the list, which is one of all files.
    """

    folder: Path
    names: frozenset[str]
    sums: str


def unpack(path: Path, folder: Path, thing: str) -> Unpacked:
    """Copy the files of a publication to *folder*, an empty directory.

    Parameters
    ----------
    path : Path
        A directory that ``harness publish`` wrote, or a .zip archive of one.
    folder : Path
    thing : str
        What errors call it.

    Raises
    ------
    UnreadableError
        If it is not a publication, or is damaged: a file is missing, not in the list, or not plain.
    RefusedError
        If a file does not have the SHA-256 of the list, a path leaves the directory, or an archive claims to
        hold very much more than its size.
    """
    if path.is_dir():
        return _unpack(thing, _files_in(path, thing), folder)
    try:
        with open_archive(path) as archive:
            return _unpack(thing, _members(path, archive, thing), folder)
    except UnreadableError as error:
        if error.expected != "a .npz archive of plain arrays":
            raise
        raise damaged(thing, error.found) from error


def damaged(thing: str, found: str) -> UnreadableError:
    """Return the error that says what *thing* is in place of a publication."""
    return UnreadableError(
        thing,
        expected="a directory or .zip archive that `harness publish` wrote",
        found=found,
        remedy=f"Nothing was changed. {_AGAIN}",
    )


def _unpack(thing: str, files: Mapping[str, _Found], folder: Path) -> Unpacked:
    """Copy all files, once it is known that they are those of the list."""
    text = _sums_text(thing, files)
    sums = _parse(thing, text)
    _require_same_names(thing, files.keys() - {SUMS}, sums.keys())
    for name, digest in sums.items():
        found = _copy(thing, name, files[name], folder / name)
        if found != digest:
            raise RefusedError(
                f"{thing}: {name}",
                expected=f"{DIGEST}{digest}, as in {SUMS}",
                found=f"{DIGEST}{found}",
                remedy=f"Nothing was changed. The file is damaged, or somebody changed it. {_AGAIN}",
            )
    return Unpacked(folder, frozenset(sums), f"{DIGEST}{hashlib.sha256(text).hexdigest()}")


def _sums_text(thing: str, files: Mapping[str, _Found]) -> bytes:
    if SUMS not in files:
        raise damaged(thing, f"no {SUMS} in it")
    if files[SUMS].size > _MOST_SUMS:
        raise damaged(thing, f"a {SUMS} of {files[SUMS].size} bytes")
    with _readable(thing, SUMS), files[SUMS].open() as stream:
        return stream.read(_MOST_SUMS)


def _parse(thing: str, text: bytes) -> dict[str, str]:
    """Return the digests by path that a list of sums has."""
    sums: dict[str, str] = {}
    try:
        lines = text.decode().split("\n")
    except UnicodeDecodeError as error:
        raise damaged(thing, f"a {SUMS} that is not UTF-8") from error
    for number, line in enumerate(filter(None, lines), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            raise damaged(thing, f"a {SUMS} whose line {number} is not a digest and a path")
        digest, name = match.groups()
        if name in sums:
            raise damaged(thing, f"two lines of {SUMS} about {name}")
        require_inner(name)
        sums[name] = digest
    require_distinct("file", sums)
    return sums


def _require_same_names(thing: str, found: Iterable[str], listed: Iterable[str]) -> None:
    missing, extra = sorted({*listed} - {*found}), sorted({*found} - {*listed})
    if missing:
        raise damaged(thing, f"no {missing[0]}, which {SUMS} lists")
    if extra:
        raise damaged(thing, f"{extra[0]}, which {SUMS} does not list")


def _copy(thing: str, name: str, file: _Found, target: Path) -> str:
    """Copy a file: at most as many bytes as it claims to have. Return its SHA-256 in hexadecimal digits."""
    make_directory(target.parent)
    state, left = hashlib.sha256(), file.size
    with unwritable_on_error(target), target.open("xb") as out, _readable(thing, name), file.open() as stream:
        while left and (block := stream.read(min(left, _BLOCK_BYTES))):
            out.write(block)
            state.update(block)
            left -= len(block)
        left += len(stream.read(1))  # at the end, zipfile compares its own checksum
    if left:
        raise damaged(thing, f"{name} with another size than its entry says")
    return state.hexdigest()


class _readable:  # noqa: N801 - used as a function
    """Raise :class:`UnreadableError` for whatever reading a damaged file raises in the block."""

    def __init__(self, thing: str, name: str) -> None:
        self._place = thing, name

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        thing, name = self._place
        if isinstance(error, ZIP_ERRORS) and not isinstance(error, HarnessError):
            raise damaged(thing, f"{name} damaged: {error}") from error


def _files_in(top: Path, thing: str) -> dict[str, _Found]:
    """Return the files of a directory by path; links and what is not a plain file are refused."""
    found: dict[str, _Found] = {}
    for place, folders, names in os.walk(top):
        for name in (*folders, *names):
            path = Path(place, name)
            inner = path.relative_to(top).as_posix()
            if path.is_symlink():
                raise damaged(thing, f"{inner}, a symbolic link")
            if name in names and not is_regular(path):
                raise damaged(thing, f"{inner}, which is not a plain file")
            if name in names:
                found[inner] = _Found(path.stat().st_size, _opener(path))
    return found


def _opener(path: Path) -> Callable[[], IO[bytes]]:
    return lambda: path.open("rb")


def _members(path: Path, archive: zipfile.ZipFile, thing: str) -> dict[str, _Found]:
    """Return the members of an archive by path, without the directory that all of them may be in."""
    infos: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.is_dir() and not info.file_size:
            continue
        if problem := _problem(info):
            raise damaged(thing, problem)
        if info.filename in infos:
            raise damaged(thing, f"two members named {info.filename!r}")
        infos[info.filename] = info
    _require_modest(path, infos.values(), thing)
    prefix = _prefix(infos)
    outside = [name for name in infos if not name.startswith(prefix)]
    if outside:
        raise damaged(thing, f"{outside[0]!r} outside of {prefix}")
    return {
        name[len(prefix) :]: _Found(info.file_size, _member_opener(archive, info))
        for name, info in infos.items()
    }


def _member_opener(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(info)


def _prefix(names: Iterable[str]) -> str:
    """Return the directory of the list of sums, with its final /; empty at the top."""
    places = [name.removesuffix(SUMS) for name in names if f"/{name}".endswith(f"/{SUMS}")]
    return min(places, key=len, default="")


def _problem(info: zipfile.ZipInfo) -> str:
    """Why a member cannot be a file of a publication; empty if it can."""
    name, kind = info.filename, stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return f"{name!r}, a symbolic link"
    if kind not in {0, stat.S_IFREG}:
        return f"{name!r}, which is not a plain file"
    if info.flag_bits & _ENCRYPTED:
        return f"{name!r} encrypted"
    if info.compress_type not in METHODS:
        return f"{name!r} compressed by method {info.compress_type}"
    return f"a member named {info.orig_filename!r}" if info.orig_filename != name else ""


def _require_modest(path: Path, infos: Iterable[zipfile.ZipInfo], thing: str) -> None:
    held, claimed = path.stat().st_size, sum(info.file_size for info in infos)
    if claimed > _MOST_TIMES * held + MAX_INFLATED:
        raise RefusedError(
            thing,
            expected=f"a .zip file of at most {_MOST_TIMES} times its size",
            found=f"{claimed} bytes in a file of {held}",
            remedy="Nothing was changed. Unpack it yourself if you trust it, and give the directory.",
        )
