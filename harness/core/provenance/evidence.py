"""Gather what is known of every golden file, from its source and generator to its bytes, records and commits.

Facts are gathered here, on disk and in git; :mod:`harness.core.provenance.audit` judges them. Nothing
outside the repository is read except the sources that the project lists.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from harness.core.baselines.array_tolerances import read_tolerance_document
from harness.core.baselines.baseline import read_baseline
from harness.core.domain.code_digest import code_digest
from harness.core.errors import HarnessError, RefusedError, StaleFormatError, UnreadableError
from harness.core.fixtures.fixture import require_matching_manifest
from harness.core.fixtures.manifest import read_manifest
from harness.core.provenance.git_reader import read_git_history
from harness.core.provenance.remeasure import remeasure
from harness.core.registry.committed_bytes import CommittedRegistries, find_commit
from harness.core.registry.format import Registry, decode_with_any_path
from harness.core.registry.golden_names import archive_of, manifest_of, name_of
from harness.core.registry.history import decode_history, own_records, read_history_text
from harness.core.registry.registry import history_path, read_registry_text
from harness.core.registry.repacked import is_repacked
from harness.core.registry.stored.kept import look_up
from harness.core.registry.unreferenced import recall
from harness.core.registry.verify import is_present, unregistered
from harness.core.rerun.sources import find_any, source_digest
from harness.core.storage.digest import digests_of_file
from harness.core.storage.lfs import absent_content, is_damaged_content, kept_places
from harness.core.storage.npz import Arrays
from harness.core.storage.project import REGISTRY, require_inner
from harness.core.system.git_objects import file_contents, is_in_repository, python_files
from harness.core.system.work_tree import check_out_all, left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from harness.core.baselines.array_tolerances import ToleranceDocument
    from harness.core.baselines.baseline import Baseline
    from harness.core.fixtures.manifest import Manifest
    from harness.core.provenance.git_history import Commit, GitHistory
    from harness.core.provenance.remeasure import Remeasured
    from harness.core.registry.format import Entry
    from harness.core.registry.history import Environment, History, Record
    from harness.core.storage.lfs import AbsentContent
    from harness.core.storage.project import Project


class PathState(str, Enum):
    """What a registered path leads to."""

    FILE = "a file in the repository"
    MISSING = "no file"
    STORED = "an object of the store"
    OTHER = "something that is not a regular file"
    LINK = "a symbolic link that leads out of the repository"
    DROPPED = "content that this clone does not have"
    OUTSIDE = "a path outside the repository"


_READABLE = frozenset({PathState.FILE, PathState.STORED})


@dataclass(frozen=True, slots=True)
class FileOnDisk:
    """Size in bytes and digests of a file as it is on disk."""

    size: int
    xxh128: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Declared:
    """What a manifest declares, compared with what is there today.

    Attributes
    ----------
    manifest : Manifest
    source : Path or None
        A file with the source's name, in a directory that the project lists.
    source_digest : str or None
        Digest of that file.
    code : str or None
        Digest of the generator's code today; None if its source cannot be found.
    intact : bool
        Whether the manifest's file is the registered one.
    """

    manifest: Manifest
    source: Path | None
    source_digest: str | None
    code: str | None
    intact: bool


@dataclass(frozen=True, slots=True)
class FileEvidence:
    """All that is known of one golden file.

    Attributes
    ----------
    path : str
        As in the registry.
    entry : Entry
        Its registry entry.
    state : PathState
        What the path leads to; only a file is read.
    records : tuple of Record
        The records that lead to the one that the entry names, the oldest first; empty if it is missing.
    recorded_as : str
        For a file that was renamed by hand: the path in the record that its entry names. Empty otherwise.
    environment : Environment or None
        In which the file was made: that of its newest record of bytes; None if it is missing.
    on_disk : FileOnDisk or None
        The file on disk.
    declared : Declared or None
        What the manifest of a fixture declares, if it can be read.
    baseline : Baseline or None
        A baseline that can be read.
    tolerances : ToleranceDocument or None
        Measured tolerances that can be read.
    measuring_code : str or None
        Digest of the code that measures a baseline's metrics, as it is today; None if it cannot be found.
    remeasured : Remeasured or None
        For a baseline with stored arrays: its metrics, measured again, if that was asked for.
    contradiction : str
        How the content of the file contradicts its kind or its manifest; empty if it does not.
    remedy : str
        What to do about a file of an older or newer format; else empty.
    committed_code : str or None
        Digest of that code in the commit that added the newest record, if the record was made with
        uncommitted changes and the code is another one today.
    commits : tuple of Commit
        Those that changed the file or added a record of it, newest first.
    kept_in : str or None
        For a file that differs from its entry: the newest commit that has the recorded bytes, ``HEAD`` or a
        name; empty if no commit has them. None if that was not looked for.
    kept_at : str
        The path where git keeps the file, if it is another one: its path may lead through links.
    sound_in : str or None
        For a file whose entry and record contradict each other, or whose metrics were edited: the newest
        commit in which they did not; empty if there is none. None if that was not looked for.
    sound_paths : tuple of str
        What to restore from that commit, beside the registry.
    lines_in : str
        If the history lacks lines that the entry relies on: a commit that has them; may be empty.
    is_damaged : bool
        Whether it is content of git-annex that differs from the key which git has for it.
    absent : AbsentContent or None
        For a file whose content this clone does not have: what is in its place.
    stored : bool
        Whether the store has the recorded bytes of a file that git does not keep.
    store_problem : str
        What the store has in their place, and its address; empty if it has them, or was not asked.
    lost : tuple of Record
        Records of older versions that neither git nor the store has; known only of a project with a store.
    """

    path: str
    entry: Entry
    state: PathState
    records: tuple[Record, ...] = ()
    recorded_as: str = ""
    environment: Environment | None = None
    on_disk: FileOnDisk | None = None
    declared: Declared | None = None
    baseline: Baseline | None = None
    tolerances: ToleranceDocument | None = None
    measuring_code: str | None = None
    remeasured: Remeasured | None = None
    contradiction: str = ""
    remedy: str = ""
    committed_code: str | None = None
    commits: tuple[Commit, ...] = ()
    kept_in: str | None = None
    kept_at: str = ""
    sound_in: str | None = None
    sound_paths: tuple[str, ...] = ()
    lines_in: str = ""
    is_damaged: bool = False
    absent: AbsentContent | None = None
    stored: bool = False
    store_problem: str = ""
    lost: tuple[Record, ...] = ()

    @property
    def record(self) -> Record | None:
        """The newest record; None if the history does not have it."""
        return self.records[-1] if self.records else None

    @property
    def version(self) -> Record | None:
        """The newest record of bytes, before any renaming; None if the history does not have it."""
        return next((record for record in reversed(self.records) if record.is_version), None)

    @property
    def version_digest(self) -> str:
        """Digest of that record; empty if there is none."""
        pairs = zip(self.records, self.digests, strict=True)
        return next((digest for record, digest in pairs if record is self.version), "")

    @property
    def digests(self) -> tuple[str, ...]:
        """Digests of the records: each is named by the record after it, the newest by the entry."""
        named = (*(record.previous or "" for record in self.records[1:]), self.entry.record)
        return named if self.records else ()

    @property
    def call(self) -> str | None:
        """The function that made a manifest's arrays or a baseline's metrics, ``module:function``."""
        if self.baseline is not None:
            return self.baseline.measure
        return self.declared.manifest.generator.call if self.declared is not None else None

    @property
    def code_today(self) -> str | None:
        """Digest of the code behind a manifest or a baseline, as it is today; None if it cannot be found."""
        return self.declared.code if self.declared is not None else self.measuring_code

    @property
    def call_path(self) -> object:
        """The directory that the manifest records for its generator, if there is one."""
        return self.declared.manifest.generator.path if self.declared is not None else None

    @property
    def repacked(self) -> bool:
        """Whether the archive has other bytes than recorded, and the arrays of an intact manifest by SHA-256.

        As in ``harness verify``: an archive that shows readers different things has a contradiction.
        """
        if self.on_disk is None or self.entry.kind != "fixture" or self.declared is None:
            return False
        is_other = (self.on_disk.sha256, self.on_disk.xxh128) != (self.entry.sha256, self.entry.xxh128)
        return is_other and self.declared.intact and not self.contradiction


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an audit judges.

    Attributes
    ----------
    files : mapping of str to FileEvidence
        Every golden file by its path, sorted.
    history_path : str
        Path of the history file.
    history : History
        All records and environments on disk.
    unregistered : tuple of str
        Files in the golden directory without an entry in the registry.
    unreferenced : tuple of str
        Registered files that the last full test run did not use; empty if that is not known.
    git : GitHistory or None
        What git keeps; None outside a repository.
    """

    files: Mapping[str, FileEvidence]
    history_path: str
    history: History
    unregistered: tuple[str, ...] = ()
    unreferenced: tuple[str, ...] = ()
    git: GitHistory | None = None


