"""How far a golden file has come from its first version, and where that has to end.

Each re-recording may be small and the sum of them large. So a record keeps how far its file has come from the
record before and from the first one: the file's first record, or the newest one with ``restart``.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, RefusedError
from harness.core.recording.distance import as_number, is_measured, measure_distance
from harness.core.recording.old_versions import find_version
from harness.core.registry.history import CumulativeDrift, Distance, versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.recording.staged import Staged
    from harness.core.registry.history import Record
    from harness.core.storage.project import Project

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class DriftLimit:
    """How far golden files may drift.

    Attributes
    ----------
    most : float
        Tolerances from the first version; 0 for no limit.
    restart : bool
        Whether later drift is measured from the versions recorded now.
    """

    most: float = 0.0
    restart: bool = False


@dataclass(frozen=True, slots=True)
class DriftHistory:
    """A golden file's cumulative drift, and the records that led to it.

    Attributes
    ----------
    cumulative : CumulativeDrift
    past : tuple of Record
        From the first version to the record before the newest, the oldest first; at least one.
    """

    cumulative: CumulativeDrift
    past: tuple[Record, ...]

    @property
    def distance(self) -> Distance | None:
        """Distance from the first version; if its bytes are lost, the sum of all changes, an upper bound.

        None if neither is known.
        """
        drift = self.cumulative
        if drift.from_first is not None or drift.from_last is None:
            return drift.from_first
        unknown = drift.summed is None and drift.from_last.tolerances is not None
        return None if unknown else Distance(drift.summed, drift.from_last.name)

    @property
    def slow_drift(self) -> Distance | None:
        """Distance from the first version, if it is more than one tolerance and no single change was.

        None as well if the newest record restarts the measurement.
        """
        earlier = [record.cumulative for record in self.past[1:] if record.cumulative]
        changes = [
            drift.from_last.tolerances if drift.from_last else None for drift in (*earlier, self.cumulative)
        ]
        small = len(changes) == len(self.past) and all(step is not None and step <= 1 for step in changes)
        distance = self.distance
        far = distance is not None and distance.tolerances is not None and distance.tolerances > 1
        return distance if far and small and not self.cumulative.restart else None

    @property
    def records(self) -> int:
        """Number of records, those of the first version and of the newest included."""
        return len(self.past) + 1

    @property
    def since(self) -> str:
        """Day of the first version's record."""
        return self.past[0].at[:10]


def drift_of(records: Sequence[Record]) -> DriftHistory | None:
    """Return the drift of the newest of a file's records, the oldest first; None if it has none."""
    found = versions(records)
    if len(found) <= 1 or not found[-1].cumulative:
        return None
    return DriftHistory(found[-1].cumulative, _since_first(found[:-1]))


def measure_drift(
    project: Project, item: Staged, records: Sequence[Record], *, restart: bool = False
) -> DriftHistory | None:
    """Return the drift that a golden file will have with a staged one as its newest version.

    Parameters
    ----------
    project : Project
    item : Staged
    records : sequence of Record
        Of the golden file, the oldest first; empty for a new file.
    restart : bool
        Whether later drift is measured from the staged version.

    Returns
    -------
    DriftHistory or None
        None for a new file, and for a file of a kind that has no tolerances.
    """
    found = versions(records)
    if not found or not is_measured(item.kind):
        return None
    past = _since_first(found)
    with tempfile.TemporaryDirectory() as folder:
        last = _distance(project, item, past[-1], Path(folder))
        first = last if len(past) == 1 else _distance(project, item, past[0], Path(folder))
    return DriftHistory(
        CumulativeDrift(from_last=last, from_first=first, summed=_sum(past, last), restart=restart), past
    )


def require_within(limit: DriftLimit, path: str, drift: DriftHistory | None) -> None:
    """Raise :class:`RefusedError` if a file would drift farther than *limit*, or may."""
    if drift is None or limit.restart or not limit.most or _is_within(drift, limit.most):
        return
    raise RefusedError(
        path,
        expected=f"at most {limit.most:g} tolerances from its first version (golden_max_drift)",
        found=f"{_described(drift)}; {drift.records - 1} records since {drift.since}: {_recent(drift)}",
        remedy="Find what changes it. To accept the change and measure later drift from here, add "
        "--golden-reset-drift.",
    )


def _distance(project: Project, item: Staged, record: Record, folder: Path) -> Distance | None:
    """Distance of a staged file from a recorded version; None if that is lost or cannot be read."""
    at_hand = (project.locate(item.path), item.data)
    older = find_version(project, record.path, record.sha256, at_hand=at_hand, folder=folder)
    try:
        return measure_distance(item.kind, older, item.data) if older else None
    except HarnessError:
        return None


def _since_first(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the first version's record and all after it."""
    restarts = [
        number for number, record in enumerate(records) if record.cumulative and record.cumulative.restart
    ]
    return tuple(records[max(restarts, default=0) :])


def _sum(past: Sequence[Record], last: Distance | None) -> float | None:
    """Tolerances of all changes since the first version; None if one is unknown or not a number."""
    if last is None or last.tolerances is None:
        return None
    if len(past) == 1:
        return last.tolerances
    before = past[-1].cumulative.summed if past[-1].cumulative else None
    return None if before is None else as_number(before + last.tolerances)


def _is_within(drift: DriftHistory, most: float) -> bool:
    distance = drift.distance
    return distance is not None and distance.tolerances is not None and distance.tolerances <= most


def _described(drift: DriftHistory) -> str:
    distance = drift.distance
    if distance is None:
        return "an unknown distance, because git does not have the first version"
    if distance.tolerances is None:
        return f"a change that no tolerance measures, in {distance.name}"
    lost = (
        "" if drift.cumulative.from_first else " in all changes together, because the first version is lost"
    )
    return f"{distance.tolerances:g} ({distance.name}){lost}"


def _recent(drift: DriftHistory) -> str:
    """Return the last few records, each with its day, its distance from the one before, and its reason."""
    shown = [f"{record.at[:10]}{_step(record)} {record.reason!r}" for record in drift.past[-_SHOWN:]]
    left = len(drift.past) - len(shown)
    return ", ".join([f"{left} older"] * bool(left) + shown)


def _step(record: Record) -> str:
    last = record.cumulative.from_last if record.cumulative else None
    return f" +{last.tolerances:g}" if last and last.tolerances is not None else ""
