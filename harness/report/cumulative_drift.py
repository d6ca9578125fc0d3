"""A golden file's cumulative drift as lines of text; distances are in tolerances."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.recording.cumulative_drift import Course
    from harness.core.registry.registry import Distance, Record

_SHOWN = 5


def drift_history_line(history: Course) -> str:
    """Return the distances from the last and from the first version, and the number of records."""
    restart = "; later drift is measured from here" if history.walk.origin else ""
    last, first = _apart(history.walk.from_last, "the last version"), _from_first(history)
    return f"{last}, {first}; {history.records} records since {history.since}{restart}"


def record_lines(records: Sequence[Record]) -> Iterator[str]:
    """Yield a line for each record, the oldest first: its day, its distances and its reason.

    If there are many, those in the middle are only counted; the first is always shown.
    """
    yield f"{records[0].at[:10]}  first version: {_reason(records[0])}"
    later = records[1:]
    if len(later) > _SHOWN:
        yield f"... and {len(later) - _SHOWN} more"
    for record in later[-_SHOWN:]:
        yield f"{record.at[:10]}  {_distances(record)}: {_reason(record)}"


def _from_first(history: Course) -> str:
    reach = history.reach
    where = f" ({reach.name})" if reach is not None and reach.name else ""
    if reach is not None and reach.tolerances is not None:
        # Without the first version's bytes only the sum of all steps is known, which is an upper bound.
        bound = "at most " if history.walk.from_first is None else ""
        return f"{bound}{reach.tolerances:.3g} from the first{where}"
    return f"{_apart(reach, 'the first')}{where}"


def _apart(distance: Distance | None, other: str) -> str:
    if distance is None:
        return f"unknown distance from {other}"
    if distance.tolerances is None:
        return f"not comparable with {other}"
    figure = _figure(distance)
    return f"{figure} {'tolerance' if figure == '1' else 'tolerances'} from {other}"


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
