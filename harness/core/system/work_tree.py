"""Which files differ from the newest commit.

Git runs no filter here, so it takes a file for changed if Git LFS or git-annex keeps its content elsewhere.
Such contents are compared with their pointers.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from harness.core.system.git_objects import ask_git, read_files
from harness.core.system.pointers import MAX_BYTES, Pointer, parse_annex_pointer, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.system.git import BoundedStream

_STATUS = (
    *("--literal-pathspecs", "-c", "status.relativePaths=false", "-c", "status.showUntrackedFiles=normal"),
    *("status", "--porcelain=v2", "-z", "--no-renames", "--ignored=no", "--ignore-submodules=dirty"),
)
# Renames are found by reading files; in a submodule, git would run with the submodule's own filters.

_BLOCK_BYTES = 1 << 20
_SKIPPED = "S "
_FIELDS = {"1": 8, "u": 10, "?": 1}  # before the path, by the kind of line


class _Line(NamedTuple):
    """A file in git's status, with its object in the index if only its content may differ from that."""

    path: str
    blob: str | None


def changed_paths(folder: Path, *paths: str, every_file: bool = False) -> list[str]:
    """Return what differs from the newest commit or is untracked, by paths from the top of the repository.

    A file whose content Git LFS or git-annex keeps is not changed if the index has the pointer to it.

    Parameters
    ----------
    folder : Path
        A directory of the work tree.
    *paths : str
        What to look at, relative to *folder*; default: the whole repository.
    every_file : bool, optional
        Whether to list the files of an untracked directory, not only the directory.

    Raises
    ------
    UnreadableError
        If git fails.
    """
    untracked = f"--untracked-files={'all' if every_file else 'normal'}"
    lines = list(_parse(ask_git(folder, *_STATUS, untracked, "--", *paths)))
    blobs = [line.blob for line in lines if line.blob]
    pointers = dict(read_files(folder, blobs, _read_pointer)) if blobs else {}
    if not any(pointers.values()):
        return [line.path for line in lines]
    top = Path(ask_git(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    return [line.path for line in lines if not _is_content(top / line.path, pointers.get(line.blob or ""))]


def left_out(folder: Path, *paths: str) -> list[str]:
    """Return the files among *paths* that the newest commit has and a sparse checkout left out.

    Paths are relative to *folder*.

    Raises
    ------
    UnreadableError
        If git fails.
    """
    listed = ask_git(folder, "--literal-pathspecs", "ls-files", "-t", "-z", "--", *paths).split("\0")
    skipped = (line[len(_SKIPPED) :] for line in listed if line.startswith(_SKIPPED))
    return [path for path in skipped if not os.path.lexists(folder / path)]


def place_in_repository(folder: Path) -> str:
    """Return the path of *folder* from the top of its repository, ending in /; empty at the top or without.

    Git is not asked: a service that checks out a repository may not trust its owner.
    """
    here = Path(os.path.realpath(folder))
    top = next((place for place in (here, *here.parents) if os.path.lexists(place / ".git")), here)
    inner = here.relative_to(top).as_posix()
    return "" if inner == "." else f"{inner}/"


def check_out_all(*paths: str) -> str:
    """Return the command that checks out *paths* that a sparse checkout left out."""
    return f"git checkout --ignore-skip-worktree-bits -- {' '.join(map(quote, paths))}"


def _parse(printed: str) -> Iterator[_Line]:
    for line in filter(None, printed.split("\0")):
        fields = line.split(" ", _FIELDS[line[0]])
        is_content = line[0] == "1" and fields[1] == ".M" and fields[4] == fields[5] != "160000"
        yield _Line(fields[-1], fields[7] if is_content else None)


def _read_pointer(stream: BoundedStream) -> Pointer | None:
    text = stream.read(MAX_BYTES)
    return None if stream.left else parse_pointer(text) or parse_annex_pointer(text)


def _is_content(file: Path, pointer: Pointer | None) -> bool:
    """Whether a file has the content that a pointer is for."""
    if pointer is None or pointer.digest is None or file.is_symlink() or not file.is_file():
        return False
    if pointer.size not in {None, file.stat().st_size}:
        return False
    state = hashlib.sha256()
    with file.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            state.update(block)
    return pointer.digest == f"sha256:{state.hexdigest()}"
