"""Which objects of a store a repository still names: in any commit, index or work tree that git knows.

Every ``sha256:...`` in the text of a registry or of a history counts, whatever it is the digest of. Too many
names keep an object too long; one too few would lose it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UnreadableError
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.atomic import is_regular
from harness.core.storage.project import REGISTRY
from harness.core.system.git import read_objects
from harness.core.system.git_objects import ask_git, is_in_repository
from harness.core.system.pointers import MAX_BYTES, parse_pointer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from harness.core.storage.project import Project
    from harness.core.system.git import BoundedStream

_NAMES = tuple(f":(top,glob)**/{name}" for name in (REGISTRY, HISTORY_NAME))
_DIGEST = re.compile(rb"sha256:[0-9a-f]{64}")
_DIGEST_BYTES = len("sha256:") + 64
_BLOCK_BYTES = 1 << 20
_CHANGED = re.compile(r":\d+ (\d+) [0-9a-f]+ ([0-9a-f]+) [A-Z]\d*\0([^\0]*)")
_LISTED = re.compile(r"(\d+) ([0-9a-f]+) \d\t([^\0]*)")
_LINK = "120000"


def referenced_digests(project: Project) -> frozenset[str]:
    """Return every SHA-256 that a registry or a history of the repository names.

    They are read in all commits that a branch, a tag, the stash or a reflog leads to, in the index and on
    disk, of every work tree of the repository, and of every project in it.

    Parameters
    ----------
    project : Project
        Any project of the repository.

    Returns
    -------
    frozenset of str
        As ``sha256:`` and 64 hex digits.

    Raises
    ------
    UnreadableError
        If that cannot be known: there is no repository, the clone is shallow or lacks objects, a registry is
        a link or a pointer of Git LFS, or a regeneration was interrupted.
    """
    _require_whole(project)
    folders = list(_work_trees(project))
    blobs = dict(_committed(project))
    for folder in folders:
        blobs |= _indexed(folder)
    found: set[str] = set()
    for blob, digests in read_objects(project.root, blobs, _digests_in):
        if digests is None:
            raise _unclear(blobs[blob], "a pointer of Git LFS in a commit", "Commit the file itself.")
        found |= digests
    for folder in folders:
        found |= _on_disk(folder)
    return frozenset(found)


def _require_whole(project: Project) -> None:
    if not is_in_repository(project.root):
        remedy = "Run it in a clone of the project, which has all its branches."
        raise _unclear(str(project.root), "a directory without a git repository", remedy)
    if ask_git(project.root, "rev-parse", "--is-shallow-repository").strip() == "true":
        remedy = "Run `git fetch --unshallow` first."
        raise _unclear(str(project.root), "a shallow clone, which leaves out commits", remedy)
    if project.is_interrupted:
        raise _unclear("golden files", "a regeneration that was interrupted", "Run `harness recover` first.")


def _committed(project: Project) -> Iterator[tuple[str, str]]:
    """Yield the registries and histories of all commits: the object, and a path that it has.

    Every setting that changes what ``git log`` prints is overridden.
    """
    settings = ("showSignature=false", "showRoot=true", "follow=false", "diffMerges=separate")
    printed = ask_git(
        project.root,
        "--no-literal-pathspecs",
        *(part for setting in settings for part in ("-c", f"log.{setting}")),
        *("-c", f"diff.orderFile={os.devnull}", "-c", "diff.relative=false"),
        *("log", "--all", "--reflog", "-m", "--raw", "--no-abbrev", "-z", "--format=", "--full-history"),
        *("--no-renames", "--", *_NAMES),
    )
    for mode, blob, path in _CHANGED.findall(printed):
        if set(blob) != {"0"}:  # it was not deleted
            yield blob, _plain(mode, path)


def _indexed(folder: str) -> dict[str, str]:
    """Return the same of the index of a work tree."""
    options = "ls-files", "-z", "--stage", "--", *_NAMES
    printed = ask_git(Path(folder), "--no-literal-pathspecs", *options)
    return {blob: _plain(mode, path) for mode, blob, path in _LISTED.findall(printed)}


def _work_trees(project: Project) -> Iterator[str]:
    """Yield the directories of all work trees of the repository, but for those that are gone."""
    for line in ask_git(project.root, "worktree", "list", "--porcelain").splitlines():
        word, _, folder = line.partition(" ")
        if word == "worktree" and os.path.lexists(os.path.join(folder, ".git")):  # noqa: PTH118 - git's text
            yield folder


def _on_disk(folder: str) -> set[str]:
    """Return what the registries and histories of a work tree name, tracked or not."""
    options = "ls-files", "-z", "--cached", "--others", "--", *_NAMES
    printed = ask_git(Path(folder), "--no-literal-pathspecs", *options)
    found: set[str] = set()
    for path in filter(None, printed.split("\0")):
        file = Path(folder, path)
        if not os.path.lexists(file):
            continue  # it was deleted, and the index still has it
        if file.is_symlink() or not is_regular(file):
            raise _unclear(str(file), "something other than a regular file", "Put the file itself there.")
        with file.open("rb") as stream:
            found |= _digests_in(stream) or set()
    return found


def _plain(mode: str, path: str) -> str:
    """Return a path. Raise if it is a link: what it leads to may have another name."""
    if mode == _LINK:
        raise _unclear(path, "a symbolic link in a commit", "Keep the objects; nothing was removed.")
    return path


def _digests_in(stream: BoundedStream | IO[bytes]) -> set[str] | None:
    """Return the digests in a text; None if it is a pointer of Git LFS."""
    text = stream.read(_BLOCK_BYTES)
    if parse_pointer(text[:MAX_BYTES]):
        return None
    found = set(_DIGEST.findall(text))
    while block := stream.read(_BLOCK_BYTES):
        text = text[1 - _DIGEST_BYTES :] + block
        found.update(_DIGEST.findall(text))
    return {digest.decode() for digest in found}


def _unclear(thing: str, found: str, remedy: str) -> UnreadableError:
    return UnreadableError(
        thing,
        expected="a clone that shows which objects of the store are still named",
        found=found,
        message=f"cannot tell which objects of the store are still named: {thing} is {found}",
        remedy=remedy,
    )
