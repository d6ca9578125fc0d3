"""Read commits, trees and file contents from git's objects.

Objects are parsed as git stores them, instead of reading what ``git log`` prints: that depends on the user's
configuration (log.showSignature, mailmaps, rename detection, i18n.logOutputEncoding).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from harness.core.errors import UnreadableError, printable
from harness.core.system.git import CUT_OFF, BoundedStream, object_names, read_objects, run_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from harness.core.system.git import GitResult

T = TypeVar("T")

TreePair = tuple[str | None, str | None]
"""Objects of two versions of a directory, before and after; None for no directory."""

_PAIRS_AT_ONCE = 64  # each pair holds two parsed directories in memory
_DIRECTORY, _LINK, _SUBMODULE = b"40000", b"120000", b"160000"


class GitFile(NamedTuple):
    """A file in a commit: its object, and whether it is a symbolic link, whose object has its target."""

    blob: str
    is_link: bool = False


FilePair = tuple[GitFile | None, GitFile | None]
"""A file before and after a change; None for no file."""


@dataclass(frozen=True, slots=True)
class CommitHeader:
    """Author, date (ISO 8601) and subject of a commit."""

    author: str
    at: str
    subject: str


def ask_git(folder: Path, *arguments: str) -> str:
    """Return what a git command that only reads prints in *folder*.

    Raises
    ------
    UnreadableError
        If git cannot be run or fails, with git's own words.
    """
    done = try_git(folder, *arguments)
    if not done.succeeded:
        raise git_failed(folder, done)
    return done.output


def is_in_repository(folder: Path) -> bool:
    """Whether *folder* or a directory above it has a ``.git``; git itself is not asked.

    With one, a git that fails is an error: its silence must not look like a project without git.
    """
    return any(os.path.lexists(place / ".git") for place in (folder, *folder.parents))


def has_commits(folder: Path) -> bool:
    """Whether *folder* is in a repository that has a commit.

    Raises
    ------
    UnreadableError
        If there is a repository, and git cannot be run or cannot read it.
    """
    if not is_in_repository(folder):
        return False
    done = try_git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if done.succeeded:
        return True
    if done.code == 1 and not done.error.strip():
        return False  # a branch without commits
    raise git_failed(folder, done)


def try_git(folder: Path, *arguments: str) -> GitResult:
    """Run a git command that only reads, without locks, and without objects that a clone replaced."""
    return run_git(folder, "--no-optional-locks", "--no-replace-objects", *arguments)


def git_failed(folder: Path, done: GitResult) -> UnreadableError:
    """Return the error for a git command that failed, with git's own words."""
    words = printable(" ".join(done.error.split())) or f"exit code {done.code}"
    if done.code is None:
        return UnreadableError(
            str(folder),
            expected="a git command, because the directory is in a repository",
            found=words,
            message=f"{folder} is in a git repository, and git cannot be run: {words}",
            remedy="Install git, or add it to PATH.",
        )
    return UnreadableError(
        str(folder),
        expected="a repository that git can read",
        found=words,
        message=f"git cannot read the history of {folder}: {words}",
        remedy="Make git work there, then try again.",
    )


def find_objects(folder: Path, revisions: Sequence[str], *, follow: bool = False) -> dict[str, str | None]:
    """Return the object that each revision, ``commit:path``, names; None if it does not exist.

    With *follow*, a path may lead through symbolic links within the commit.

    Raises
    ------
    UnreadableError
        If git fails.
    """
    listed = [revision for revision in revisions if "\n" not in revision]
    found = dict(zip(listed, object_names(folder, listed, follow=follow), strict=True))
    return {name: found[name] if name in found else _find_object(folder, name) for name in revisions}


def _find_object(folder: Path, revision: str) -> str | None:
    """Return the object of a revision that cannot be in a list, for it has line breaks; None if none."""
    try:
        done = try_git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", revision)
    except ValueError:  # no argument, and no file name either
        return None
    if not done.succeeded and done.error.strip():
        raise git_failed(folder, done)
    return done.output.strip() or None


