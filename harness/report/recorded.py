"""What a session recorded, as lines of text: one for each golden file, then what differs and the drift."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from harness.report.cumulative_drift import drift_history_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.recording.plan import Change


def recorded_lines(changes: Sequence[Change]) -> list[str]:
    """Return a line for each recorded file, followed by what differs.

    A manifest that was recorded with its archive has no line of its own: the two are one golden file.
    """
    archives = {change.path for change in changes if change.kind == "fixture"}
    manifests = {
        _archive(change.path): change
        for change in changes
        if change.kind == "manifest" and _archive(change.path) in archives
    }
    alone = [change for change in changes if change not in manifests.values()]
    return [line for change in alone for line in _lines(change, manifests.get(change.path))]


def _lines(change: Change, manifest: Change | None) -> Iterator[str]:
    yield f"recorded {change.path}: {change.abbreviated}"
    yield from (f"  {line}" for line in (*change.differences, *(manifest.differences if manifest else ())))
    if change.drift is not None:
        yield f"  {drift_history_line(change.drift)}"


def _archive(manifest: str) -> str:
    return PurePosixPath(manifest).with_suffix(".npz").as_posix()
