"""How the golden files are, as one page of text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import COLUMNS
from harness.report.terminal.wrapping import wrapped
from harness.report.verdicts import verdict_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.registry.status import Recording, Status

_SHOWN = 5
_SHOWN_VERDICTS = 10


def status_lines(status: Status, *, every: bool = False) -> list[str]:
    """Return the page: verdicts, newest records, unused files, baselines, and the next command.

    Parameters
    ----------
    status : Status
    every : bool, optional
        Whether to list everything, instead of the first few of each kind.
    """
    sections = (
        _verdicts(status, every=every),
        _transaction(status),
        _records(status, every=every),
        _unreferenced(status, every=every),
        _uncalibrated(status, every=every),
    )
    lines = [line for section in sections for line in section]
    return [*(part for line in lines for part in wrapped(plain_line(line), COLUMNS)), _next_line(status)]


def _next_line(status: Status) -> str:
    return f"next: {plain_line(status.next)}"


def _head(title: str, text: str) -> str:
    return f"{title + ':':14}{text}"


def _verdicts(status: Status, *, every: bool) -> Iterator[str]:
    stopped = status.interrupted
    counts = Counter(verdict.outcome.value for verdict in status.verdicts if verdict is not stopped)
    yield _head("golden files", ", ".join(f"{n} {word}" for word, n in counts.items()) or "none")
    odd = [verdict for verdict in status.verdicts if verdict.outcome.value != "same"]
    shown = odd if every else odd[:_SHOWN_VERDICTS]
    yield from (f"  {line}" for line in verdict_lines(shown))
    if len(shown) < len(odd):
        yield f"  ... and {len(odd) - len(shown)} more, see `harness verify`"


def _transaction(status: Status) -> Iterator[str]:
    if status.interrupted is not None:
        yield _head("interrupted", "a regeneration has begun and not ended")


def _records(status: Status, *, every: bool) -> Iterator[str]:
    if status.obstacle:
        yield _head("records", f"cannot be read: {status.obstacle}")
        return
    total = len(status.recordings)
    shown = status.recordings if every else status.recordings[:_SHOWN]
    older = f"the newest {len(shown)} of {total} recordings" if len(shown) < total else str(total)
    yield _head("recordings", older if total else "none")
    for recording in shown:
        yield from _recording(recording, every=every)


def _recording(recording: Recording, *, every: bool) -> Iterator[str]:
    when = recording.at[:16].replace("T", " ")
    yield f"  {when}  {recording.by}: {recording.reason or 'no reason'}"
    what = "" if recording.what == "recorded" else f"{recording.what}: "
    yield f"    {what}{_some(recording.paths, every=every)}"


def _some(paths: Sequence[str], *, every: bool) -> str:
    shown = paths if every else paths[:_SHOWN]
    more = [f"... and {len(paths) - len(shown)} more"] if len(shown) < len(paths) else []
    return ", ".join([*shown, *more])


def _unreferenced(status: Status, *, every: bool) -> Iterator[str]:
    known = status.unreferenced
    if known is None:
        text = "not known; `pytest --golden-unreferenced=warn` finds out"
    else:
        text = f"{len(known)}: {_some(known, every=every)}" if known else "none"
    yield _head("unreferenced", text)


def _uncalibrated(status: Status, *, every: bool) -> Iterator[str]:
    names = status.uncalibrated
    text = f"{len(names)}: {_some(names, every=every)}" if names else "none"
    yield _head("uncalibrated", text)
