"""A golden file's walk as lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.recording.cumulative_drift import Course
    from harness.core.registry.registry import Distance, Record

_SHOWN = 5


def drift_history_line(course: Course) -> str:
    """How far a file is from its last version and from its first, where, and in how many records."""
    anew = "; the next walk starts here" if course.walk.origin else ""
    last, first = _apart(course.walk.from_last, "the last"), _from_first(course)
    return f"{last}, {first}, {course.records} records since {course.since}{anew}"


def record_lines(records: Sequence[Record]) -> Iterator[str]:
    """One line for each record of a walk: its day, its distances in tolerances, and its reason.

    Older ones are counted, where there are many; the origin is always shown.
    """
    yield f"{records[0].at[:10]}  origin: {_reason(records[0])}"
    steps = records[1:]
    if len(steps) > _SHOWN:
        yield f"... and {len(steps) - _SHOWN} more"
    for record in steps[-_SHOWN:]:
        yield f"{record.at[:10]}  {_distances(record)}: {_reason(record)}"


def _from_first(course: Course) -> str:
    reach = course.reach
    where = f" ({reach.name})" if reach is not None and reach.name else ""
    if reach is not None and reach.tolerances is not None:
        bound = "at most " if course.walk.from_first is None else ""
        return f"{bound}{reach.tolerances:.3g} from the first{where}"
    return f"{_apart(reach, 'the first')}{where}"


def _apart(distance: Distance | None, other: str) -> str:
    if distance is None:
        return f"unknown from {other}"
    if distance.tolerances is None:
        return f"not comparable with {other}"
    return f"{_figure(distance)} tolerances from {other}"


def _distances(record: Record) -> str:
    if not record.walk:
        return "not measured"
    return f"{_figure(record.walk.from_last)} from the last, {_figure(record.walk.from_first)} from the first"


def _figure(distance: Distance | None) -> str:
    if distance is None:
        return "unknown"
    return "not comparable" if distance.tolerances is None else f"{distance.tolerances:.3g}"


def _reason(record: Record) -> str:
    return record.reason or "no reason"
