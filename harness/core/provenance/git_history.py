"""What git knows of golden files: each commit that touched one, by whom, when and why, and the records then.

Everything is read with git's own plumbing, from objects, without a checkout: a commit's files as the SHA-256
of their bytes, the registry as it stood in the commit and in each of its parents.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.registry.format import Registry, decode_registry
from harness.core.registry.history import Record
from harness.core.storage.lfs import parse_pointer
from harness.core.storage.project import REGISTRY
from harness.core.system.git import BoundedStream, object_names, read_git, read_objects

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harness.core.storage.project import Project

Records = tuple[Record, ...]
"""All records of one golden file, the oldest first."""

_NOTHING: Mapping[str, Records] = MappingProxyType({})
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit that touched golden files or the registry.

    Attributes
    ----------
    id, author, at, subject : str
        Who, when (ISO 8601) and why.
    files : mapping of str to str or None
        SHA-256 of each golden file that it changed, as of the commit; None for one that it deleted.
    before : tuple of mapping
        Records by path in each parent.
    after : mapping
        Records by path in the commit.
    """

    id: str
    author: str
    at: str
    subject: str
    files: Mapping[str, str | None]
    before: tuple[Mapping[str, Records], ...]
    after: Mapping[str, Records]


@dataclass(frozen=True, slots=True)
class History:
    """What git keeps of a project.

    Attributes
    ----------
    commits : tuple of Commit
        Newest first.
    head : mapping of str to Records
        Records by path in the newest commit.
    known : frozenset of str
        Every commit that leads to the newest one.
    uncommitted : frozenset of str
        Golden files and registry, where they are not as in the newest commit.
    shallow : bool
        Whether the clone leaves out older commits.
    """

    commits: tuple[Commit, ...]
    head: Mapping[str, Records]
    known: frozenset[str]
    uncommitted: frozenset[str]
    shallow: bool


@dataclass(frozen=True, slots=True)
class _Logged:
    """A commit as ``git log`` prints it, with the object names of the golden files it left."""

    id: str
    parents: tuple[str, ...]
    author: str
    at: str
    subject: str
    blobs: Mapping[str, str]


def records_of(registry: Registry) -> dict[str, Records]:
    """Records by path, the oldest first."""
    return {path: (*reversed(entry.history), entry.record) for path, entry in registry.entries.items()}


def read_history(project: Project) -> History | None:
    """History of the golden files and the registry of *project*; None where git keeps none."""
    told = read_git(project.root, "rev-parse", "--show-prefix", "--is-shallow-repository")
    if told is None or read_git(project.root, "rev-parse", "--verify", "HEAD") is None:
        return None
    place, shallow = told.splitlines()
    logged = tuple(_log(project, place))
    states = _registries(project, place, logged)
    digests = _digests(project, logged)
    return History(
        tuple(_commit(commit, states, digests) for commit in logged),
        states["HEAD"],
        frozenset((read_git(project.root, "rev-list", "HEAD") or "").split()),
        frozenset(_uncommitted(project, place)),
        shallow == "true",
    )


def _commit(
    logged: _Logged, states: Mapping[str, Mapping[str, Records]], digests: Mapping[str, str]
) -> Commit:
    return Commit(
        logged.id,
        logged.author,
        logged.at,
        logged.subject,
        {path: digests.get(blob) for path, blob in logged.blobs.items()},
        tuple(states[parent] for parent in logged.parents),
        states[logged.id],
    )


def _log(project: Project, place: str) -> Iterator[_Logged]:
    """Commits on every line of history; of a merge, the files that are as in none of its parents."""
    mark = secrets.token_hex()  # no author or subject holds it
    text = read_git(
        project.root,
        *("-c", "log.showRoot=true", "log", "-z", "--topo-order", "--full-history", "--no-show-signature"),
        *("-c", "--raw", "--no-abbrev", "--no-renames", "--no-relative"),
        f"--format={mark}%x00%H%x00%P%x00%an%x00%aI%x00%s",
        *("HEAD", "--", project.golden_name, REGISTRY),
    )
    for part in (text or "").split(f"{mark}\0")[1:]:
        name, parents, author, at, subject, *raw = part.split("\0")
        blobs = {path: blob for path, blob in _blobs(raw, place) if path != REGISTRY}
        yield _Logged(name, tuple(parents.split()), author, at, subject, blobs)


def _blobs(raw: list[str], place: str) -> Iterator[tuple[str, str]]:
    """Path and object of each file that a commit left, from ``:modes... objects... status``, ``path``."""
    tokens = iter(raw)
    for token in tokens:
        if token.lstrip("\n").startswith(":"):
            *_, blob, _status = token.split()
            yield next(tokens).removeprefix(place), blob


def _registries(
    project: Project, place: str, logged: tuple[_Logged, ...]
) -> dict[str, Mapping[str, Records]]:
    """Records by path in HEAD, each commit and each parent; none where no registry can be read."""
    commits = sorted({"HEAD", *(name for commit in logged for name in (commit.id, *commit.parents))})
    blobs = list(object_names(project.root, [f"{commit}:{place}{REGISTRY}" for commit in commits]))
    found = {blob for blob in blobs if blob}
    states = dict(read_objects(project.root, found, lambda stream: _decode(stream.read())))
    return {commit: states.get(blob or "", _NOTHING) for commit, blob in zip(commits, blobs, strict=True)}


def _decode(data: bytes) -> Mapping[str, Records]:
    try:
        return records_of(decode_registry(data, REGISTRY))
    except HarnessError:
        return _NOTHING


def _digests(project: Project, logged: tuple[_Logged, ...]) -> dict[str, str]:
    """SHA-256 of each golden file's bytes, by its object; a deleted file has object 0 and none."""
    blobs = {blob for commit in logged for blob in commit.blobs.values() if blob.strip("0")}
    return dict(read_objects(project.root, blobs, _digest))


def _digest(stream: BoundedStream) -> str:
    """SHA-256 of an object's bytes, or of those that a Git LFS pointer stands for."""
    first = stream.read(_BLOCK_BYTES)
    pointer = None if stream.left else parse_pointer(first)
    if pointer is not None and pointer.digest:
        return pointer.digest
    state = hashlib.sha256(first)
    while block := stream.read(_BLOCK_BYTES):
        state.update(block)
    return f"sha256:{state.hexdigest()}"


def _uncommitted(project: Project, place: str) -> Iterator[str]:
    text = read_git(
        project.root,
        *("status", "--porcelain", "-z", "--untracked-files=all", "--no-renames"),
        *("--", project.golden_name, REGISTRY),
    )
    for line in (text or "").split("\0"):
        if line:
            yield line[3:].removeprefix(place)
