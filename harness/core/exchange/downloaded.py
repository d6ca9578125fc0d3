"""What CI has kept of a pytest session, as it is downloaded: a directory, or the .zip file of one.

Nothing is unpacked but the results and the files that they name, each under its own name in a new directory.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from harness.core.errors import RefusedError, UnreadableError
from harness.core.obtained.obtained_files import plain_file
from harness.core.obtained.results import LIMIT, RESULTS, read_results
from harness.core.storage.atomic import make_directory, unwritable_on_error
from harness.core.storage.npz_members import MAX_INFLATED, METHODS, ZIP_ERRORS, open_archive

if TYPE_CHECKING:
    import zipfile
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from harness.core.obtained.results import SessionResults

_DEEPEST = 5  # directories above the results: those of a monorepo, and .harness/obtained
_MOST_TIMES = 100
_BLOCK_BYTES = 1 << 20
_ENCRYPTED = 1
_UPLOAD = "Have CI upload .harness/obtained/, hidden files included, also after a failure; download it again."
_UNPACK = "Unpack it yourself, and give the directory."


def obtained_in(path: Path, folder: Path) -> tuple[Path, SessionResults]:
    """Return a directory with what one session obtained, and the session's results.

    Parameters
    ----------
    path : Path
        A directory that has the results, perhaps further below, or a .zip file of one.
    folder : Path
        An empty directory, for what is unpacked.

    Raises
    ------
    UnreadableError
        If there are no results, or they or the .zip file are damaged.
    RefusedError
        If there are results of several sessions, or a .zip file claims to hold very much more than its size.
    """
    if path.is_dir():
        directory = _only(str(path), list(_directories(path)))
    else:
        directory = folder
        _unpack(path, folder)
    results = read_results(directory)
    if results is None:
        raise _nothing(str(path))
    return directory, results


def obtained_file(directory: Path, name: str) -> Path:
    """Return a file that the results name.

    Raises
    ------
    UnreadableError
        If it is missing, or not a plain file of the directory itself.
    """
    path = plain_file(directory, name)
    if path is None:
        raise UnreadableError(name, expected="a file beside the results", found="none", remedy=_UPLOAD)
    return path


def _directories(path: Path) -> Iterator[Path]:
    """Yield the directories with results; links are not followed."""
    for place, folders, names in os.walk(path):
        here = path.__class__(place)
        if RESULTS in names:
            yield here
        folders[:] = sorted(folders) if len(here.relative_to(path).parts) < _DEEPEST else []


def _only(thing: str, found: Sequence[Path]) -> Path:
    if len(found) > 1:
        raise RefusedError(
            thing,
            expected="the results of one pytest session",
            found=f"those of {len(found)}",
            message=f"{thing} has the results of {len(found)} pytest sessions",
            remedy="Give the directory of one of them: " + ", ".join(map(str, found[:5])) + ".",
        )
    if not found:
        raise _nothing(thing)
    return found[0]


def _unpack(path: Path, folder: Path) -> None:
    """Unpack the results in a .zip file, and the files that they name."""
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(open_archive(path))
        except UnreadableError as error:
            raise _damaged(path, error.found) from error
        members = _members(path, archive)
        prefix = _prefix(path, members)
        _copy(path, archive, members[prefix + RESULTS], folder / RESULTS)
        results = read_results(folder)
        names = [name for check in results.checks for name in check.files] if results else []
        for name in dict.fromkeys(names):
            if prefix + name in members:
                _copy(path, archive, members[prefix + name], folder / name)


def _members(path: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        if info.filename in members:
            raise _damaged(path, f"two members named {info.filename!r}")
        members[info.filename] = info
    held, claimed = path.stat().st_size, sum(info.file_size for info in members.values())
    if claimed > _MOST_TIMES * held + MAX_INFLATED:
        raise RefusedError(
            str(path),
            expected=f"a .zip file of at most {_MOST_TIMES} times its size",
            found=f"{claimed} bytes in a file of {held}",
            remedy=_UNPACK,
        )
    return members


def _prefix(path: Path, members: dict[str, zipfile.ZipInfo]) -> str:
    """Return the directory of the results in a .zip file, with its final /."""
    places = [name.removesuffix(RESULTS) for name in members if f"/{name}".endswith(f"/{RESULTS}")]
    if len(places) > 1:
        raise RefusedError(
            str(path),
            expected="the results of one pytest session",
            found=f"those of {len(places)}",
            message=f"{path} has the results of {len(places)} pytest sessions",
            remedy="Unpack it, and give the directory of one of them.",
        )
    if not places:
        raise _nothing(str(path))
    return places[0]


def _copy(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    """Write a member to a file: at most as many bytes as it claims to have."""
    if problem := _problem(info, target):
        raise _damaged(path, problem)
    make_directory(target.parent)
    left = info.file_size
    with unwritable_on_error(target), target.open("xb") as file:
        try:
            with archive.open(info) as stream:
                while left and (block := stream.read(min(left, _BLOCK_BYTES))):
                    file.write(block)
                    left -= len(block)
                left += len(stream.read(1))  # at the end, the checksum is compared
        except ZIP_ERRORS as error:
            raise _damaged(path, f"{info.filename} damaged: {error}") from error
    if left:
        raise _damaged(path, f"{info.filename} with another size than its entry says")


def _problem(info: zipfile.ZipInfo, target: Path) -> str:
    """Return why a member is not unpacked; empty if it may be."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        return f"{info.filename}, which is not a plain file"
    if info.flag_bits & _ENCRYPTED:
        return f"{info.filename} encrypted"
    if info.compress_type not in METHODS:
        return f"{info.filename} compressed by method {info.compress_type}"
    if target.name == RESULTS and info.file_size > LIMIT.mebibytes << 20:
        return f"{info.filename} of more than {LIMIT.mebibytes} MiB"
    return ""


def _nothing(thing: str) -> UnreadableError:
    return UnreadableError(
        thing,
        expected=f"a directory or .zip file with {RESULTS}, which pytest writes when a session ends",
        found="none",
        remedy=_UPLOAD,
    )


def _damaged(path: Path, found: str) -> UnreadableError:
    return UnreadableError(
        str(path),
        expected="a .zip file with what a pytest session obtained",
        found=found,
        remedy="Download it again.",
    )