def gather(project: Project, *, measure_again: bool = False) -> Evidence:
    """Gather the evidence for every golden file.

    Parameters
    ----------
    project : Project
    measure_again : bool, optional
        Whether to measure the metrics of baselines again, which runs code that the project or an installed
        domain declares. Without it, nothing of the project is imported or called.

    Raises
    ------
    UnreadableError, StaleFormatError
        If the registry or the history cannot be read, or if git fails: then there is no answer.
    """
    listed = read_registry_text(project.registry)
    registry = Registry({}) if listed is None else decode_with_any_path(listed, str(project.registry))
    _require_checked_out(project)
    text, path = read_history_text(project), history_path(project)
    history = decode_history(text, str(path))
    git = read_git_history(project, text, registry.entries)
    commits = _commits_by_path(git) if git else {}
    files = {name: _gather_records(project, registry, name, history) for name in sorted(registry.entries)}
    files, located = _with_stored(project, files, git)
    code = _CommittedCode(project.root)
    for name, found in files.items():
        known = replace(found, commits=tuple(commits.get(name, ())))
        if known.state in _READABLE:
            known = _with_content(project, registry, known, located, measure_again=measure_again)
            known = replace(known, committed_code=code.of_newest_record(known, git) if git else None)
        files[name] = known
    if git:
        registries = CommittedRegistries(project, [commit.id for commit in git.commits])
        for name, known in files.items():
            kept = _with_kept_bytes(project, known)
            files[name] = _with_sound_commit(kept, registry.entries, git, registries)
    return Evidence(
        files=files,
        history_path=project.relative(path),
        history=history,
        unregistered=tuple(sorted(unregistered(project, registry.entries))),
        unreferenced=recall(project) or (),
        git=git,
    )


