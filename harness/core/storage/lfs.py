"""Files whose content is not here: a clone has a pointer of Git LFS, or a link or pointer of git-annex."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from harness.core.storage.atomic import is_regular
from harness.core.system.pointers import (
    MAX_BYTES,
    Pointer,
    parse_annex_link,
    parse_annex_pointer,
    parse_pointer,
)

if TYPE_CHECKING:
    from os import PathLike


@dataclass(frozen=True, slots=True)
class AbsentContent:
    """Content that this clone does not have: what is in its place, and the command that fetches it."""

    pointer: Pointer
    found: str
    command: str


def read_pointer(path: str | PathLike[str]) -> Pointer | None:
    """Return the Git LFS pointer at *path*, or None if the file is something else.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    return parse_pointer(_first_bytes(path))


def absent_content(root: Path, relative: str, sha256: str | None = None) -> AbsentContent | None:
    """Return what stands for the content of a project's file; None if the file is here, or was deleted.

    None also if it stands for other content than that with the digest *sha256*, if one is given, is damaged,
    or cannot be read. A key of git-annex may have another kind of digest.
    """
    try:
        found = _stand_in(root, root / relative)
    except OSError:
        return None  # reading the file as what it should be says more
    is_other = found and sha256 and found.pointer.digest not in {None, sha256}
    return None if is_other else found


def _stand_in(root: Path, path: Path) -> AbsentContent | None:
    if not os.path.lexists(path):
        return None
    place = _last_link(path)
    command = f"git annex get {quote(os.path.relpath(place, os.path.realpath(root)))}"
    if not os.path.exists(path):  # noqa: PTH110 - false if a link's target is too long for a path
        target = os.fsencode(place.readlink()) if _is_link(place) else b""
        pointer = parse_annex_link(target)
        return AbsentContent(pointer, "a link of git-annex", command) if pointer else None
    text = _first_bytes(path)
    pointer = parse_pointer(text)
    if pointer and pointer.digest:  # without one, the pointer is damaged
        return AbsentContent(pointer, "a pointer of Git LFS", "git lfs pull")
    pointer = parse_annex_pointer(text)
    return AbsentContent(pointer, "a pointer of git-annex", command) if pointer else None


def is_damaged_content(root: Path, relative: str, sha256: str) -> bool:
    """Whether a path leads to content of git-annex which should have the digest *sha256* and does not.

    The file is one that differs from its record. Git has the right link, and checking it out changes nothing.
    """
    place = _last_link(root / relative)
    pointer = parse_annex_link(os.fsencode(place.readlink())) if _is_link(place) else None
    return pointer is not None and pointer.digest == sha256 and os.path.exists(place)  # noqa: PTH110


def fetch_again(place: str) -> str:
    """Return the sentence that says how to replace damaged content of git-annex."""
    return f"Run `git annex fsck {quote(place)}`, then `git annex get {quote(place)}`."


def kept_places(root: Path, relative: str) -> list[str]:
    """Return where git may keep the content of a file: where its path leads, then its own place.

    Git refuses a path through a linked directory. Relative to *root*; a link of git-annex is a place itself.
    """
    top = Path(os.path.realpath(root))
    path = root / relative
    own = Path(os.path.realpath(path.parent)) / path.name
    end = Path(os.path.realpath(path))
    if not end.is_relative_to(top) or ".git" in end.relative_to(top).parts:
        end = _last_link(path)
    inside = [place.relative_to(top) for place in (end, own) if place.is_relative_to(top)]
    return list(dict.fromkeys(place.as_posix() for place in inside))


def _last_link(path: Path) -> Path:
    """Return the last of a chain of links, or *path* itself; no directory of it is a link."""
    seen: set[Path] = set()
    place = Path(os.path.realpath(path.parent)) / path.name
    while _is_link(place) and place not in seen:
        seen.add(place)
        target = place.parent / place.readlink()
        after = Path(os.path.realpath(target.parent)) / target.name
        if not _is_link(after):
            break
        place = after
    return place


def _is_link(path: Path) -> bool:
    """Whether there is a link; false, not an error, for a path that is too long."""
    return os.path.islink(path)  # noqa: PTH114 - pathlib's raises an error


def _first_bytes(path: str | PathLike[str]) -> bytes:
    """Return as many bytes of a regular file as a pointer has; none of anything else.

    A read of a pipe without a writer would wait for ever.
    """
    if not is_regular(path):
        return b""
    with Path(path).open("rb") as stream:
        return stream.read(MAX_BYTES)
