"""The records of a golden file as points on a timeline, and as text."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from harness.core.baselines.platforms import platform_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.core.overview.collect import GroupState
    from harness.core.registry.history import Distance, Record

WIDTH, HEIGHT = 640, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 20, 620, 20, 120
_SHOWN = 30
_LEAST_GAP = 14.0


class Event(NamedTuple):
    """One record: what is said of it, and its place (``y`` is None where its drift is not a number)."""

    day: str
    what: str
    by: str
    reason: str
    environment: str
    drift: str
    x: float
    y: float | None


class Timeline(NamedTuple):
    """The newest records of a golden file, the oldest first.

    Attributes
    ----------
    events : tuple of Event
    older : int
        Number of records that are not shown.
    limit : float or None
        Place of the limit of cumulative drift; None without one.
    line : str
        Points of the line through the places of all measured events.
    alt : str
        The drawing in words.
    summary : str
        How far the file has come, beside its limit.
    """

    events: tuple[Event, ...]
    older: int
    limit: float | None
    line: str
    alt: str
    summary: str


def make_timeline(
    state: GroupState, environments: Mapping[str, Mapping[str, str]], limit: float
) -> Timeline | None:
    """Return the timeline of a group of golden files; None if it has no records."""
    if not state.records:
        return None
    shown = state.records[-_SHOWN:]
    drifts = [_drift(record) for record in shown]
    known = [drift for drift in drifts if drift is not None]
    most = max([1.0, limit if limit > 0 else 0.0, *known]) * 1.1
    places = [None if drift is None else _height(drift, most) for drift in drifts]
    events = tuple(
        _event(record, x, y, _environment(record, before, environments))
        for record, before, x, y in zip(shown, (None, *shown[:-1]), _across(shown), places, strict=True)
    )
    line = " ".join(f"{event.x},{event.y}" for event in events if event.y is not None)
    summary = _summary(state, limit)
    return Timeline(
        events,
        len(state.records) - len(shown),
        _height(limit, most) if limit > 0 else None,
        line,
        f"{len(events)} records from {events[0].day} to {events[-1].day}. {summary}",
        summary,
    )


def _drift(record: Record) -> float | None:
    """Return the distance from the first version in tolerances; None if it is not a number."""
    drift = record.cumulative
    if not drift:
        return None if record.previous and record.is_version else 0.0
    if drift.restart:
        return 0.0
    return drift.from_first.tolerances if drift.from_first else drift.summed


def _height(drift: float, most: float) -> float:
    return round(_BOTTOM - (_BOTTOM - _TOP) * min(drift / most, 1.0), 1)


def _across(records: Sequence[Record]) -> list[float]:
    """Return places from left to right by time, but far enough apart to be seen each."""
    times = [_seconds(record.at) for record in records]
    span = (times[-1] - times[0]) or 1.0
    gap = min(_LEAST_GAP, (_RIGHT - _LEFT) / max(len(times) - 1, 1))
    places: list[float] = []
    for number, time in enumerate(times):
        wanted = _LEFT + (_RIGHT - _LEFT) * max(time - times[0], 0.0) / span
        latest = _RIGHT - gap * (len(times) - 1 - number)
        least = places[-1] + gap if places else _LEFT
        places.append(round(min(max(wanted, least), latest), 1))
    return places


def _seconds(at: str) -> float:
    try:
        return datetime.strptime(at, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    except ValueError:
        return 0.0


def _event(record: Record, x: float, y: float | None, environment: str) -> Event:
    when = record.at[:16].replace("T", " ")
    drift = "; ".join(_distances(record)) or "drift not measured"
    return Event(when, _what(record), record.by, record.reason or "no reason", environment, drift, x, y)


def _what(record: Record) -> str:
    if record.removed:
        return "removed"
    if record.moved_to:
        return f"renamed to {record.moved_to}"
    if record.moved_from:
        return f"renamed from {record.moved_from}"
    if record.fetched_from:
        return f"fetched from {record.fetched_from}"
    if record.imported_from:
        return f"imported from {record.imported_from}"
    return "re-recorded" if record.previous else "first version"


def _distances(record: Record) -> Iterator[str]:
    if not record.cumulative:
        return
    yield f"{_figure(record.cumulative.from_last)} from the last version"
    yield f"{_figure(record.cumulative.from_first)} from the first"
    if record.cumulative.restart:
        yield "later drift is measured from here"


def _figure(distance: Distance | None) -> str:
    if distance is None:
        return "an unknown distance"
    if distance.tolerances is None:
        return f"not comparable ({distance.name})"
    where = f" ({distance.name})" if distance.name else ""
    return f"{distance.tolerances:.3g} tolerances{where}"


def _environment(record: Record, before: Record | None, environments: Mapping[str, Mapping[str, str]]) -> str:
    """Return the platform of a record's environment, or what changed since the record before."""
    now = environments.get(record.environment)
    if now is None:
        return "environment unknown"
    earlier = environments.get(before.environment) if before else None
    if earlier is None:
        return str(platform_of(now))
    names = sorted(name for name in now.keys() | earlier.keys() if now.get(name) != earlier.get(name))
    changes = (f"{name} {earlier.get(name, 'not set')} -> {now.get(name, 'not set')}" for name in names)
    return ", ".join(changes) or "same environment as before"


def _summary(state: GroupState, limit: float) -> str:
    allowed = f"; the limit is {limit:g}" if limit > 0 else "; no limit is set (golden_max_drift)"
    if state.drift is None:
        return f"Cumulative drift: none measured yet{allowed}."
    distance = state.drift.distance
    if distance is None:
        return f"Cumulative drift: unknown{allowed}."
    if distance.tolerances is None:
        return f"Cumulative drift: not comparable with the first version ({distance.name}){allowed}."
    where = f" ({distance.name})" if distance.name else ""
    return f"Cumulative drift: {distance.tolerances:.3g} tolerances from the first version{where}{allowed}."