def parents_of_commits(folder: Path) -> dict[str, tuple[str, ...]]:
    """Return all commits that lead to HEAD with their parents, each commit before its parents.

    Parents are those that commits name. A clone may have a file of grafts, or a commit graph, that says
    otherwise; only the boundary of a shallow clone is respected.
    """
    lines = ask_git(folder, "rev-list", "--topo-order", "--parents", "HEAD").splitlines()
    listed = {commit: tuple(parents) for commit, *parents in map(str.split, lines)}
    boundary = _shallow_boundary(folder)
    found: dict[str, tuple[str, ...]] = {}
    waiting = set(listed)
    while waiting:
        found |= {
            name: () if name in boundary else _parse_parents(data)
            for name, data in read_objects(folder, sorted(waiting), BoundedStream.read)
        }
        waiting = {parent for parents in found.values() for parent in parents} - found.keys()
    return listed if found == listed else _children_first(found, next(iter(listed)))


def _shallow_boundary(folder: Path) -> set[str]:
    """Commits whose parents a shallow clone leaves out."""
    path = folder / ask_git(folder, "rev-parse", "--git-path", "shallow").rstrip("\n")
    return set(path.read_text("ascii", "replace").split()) if path.is_file() else set()


def _children_first(parents: Mapping[str, tuple[str, ...]], head: str) -> dict[str, tuple[str, ...]]:
    """Return the commits that lead to *head* with their parents, each commit before its parents."""
    ordered: dict[str, None] = {}  # parents first
    seen: set[str] = set()
    waiting = [(head, False)]
    while waiting:
        commit, done = waiting.pop()
        if done:
            ordered[commit] = None
        elif commit not in seen:
            seen.add(commit)
            waiting += [(commit, True), *((parent, False) for parent in parents[commit])]
    return {commit: parents[commit] for commit in reversed(ordered)}


def require_trees(folder: Path, commits: Iterable[str]) -> None:
    """Raise :class:`UnreadableError` unless git has the files of all *commits*.

    In a partial clone a missing directory looks like one that a commit does not have.
    """
    if None in find_objects(folder, [f"{commit}^{{tree}}" for commit in commits]).values():
        raise UnreadableError(
            str(folder),
            expected="all commits, directories and files of the history",
            found="commits whose files git does not have",
            message=f"git does not have the files of all commits of {folder}",
            remedy=CUT_OFF,
        )


def commit_headers(folder: Path, commits: Iterable[str]) -> dict[str, CommitHeader]:
    """Return the headers of *commits*, by their names."""
    return {
        name: _parse_commit(data)
        for name, data in read_objects(folder, sorted(set(commits)), BoundedStream.read)
    }


