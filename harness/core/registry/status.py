"""How the golden files of a project are, gathered for one page, and the command to type next."""

from __future__ import annotations

import contextlib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.registry.history import read_history
from harness.core.registry.registry import history_path, read_registry
from harness.core.registry.unreferenced import recall
from harness.core.registry.verify import verify
from harness.core.verdict import Outcome, Verdict, exit_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from harness.core.registry.format import Entry
    from harness.core.registry.history import Record
    from harness.core.storage.project import Project

_CANNOT_TELL = 2
_UNCLEAR = frozenset({Outcome.INTERRUPTED, Outcome.STALE, Outcome.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Recording:
    """Records of one recording: what it changed, who did it, when and why.

    Attributes
    ----------
    at, by, reason : str
    paths : tuple of str
        Sorted.
    what : {"recorded", "removed", "renamed"}
        What happened to these files; renamed ones have their new paths.
    """

    at: str
    by: str
    reason: str
    paths: tuple[str, ...]
    what: str = "recorded"


@dataclass(frozen=True, slots=True)
class Status:
    """What ``harness status`` shows.

    Attributes
    ----------
    verdicts : tuple of Verdict
        Of all golden files, as ``harness verify`` has them.
    recordings : tuple of Recording
        The newest first.
    unreferenced : tuple of str or None
        Registered files that the last complete run of pytest did not use; None if that is not known.
    uncalibrated : tuple of str
        Baselines whose tolerances were not measured, and measured tolerances of other arrays.
    obstacle : str
        Why the history cannot be read; empty if it can.
    next : str
        The command to type next.
    """

    verdicts: tuple[Verdict, ...]
    recordings: tuple[Recording, ...]
    unreferenced: tuple[str, ...] | None
    uncalibrated: tuple[str, ...]
    obstacle: str
    next: str

    @property
    def interrupted(self) -> Verdict | None:
        """The verdict on a regeneration that has begun and not ended; None if there is none."""
        return next((item for item in self.verdicts if item.outcome is Outcome.INTERRUPTED), None)

    @property
    def exit_code(self) -> int:
        """0 if all is well, 1 if a file differs, 2 if that is not clear."""
        unclear = any(item.outcome in _UNCLEAR for item in self.verdicts)
        return _CANNOT_TELL if unclear or self.obstacle else exit_code(self.verdicts)


def read_status(project: Project) -> Status:
    """Return how the golden files of *project* are. Nothing is run, and no array is read.

    Of files that only the store has, it is asked for their sizes; ``harness verify`` reads them.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        As :func:`harness.core.registry.verify.verify`. A history that cannot be read does not raise.

    Examples
    --------
    >>> from pathlib import Path
    >>> from harness import Project
    >>> _ = Path("registry.json").write_text('{"entries": {}, "schema": 2}')
    >>> read_status(Project(Path.cwd())).next
    'pytest --regen-all --golden-reason "first"'
    """
    verdicts = verify(project, reads_store=False)
    entries = read_registry(project.registry).entries
    recordings, obstacle = _recordings(project)
    unused = recall(project)
    uncalibrated = tuple(_uncalibrated(project, entries))
    return Status(
        verdicts=verdicts,
        recordings=recordings,
        unreferenced=unused,
        uncalibrated=uncalibrated,
        obstacle=obstacle,
        next=_next(project, verdicts, obstacle, unused or (), uncalibrated),
    )


def _recordings(project: Project) -> tuple[tuple[Recording, ...], str]:
    """Return all recordings, the newest first; or none, and why the history cannot be read."""
    try:
        history = read_history(project)
    except HarnessError as error:
        return (), str(error)
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for record in history.records.values():
        if not record.moved_to:  # there is a record of the new path, too
            groups.setdefault(_occasion(record), []).append(record.path)
    newest = sorted(groups, key=lambda group: group[0], reverse=True)
    return tuple(
        Recording(at, by, reason, tuple(sorted(groups[at, by, reason, what])), what)
        for at, by, reason, what in newest
    ), ""


def _occasion(record: Record) -> tuple[str, str, str, str]:
    what = "removed" if record.removed else "renamed" if record.moved_from else "recorded"
    return record.at, record.by, record.reason, what


def _uncalibrated(project: Project, entries: Mapping[str, Entry]) -> Iterator[str]:
    """Yield baselines of a single run, and tolerances of other arrays; a damaged file has a verdict."""
    rules = {"baseline": _is_of_one_run, "tolerances": _is_outdated}
    for path, entry in sorted(entries.items()):
        with contextlib.suppress(HarnessError):
            if entry.kind in rules and rules[entry.kind](project.locate(path)):
                yield path


def _is_of_one_run(file: Path) -> bool:
    """Whether a baseline's certificate has a single run."""
    from harness.core.baselines.baseline import read_baseline

    return read_baseline(file).certificate.runs <= 1


def _is_outdated(file: Path) -> bool:
    """Whether measured tolerances are of other golden arrays than those beside them."""
    from harness.core.baselines.array_tolerances import SUFFIX, read_tolerance_document
    from harness.core.fixtures.manifest import read_manifest

    manifest = file.with_name(f"{file.name.removesuffix(SUFFIX)}.json")
    return read_tolerance_document(file).golden != read_manifest(manifest).digest


def _next(
    project: Project,
    verdicts: tuple[Verdict, ...],
    obstacle: str,
    unused: tuple[str, ...],
    uncalibrated: tuple[str, ...],
) -> str:
    """Return the command for what is most urgent."""
    rejected = _most_urgent(verdicts)
    if rejected and rejected[0].outcome is not Outcome.UNREGISTERED:
        return _first_command(rejected[0].remedy) or "harness verify"
    if obstacle:
        return _first_command(obstacle) or f"git checkout -- {project.relative(history_path(project))}"
    if rejected:
        return command_for(verdicts, project.golden_name)
    if unused:
        return "harness rm --unreferenced --dry-run"
    if uncalibrated:
        return 'harness calibrate --reason "..."'
    return "pytest" if verdicts else 'pytest --regen-all --golden-reason "first"'


def command_for(verdicts: Iterable[Verdict], golden_name: str) -> str:
    """Return the command for the most urgent of the verdicts that are not accepted; empty if there is none.

    Parameters
    ----------
    verdicts : iterable of Verdict
    golden_name : str
        Name of the golden directory.

    Examples
    --------
    >>> command_for([Verdict("golden/a.tif", Outcome.UNREGISTERED)], "golden")
    'harness add golden/a.tif --reason "..."'
    """
    rejected = _most_urgent(verdicts)
    if not rejected:
        return ""
    if rejected[0].outcome is Outcome.UNKNOWN:
        return "harness verify"
    if rejected[0].outcome is not Outcome.UNREGISTERED:
        return _first_command(rejected[0].remedy) or "harness status"
    new = rejected[0].name if len(rejected) == 1 else golden_name
    return f'harness add {shlex.quote(new)} --reason "..."'


def _most_urgent(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts that are not accepted; what is only not registered comes last."""
    return sorted(
        (item for item in verdicts if not item.outcome.accepted),
        key=lambda item: (item.outcome is not Outcome.INTERRUPTED, item.outcome is Outcome.UNREGISTERED),
    )


def _first_command(text: str) -> str:
    """Return the first command between backticks; empty if there is none."""
    found = re.search(r"`([^`]+)`", text)
    return found[1] if found else ""