def _with_stored(
    project: Project, files: Mapping[str, FileEvidence], git: GitHistory | None
) -> tuple[dict[str, FileEvidence], Callable[[str], Path]]:
    """The evidence with what the store has; and where to read each file.

    It is asked for files that are not in the newest commit, and for their older versions that no commit has.
    """
    tracked = git.tracked if git else frozenset()
    asked = {PathState.FILE, PathState.MISSING}
    unkept = {
        path: known.entry
        for path, known in files.items()
        if known.state in asked and (path not in tracked or known.state is PathState.MISSING)
    }
    kept = look_up(project, unkept, _older_versions(files.values(), git))
    found = {}
    for path, known in files.items():
        stored = PathState.STORED if path in kept.files else known.state
        problem = kept.problems.get(path)
        found[path] = replace(
            known,
            state=stored,
            stored=path in kept.sound,
            store_problem=f"{problem} in the store {kept.store}" if problem else "",
            lost=tuple(record for record in _committed_versions(known, git) if record.sha256 in kept.lost),
        )
    return found, lambda path: kept.files.get(path, project.root / path)


def _older_versions(files: Iterable[FileEvidence], git: GitHistory | None) -> set[str]:
    """SHA-256 of the versions before the newest ones whose bytes no commit has; none of a shallow clone."""
    if git is None or git.shallow:
        return set()
    committed = {sha256 for commit in git.commits for sha256 in commit.files.values()}
    older = {record.sha256 for known in files for record in _committed_versions(known, git)}
    return older - committed - {known.entry.sha256 for known in files}


def _committed_versions(known: FileEvidence, git: GitHistory | None) -> Iterator[Record]:
    """Yield the records of versions that a commit of this project had in its registry.

    One that was replaced before it was committed was never needed again, nor one that only others had before
    they published it.
    """
    if git is None:
        return
    own = len(own_records(known.records))
    pairs = list(zip(known.records, known.digests, strict=True))[-own:] if own else []
    found = [(record, git.introduced.get(digest)) for record, digest in pairs if record.is_version]
    later = [*found[1:], None][: len(found)]
    for (record, commit), after in zip(found, later, strict=True):
        if commit is not None and (after is None or after[1] is not commit):
            yield record


