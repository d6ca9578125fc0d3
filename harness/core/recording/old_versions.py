"""A golden file as some record of its was made for: those very bytes, on disk or in git, or none.

A version is known by its SHA-256, so where it is found does not matter, and no other bytes pass for it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError
from harness.core.registry.registry import LIMIT, SCHEMA, Registry
from harness.core.storage.digest import sha256_file
from harness.core.storage.documents import decode_document
from harness.core.storage.project import REGISTRY
from harness.core.system.git import object_names, read_git, read_objects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path
    from typing import TypeVar

    from harness.core.registry.registry import Entry, Record
    from harness.core.storage.project import Project
    from harness.core.system.git import BoundedStream

    T = TypeVar("T")

_BLOCK_BYTES = 1 << 20


def find_version(
    project: Project, path: str, digest: str, *, at_hand: Iterable[Path], folder: Path
) -> Path | None:
    """File that holds the bytes of *digest*; None if they are nowhere.

    Parameters
    ----------
    project : Project
    path : str
        The golden file, as the registry has it.
    digest : str
        SHA-256 of the version.
    at_hand : iterable of Path
        Files that may be it, looked at before git.
    folder : Path
        Where to put what git alone has.
    """
    for file in at_hand:
        if file.is_file() and sha256_file(file) == digest:
            return file
    target = folder / digest.partition(":")[2]
    copied = _each_version(project, path, lambda stream: _copy(stream, target))
    return target if digest in copied else None


def recorded_digest(project: Project, path: str, entry: Entry, record: Record) -> str | None:
    """SHA-256 of the version that a record of *entry* was made for; None where it is not to be known.

    Records made before they were sealed do not name it: the entry that they stood in does, which git keeps.
    """
    if record.sha256 is not msgspec.UNSET:
        return record.sha256
    if record == entry.record:
        return entry.sha256
    known = (registry.entries.get(path) for registry in _each_version(project, REGISTRY, _registry))
    return next((then.sha256 for then in known if then and then.record == record), None)


def _each_version(project: Project, path: str, read: Callable[[BoundedStream], T]) -> Iterator[T]:
    """What *read* makes of every version of a file that a commit left, the oldest first."""
    told = read_git(project.root, "rev-parse", "--show-prefix")
    if told is None:
        return
    place = told.removesuffix("\n")
    listed = ("rev-list", "--topo-order", "--reverse", "--full-history", "HEAD", "--", path)
    commits = (read_git(project.root, *listed) or "").split()
    names = object_names(project.root, [f"{commit}:{place}{path}" for commit in commits])
    blobs = dict.fromkeys(name for name in list(names) if name)
    for _, made in read_objects(project.root, blobs, read):
        yield made


def _copy(stream: BoundedStream, target: Path) -> str:
    """Copy an object to *target*, over the one before; return its digest."""
    state = hashlib.sha256()
    with target.open("wb") as file:
        while block := stream.read(_BLOCK_BYTES):
            state.update(block)
            file.write(block)
    return f"sha256:{state.hexdigest()}"


def _registry(stream: BoundedStream) -> Registry:
    """The registry as it was; an empty one where it cannot be read."""
    try:
        return decode_document(stream.read(), Registry, name=REGISTRY, schema=SCHEMA, limit=LIMIT)
    except HarnessError:
        return Registry(SCHEMA, {})
