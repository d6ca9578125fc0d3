"""Where a project was in each commit, and what its golden directory, history and registry were there.

A project may be moved within its repository. It is followed by content: in a parent, its golden directory
is the one that shares history lines with the commit.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from harness.core.registry.committed_bytes import decode_entries
from harness.core.registry.history import Environment, Record
from harness.core.registry.registry import HISTORY_NAME
from harness.core.storage.project import REGISTRY
from harness.core.system.git_objects import (
    ask_git,
    file_contents,
    find_objects,
    parents_of_commits,
    read_trees,
    require_trees,
)
from harness.core.system.pointers import parse_pointer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from harness.core.provenance.git_history import Lines
    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

NO_LINES: Lines = frozenset()


@dataclass(frozen=True, slots=True)
class State:
    """Objects of a golden directory, its history and its registry in one commit; None if not there.

    Links within the commit are followed.
    """

    tree: str | None
    history: str | None
    registry: str | None


class ProjectStates:
    """A project in all commits that lead to HEAD; every history file is read once.

    Attributes
    ----------
    parents : mapping of str to tuple of str
        All commits with their parents, each commit before its parents.
    homes : mapping of str to mapping of str to frozenset of str
        For each commit, the golden directories that today's came from, and the lines that identify each.
        There may be several, if the project was moved on one of two branches, or over another one.
    origins : mapping of (str, str) to list of (str, str)
        For a commit and a golden directory in it: each parent, and each directory there that it came from.
    elsewhere : mapping of (str, str, str) to str
        For a merge, a golden directory and a parent that has another project there: where the merge put that.
    records : mapping of str to Record
        All records of all commits and of the work tree, by digest.
    today : frozenset of str
        History lines on disk.
    """

    def __init__(self, project: Project, prefix: str, text: bytes) -> None:
        """Read the history of *project*, *prefix* below the top of its repository, with *text* on disk."""
        self._root = project.root
        self._home = f"{prefix}{project.golden_name}"
        self._depth = len(PurePosixPath(project.golden_name).parts)
        self._digests: dict[bytes, str] = {}
        self._states: dict[tuple[str, str], State] = {}
        self._lines: dict[str | None, Lines] = {None: NO_LINES}
        self._pointers: set[str] = set()
        self._registries: dict[str, Mapping[str, Entry]] = {}
        self.records: dict[str, Record] = {}
        self.today = self._parse(text)
        self.parents = parents_of_commits(self._root)
        self.head = next(iter(self.parents))
        require_trees(self._root, self.parents)
        self._look_up([(commit, self._home) for commit in self.parents])
        others = self._other_directories()
        self._look_up([(commit, other) for commit in self.parents for other in others])
        self._require_histories()
        self._read_lines(state.history for state in self._states.values())
        self.origins: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self.elsewhere: dict[tuple[str, str, str | None], str] = {}
        self.homes = self._find_homes(others)

    def state(self, commit: str | None, home: str) -> State:
        """Return the objects at *home* in a commit; none of them without a commit."""
        return self._states[commit, home] if commit else State(None, None, None)

    def lines(self, commit: str | None, home: str) -> Lines:
        """Return the history lines at *home* in a commit."""
        return self._lines[self.state(commit, home).history]

    def entries(self, commit: str, home: str) -> Mapping[str, Entry]:
        """Return the registry beside *home* in a commit; no entries if it cannot be read."""
        blob = self.state(commit, home).registry
        if blob is None:
            return {}
        if blob not in self._registries:
            ((_, data),) = file_contents(self._root, [blob])
            self._registries[blob] = decode_entries(data)
        return self._registries[blob]

    def is_pointer(self, commit: str, home: str) -> bool:
        """Return whether the history at *home* is a Git LFS pointer in a commit."""
        return self.state(commit, home).history in self._pointers

    def inside(self, path: str) -> str:
        """Return a golden file's path relative to the golden directory."""
        return "/".join(PurePosixPath(path).parts[self._depth :])

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
        revisions = [revision for three in asked.values() for revision in three]
        found = find_objects(self._root, revisions, follow=True)
        for place, three in asked.items():
            self._states[place] = State(*(found[revision] for revision in three))

    def _require_histories(self) -> None:
        """Raise :class:`UnreadableError` if git lacks a history that a commit has: it would look deleted."""
        trees = {state.tree for state in self._states.values() if state.tree and not state.history}
        for entries in read_trees(self._root, trees).values() if trees else ():
            mode, blob = entries.get(HISTORY_NAME.encode(), (b"", ""))
            if mode.startswith(b"100"):
                list(file_contents(self._root, [blob]))

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
        return sorted(found - {self._home, "."})

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
                    self.records[digest] = value
            found.add(digest)
        return frozenset(found)

    def _find_homes(self, others: Sequence[str]) -> dict[str, dict[str, Lines]]:
        """Find the golden directory in each commit, from HEAD backwards."""
        homes: dict[str, dict[str, Lines]] = {commit: {} for commit in self.parents}
        homes[self.head] = self._places_in(self.head, self._home, self.today, others, None)
        for commit, parents in self.parents.items():  # children come before their parents
            for home, known in homes[commit].items():
                for parent in parents:
                    elsewhere = self._moved_by_merge(commit, home, parent, others)
                    if elsewhere:
                        self.elsewhere[commit, home, parent] = elsewhere
                    if parent in homes and not (elsewhere and self._names_differ(commit, home, parent)):
                        places = self._places_in(parent, home, known, others, commit)
                        self.origins.setdefault((commit, home), []).extend((parent, p) for p in places)
                        homes[parent] = {**places, **homes[parent]}
        return homes

    def _places_in(
        self, parent: str, home: str, known: Lines, others: Sequence[str], child: str | None
    ) -> dict[str, Lines]:
        """Where the project came from in *parent* that is at *home* with the lines *known* in a child of it.

        From the same place, if there is a history or nothing else; and from every directory whose records
        came to the child. A directory may have been there before the project was moved to it.
        """
        own = self._lines[self.state(parent, home).history] if (parent, home) in self._states else NO_LINES
        places = {
            other: self._lines[self._states[parent, other].history]
            for other in others
            if other != home and self._is_origin((parent, home), other, known - own, own, child)
        }
        if own or not places:
            return {home: own or known, **places}
        return dict(sorted(places.items(), key=lambda item: -len(item[1] & known)))

    def _is_origin(
        self, before: tuple[str, str], other: str, new: Lines, own: Lines, child: str | None
    ) -> bool:
        """Whether the lines *new* of a child, whose directory has the lines *own* *before*, are *other*'s.

        A directory that shares no record counts as well if it is gone and has records of the same files: a
        forger may have rewritten every line while moving the project. If it is gone in the child, equal names
        are enough; if it was deleted later, dates or bytes have to be the same, as in a copy.
        """
        parent, home = before
        lines = self._lines[self._states[parent, other].history]
        if not (new & self.records.keys() and lines):
            return False
        if new & lines & self.records.keys():
            return True
        if child is None or self._states[self.head, other].history:
            return False
        moved = not self._states[child, other].history
        came, known = (self._traits(lines, home, moved=moved) for lines in (new, own))
        return bool(self._traits(lines, other, moved=moved) & (came - known))

    def _moved_by_merge(self, child: str, home: str, parent: str, others: Sequence[str]) -> str:
        """Return where a merge put the project that a parent has at *home*, if that is another project.

        That is how git adds one repository as a directory of another one: all its lines are in that directory
        then, and the two histories have no commit in common. Empty if it is not so.
        """
        own, after = self.lines(parent, home), self.lines(child, home)
        if not own or own & after & self.records.keys() or len(self.parents[child]) == 1:
            return ""
        found = next((other for other in others if other != home and own <= self.lines(child, other)), "")
        rest = (other for other in self.parents[child] if other != parent)
        if found and self._reachable([parent]).isdisjoint(self._reachable(rest)):
            return found
        return ""

    def _names_differ(self, child: str, home: str, parent: str) -> bool:
        """Whether a commit and its parent have records of other files only."""
        own, after = (self._traits(self.lines(commit, home), home) for commit in (parent, child))
        return own.isdisjoint(after)

    def _reachable(self, commits: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(commits)
        while waiting:
            commit = waiting.pop()
            if commit not in found:
                found.add(commit)
                waiting += self.parents.get(commit, ())
        return found

    def left_to_original(self, place: str, home: str, taken: Lines) -> Lines:
        """Return the lines that a copy at *home*, with the lines *taken*, left to the project at *place*.

        Only lines that are still there today.

        A file whose records the copy has is not left to a project that does not have the file any more.
        """
        entries, names = self.entries(self.head, place), self._traits(taken, home)
        lines = self.lines(self.head, place)
        here = {line for line in lines if line in self.records and self.records[line].path in entries}
        other = {line for line in lines if not self._traits({line}, place) & names}
        return frozenset(here | other)

    def _traits(self, lines: AbstractSet[str], home: str, *, moved: bool = True) -> set[tuple[str, ...]]:
        """What records of the same files have in common even if they were rewritten.

        Paths are relative to the golden directory, which may have had another name and another depth.
        """
        known = [self.records[line] for line in lines if line in self.records]
        records = [(_below(home, record.path), record) for record in known]
        if moved:
            return {(path,) for path, _ in records}
        dates = {(path, record.at) for path, record in records}
        return dates | {(path, record.sha256) for path, record in records}


def _below(home: str, path: str) -> str:
    """Return a golden file's path relative to its golden directory; *home* is that in the repository."""
    parts = PurePosixPath(home).parts
    names = ("/".join([*parts[start:], ""]) for start in range(len(parts)))
    inner = next((path.removeprefix(name) for name in names if path.startswith(name)), "")
    return inner or PurePosixPath(path).name


def _decode(line: bytes) -> Record | Environment | None:
    try:
        return msgspec.json.decode(line, type=Record | Environment)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