def _require_checked_out(project: Project) -> None:
    """Raise :class:`UnreadableError` if a sparse checkout left out golden files: they are not missing."""
    places = project.golden_name, REGISTRY
    absent = left_out(project.root, *places) if is_in_repository(project.root) else []
    if absent:
        raise UnreadableError(
            absent[0],
            expected="a checkout with all golden files",
            found=f"a sparse checkout without {len(absent)} of them",
            remedy=f"Run `{check_out_all(*places)}`.",
        )


def _gather_records(project: Project, registry: Registry, path: str, history: History) -> FileEvidence:
    entry = registry.entries[path]
    records, version = history.chain(path, entry.record), history.version(entry.record)
    state, absent = _path_state(project, path), None
    if state in {PathState.FILE, PathState.MISSING}:
        absent = absent_content(project.root, path, entry.sha256)
    return FileEvidence(
        path=path,
        entry=entry,
        state=PathState.DROPPED if absent else state,
        absent=absent,
        records=records,
        recorded_as=_recorded_as(registry, path, history.records.get(entry.record)),
        environment=history.environments.get(version.environment) if version else None,
    )


def _recorded_as(registry: Registry, path: str, record: Record | None) -> str:
    """The earlier name of a golden file that was renamed by hand; empty if there is none."""
    if record is None or record.path == path or record.path in registry.entries:
        return ""
    return record.path if record.sha256 == registry.entries[path].sha256 else ""


def _with_content(
    project: Project,
    registry: Registry,
    known: FileEvidence,
    located: Callable[[str], Path],
    *,
    measure_again: bool,
) -> FileEvidence:
    """The evidence with what the file itself says, by its kind; *located* says where it is."""
    file = located(known.path)
    known = replace(known, on_disk=FileOnDisk(file.stat().st_size, *digests_of_file(file)))
    baseline = again = code = declared = tolerances = None
    remedy = ""
    try:
        declared = _declared(project, registry, known.path, located)
        if known.entry.kind == "baseline":
            baseline = read_baseline(file)
            code = code_digest(baseline.measure, project.root) if baseline.measure else None
            if measure_again:
                place = lambda beside: located(project.relative(beside))  # noqa: E731 - paths as it has them
                again = remeasure(baseline, project.root / known.path, project.root, place)
        if known.entry.kind == "tolerances":
            tolerances = read_tolerance_document(file)
        contradiction = _contradiction(project, known, declared, file)
    except HarnessError as error:
        baseline = again = declared = None
        contradiction = f"expected {error.expected}, found {error.found}"
        remedy = error.remedy if isinstance(error, StaleFormatError) else ""
    return replace(
        known,
        declared=declared,
        baseline=baseline,
        tolerances=tolerances,
        measuring_code=code,
        remeasured=again,
        contradiction=contradiction,
        remedy=remedy,
    )


@dataclass(slots=True)
class _CommittedCode:
    """Digests of code as commits have it, each computed once.

    The source files of the last commit that was asked for are kept, because the next one has most of them.
    """

    root: Path
    digests: dict[tuple[str, str, object], str | None] = field(default_factory=dict)
    commit: str = ""
    texts: Mapping[str, bytes] = field(default_factory=dict)  # by the names of their objects
    files: Mapping[str, bytes] = field(default_factory=dict)

    def of_newest_record(self, known: FileEvidence, git: GitHistory) -> str | None:
        """Digest of the code in the commit that added it, if that is still to be found out."""
        record, commit = known.version, git.introduced.get(known.version_digest)
        if record is None or commit is None or known.call is None or not record.dirty:
            return None
        if record.code in {msgspec.UNSET, known.code_today}:
            return None
        key = commit.id, known.call, known.call_path
        if key not in self.digests:
            self._read(commit.id)
            self.digests[key] = code_digest(known.call, self.root, path=known.call_path, snapshot=self.files)
        return self.digests[key]

    def _read(self, commit: str) -> None:
        """Read the source files of a commit, those that the last one does not have."""
        if commit == self.commit:
            return
        names = python_files(self.root, commit)
        texts = {**self.texts, **dict(file_contents(self.root, set(names.values()) - self.texts.keys()))}
        self.commit = commit
        self.texts = {name: texts[name] for name in names.values()}
        self.files = {path: texts[name] for path, name in names.items()}


