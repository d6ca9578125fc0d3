"""Find an older version of a golden file: the bytes that a record vouches for, on disk, in git or the store.

A version is known by its SHA-256, so it does not matter where it is found.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from harness.core.registry.stored.cached_store import find_cached_store
from harness.core.storage.digest import sha256_file
from harness.core.system.git import object_names, read_objects
from harness.core.system.git_objects import ask_git, has_commits

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from harness.core.storage.project import Project
    from harness.core.system.git import BoundedStream

_BLOCK_BYTES = 1 << 20


def find_version(
    project: Project, path: str, digest: str, *, at_hand: Iterable[Path], folder: Path
) -> Path | None:
    """Return a file with the bytes of *digest*; None if they are nowhere.

    Parameters
    ----------
    project : Project
    path : str
        The golden file, as the registry has it.
    digest : str
        SHA-256 of the version.
    at_hand : iterable of Path
        Files that may be the version, looked at before git.
    folder : Path
        Where to put a version that only git has; one that only the store has comes into the cache.

    Raises
    ------
    UnreadableError
        If the project has a store that cannot be asked, or does not give the version that it has.
    """
    for file in at_hand:
        if file.is_file() and sha256_file(file) == digest:
            return file
    target = folder / digest.partition(":")[2]
    if digest in _copy_each_version(project, path, target):
        return target
    remote = find_cached_store(project)
    return remote.version(digest) if remote is not None else None


def _copy_each_version(project: Project, path: str, target: Path) -> Iterator[str]:
    """Copy every committed version of a file to *target*, one over the other; yield each one's digest."""
    if not has_commits(project.root):
        return
    prefix = ask_git(project.root, "rev-parse", "--show-prefix")
    listed = ("rev-list", "--topo-order", "--reverse", "--full-history", "HEAD", "--", path)
    commits = ask_git(project.root, "--literal-pathspecs", *listed).split()
    inside = prefix.removesuffix("\n")
    names = list(object_names(project.root, [f"{commit}:{inside}{path}" for commit in commits]))
    versions = dict.fromkeys(name for name in names if name)
    for _, digest in read_objects(project.root, versions, lambda stream: _copy(stream, target)):
        yield digest


def _copy(stream: BoundedStream, target: Path) -> str:
    """Copy an object to *target* and return its digest."""
    state = hashlib.sha256()
    with target.open("wb") as file:
        while block := stream.read(_BLOCK_BYTES):
            state.update(block)
            file.write(block)
    return f"sha256:{state.hexdigest()}"
