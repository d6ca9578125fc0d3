"""What commits have of golden files, by SHA-256: the content, wherever git keeps it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from harness.core.storage.lfs import kept_places
from harness.core.system.git import BoundedStream
from harness.core.system.git_links import find_files
from harness.core.system.git_objects import GitFile, ask_git, has_commits, read_files
from harness.core.system.pointers import parse_annex_link, parse_annex_pointer, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.core.storage.project import Project
    from harness.core.system.pointers import Pointer

LINK, KEY = "link:", "key:"
"""Starts of what stands for a digest if git has no content: where a link leads, a key of git-annex."""

SHORT = 12
"""Digits of a commit's name in a command that is printed."""

_BLOCK_BYTES = 1 << 20


def digests_of_files(project: Project, files: Iterable[GitFile | None]) -> dict[GitFile, str]:
    """Return the SHA-256 of each file's content.

    Of a pointer of Git LFS or git-annex, it is that of the content which it points to. If git has only a key
    without a SHA-256, or a link that leads nowhere, the answer starts with :data:`KEY` or :data:`LINK`.
    """
    asked = {file for file in files if file}
    plain = {file.blob for file in asked if not file.is_link}
    links = {file.blob for file in asked if file.is_link}
    found = {GitFile(blob): digest for blob, digest in read_files(project.root, plain, _digest)}
    if links:
        targets = read_files(project.root, links, BoundedStream.read)
        found |= {GitFile(blob, is_link=True): _digest_of_link(target) for blob, target in targets}
    return found


def find_commit(project: Project, path: str, sha256: str) -> tuple[str, str]:
    """Return the newest commit with the bytes of this digest at *path*, and the path to check out from it.

    The commit is ``HEAD`` or a name; empty if no commit has them there. The path to check out is another one
    if *path* leads through links today.

    Raises
    ------
    UnreadableError
        If git cannot be run, or cannot read the repository.
    """
    if not has_commits(project.root):
        return "", path
    prefix = ask_git(project.root, "rev-parse", "--show-prefix").removesuffix("\n")
    for place in kept_places(project.root, path):
        for commits in _candidates(project, place):
            files = find_files(project.root, [(commit, f"{prefix}{place}") for commit in commits])
            digests = digests_of_files(project, files.values())
            for (commit, _), file in files.items():
                if file and digests[file] == sha256:
                    return commit, place
    return "", path


def _candidates(project: Project, place: str) -> Iterator[Sequence[str]]:
    """Yield the newest commit, then all that changed what is at *place*, newest first."""
    yield ["HEAD"]
    options = ("--literal-pathspecs", "rev-list", "--full-history", "HEAD", "--", place)
    yield ask_git(project.root, *options).split()


def _digest(stream: BoundedStream) -> str:
    first = stream.read(_BLOCK_BYTES)
    pointer = None if stream.left else parse_pointer(first) or parse_annex_pointer(first)
    if pointer is not None and (pointer.digest or not parse_pointer(first)):
        return _digest_of(pointer, first)
    state = hashlib.sha256(first)
    while block := stream.read(_BLOCK_BYTES):
        state.update(block)
    return f"sha256:{state.hexdigest()}"


def _digest_of_link(target: bytes) -> str:
    pointer = parse_annex_link(target)
    return _digest_of(pointer, target) if pointer else f"{LINK}{os.fsdecode(target)}"


def _digest_of(pointer: Pointer, text: bytes) -> str:
    return pointer.digest or f"{KEY}{os.fsdecode(text.strip().rpartition(b'/')[2])}"
