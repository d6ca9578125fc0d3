"""What commits have of golden files, by SHA-256: the content, wherever git keeps it."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.registry.format import decode_registry
from harness.core.storage.lfs import kept_places
from harness.core.storage.project import REGISTRY
from harness.core.system.git import BoundedStream
from harness.core.system.git_links import find_files
from harness.core.system.git_objects import (
    GitFile,
    ask_git,
    file_contents,
    find_objects,
    has_commits,
    read_files,
)
from harness.core.system.pointers import parse_annex_link, parse_annex_pointer, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from harness.core.registry.format import Entry
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


class CommittedRegistries:
    """The registries of a project's commits, each of which is decoded once."""

    def __init__(self, project: Project, commits: Iterable[str]) -> None:
        """Read the registries of *commits*, the newest first, when they are asked for."""
        self._project = project
        self._commits = list(dict.fromkeys(["HEAD", *commits]))
        self._entries: list[tuple[str, Mapping[str, Entry]]] | None = None

    def newest(self, paths: Sequence[str], is_wanted: Callable[[Mapping[str, Entry]], bool]) -> str:
        """Return the newest commit with a wanted registry and, at *paths*, the files of its entries.

        Empty if there is none.

        Raises
        ------
        UnreadableError
            If git cannot be run, or cannot read the repository.
        """
        prefix = ask_git(self._project.root, "rev-parse", "--show-prefix").removesuffix("\n")
        for commit, entries in self._read():
            if is_wanted(entries):
                files = find_files(self._project.root, [(commit, f"{prefix}{path}") for path in paths])
                digests = digests_of_files(self._project, files.values())
                wanted = [entries[path].sha256 if path in entries else None for path in paths]
                if [digests[file] if file else None for file in files.values()] == wanted:
                    return commit
        return ""

    def _read(self) -> list[tuple[str, Mapping[str, Entry]]]:
        if self._entries is None:
            revisions = [f"{commit}:./{REGISTRY}" for commit in self._commits]
            blobs = find_objects(self._project.root, revisions, follow=True)
            decoded = {
                blob: decode_entries(data)
                for blob, data in file_contents(self._project.root, filter(None, blobs.values()))
            }
            pairs = zip(self._commits, revisions, strict=True)
            self._entries = [(commit, decoded.get(blobs[name] or "", {})) for commit, name in pairs]
        return self._entries


def decode_entries(data: bytes) -> Mapping[str, Entry]:
    """Return the entries of a registry's text; none if it is of schema 1 or not a registry."""
    try:
        return decode_registry(data, REGISTRY).entries
    except HarnessError:
        return {}


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
