"""Gather what is known about all golden files of a project: verdicts, records, the last session, limits.

Nothing of the project is run, and no array is read.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError
from harness.core.obtained.results import results_of
from harness.core.overview.environments import EnvironmentRow, compare_environments
from harness.core.overview.golden_groups import group_files, most_severe, severity
from harness.core.recording.cumulative_drift import drift_of
from harness.core.registry.history import History, read_history
from harness.core.registry.registry import read_registry
from harness.core.registry.status import read_status
from harness.core.storage.pytest_settings import RECORD, find_pytest_settings
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from harness.core.obtained.results import CheckResult, SessionResults
    from harness.core.overview.golden_groups import GoldenGroup
    from harness.core.recording.cumulative_drift import DriftHistory
    from harness.core.registry.format import Entry
    from harness.core.registry.history import Record
    from harness.core.registry.status import Status
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict

_MAX_DRIFT = "golden_max_drift"


@dataclass(frozen=True, slots=True)
class GroupState:
    """What is known about one group of golden files.

    Attributes
    ----------
    group : GoldenGroup
    checks : tuple of CheckResult
        What the last session found, one for each test that compared with it.
    superseded : bool
        Whether ``checks`` is about other bytes than those that are golden now.
    records : tuple of Record
        Of its main file, the oldest first.
    drift : DriftHistory or None
        How far it has come from its first version.
    """

    group: GoldenGroup
    checks: tuple[CheckResult, ...] = ()
    superseded: bool = False
    records: tuple[Record, ...] = ()
    drift: DriftHistory | None = None

    @property
    def outcome(self) -> Outcome:
        """The most severe of what the registry and the last session say."""
        found = () if self.superseded else tuple(check.outcome for check in self.checks)
        return most_severe((self.group.outcome, *found))


@dataclass(frozen=True, slots=True)
class Overview:
    """What is known about the golden files of a project.

    Attributes
    ----------
    project : Project
    status : Status
    groups : tuple of GroupState
        The most severe first, then by name.
    notices : tuple of Verdict
        Verdicts on something other than a file, such as an interrupted regeneration.
    session : SessionResults or None
        The last pytest session that compared golden files here.
    environment : tuple of EnvironmentRow
        That session's environment beside those in which the golden files were recorded.
    environments : mapping of str to mapping
        All environments that records name, by digest.
    limit : float
        Tolerances that a golden file may drift from its first version; 0 without a limit, NaN if the setting
        is not a number.
    problems : tuple of str
        What could not be read, and why.
    """

    project: Project
    status: Status
    groups: tuple[GroupState, ...]
    notices: tuple[Verdict, ...]
    session: SessionResults | None
    environment: tuple[EnvironmentRow, ...]
    environments: Mapping[str, Mapping[str, str]]
    limit: float
    problems: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """That of ``harness status``; 1 also if only the last session found that a golden file differs."""
        accepted = all(state.outcome.accepted for state in self.groups)
        return self.status.exit_code or (0 if accepted else 1)

    @property
    def next(self) -> str:
        """The command to type next: that of ``harness status``, or how to record what drifted."""
        drifted = [state for state in self.groups if state.outcome is Outcome.DRIFTED and state.checks]
        if drifted and all(verdict.outcome.accepted for verdict in self.status.verdicts):
            return f'{RECORD} --golden-reason "..."'
        return self.status.next


def collect_overview(project: Project) -> Overview:
    """Return what is known about the golden files of *project*.

    Raises
    ------
    UnreadableError, StaleFormatError, RefusedError
        If the registry cannot be read. Anything else that cannot be read is among the problems.

    Examples
    --------
    >>> from pathlib import Path
    >>> from harness import Project
    >>> _ = Path("registry.json").write_text('{"entries": {}, "schema": 2}')
    >>> collect_overview(Project(Path.cwd())).groups
    ()
    """
    problems: list[str] = []
    status = read_status(project)
    entries = read_registry(project.registry).entries
    history = _history(project, problems)
    session = _session(project, problems)
    groups = group_files(project, entries, status.verdicts)
    grouped = {verdict for group in groups for verdict in group.verdicts}
    states = [_state(group, entries, history, session) for group in groups]
    return Overview(
        project=project,
        status=status,
        groups=tuple(sorted(states, key=lambda state: (severity(state.outcome), state.group.name))),
        notices=tuple(verdict for verdict in status.verdicts if verdict not in grouped),
        session=session,
        environment=compare_environments(
            session.environment if session else {}, _environments(entries.values(), history)
        ),
        environments={key: item.environment for key, item in history.environments.items()},
        limit=_limit(project, problems),
        problems=tuple(problems),
    )


def _history(project: Project, problems: list[str]) -> History:
    try:
        return read_history(project)
    except HarnessError as error:
        problems.append(str(error))
        return History()


def _session(project: Project, problems: list[str]) -> SessionResults | None:
    try:
        return results_of(project)
    except HarnessError as error:
        problems.append(str(error))
        return None


def _state(
    group: GoldenGroup, entries: Mapping[str, Entry], history: History, session: SessionResults | None
) -> GroupState:
    if group.main is None:
        return GroupState(group)
    records = history.chain(group.main, entries[group.main].record)
    found = session.checks if session else ()
    checks = tuple(check for check in found if (check.stem, check.kind) == (group.name, group.kind))
    golden = {path: entries[path].sha256 for path in group.paths.values()}
    superseded = any(_is_superseded(check, golden, group.main) for check in checks)
    return GroupState(group, checks, superseded, records, drift_of(records))


def _is_superseded(check: CheckResult, golden: Mapping[str, str], main: str) -> bool:
    """Whether a check compared with other bytes than those of *golden*, digests by path."""
    folder = main.removesuffix(check.path)
    return check.word == "recorded" or any(
        golden.get(folder + name, digest) != digest for name, digest in check.golden.items()
    )


def _environments(entries: Iterable[Entry], history: History) -> Iterable[Mapping[str, str]]:
    """Yield the environment in which each golden file was recorded, if it is known."""
    for entry in entries:
        record = history.version(entry.record)
        environment = history.environments.get(record.environment) if record else None
        if environment is not None:
            yield environment.environment


def _limit(project: Project, problems: list[str]) -> float:
    try:
        return float(find_pytest_settings(project.root, _MAX_DRIFT).values.get(_MAX_DRIFT, 0))
    except HarnessError as error:
        problems.append(str(error))
        return math.nan
    except (TypeError, ValueError):
        return math.nan
