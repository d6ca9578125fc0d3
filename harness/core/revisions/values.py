"""What differs between the golden files of two revisions, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from harness.core.registry.golden_names import archive_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from harness.core.fixtures.compare import ElementDrift
    from harness.core.registry.history import Record

_CANNOT_TELL = 2


class State(str, Enum):
    """What happened to a golden file from one revision to the other."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    RENAMED = "renamed"


class Subject(str, Enum):
    """What a value belongs to."""

    ARRAY = "array"
    METRIC = "metric"
    TOLERANCE = "tolerance"
    CONTROL = "control"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Limit:
    """The tolerance that a change is measured with.

    Attributes
    ----------
    text : str
        How much is allowed, such as ``7.35e-14 + 1e-07 relative``.
    origin : {"measured", "baseline", "default", "given"}
        Where it comes from: a tolerances document, the baseline, the dtype and scale of the array, or the
        command line. A test may have a tolerance of its own, which is not known here.
    """

    text: str
    origin: str


@dataclass(frozen=True, slots=True)
class ValueChange:
    """One array, metric or other value that differs.

    Attributes
    ----------
    subject : Subject
    name : str
        Of the array or metric, or the key in the manifest.
    before, after : Any
        The values. Of an array they are those of the element that differs most, or its dtype and shape; None
        where there is no such array or metric.
    tolerances : float or None
        How many tolerances the change is, at most 1 if it is accepted; None if that is not a number.
    accepted : bool
        Whether the change is within the tolerance.
    limit : Limit or None
        None where no tolerance applies.
    where : tuple of int or None
        Index of the element that differs most.
    differing, size : int
        Number of elements that are not the same bit by bit, and of all.
    largest : str
        The largest difference of an array's elements in words, in the units of its dtype.
    elements : tuple of ElementDrift
        The first elements beyond the tolerance.
    """

    subject: Subject
    name: str
    before: Any
    after: Any
    tolerances: float | None = None
    accepted: bool = False
    limit: Limit | None = None
    where: tuple[int, ...] | None = None
    differing: int = 0
    size: int = 0
    largest: str = ""
    elements: tuple[ElementDrift, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """One golden file that differs.

    Attributes
    ----------
    path : str
        In the newer revision; in the older one if the file was removed.
    state : State
    kind : str
        As in the registry.
    old_path : str
        Path in the older revision, of a renamed file; else empty.
    values : tuple of ValueChange
        What differs in it; of a file that was added or removed, what is in it. Empty for a plain file.
    records : tuple of Record
        Records of the file that the older revision does not have, the oldest first.
    notes : tuple of str
        What else a reader should know, such as bytes that the registry of a revision does not have.
    obstacle : str
        Why the two versions could not be compared; empty if they were.
    """

    path: str
    state: State
    kind: str
    old_path: str = ""
    values: tuple[ValueChange, ...] = ()
    records: tuple[Record, ...] = ()
    notes: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def record(self) -> Record | None:
        """The newest of the new records that is about bytes, else about the name; None if there are none."""
        versions = [record for record in self.records if record.is_version]
        return (versions or self.records or (None,))[-1]

    @property
    def is_plain(self) -> bool:
        """Whether there is nothing to say of the file but what happened to it."""
        return not (self.values or self.notes or self.obstacle)


@dataclass(frozen=True, slots=True)
class RevisionName:
    """One of the two revisions: as it was typed, and its commit; the work tree has neither."""

    typed: str = ""
    commit: str = ""

    @property
    def is_work_tree(self) -> bool:
        """Whether this is what is on disk."""
        return not self.commit


@dataclass(frozen=True, slots=True)
class Comparison:
    """The golden files of two revisions, compared.

    Attributes
    ----------
    before, after : RevisionName
    files : tuple of FileChange
        Sorted by path; those that are the same are not listed.
    same : int
        Number of golden files that are the same in both.
    notes : tuple of str
        What could not be read beside the files, such as a history.
    """

    before: RevisionName
    after: RevisionName
    files: tuple[FileChange, ...]
    same: int = 0
    notes: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 if all golden files are the same, 1 if any differs, 2 if two could not be compared."""
        if any(file.obstacle for file in self.files):
            return _CANNOT_TELL
        return 1 if self.files else 0

    @property
    def listed(self) -> tuple[FileChange, ...]:
        """The files, without manifests that only followed their archives."""
        states = {file.path: file.state for file in self.files}
        return tuple(
            file
            for file in self.files
            if not (
                file.kind == "manifest"
                and file.is_plain
                and states.get(str(archive_of(PurePosixPath(file.path)))) is file.state
            )
        )

    def with_state(self, state: State) -> tuple[FileChange, ...]:
        """Return the files to which this happened."""
        return tuple(file for file in self.files if file.state is state)


def largest(values: Iterable[ValueChange]) -> ValueChange | None:
    """Return the change of most tolerances that is a number; None if there is none."""
    measured = [value for value in values if value.tolerances]
    return max(measured, key=lambda value: value.tolerances or 0.0, default=None)