def file_contents(folder: Path, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each file, one after the other."""
    yield from read_objects(folder, sorted(set(blobs)), BoundedStream.read)


def read_files(
    folder: Path, blobs: Iterable[str], read: Callable[[BoundedStream], T]
) -> Iterator[tuple[str, T]]:
    """Yield the name of each file's object and what *read* returns of its bytes."""
    yield from read_objects(folder, sorted(set(blobs)), read)


def python_files(folder: Path, commit: str) -> dict[str, str]:
    """Return the object's name of each Python file that a commit has below *folder*, by its path.

    A path is as the tree object has it: it may be one that no checkout would write.
    """
    found: dict[str, str] = {}
    for line in filter(None, ask_git(folder, "ls-tree", "-r", "-z", commit).split("\0")):
        head, _, path = line.partition("\t")
        _mode, kind, blob = head.split()
        if kind == "blob" and path.endswith(".py"):
            found[path] = blob
    return found


def changed_files(folder: Path, pairs: Iterable[TreePair]) -> dict[TreePair, dict[str, FilePair]]:
    """Return what differs between two versions of a directory, for each pair.

    Returns
    -------
    dict
        For each pair, the files (relative to the directory) that differ, before and after the change.
    """
    changed: dict[TreePair, dict[str, FilePair]] = {pair: {} for pair in pairs}
    waiting = [(pair, "", pair) for pair in changed if pair[0] != pair[1]]
    while waiting:
        level, waiting = waiting, []
        for start in range(0, len(level), _PAIRS_AT_ONCE):
            some = level[start : start + _PAIRS_AT_ONCE]
            entries = read_trees(folder, {tree for _, _, pair in some for tree in pair if tree})
            for origin, prefix, (before, after) in some:
                old, new = (dict(entries[tree]) if tree else {} for tree in (before, after))
                for name in {name for name, _ in old.items() ^ new.items()}:
                    path = f"{prefix}{_text(name)}"
                    (old_file, old_tree), (new_file, new_tree) = _kinds(old.get(name)), _kinds(new.get(name))
                    if old_file != new_file:
                        changed[origin][path] = (old_file, new_file)
                    if old_tree != new_tree:
                        waiting.append((origin, f"{path}/", (old_tree, new_tree)))
    return changed


def trees_with_links(folder: Path, trees: Iterable[str]) -> dict[str, set[str]]:
    """Return the directories among *trees* that have symbolic links at any depth, with the links' objects."""
    links: dict[str, set[str]] = {}
    inner: dict[str, list[str]] = {}
    waiting = set(trees)
    while waiting:
        for tree, entries in read_trees(folder, waiting).items():
            kinds = [_kinds(entry) for entry in entries.values()]
            links[tree] = {file.blob for file, _ in kinds if file and file.is_link}
            inner[tree] = [directory for _, directory in kinds if directory]
        waiting = {tree for below in inner.values() for tree in below} - inner.keys()
    pending = [tree for tree in links if links[tree]]
    outer: dict[str, list[str]] = {}
    for tree, below in inner.items():
        for directory in below:
            outer.setdefault(directory, []).append(tree)
    while pending:
        tree = pending.pop()
        for above in outer.get(tree, ()):
            if not links[tree] <= links[above]:
                links[above] |= links[tree]
                pending.append(above)
    return {tree: links[tree] for tree in trees if links[tree]}


def read_trees(folder: Path, trees: Iterable[str]) -> dict[str, dict[bytes, tuple[bytes, str]]]:
    """Return mode and object of each name in each directory."""
    return dict(read_objects(folder, sorted(set(trees)), lambda stream: _parse_tree(stream.read())))


def _parse_parents(data: bytes) -> tuple[str, ...]:
    """Return the parents that a commit object names, in their order."""
    lines = data.partition(b"\n\n")[0].split(b"\n")
    return tuple(line[7:].decode("ascii", "replace") for line in lines if line.startswith(b"parent "))


def _parse_commit(data: bytes) -> CommitHeader:
    """Return the header of a commit object: lines of ``key value``, an empty line, the message."""
    head, _, message = data.partition(b"\n\n")
    fields = dict(line.partition(b" ")[::2] for line in reversed(head.split(b"\n")))
    encoding = fields.get(b"encoding", b"utf-8").decode("ascii", "replace")
    person, _, when = fields.get(b"author", b"").rpartition(b"> ")
    subject = " ".join(_decoded(message.lstrip(b"\n").partition(b"\n\n")[0], encoding).split("\n"))
    return CommitHeader(_decoded(person.rpartition(b" <")[0], encoding), _date(when), subject.strip())


def _decoded(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding, "replace")
    except (LookupError, ValueError):  # an encoding that Python does not know, or that replaces nothing
        return data.decode("utf-8", "replace")


def _date(text: bytes) -> str:
    """Return ``1700000000 +0100`` as ISO 8601; empty if it is not a date."""
    found = re.fullmatch(rb"(\d{1,11}) ([+-])(\d\d)(\d\d)", text)
    if not found:
        return ""
    offset = timedelta(hours=int(found[3]), minutes=int(found[4])) * (-1 if found[2] == b"-" else 1)
    try:
        return datetime.fromtimestamp(int(found[1]), timezone(offset)).isoformat()
    except (OverflowError, ValueError, OSError):
        return ""


def _parse_tree(data: bytes) -> dict[bytes, tuple[bytes, str]]:
    r"""Return mode and object of each name in a tree object.

    A tree is a sequence of ``MODE NAME\0`` and the object's name in binary, whose 20 (SHA-1) or 32 bytes
    (SHA-256) only the repository knows. So the reader tries the first, which consumes a SHA-1 tree exactly.
    """
    for size in (20, 32):
        entries = re.findall(rb"([0-7]{5,6}) ([^\0]+)\0(.{%d})" % size, data, re.DOTALL)
        if sum(len(mode) + len(name) + size + 2 for mode, name, _ in entries) == len(data):
            return {name: (mode, value.hex()) for mode, name, value in entries}
    return {}


def _kinds(entry: tuple[bytes, str] | None) -> tuple[GitFile | None, str | None]:
    """Return an entry's object as (file, directory), one of them None; both for a submodule or nothing."""
    if entry is None or entry[0] == _SUBMODULE:
        return None, None
    mode, name = entry
    return (None, name) if mode == _DIRECTORY else (GitFile(name, mode == _LINK), None)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")
