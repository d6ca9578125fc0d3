"""What git keeps of golden files, as values: each commit, compared with each of its parents.

:mod:`harness.core.provenance.git_reader` reads them; :mod:`harness.core.provenance.git_rules` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.core.registry.format import Entry
    from harness.core.registry.history import Record

Lines = frozenset[str]
"""Lines of a history file, by the digests that records and the registry name them by."""

WORK_TREE = ""
"""In place of a commit's name: what is on disk and not committed."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a commit changed compared with one of its parents.

    Attributes
    ----------
    parent : str or None
        None for a commit without parents.
    history : str
        Path of the parent's history file in the repository.
    files : mapping of str to str or None
        SHA-256 of each golden file that differs, as of the commit, by its path in the project; None for a
        deleted one, and as in :mod:`harness.core.registry.committed_bytes` if git has no content.
    added, lost : frozenset of str
        History lines that only the commit has, and that only the parent has.
    elsewhere : str
        For another project that the parent has in the same place: the directory where a merge put it.
    """

    parent: str | None
    history: str
    files: Mapping[str, str | None]
    added: Lines
    lost: Lines
    elsewhere: str = ""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit that changed golden files or their history, or the work tree compared with HEAD.

    Attributes
    ----------
    id, author, at, subject : str
        Its name, who made it, when (ISO 8601), and the first line of its message.
    lines : frozenset of str
        All history lines in the commit.
    changes : tuple of Change
        One per parent.
    before_history : bool
        Whether neither the commit nor any commit before it has a history file.
    restored : frozenset of str
        Golden files that lost history lines, but whose bytes, registry entry and records are all those of an
        earlier commit, as after ``git revert``.
    """

    id: str
    author: str
    at: str
    subject: str
    lines: Lines
    changes: tuple[Change, ...]
    before_history: bool = False
    restored: frozenset[str] = frozenset()

    @property
    def added(self) -> Lines:
        """History lines that no parent has."""
        return frozenset.intersection(*(change.added for change in self.changes))

    @property
    def files(self) -> Mapping[str, str | None]:
        """Golden files that no parent has like this, as :attr:`Change.files`."""
        first, *others = (change.files for change in self.changes)
        return {path: sha256 for path, sha256 in first.items() if all(path in other for other in others)}


@dataclass(frozen=True, slots=True)
class GitHistory:
    """What git keeps of a project.

    Attributes
    ----------
    commits : tuple of Commit
        Newest first; those that changed golden files, history lines or the registry.
    work_tree : Commit
        The history on disk, compared with HEAD.
    records : mapping of str to Record
        All records that any commit or the work tree has, by digest.
    introduced : mapping of str to Commit
        The first commit with each history line.
    head : mapping of str to Entry
        The registry in HEAD; empty if it cannot be read.
    tracked : frozenset of str
        Golden files in HEAD, by their paths in the project.
    parents : mapping of str to tuple of str
        All commits that lead to HEAD, with their parents.
    uncommitted : frozenset of str
        Golden files that differ from HEAD.
    forked : frozenset of str
        Records that do not continue the one that the registry named before them, in any parent.
    shallow : bool
        Whether the clone leaves out older commits.
    in_lfs : bool
        Whether HEAD has a Git LFS pointer instead of the history file, so that no lines can be compared.
    """

    commits: tuple[Commit, ...]
    work_tree: Commit
    records: Mapping[str, Record]
    introduced: Mapping[str, Commit] = field(default_factory=dict)
    head: Mapping[str, Entry] = field(default_factory=dict)
    tracked: frozenset[str] = frozenset()
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uncommitted: frozenset[str] = frozenset()
    forked: Lines = frozenset()
    shallow: bool = False
    in_lfs: bool = False

    def ancestors(self, commits: Iterable[str]) -> set[str]:
        """Return *commits* and all commits that lead to them."""
        return _ancestors(self.parents, commits)


def _ancestors(parents: Mapping[str, tuple[str, ...]], commits: Iterable[str]) -> set[str]:
    found: set[str] = set()
    waiting = list(commits)
    while waiting:
        commit = waiting.pop()
        if commit not in found:
            found.add(commit)
            waiting += parents.get(commit, ())
    return found
