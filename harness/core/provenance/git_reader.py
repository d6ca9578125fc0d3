"""Read what git keeps of golden files: for each commit, the files and history lines that it changed.

A commit is compared with each of its parents, so that a merge cannot drop what one side had. Moving the
project within the repository hides nothing: :mod:`harness.core.provenance.git_states` knows where it was.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.core.provenance.git_history import WORK_TREE, Change, Commit, GitHistory, Lines
from harness.core.provenance.git_states import NO_LINES, ProjectStates
from harness.core.registry.committed_bytes import LINK, decode_entries, digests_of_files
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.digest import sha256_file
from harness.core.storage.lfs import kept_places
from harness.core.storage.project import REGISTRY
from harness.core.system.git_links import find_files, trees_that_lead_elsewhere
from harness.core.system.git_objects import (
    GitFile,
    ask_git,
    changed_files,
    commit_headers,
    file_contents,
    has_commits,
)
from harness.core.system.work_tree import changed_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project
    from harness.core.system.git_objects import FilePair

Edge = tuple[str, str, "str | None", str]
"""A commit and its golden directory; one of its parents, if it has one, and the directory there."""


def read_git_history(project: Project, text: bytes, paths: Iterable[str] = ()) -> GitHistory | None:
    """Return what git keeps of *project*; None if the project is not in a repository with commits.

    Parameters
    ----------
    project : Project
    text : bytes
        The history file on disk.
    paths : iterable of str
        The golden files, which commits may have as links to other files.

    Raises
    ------
    UnreadableError
        If there is a repository and git cannot be run or cannot read it, with git's own words.
    """
    if not has_commits(project.root):
        return None
    prefix = ask_git(project.root, "rev-parse", "--show-prefix").removesuffix("\n")
    shallow = ask_git(project.root, "rev-parse", "--is-shallow-repository").strip()
    return _Reader(project, prefix, text, paths).read(shallow=shallow == "true")


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


class _Reader:
    """Compares the commits of a project with their parents."""

    def __init__(self, project: Project, prefix: str, text: bytes, paths: Iterable[str]) -> None:
        self._project = project
        self._root = project.root
        self._prefix = prefix
        self._home = f"{prefix}{project.golden_name}"
        self._states = ProjectStates(project, prefix, text)
        self._paths = frozenset(path for path in paths if _is_inside(project, path))
        self._views: dict[tuple[str, str], Mapping[str, GitFile]] = {}

    def read(self, *, shallow: bool) -> GitHistory:
        states = self._states
        self._look_through_links()
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
        edges = list(self._changing_edges())
        changed = self._changed_files(edges)
        pairs = (pair for files in changed.values() for pair in files.values())
        digests = digests_of_files(self._project, (file for pair in pairs for file in pair))
        changes: dict[str, list[Change]] = {}
        for edge in edges:
            changes.setdefault(edge[0], []).append(self._change(edge, changed[edge], digests))
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

    def _look_through_links(self) -> None:
        """Find the golden files of commits whose golden directories have links to other places.

        Git compares the links, and does not see that the files changed to which they lead.
        """
        edges = list(self._all_edges())
        trees = {tree for edge in edges for tree in self._trees(edge) if tree}
        leading = trees_that_lead_elsewhere(self._root, trees)
        wanted = {
            side
            for commit, home, parent, place in edges
            if leading.intersection(self._trees((commit, home, parent, place)))
            for side in ((commit, home), (parent, place))
        }
        sides = [(commit, home) for commit, home in wanted if commit]
        places = [(commit, self._within(home, path)) for commit, home in sides for path in self._paths]
        found = find_files(self._root, places) if places else {}
        for commit, home in sides:
            files = {path: found[commit, self._within(home, path)] for path in self._paths}
            self._views[commit, home] = {path: file for path, file in files.items() if file}

    def _trees(self, edge: Edge) -> tuple[str | None, str | None]:
        """The golden directories of a parent and of its child."""
        commit, home, parent, place = edge
        return self._states.state(parent, place).tree, self._states.state(commit, home).tree

    def _within(self, home: str, path: str) -> str:
        """Path of a golden file in the repository, for the golden directory at *home*."""
        return f"{home}/{self._states.inside(path)}"

    def _changed_files(self, edges: Sequence[Edge]) -> dict[Edge, Mapping[str, FilePair]]:
        """For each edge, the golden files that differ, by their paths in the project."""
        plain = changed_files(self._root, [self._trees(edge) for edge in edges])
        changed: dict[Edge, Mapping[str, FilePair]] = {}
        for edge in edges:
            commit, home, parent, place = edge
            if (commit, home) in self._views and (parent is None or (parent, place) in self._views):
                before: Mapping[str, GitFile] = self._views[parent, place] if parent else {}
                after = self._views[commit, home]
                pairs = {path: (before.get(path), after.get(path)) for path in self._paths}
                changed[edge] = {path: pair for path, pair in pairs.items() if pair[0] != pair[1]}
            else:
                changed[edge] = {
                    f"{self._project.golden_name}/{path}": pair
                    for path, pair in plain[self._trees(edge)].items()
                }
        return changed

    def _all_edges(self) -> Iterator[Edge]:
        """All edges of all commits."""
        for commit, places in self._states.homes.items():
            for home in places:
                yield from ((commit, home, parent, place) for parent, place in self._edges(commit, home))

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
        yield from self._states.origins.get((commit, home), ((None, home),))

    def _differs(self, commit: str, home: str, parent: str | None, place: str) -> bool:
        after, before = self._states.state(commit, home), self._states.state(parent, place)
        if (before.tree, before.registry) != (after.tree, after.registry):
            return True
        return parent is not None and self._views.get((commit, home)) != self._views.get((parent, place))

    def _change(
        self,
        edge: Edge,
        files: Mapping[str, FilePair],
        digests: Mapping[GitFile, str],
    ) -> Change:
        commit, home, parent, place = edge
        after, before = self._states.lines(commit, home), self._states.lines(parent, place)
        kept = after
        if place != home:
            kept |= self._states.left_to_original(place, home, after)
        contents = {path: tuple(file and digests[file] for file in pair) for path, pair in files.items()}
        return Change(
            parent=parent,
            history=f"{place}/{HISTORY_NAME}",
            files={
                path: after
                for path, (before, after) in contents.items()
                if before != after and path != f"{self._project.golden_name}/{HISTORY_NAME}"
            },
            added=after - before,
            lost=before - kept,
            elsewhere=self._states.elsewhere.get((commit, home, parent), ""),
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
        """Golden files whose contents, or keys of them, are in HEAD, by their paths in the project."""
        edge = (self._states.head, home, None, home)
        view = self._views.get(edge[:2])
        if view is None:
            tree = self._states.state(*edge[:2]).tree
            pairs = changed_files(self._root, [(None, tree)])[None, tree]
            view = {f"{self._project.golden_name}/{path}": file for path, (_, file) in pairs.items() if file}
        digests = digests_of_files(self._project, view.values())
        yield from (path for path, file in view.items() if not digests[file].startswith(LINK))

    def _uncommitted(self) -> Iterator[str]:
        """Golden files that differ from HEAD, by their paths in the project."""
        for path in changed_paths(self._root, self._project.golden_name, every_file=True):
            yield f"{self._project.golden_name}/{path.removeprefix(f'{self._home}/')}"
        led = self._led()
        if led:
            folders = {str(PurePosixPath(place).parent) for place in led}
            for path in changed_paths(self._root, *sorted(folders), every_file=True):
                yield from led.get(path.removeprefix(self._prefix), ())

    def _led(self) -> dict[str, list[str]]:
        """Golden files whose paths lead through links, by the places where git keeps them."""
        led: dict[str, list[str]] = {}
        top = os.path.realpath(self._root)
        plain = {
            folder: os.path.realpath(f"{top}/{folder}") == f"{top}/{folder}"
            for folder in {path.rpartition("/")[0] for path in self._paths}
        }
        for path in self._paths:
            if not plain[path.rpartition("/")[0]] or (self._root / path).is_symlink():
                for place in kept_places(self._root, path):
                    led.setdefault(place, []).append(path)
        return led

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
            places = [(commit, self._within(home, path)) for path in paths]
            known = find_files(self._root, places)
            contents = digests_of_files(self._project, known.values())
            digests = [contents[file] if (file := known[place]) else None for place in places]
            entries, lines = self._states.entries(commit, home), self._states.lines(commit, home)
        by_path: dict[str, set[str]] = {path: set() for path in paths}
        for line in lines:
            if line in self._states.records and self._states.records[line].path in by_path:
                by_path[self._states.records[line].path].add(line)
        return {
            path: (digest, entries.get(path), frozenset(by_path[path]))
            for path, digest in zip(paths, digests, strict=True)
        }

    def _registry_on_disk(self) -> bytes:
        return self._project.registry.read_bytes() if self._project.registry.is_file() else b""


def _is_inside(project: Project, path: str) -> bool:
    """Whether a registered path is one that git may have in the golden directory."""
    return path.startswith(f"{project.golden_name}/") and path.isprintable()
