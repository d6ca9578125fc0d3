"""A golden file's walk as lines of plain text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.registry import Distance, Record
    from harness.core.slow_drift import Course

_SHOWN = 5


def walk_line(course: Course) -> str:
    """How far a file is from its last version and from its first, where, and in how many records."""
    walk = course.walk
    last = f"{_tolerances(walk.from_last)} from the last"
    anew = "; the walk starts anew here" if walk.origin else ""
    return f"{last}, {_from_first(course)}, {course.records} records since {course.since}{anew}"


def step_lines(course: Course) -> Iterator[str]:
    """One line per record of a walk: its day, the step, the distance from the first, and the reason.

    The oldest ones are counted, where there are many.
    """
    left = len(course.past) - _SHOWN
    if left > 0:
        yield f"... {left} older records"
    yield from map(_step_line, course.past[-_SHOWN:])


def _step_line(record: Record) -> str:
    walk = record.walk
    step = f"{_tolerances(walk.from_last)}, {_tolerances(walk.from_first)} from the first" if walk else "-"
    return f"{record.at[:10]}  {step}  {record.reason or 'no reason'}"


def _from_first(course: Course) -> str:
    reach = course.reach
    if course.walk.from_first is None and reach is not None and reach.tolerances is not None:
        return f"at most {_tolerances(reach)} from the first"
    where = f" ({reach.name})" if reach is not None and reach.name else ""
    return f"{_tolerances(reach)} from the first{where}"


def _tolerances(distance: Distance | None) -> str:
    if distance is None:
        return "an unknown distance"
    if distance.tolerances is None:
        return "no number of tolerances"
    return f"{distance.tolerances:.3g} tolerances"
