"""A golden file's cumulative drift as lines of text; distances are in tolerances."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.recording.cumulative_drift import DriftHistory
    from harness.core.registry.history import Distance, Record

_SHOWN = 5


def drift_history_line(history: DriftHistory) -> str:
    """Return the distances from the last and from the first version, and the number of records."""
    restart = "; later drift is measured from here" if history.cumulative.restart else ""
    last, first = _apart(history.cumulative.from_last, "the last version"), _from_first(history)
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


def _from_first(history: DriftHistory) -> str:
    distance = history.distance
    where = f" ({distance.name})" if distance is not None and distance.name else ""
    if distance is not None and distance.tolerances is not None:
        # Without the first version's bytes only the sum of all steps is known, which is an upper bound.
        bound = "at most " if history.cumulative.from_first is None else ""
        return f"{bound}{distance.tolerances:.3g} from the first{where}"
    return f"{_apart(distance, 'the first')}{where}"


def _apart(distance: Distance | None, other: str) -> str:
    if distance is None:
        return f"unknown distance from {other}"
    if distance.tolerances is None:
        return f"not comparable with {other}"
    figure = _figure(distance)
    return f"{figure} {'tolerance' if figure == '1' else 'tolerances'} from {other}"


def _distances(record: Record) -> str:
    drift = record.cumulative
    if not drift:  # the first record of a file, or one of a kind without tolerances
        return "not measured"
    return f"{_figure(drift.from_last)} from the last, {_figure(drift.from_first)} from the first"


def _figure(distance: Distance | None) -> str:
    if distance is None:
        return "unknown"
    return "not comparable" if distance.tolerances is None else f"{distance.tolerances:.3g}"


def _reason(record: Record) -> str:
    return record.reason or "no reason"
