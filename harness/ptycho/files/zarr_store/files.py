"""The files of a store by name, in a folder or in a zip archive, as bytes."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError
from harness.core.storage.atomic import is_regular
from harness.core.storage.npz_members import METHODS, ZIP_ERRORS
from harness.ptycho.files.hdf5.limits import Budget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

MARKS = ("zarr.json", ".zgroup", ".zarray")
"""One of these is at the root of a store."""

METADATA = frozenset({*MARKS, ".zattrs", ".zmetadata"})
"""Names of the files that are not chunks. An archive may have several of one: zarr appends them whenever they
change, and the last one is valid."""

_MOST_FILES = 1 << 17
REWRITE = "Restore the store, or write it again."


class StoreFiles:
    """The files of one store, by their path from its root with forward slashes.

    Parameters
    ----------
    path : Path
        A folder or a zip archive.

    Raises
    ------
    UnreadableError
        It is not a store; it has links, names that lead out of it or more than 131072 files; or an archive
        claims more than its file can hold.

    Attributes
    ----------
    name : str
        The store's name without its folder.
    budget : Budget
        What the arrays of the store may take in memory.
    """

    def __init__(self, path: Path) -> None:
        self._path, self.name = path, path.name
        self._readers = _folder(path) if path.is_dir() else _archive(path)
        sizes = [size for size, _ in self._readers.values()]
        self.budget = Budget(sum(sizes))
        if not any(mark in self._readers for mark in MARKS):
            raise unreadable(path, f"nothing called {', '.join(MARKS)} at its root")

    def __contains__(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return name in self._readers

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(self._readers)

    def __len__(self) -> int:
        """Return the number of files."""
        return len(self._readers)

    def read(self, name: str) -> bytes:
        """Return the bytes of a file. Raises UnreadableError if it is damaged, or larger than it said."""
        size, read = self._readers[name]
        try:
            data = read(size)
        except ZIP_ERRORS as error:
            raise unreadable(self._path, f"{name} damaged ({error})") from error
        if len(data) != size:
            raise unreadable(self._path, f"{name} of another size than it declares")
        return data


def unreadable(path: Path, found: str) -> UnreadableError:
    """Return the error that says what is wrong with a store."""
    return UnreadableError(str(path), expected="a zarr store", found=found, remedy=REWRITE)


def _folder(path: Path) -> Mapping[str, tuple[int, Callable[[int], bytes]]]:
    found: dict[str, tuple[int, Callable[[int], bytes]]] = {}
    for folder, folders, names in os.walk(path, followlinks=False):
        links = [name for name in (*folders, *names) if Path(folder, name).is_symlink()]
        if links:
            raise unreadable(path, f"a link, {Path(folder, links[0]).relative_to(path)}")
        for name in names:
            place = Path(folder, name)
            if not is_regular(place):
                raise unreadable(path, f"a pipe or device, {place.relative_to(path)}")
            found[place.relative_to(path).as_posix()] = (place.stat().st_size, _reading(place))
        if len(found) > _MOST_FILES:
            raise unreadable(path, f"more than {_MOST_FILES} files")
    return found


def _reading(place: Path) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        with place.open("rb") as stream:
            return stream.read(size + 1)

    return read


def _archive(path: Path) -> Mapping[str, tuple[int, Callable[[int], bytes]]]:
    try:
        if not is_regular(path):
            raise unreadable(path, "a pipe or device")
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except OSError as error:
        raise unreadable(path, error.strerror or str(error)) from error
    except ZIP_ERRORS as error:
        raise unreadable(path, f"a damaged zip archive ({error})") from error
    _require_plain(path, members)
    return {info.filename: (info.file_size, _unpacking(path, info)) for info in members}


def _require_plain(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that lead out of the archive, or claim more than it can hold."""
    if len(members) > _MOST_FILES:
        raise unreadable(path, f"more than {_MOST_FILES} members")
    names = [info.filename for info in members if info.filename.rpartition("/")[2] not in METADATA]
    if len(set(names)) != len(names):
        raise unreadable(path, "two chunks of the same name")
    for info in members:
        parts = info.filename.split("/")
        if {"..", ".", ""} & set(parts) or "\\" in info.filename or ":" in parts[0]:
            raise unreadable(path, f"a member named {info.filename!r}, which leads out of it")
        if info.compress_type not in METHODS or info.flag_bits & 1:
            raise unreadable(path, f"{info.filename} encrypted, or compressed in an unknown way")
    held, claimed = path.stat().st_size, sum(info.file_size for info in members)
    if claimed > Budget(held).limit:
        raise unreadable(path, f"members of {claimed} bytes in a file of {held}")


def _unpacking(path: Path, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(size: int) -> bytes:
        with zipfile.ZipFile(path) as archive, archive.open(info) as stream:
            return stream.read(size + 1)

    return read
