"""Read what git keeps of golden files: for each commit, the files and history lines that it changed.

A commit is compared with each of its parents, so that a merge cannot drop what one side had. Moving the
project within the repository hides nothing: :mod:`harness.core.provenance.git_states` knows where it was.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.provenance.git_history import WORK_TREE, Change, Commit, GitHistory, Lines
from harness.core.provenance.git_states import NO_LINES, ProjectStates, decode_entries
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import REGISTRY
from harness.core.system.git_objects import (
    ask_git,
    changed_files,
    commit_headers,
    file_contents,
    find_objects,
    has_commits,
    read_files,
)
from harness.core.system.pointers import parse_pointer
from harness.core.system.work_tree import changed_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project
    from harness.core.system.git import BoundedStream

_BLOCK_BYTES = 1 << 20

Edge = tuple[str, str, "str | None", str]
"""A commit and its golden directory; one of its parents, if it has one, and the directory there."""


def read_git_history(project: Project, text: bytes) -> GitHistory | None:
    """Return what git keeps of *project*; None if the project is not in a repository with commits.

    Parameters
    ----------
    project : Project
    text : bytes
        The history file on disk.

    Raises
    ------
    UnreadableError
        If there is a repository and git cannot be run or cannot read it, with git's own words.
    """
    if not has_commits(project.root):
        return None
    prefix, shallow = ask_git(
        project.root, "rev-parse", "--show-prefix", "--is-shallow-repository"
    ).splitlines()
    return _Reader(project, prefix, text).read(shallow=shallow == "true")


def was_recorded(project: Project) -> bool:
    """Return whether any commit has a registry or a history of *project*, which may be gone by now.

    Raises
    ------
    UnreadableError
        As :func:`read_git_history`.
    """
    paths = REGISTRY, f"{project.golden_name}/{HISTORY_NAME}"
    options = "--literal-pathspecs", "rev-list", "-1", "--full-history", "HEAD", "--"
    return has_commits(project.root) and bool(ask_git(project.root, *options, *paths).strip())


def find_version(project: Project, git: GitHistory, path: str, sha256: str) -> str:
    """Return the newest commit that has the bytes with this digest at *path*; ``HEAD`` for the newest of all.

    Empty if no commit has them there.
    """
    changed = (name for commit in git.commits for name in (commit.id, *(c.parent for c in commit.changes)))
    commits = list(dict.fromkeys(["HEAD", *filter(None, changed)]))
    revisions = [f"{commit}:./{path}" for commit in commits]
    blobs = find_objects(project.root, revisions)
    digests = dict(read_files(project.root, filter(None, blobs.values()), _digest))
    pairs = zip(commits, revisions, strict=True)
    return next((commit for commit, revision in pairs if digests.get(blobs[revision] or "") == sha256), "")


class _Reader:
    """Compares the commits of a project with their parents."""

    def __init__(self, project: Project, prefix: str, text: bytes) -> None:
        self._project = project
        self._root = project.root
        self._home = f"{prefix}{project.golden_name}"
        self._states = ProjectStates(project, prefix, text)

    def read(self, *, shallow: bool) -> GitHistory:
        states = self._states
        commits, home = self._commits(), next(iter(states.homes[states.head]))
        work_tree = self._compare_work_tree(home)
        history = GitHistory(
            commits=commits,
            work_tree=work_tree,
            records=states.records,
            introduced={line: commit for commit in commits for line in commit.added},
            head=states.entries(states.head, home),
            tracked=frozenset(self._listed(home)),
            parents=states.parents,
            uncommitted=frozenset(self._uncommitted()),
            forked=frozenset(self._forked((*commits, work_tree))),
            shallow=shallow,
            in_lfs=states.is_pointer(states.head, home),
        )
        return self._with_restorations(history)

    def _commits(self) -> tuple[Commit, ...]:
        """All commits that changed anything of the project, newest first."""
        edges, state = list(self._changing_edges()), self._states.state
        pairs = [
            (state(parent, place).tree, state(commit, home).tree) for commit, home, parent, place in edges
        ]
        changed = changed_files(self._root, pairs)
        digests = self._digests(b for files in changed.values() for b in files.values() if b)
        changes: dict[str, list[Change]] = {}
        for edge, pair in zip(edges, pairs, strict=True):
            changes.setdefault(edge[0], []).append(self._change(edge, changed[pair], digests))
        headers = commit_headers(self._root, changes)
        with_history = self._with_history()
        return tuple(
            Commit(
                id=name,
                author=headers[name].author,
                at=headers[name].at,
                subject=headers[name].subject,
                lines=frozenset().union(
                    *(self._states.lines(name, home) for home in self._states.homes[name])
                ),
                changes=tuple(changes[name]),
                before_history=name not in with_history,
            )
            for name in self._states.parents
            if name in changes
        )

    def _changing_edges(self) -> Iterator[Edge]:
        """All edges of the commits that differ from a parent.

        An edge without a difference belongs to them, because what one parent has is not new in a merge.
        """
        for commit, places in self._states.homes.items():
            edges = [
                (commit, home, parent, place)
                for home in places
                for parent, place in self._edges(commit, home)
            ]
            if any(self._differs(*edge) for edge in edges):
                yield from edges

    def _edges(self, commit: str, home: str) -> Iterator[tuple[str | None, str]]:
        """Parents to compare a commit with, each with the project's golden directory there."""
        homes = self._states.homes
        parents = [parent for parent in self._states.parents[commit] if parent in homes]
        if not parents:
            yield None, home
        for parent in parents:
            places = homes[parent]
            yield from ((parent, place) for place in ([home] if home in places else places))

    def _differs(self, commit: str, home: str, parent: str | None, place: str) -> bool:
        after, before = self._states.state(commit, home), self._states.state(parent, place)
        return (before.tree, before.registry) != (after.tree, after.registry)

    def _change(
        self,
        edge: Edge,
        files: Mapping[str, str | None],
        digests: Mapping[str, str],
    ) -> Change:
        commit, home, parent, place = edge
        after, before = self._states.lines(commit, home), self._states.lines(parent, place)
        kept = after
        if place != home:  # a copy of a project that is still there: what it did not take over is not lost
            kept |= self._states.lines(self._states.head, place)
        return Change(
            parent=parent,
            history=f"{place}/{HISTORY_NAME}",
            files={
                f"{self._project.golden_name}/{path}": blob and digests[blob]
                for path, blob in files.items()
                if path != HISTORY_NAME
            },
            added=after - before,
            lost=before - kept,
        )

    def _with_history(self) -> set[str]:
        """Commits that have a history file, or an ancestor that has one."""
        found: set[str] = set()
        for commit in reversed(self._states.parents):  # parents first
            here = any(self._states.state(commit, home).history for home in self._states.homes[commit])
            if here or any(parent in found for parent in self._states.parents[commit]):
                found.add(commit)
        return found

    def _compare_work_tree(self, home: str) -> Commit:
        lines, head = self._states.lines(self._states.head, home), self._states.head
        change = Change(
            parent=head,
            history=f"{home}/{HISTORY_NAME}",
            files={},
            added=self._states.today - lines,
            lost=lines - self._states.today,
        )
        return Commit(WORK_TREE, "", "", "", self._states.today, (change,))

    def _listed(self, home: str) -> Iterator[str]:
        """Golden files in HEAD, by their paths in the project."""
        tree = self._states.state(self._states.head, home).tree
        for path in changed_files(self._root, [(None, tree)])[None, tree]:
            yield f"{self._project.golden_name}/{path}"

    def _uncommitted(self) -> Iterator[str]:
        """Golden files that differ from HEAD, by their paths in the project."""
        for path in changed_paths(self._root, self._project.golden_name, every_file=True):
            yield f"{self._project.golden_name}/{path.removeprefix(f'{self._home}/')}"

    def _forked(self, commits: Iterable[Commit]) -> set[str]:
        """Records that were added to a commit none of whose parents has the record before in its registry.

        The text of a registry is searched for the digest, which is much faster than decoding all of it.
        """
        wanted: dict[str, set[str]] = {}  # digests of records before, by the registry to search
        added: list[tuple[str, str, list[str]]] = []
        for commit in commits:
            registries = [blob for change in commit.changes for blob in self._registries_of(change.parent)]
            for line in commit.added & self._states.records.keys():
                before = self._states.records[line].previous
                if self._starts_again(line, commit):
                    continue
                if before is not None and before not in commit.added and registries:
                    added.append((line, before, registries))
                    for blob in registries:
                        wanted.setdefault(blob, set()).add(before)
        found = {
            (blob, digest)
            for blob, data in file_contents(self._root, wanted)
            for digest in wanted[blob]
            if digest.encode() in data
        }
        return {line for line, before, blobs in added if not any((blob, before) in found for blob in blobs)}

    def _starts_again(self, line: str, commit: Commit) -> bool:
        """Whether a record follows the removal of its file, which no parent's registry has any more."""
        record = self._states.records[line]
        before = self._states.records.get(record.previous or "")
        if before is None or before.path != record.path or not before.ends:
            return False
        parents = [change.parent for change in commit.changes if change.parent]
        homes = [(parent, home) for parent in parents for home in self._states.homes.get(parent, {})]
        return all(record.path not in self._states.entries(parent, home) for parent, home in homes)

    def _registries_of(self, commit: str | None) -> list[str]:
        """Objects of the project's registry in a commit."""
        homes = self._states.homes.get(commit, {}) if commit else {}
        found = (self._states.state(commit, home).registry for home in homes)
        return [blob for blob in found if blob]

    def _with_restorations(self, history: GitHistory) -> GitHistory:
        """Mark the golden files that a commit took back to the state of an earlier commit."""

        def marked(commit: Commit) -> Commit:
            if not any(change.lost - self._states.today for change in commit.changes):
                return commit  # whatever it lost is back
            return replace(commit, restored=self._restored(commit, history))

        commits = tuple(marked(commit) for commit in history.commits)
        return replace(history, commits=commits, work_tree=marked(history.work_tree))

    def _restored(self, commit: Commit, history: GitHistory) -> frozenset[str]:
        """Golden files with lost lines that are as in an earlier commit.

        The bytes, the registry entry and all records have to be the same: a rewritten record is no
        restoration, whatever the bytes are. And both have to come from one commit: a commit without parents
        can have anything.
        """
        lost = {line for change in commit.changes for line in change.lost if line in self._states.records}
        paths = sorted({self._states.records[line].path for line in lost})
        parents = [change.parent for change in commit.changes if change.parent]
        before = history.ancestors(parents)
        losing = [change.parent for change in commit.changes if change.parent and change.lost]
        origins = [history.ancestors([parent]) for parent in losing]
        now = self._file_states(commit.id, paths)
        found: set[str] = set()
        for other in history.commits:
            if other.id in before:
                then = self._file_states(other.id, paths)
                same = {path for path in paths if then[path] == now[path]}
                if same and not any(map(history.ancestors([other.id]).isdisjoint, origins)):
                    found |= same
        nothing = (None, None, NO_LINES)  # as before the file was recorded
        return frozenset(found | {path for path in paths if now[path] == nothing})

    def _file_states(
        self, commit: str, paths: Sequence[str]
    ) -> dict[str, tuple[str | None, Entry | None, Lines]]:
        """SHA-256, registry entry and records of golden files in a commit or on disk."""
        if commit == WORK_TREE:
            files = (self._root / path for path in paths)
            digests = [sha256_file(file) if file.is_file() else None for file in files]
            entries, lines = decode_entries(self._registry_on_disk()), self._states.today
        else:
            home = next(iter(self._states.homes[commit]))
            revisions = [f"{commit}:{home}/{self._states.inside(path)}" for path in paths]
            blobs = find_objects(self._root, revisions)
            known = self._digests(filter(None, blobs.values()))
            digests = [known.get(blobs[revision] or "") for revision in revisions]
            entries, lines = self._states.entries(commit, home), self._states.lines(commit, home)
        by_path: dict[str, set[str]] = {path: set() for path in paths}
        for line in lines:
            if line in self._states.records and self._states.records[line].path in by_path:
                by_path[self._states.records[line].path].add(line)
        return {
            path: (digest, entries.get(path), frozenset(by_path[path]))
            for path, digest in zip(paths, digests, strict=True)
        }

    def _digests(self, blobs: Iterable[str]) -> dict[str, str]:
        """SHA-256 of each file; of a Git LFS pointer, that of the file it points to."""
        return dict(read_files(self._root, blobs, _digest))

    def _registry_on_disk(self) -> bytes:
        return self._project.registry.read_bytes() if self._project.registry.is_file() else b""


def _digest(stream: BoundedStream) -> str:
    first = stream.read(_BLOCK_BYTES)
    pointer = None if stream.left else parse_pointer(first)
    if pointer is not None and pointer.digest:
        return pointer.digest
    state = hashlib.sha256(first)
    while block := stream.read(_BLOCK_BYTES):
        state.update(block)
    return f"sha256:{state.hexdigest()}"
