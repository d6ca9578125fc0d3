"""How far a golden file has walked, step by step, and where a walk has to end.

Each regeneration may be small and the sum of them large. So a record keeps how far its file has come from the
last record and from the walk's origin: the file's first record, or one that was declared a new origin.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.errors import HarnessError, RefusedError
from harness.core.recording.distance import as_number, is_measured, measure_distance
from harness.core.recording.old_versions import find_version, recorded_digest
from harness.core.registry.registry import Distance, Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.recording.regenerate import Staged
    from harness.core.registry.registry import Entry, Record
    from harness.core.storage.project import Project

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Leash:
    """How many tolerances a golden file may walk from its origin, 0 for any; and whether to start anew."""

    longest: float = 0.0
    new_origin: bool = False


@dataclass(frozen=True, slots=True)
class Course:
    """A golden file's newest walk, and the records that it has come by.

    Attributes
    ----------
    walk : Walk
    past : tuple of Record
        From the origin to the record before the newest, the oldest first; at least one.
    """

    walk: Walk
    past: tuple[Record, ...]

    @property
    def reach(self) -> Distance | None:
        """Distance from the origin; where its bytes are lost, the sum of all steps, which is no less.

        None if neither is known.
        """
        if self.walk.from_first is not None or self.walk.from_last is None:
            return self.walk.from_first
        unknown = self.walk.summed is None and self.walk.from_last.tolerances is not None
        return None if unknown else Distance(self.walk.summed, self.walk.from_last.name)

    @property
    def crept(self) -> Distance | None:
        """Distance from the origin, if it is more than one tolerance and no step was; else None.

        None as well after a walk whose end was declared a new origin.
        """
        walks = [record.walk for record in self.past[1:] if record.walk]
        steps = [walk.from_last.tolerances if walk.from_last else None for walk in (*walks, self.walk)]
        small = len(steps) == len(self.past) and all(step is not None and step <= 1 for step in steps)
        reach = self.reach
        far = reach is not None and reach.tolerances is not None and reach.tolerances > 1
        return reach if far and small and not self.walk.origin else None

    @property
    def records(self) -> int:
        """How many records the walk has, the origin's and the newest included."""
        return len(self.past) + 1

    @property
    def since(self) -> str:
        """Day of the origin's record."""
        return self.past[0].at[:10]


def course_of(records: Sequence[Record]) -> Course | None:
    """Course of the newest of a file's records, the oldest first; None if it is the first, or has no walk."""
    walk = records[-1].walk
    if len(records) == 1 or walk is msgspec.UNSET:
        return None
    return Course(walk, _since_origin(records[:-1]))


def measure_course(
    project: Project, item: Staged, entry: Entry | None, *, new_origin: bool = False
) -> Course | None:
    """Course that a golden file will have with a staged one as its newest version; touches nothing.

    None for a new file, and for a file of a kind that has no tolerances.
    """
    if entry is None or not is_measured(item.kind):
        return None
    past = _since_origin((*reversed(entry.history), entry.record))
    with tempfile.TemporaryDirectory() as folder:
        versions = _Versions(project, item, entry, Path(folder))
        last = versions.distance_from(past[-1])
        first = last if len(past) == 1 else versions.distance_from(past[0])
    return Course(Walk(last, first, _sum(past, last), new_origin), past)


def require_near(path: str, course: Course | None, leash: Leash) -> None:
    """Raise :class:`RefusedError` if a file's walk is longer than its leash, or may be."""
    if course is None or leash.new_origin or not leash.longest or _is_near(course, leash.longest):
        return
    raise RefusedError(
        path,
        expected=f"a walk of at most {leash.longest:g} tolerances from its first version (golden_max_drift)",
        found=f"{_told(course)}. It has {course.records - 1} records since {course.since}: {_past(course)}",
        remedy="Find what moves it, or accept it on purpose: with --golden-reset-drift the walk starts anew.",
    )


@dataclass(frozen=True, slots=True)
class _Versions:
    """Recorded versions of one golden file, and the staged one that shall be next."""

    project: Project
    item: Staged
    entry: Entry
    folder: Path

    def distance_from(self, record: Record) -> Distance | None:
        """Distance of the next version from a recorded one; None where that is lost or cannot be read."""
        path, data = self.item.path, self.item.data
        digest = recorded_digest(self.project, path, self.entry, record)
        if digest is None:
            return None
        at_hand = (self.project.locate(path), data)
        older = find_version(self.project, path, digest, at_hand=at_hand, folder=self.folder)
        try:
            return measure_distance(self.item.kind, older, data) if older else None
        except HarnessError:
            return None


def _since_origin(records: Sequence[Record]) -> tuple[Record, ...]:
    """The newest origin's record and all after it."""
    origins = [number for number, record in enumerate(records) if record.walk and record.walk.origin]
    return tuple(records[max(origins, default=0) :])


def _sum(past: Sequence[Record], last: Distance | None) -> float | None:
    """Tolerances of all steps since the origin; None if one is not known, or has no number."""
    if last is None or last.tolerances is None:
        return None
    if len(past) == 1:
        return last.tolerances
    before = past[-1].walk.summed if past[-1].walk else None
    return None if before is None else as_number(before + last.tolerances)


def _is_near(course: Course, longest: float) -> bool:
    reach = course.reach
    return reach is not None and reach.tolerances is not None and reach.tolerances <= longest


def _told(course: Course) -> str:
    reach = course.reach
    if reach is None:
        return "a walk of unknown length, for git has not got the first version"
    if reach.tolerances is None:
        return f"a change that no tolerance measures, in {reach.name}"
    lost = "" if course.walk.from_first else " in all steps together, the first version being lost"
    return f"{reach.tolerances:g} ({reach.name}){lost}"


def _past(course: Course) -> str:
    """The last few records, each with its day, its step and its reason."""
    shown = [f"{record.at[:10]}{_step(record)} {record.reason!r}" for record in course.past[-_SHOWN:]]
    left = len(course.past) - len(shown)
    return ", ".join([f"{left} older"] * bool(left) + shown)


def _step(record: Record) -> str:
    last = record.walk.from_last if record.walk else None
    return f" +{last.tolerances:g}" if last and last.tolerances is not None else ""