def _with_kept_bytes(project: Project, known: FileEvidence) -> FileEvidence:
    """The evidence with the commit that can restore the file, if it differs from its entry."""
    is_same = known.on_disk is not None and known.on_disk.sha256 == known.entry.sha256
    if is_same or known.state not in {PathState.FILE, PathState.MISSING, PathState.LINK, PathState.OTHER}:
        return known
    if known.state is PathState.FILE and is_damaged_content(project.root, known.path, known.entry.sha256):
        place = kept_places(project.root, known.path)[0]
        return replace(known, kept_at=place, is_damaged=True)
    kept_in, kept_at = find_commit(project, known.path, known.entry.sha256)
    return replace(known, kept_in=kept_in, kept_at=kept_at)


def _with_sound_commit(
    known: FileEvidence, entries: Mapping[str, Entry], git: GitHistory, registries: CommittedRegistries
) -> FileEvidence:
    """The evidence with the commits that can restore the file's entry or records, if they are not sound."""
    needed = [known.entry.record] if known.record is None else []
    if known.records:
        needed += [known.records[0].previous or "", known.records[-1].environment]
    missing = [digest for digest in needed if digest in git.introduced and digest not in git.work_tree.lines]
    commits = [git.introduced[digest] for digest in missing]
    known = replace(known, lines_in=next((commit.id for commit in commits if commit.id), ""))
    paths = [known.path]
    if is_edited := bool(known.remeasured and known.remeasured.differing):
        paths += [path for path in [str(archive_of(PurePosixPath(known.path)))] if path in entries]
    elif known.record is not None and known.record.sha256 == known.entry.sha256:
        return known

    def is_sound(past: Mapping[str, Entry]) -> bool:
        found = [git.records.get(past[path].record) for path in paths if path in past]
        vouched = [record.sha256 for record in found if record]
        is_other = not is_edited or any(past.get(path) != entries[path] for path in paths)
        return is_other and vouched == [past[path].sha256 for path in paths if path in past] != []

    return replace(known, sound_in=registries.newest(paths, is_sound), sound_paths=tuple(paths))


def _path_state(project: Project, path: str) -> PathState:
    """What a path leads to. Links are followed as by all verbs: inside the project, and to git-annex."""
    try:
        require_inner(path)
    except RefusedError:
        return PathState.OUTSIDE
    try:
        file = project.locate(path)
    except RefusedError:
        return PathState.LINK
    if is_present(file):
        return PathState.FILE
    return PathState.OTHER if os.path.exists(file) else PathState.MISSING  # noqa: PTH110 - as is_present


def _commits_by_path(git: GitHistory) -> dict[str, list[Commit]]:
    """For each golden file, the commits that changed it or added a record of it, newest first."""
    found: dict[str, list[Commit]] = {}
    for commit in git.commits:
        added = {git.records[line].path for line in commit.added if line in git.records}
        for path in added | commit.files.keys():
            found.setdefault(path, []).append(commit)
    return found


def _declared(
    project: Project, registry: Registry, path: str, located: Callable[[str], Path]
) -> Declared | None:
    """What the manifest of a fixture's file declares; None for other kinds of files."""
    if registry.entries[path].kind not in {"fixture", "manifest"}:
        return None
    beside = str(manifest_of(PurePosixPath(path)))
    entry = registry.entries.get(beside)
    if entry and entry.kind == "manifest" and absent_content(project.root, beside, entry.sha256):
        return None  # which is said of the manifest itself
    is_here = _path_state(project, beside) is PathState.FILE or located(beside) != project.root / beside
    if entry is None or entry.kind != "manifest" or not is_here:
        raise RefusedError(path, expected="its manifest beside it", found=f"no {beside}", remedy="")
    manifest = read_manifest(located(beside))
    source = find_any(project, manifest.source)
    return Declared(
        manifest=manifest,
        source=source,
        source_digest=source_digest(source, manifest.source) if source else None,
        code=code_digest(manifest.generator.call, project.root, path=manifest.generator.path),
        intact=digests_of_file(located(beside)) == (entry.xxh128, entry.sha256),
    )


def _contradiction(project: Project, known: FileEvidence, declared: Declared | None, archive: Path) -> str:
    """How a fixture's file and its manifest contradict each other; empty if they do not."""
    if declared is None:
        return ""
    name, expected = declared.manifest.name, name_of(project, known.path)
    if name != expected:
        return f"expected the name {expected} in its manifest, found {name}"
    if known.entry.kind == "fixture":
        require_matching_manifest(archive, Arrays(archive), declared.manifest)
        if known.on_disk and known.on_disk.sha256 != known.entry.sha256:
            is_repacked(archive, declared.manifest)  # raises if readers may find other arrays in it
    return ""
