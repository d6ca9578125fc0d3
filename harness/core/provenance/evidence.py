"""For every golden file, the chain behind it as it is found: from source and generator to disk and git.

Here facts are gathered, on disk and in git; :mod:`harness.core.provenance.audit` says what they amount to.
Nothing is run, and nothing outside the repository is read but the sources that the project lists.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.core.baselines.baseline import read_baseline
from harness.core.domain.code_digest import code_digest
from harness.core.domain.sources import find_any
from harness.core.errors import HarnessError, RefusedError
from harness.core.fixtures.fixture import require_matching_manifest
from harness.core.fixtures.manifest import read_manifest
from harness.core.provenance.git_history import read_history
from harness.core.provenance.remeasure import remeasure
from harness.core.registry.format import Registry
from harness.core.registry.registry import read_registry
from harness.core.registry.unreferenced import recall
from harness.core.registry.verify import unregistered
from harness.core.storage.digest import digest_file, digests_of_file, sha256_file
from harness.core.storage.npz import read_archive
from harness.core.storage.project import require_inner

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.baselines.baseline import Baseline
    from harness.core.fixtures.manifest import Manifest
    from harness.core.provenance.git_history import Commit, History, Records
    from harness.core.provenance.remeasure import Remeasured
    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project


class Place(str, Enum):
    """What an entry's path leads to."""

    FILE = "a file in the repository"
    MISSING = "no file"
    OTHER = "no regular file"
    LINK = "a path through a symbolic link"
    OUTSIDE = "a path outside the repository"


@dataclass(frozen=True, slots=True)
class Found:
    """A file as it is on disk."""

    size: int
    xxh128: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a manifest declares, as far as it is there today.

    Attributes
    ----------
    manifest : Manifest
    source : Path or None
        A file of the source's name, in a place that the project lists.
    source_digest : str or None
        That file's digest.
    code : str or None
        Digest of the generator's code today; None where its source is not to be found.
    intact : bool
        Whether the manifest's file is the registered one.
    """

    manifest: Manifest
    source: Path | None
    source_digest: str | None
    code: str | None
    intact: bool


@dataclass(frozen=True, slots=True)
class Chain:
    """All that is known of one golden file.

    Attributes
    ----------
    path : str
        As the registry has it.
    entry : Entry
        Its digests and records.
    place : Place
        What the path leads to; nothing but a file is read.
    found : Found or None
        The file on disk.
    origin : Origin or None
        Of a fixture's two files, where the manifest can be read.
    baseline : Baseline or None
        Of a baseline that can be read.
    remeasured : Remeasured or None
        Of a baseline that keeps its arrays: what they say today.
    flaw : str
        In what the file's content contradicts its kind or the manifest beside it; empty if it does not.
    commits : tuple of Commit
        That changed the file or its records, newest first.
    """

    path: str
    entry: Entry
    place: Place
    found: Found | None = None
    origin: Origin | None = None
    baseline: Baseline | None = None
    flaw: str = ""
    remeasured: Remeasured | None = None
    commits: tuple[Commit, ...] = ()

    @property
    def records(self) -> Records:
        """All records, the oldest first."""
        return (*reversed(self.entry.history), self.entry.record)

    @property
    def repacked(self) -> bool:
        """Whether the archive was packed otherwise than recorded, and holds the very arrays of its manifest.

        Other bytes of the same number are no other container: somebody changed them.
        """
        if self.found is None or self.entry.kind != "fixture" or self.origin is None or self.flaw:
            return False
        return self.origin.intact and self.found.size != self.entry.size


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an audit judges.

    Attributes
    ----------
    chains : tuple of Chain
        Of every golden file, sorted by path.
    strangers : tuple of str
        Files in the golden directory that no entry names.
    unreferenced : tuple of str
        Registered files that the last full test run did not use, where that is known.
    history : History or None
        What git keeps, if it does.
    """

    chains: tuple[Chain, ...]
    strangers: tuple[str, ...] = ()
    unreferenced: tuple[str, ...] = ()
    history: History | None = None


def gather(project: Project) -> Evidence:
    """Gather every golden file's chain.

    Raises
    ------
    UnreadableError, StaleFormatError
        If the registry cannot be read: then there is no answer.
    """
    registry = read_registry(project.registry)
    history = read_history(project)
    chains = tuple(_chain(project, registry, path, history) for path in sorted(registry.entries))
    strangers = tuple(sorted(unregistered(project, registry.entries)))
    return Evidence(chains, strangers, recall(project) or (), history)


def _chain(project: Project, registry: Registry, path: str, history: History | None) -> Chain:
    entry, place = registry.entries[path], _place(project, path)
    commits = tuple(commit for commit in history.commits if _touches(commit, path)) if history else ()
    if place is not Place.FILE:
        return Chain(path, entry, place, commits=commits)
    file = project.root / path
    found, again = Found(file.stat().st_size, *digests_of_file(file)), None
    try:
        origin, baseline = _origin(project, registry, path), None
        if entry.kind == "baseline":
            baseline = read_baseline(file)
            again = remeasure(baseline, file, project.root)
        flaw = _contradiction(project, registry, path, origin)
    except HarnessError as error:
        origin, baseline, flaw = None, None, f"expected {error.expected}, found {error.found}"
    return Chain(path, entry, place, found, origin, baseline, flaw, again, commits)


def _place(project: Project, path: str) -> Place:
    """What a path leads to; each of its parts is looked at, for a link anywhere leads elsewhere."""
    try:
        require_inner(path)
    except RefusedError:
        return Place.OUTSIDE
    file = project.root / path
    steps = (project.root / part for part in (PurePosixPath(path), *PurePosixPath(path).parents))
    if any(step.is_symlink() for step in steps if step != project.root):
        return Place.LINK
    if not file.exists():
        return Place.MISSING
    return Place.FILE if file.is_file() else Place.OTHER


def _touches(commit: Commit, path: str) -> bool:
    """Whether a commit changed a file or its records."""
    after = commit.after.get(path)
    return path in commit.files or any(before.get(path) != after for before in commit.before or ({},))


def _origin(project: Project, registry: Registry, path: str) -> Origin | None:
    """What the manifest of a fixture's file declares; None for other kinds of files."""
    beside = str(PurePosixPath(path).with_suffix(".json"))
    manifest = registry.entries.get(beside)
    if registry.entries[path].kind not in {"fixture", "manifest"}:
        return None
    if manifest is None or manifest.kind != "manifest" or _place(project, beside) is not Place.FILE:
        raise RefusedError(path, expected="its manifest beside it", found=f"no {beside}", remedy="")
    told = read_manifest(project.root / beside)
    source = find_any(project, told.source)
    digest = digest_file(source) if source else None
    intact = sha256_file(project.root / beside) == manifest.sha256
    return Origin(told, source, digest, code_digest(told.generator.call, project.root), intact)


def _contradiction(project: Project, registry: Registry, path: str, origin: Origin | None) -> str:
    """In what a fixture's file and its manifest contradict each other."""
    if origin is None:
        return ""
    name, stem = origin.manifest.name, PurePosixPath(path).stem
    if name != stem:
        return f"expected the name {stem} in its manifest, found {name}"
    if registry.entries[path].kind == "fixture":
        archive = project.root / path
        require_matching_manifest(archive, read_archive(archive), origin.manifest)
    return ""
