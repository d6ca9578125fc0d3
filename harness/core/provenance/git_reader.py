"""Read what git keeps of golden files: for each commit, the files and history lines that it changed.

A commit is compared with each of its parents, so that a merge cannot drop what one side had. The project is
followed by content: where its golden directory was in a parent is found by the history lines that it shares
with the commit, so that moving the project within the repository hides nothing.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError
from harness.core.provenance.git_history import WORK_TREE, Change, Commit, GitHistory, Lines
from harness.core.provenance.git_objects import (
    ask_git,
    changed_files,
    commit_headers,
    file_contents,
    file_digests,
    find_objects,
    git_failed,
    parents_of_commits,
    require_trees,
    try_git,
)
from harness.core.registry.format import decode_registry
from harness.core.registry.history import Environment, Record
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.digest import sha256_file
from harness.core.storage.lfs import parse_pointer
from harness.core.storage.project import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

_NO_LINES: Lines = frozenset()


def read_git_history(project: Project, lines: bytes) -> GitHistory | None:
    """Return what git keeps of *project*; None if the project is not in a repository with commits.

    Parameters
    ----------
    project : Project
    lines : bytes
        The history file on disk.

    Raises
    ------
    UnreadableError
        If there is a repository and git cannot be run or cannot read it, with git's own words.
    """
    if not _has_commits(project):
        return None
    prefix, shallow = ask_git(
        project.root, "rev-parse", "--show-prefix", "--is-shallow-repository"
    ).splitlines()
    return _Reader(project, prefix, lines).read(shallow=shallow == "true")


def _has_commits(project: Project) -> bool:
    """Whether the project is in a repository that has a commit; raise if git cannot say."""
    folders = (project.root, *project.root.parents)
    if not any((folder / ".git").exists() for folder in folders):
        return False
    done = try_git(project.root, "rev-parse", "--verify", "--quiet", "HEAD")
    if done.succeeded:
        return True
    if done.code == 1 and not done.error.strip():
        return False  # a branch without commits
    raise git_failed(project.root, done)


@dataclass(frozen=True, slots=True)
class _State:
    """Objects of a golden directory, its history and its registry in one commit; None if not there."""

    tree: str | None
    history: str | None
    registry: str | None


class _Reader:
    """Reads a project's commits; keeps each history file that it has read."""

    def __init__(self, project: Project, prefix: str, lines: bytes) -> None:
        self._project = project
        self._root = project.root
        self._home = f"{prefix}{project.golden_name}"
        self._depth = len(PurePosixPath(project.golden_name).parts)
        self._records: dict[str, Record] = {}
        self._digests: dict[bytes, str] = {}
        self._today = self._parse(lines)
        self._parents: dict[str, tuple[str, ...]] = {}
        self._states: dict[tuple[str, str], _State] = {}
        self._lines: dict[str | None, Lines] = {None: _NO_LINES}
        self._pointers: set[str] = set()
        self._registries: dict[str, Mapping[str, Entry]] = {}

    def read(self, *, shallow: bool) -> GitHistory:
        self._parents = parents_of_commits(self._root)
        require_trees(self._root, self._parents)
        self._look_up([(commit, self._home) for commit in self._parents])
        head = next(iter(self._parents))
        others = self._other_directories()
        self._look_up([(commit, other) for commit in self._parents for other in others])
        self._read_lines(state.history for state in self._states.values())
        homes = self._homes(head, others)
        commits = self._commits(homes)
        ((head_home, *_),) = (homes[head],)
        head_state = self._states[head, head_home]
        history = GitHistory(
            commits=commits,
            work_tree=self._compare_work_tree(head, head_home),
            records=self._records,
            introduced={line: commit for commit in commits for line in commit.added},
            head=self._entries(head_state),
            tracked=frozenset(self._listed(head, head_home)),
            parents=self._parents,
            uncommitted=frozenset(self._uncommitted()),
            shallow=shallow,
            in_lfs=head_state.history in self._pointers,
        )
        return self._with_restorations(history, homes)

    def _look_up(self, places: Sequence[tuple[str, str]]) -> None:
        """Find the objects of golden directories, each in a commit."""
        asked = {
            (commit, home): (
                f"{commit}:{home}",
                f"{commit}:{home}/{HISTORY_NAME}",
                f"{commit}:{self._registry(home)}",
            )
            for commit, home in places
        }
        found = find_objects(self._root, [revision for three in asked.values() for revision in three])
        for place, three in asked.items():
            self._states[place] = _State(*(found[revision] for revision in three))

    def _registry(self, home: str) -> str:
        """Path of the registry beside a golden directory, which may be several directories deep."""
        return "/".join([*PurePosixPath(home).parts[: -self._depth], REGISTRY])

    def _other_directories(self) -> list[str]:
        """Directories that held a history file in any commit, other than today's golden directory.

        Every setting that changes what ``git log`` prints is overridden.
        """
        settings = ("showSignature=false", "showRoot=true", "follow=false", "diffMerges=separate")
        printed = ask_git(
            self._root,
            "--no-literal-pathspecs",
            *(part for setting in settings for part in ("-c", f"log.{setting}")),
            *("-c", f"diff.orderFile={os.devnull}", "-c", "diff.relative=false"),
            *("log", "--format=", "--name-only", "-z", "-m", "--full-history", "--no-renames", "HEAD"),
            *("--", f":(top,glob)**/{HISTORY_NAME}"),
        )
        found = {
            str(PurePosixPath(path.strip("\n")).parent) for path in printed.split("\0") if path.strip("\n")
        }
        usable = {name for name in found if name.isprintable() and "\ufffd" not in name}
        return sorted(usable - {self._home, "."})

    def _read_lines(self, blobs: Iterable[str | None]) -> None:
        for blob, data in file_contents(self._root, {blob for blob in blobs if blob} - self._lines.keys()):
            self._lines[blob] = self._parse(data)
            if parse_pointer(data[:1024]):
                self._pointers.add(blob)

    def _parse(self, data: bytes) -> Lines:
        """Return the digests of all lines that are JSON objects, and keep the records among them.

        Nothing is refused: a commit may have any text there, and the lines that it lost must still be seen.
        """
        found = set()
        for line in data.split(b"\n"):
            text = line.strip()
            if not text.startswith(b"{"):
                continue
            digest = self._digests.get(text)
            if digest is None:
                digest = self._digests[text] = f"sha256:{hashlib.sha256(text).hexdigest()}"
                value = _decode(text)
                if isinstance(value, Record):
                    self._records[digest] = value
            found.add(digest)
        return frozenset(found)

    def _homes(self, head: str, others: Sequence[str]) -> dict[str, dict[str, Lines]]:
        """For each commit, the golden directory that today's came from, and the lines that identify it.

        There may be two, if the project was moved on one of two branches.
        """
        homes: dict[str, dict[str, Lines]] = {commit: {} for commit in self._parents}
        homes[head] = dict([self._home_in(head, self._home, self._today, others, None)])
        for commit, parents in self._parents.items():  # children come before their parents
            for home, known in homes[commit].items():
                for parent in parents:
                    if parent in homes:
                        place, lines = self._home_in(parent, home, known, others, commit)
                        homes[parent].setdefault(place, lines)
        return homes

    def _home_in(
        self, parent: str, home: str, known: Lines, others: Sequence[str], child: str | None
    ) -> tuple[str, Lines]:
        """Where the project is in *parent* that is at *home* with the lines *known* in a child of it.

        At the same place, if there is anything. Otherwise in the directory that shares most history lines.
        A directory that shares none counts as well if it is gone and has records of the same files: a forger
        may have rewritten every line while moving the project. If it is gone in the child, equal names are
        enough; if it was deleted later, dates or bytes have to be the same, as in a copy.
        """
        state = self._states.get((parent, home))
        if state and (state.tree or state.history):
            return home, self._lines[state.history] or known
        best, best_shared = home, 0
        head = next(iter(self._parents))
        for other in others:
            lines = self._lines[self._states[parent, other].history]
            shared = 2 * len(lines & known)
            if not shared and child is not None and not self._states[head, other].history:
                moved = not self._states[child, other].history
                shared = int(bool(self._traits(lines, moved) & self._traits(known, moved)))
            if shared > best_shared:
                best, best_shared = other, shared
        return best, self._lines[self._states[parent, best].history] or known

    def _traits(self, lines: Lines, moved: bool) -> set[tuple[str, ...]]:
        """What records of the same files have in common even if they were rewritten."""
        records = [self._records[line] for line in lines if line in self._records]
        if moved:
            return {(self._inside(record.path),) for record in records}
        dates = {(self._inside(record.path), record.at) for record in records}
        return dates | {(self._inside(record.path), record.sha256) for record in records}

    def _commits(self, homes: Mapping[str, Mapping[str, Lines]]) -> tuple[Commit, ...]:
        """All commits that changed anything of the project, newest first."""
        edges = []
        for commit, places in homes.items():
            all_edges = [
                (commit, home, parent, place)
                for home in places
                for parent, place in self._edges(commit, home, homes)
            ]
            if any(self._differs(*edge) for edge in all_edges):
                edges += all_edges  # those without a difference, too: what one parent has is not new
        pairs = [
            (self._tree(parent, place), self._tree(commit, home)) for commit, home, parent, place in edges
        ]
        changed = changed_files(self._root, pairs)
        digests = file_digests(self._root, {b for files in changed.values() for b in files.values() if b})
        changes: dict[str, list[Change]] = {}
        for edge, pair in zip(edges, pairs, strict=True):
            changes.setdefault(edge[0], []).append(self._change(edge, changed[pair], digests))
        headers = commit_headers(self._root, changes)
        with_history = self._with_history(homes)
        return tuple(
            Commit(
                id=name,
                author=headers[name].author,
                at=headers[name].at,
                subject=headers[name].subject,
                lines=frozenset().union(*(self._lines_in(name, home) for home in homes[name])),
                changes=tuple(changes[name]),
                before_history=name not in with_history,
            )
            for name in self._parents
            if name in changes
        )

    def _edges(
        self, commit: str, home: str, homes: Mapping[str, Mapping[str, Lines]]
    ) -> Iterator[tuple[str | None, str]]:
        """Parents to compare a commit with, each with the project's golden directory there."""
        parents = [parent for parent in self._parents[commit] if parent in homes]
        if not parents:
            yield None, home
        for parent in parents:
            places = homes[parent]
            yield from ((parent, place) for place in ([home] if home in places else places))

    def _differs(self, commit: str, home: str, parent: str | None, place: str) -> bool:
        after = self._states[commit, home]
        before = self._states[parent, place] if parent else _State(None, None, None)
        return (before.tree, before.registry) != (after.tree, after.registry)

    def _tree(self, commit: str | None, home: str) -> str | None:
        return self._states[commit, home].tree if commit else None

    def _lines_in(self, commit: str | None, home: str) -> Lines:
        return self._lines[self._states[commit, home].history] if commit else _NO_LINES

    def _change(
        self,
        edge: tuple[str, str, str | None, str],
        files: Mapping[str, str | None],
        digests: Mapping[str, str],
    ) -> Change:
        commit, home, parent, place = edge
        after, before = self._lines_in(commit, home), self._lines_in(parent, place)
        kept = after
        if place != home:  # a copy of a project that is still there: what it did not take over is not lost
            kept |= self._lines[self._states[next(iter(self._parents)), place].history]
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

    def _with_history(self, homes: Mapping[str, Mapping[str, Lines]]) -> set[str]:
        """Commits that have a history file, or an ancestor that has one."""
        found: set[str] = set()
        for commit in reversed(self._parents):  # parents first
            here = any(self._states[commit, home].history for home in homes[commit])
            if here or any(parent in found for parent in self._parents[commit]):
                found.add(commit)
        return found

    def _compare_work_tree(self, head: str, home: str) -> Commit:
        lines = self._lines_in(head, home)
        change = Change(
            parent=head,
            history=f"{home}/{HISTORY_NAME}",
            files={},
            added=self._today - lines,
            lost=lines - self._today,
        )
        return Commit(WORK_TREE, "", "", "", self._today, (change,))

    def _entries(self, state: _State) -> Mapping[str, Entry]:
        if state.registry is None:
            return {}
        if state.registry not in self._registries:
            ((_, data),) = file_contents(self._root, [state.registry])
            self._registries[state.registry] = self._decode_registry(data)
        return self._registries[state.registry]

    @staticmethod
    def _decode_registry(data: bytes) -> Mapping[str, Entry]:
        try:
            return decode_registry(data, REGISTRY).entries
        except HarnessError:  # schema 1, or text that is not a registry
            return {}

    def _listed(self, commit: str, home: str) -> Iterator[str]:
        """Golden files of a commit, by their paths in the project."""
        tree = self._states[commit, home].tree
        for path in changed_files(self._root, [(None, tree)])[None, tree]:
            yield f"{self._project.golden_name}/{path}"

    def _uncommitted(self) -> Iterator[str]:
        """Golden files that differ from HEAD, by their paths in the project."""
        printed = ask_git(
            self._root,
            "--literal-pathspecs",
            *("-c", "status.relativePaths=false", "-c", "status.showUntrackedFiles=all"),
            *("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", "--ignored=no"),
            *("--", self._project.golden_name),
        )
        for line in printed.split("\0"):
            if line:
                yield f"{self._project.golden_name}/{line[3:].removeprefix(f'{self._home}/')}"

    def _with_restorations(self, history: GitHistory, homes: Mapping[str, Mapping[str, Lines]]) -> GitHistory:
        """Mark the golden files that a commit took back to the state of an earlier commit."""

        def marked(commit: Commit) -> Commit:
            if not any(change.lost - self._today for change in commit.changes):
                return commit  # whatever it lost is back
            return replace(commit, restored=self._restored(commit, history, homes))

        commits = tuple(marked(commit) for commit in history.commits)
        return replace(history, commits=commits, work_tree=marked(history.work_tree))

    def _restored(
        self, commit: Commit, history: GitHistory, homes: Mapping[str, Mapping[str, Lines]]
    ) -> frozenset[str]:
        """Golden files with lost lines that are as in an earlier commit.

        The bytes, the registry entry and all records have to be the same: a rewritten record is no
        restoration, whatever the bytes are.
        """
        lost = {line for change in commit.changes for line in change.lost if line in self._records}
        paths = sorted({self._records[line].path for line in lost})
        before = history.ancestors(change.parent for change in commit.changes if change.parent)
        now = self._file_states(commit.id, paths, homes)
        found: set[str] = set()
        for other in history.commits:
            if other.id in before:
                then = self._file_states(other.id, paths, homes)
                found |= {path for path in paths if then[path] == now[path]}
        nothing = (None, None, _NO_LINES)  # as before the file was recorded
        return frozenset(found | {path for path in paths if now[path] == nothing})

    def _file_states(
        self, commit: str, paths: Sequence[str], homes: Mapping[str, Mapping[str, Lines]]
    ) -> dict[str, tuple[str | None, Entry | None, Lines]]:
        """SHA-256, registry entry and records of golden files in a commit or on disk."""
        if commit == WORK_TREE:
            files = (self._root / path for path in paths)
            digests = [sha256_file(file) if file.is_file() else None for file in files]
            entries, lines = self._decode_registry(self._registry_on_disk()), self._today
        else:
            home = next(iter(homes[commit]))
            revisions = [f"{commit}:{home}/{self._inside(path)}" for path in paths]
            blobs = find_objects(self._root, revisions)
            known = file_digests(self._root, filter(None, blobs.values()))
            digests = [known.get(blobs[revision] or "") for revision in revisions]
            entries, lines = self._entries(self._states[commit, home]), self._lines_in(commit, home)
        by_path: dict[str, set[str]] = {path: set() for path in paths}
        for line in lines:
            if line in self._records and self._records[line].path in by_path:
                by_path[self._records[line].path].add(line)
        return {
            path: (digest, entries.get(path), frozenset(by_path[path]))
            for path, digest in zip(paths, digests, strict=True)
        }

    def _inside(self, path: str) -> str:
        """A golden file's path relative to the golden directory."""
        return "/".join(PurePosixPath(path).parts[self._depth :])

    def _registry_on_disk(self) -> bytes:
        return self._project.registry.read_bytes() if self._project.registry.is_file() else b""


def _decode(line: bytes) -> Record | Environment | None:
    try:
        return msgspec.json.decode(line, type=Record | Environment)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
