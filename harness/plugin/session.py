"""State of one pytest process: what its tests staged and used, and what may be recorded at its end.

Nothing here is a hook: :mod:`harness.plugin.hooks` reports events to a :class:`GoldenSession` and acts on its
answers.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError, UnwritableError, UsageError, error_from_parts, error_to_parts
from harness.core.obtained.obtained_files import claim, obtained_directory, owner
from harness.core.recording.staged import Staged, directory_in, open_staging
from harness.core.storage.atomic import remove_tree, unlink
from harness.core.storage.names import folded
from harness.core.storage.project import nearest_registry
from harness.core.system.running import is_running
from harness.plugin.node_names import is_variant_of
from harness.plugin.outcomes.absent_files import AbsentFiles
from harness.plugin.outcomes.noted import Noted
from harness.plugin.settings import require_permission, shown_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from harness.core.recording.plan import Change
    from harness.core.registry.format import Registry
    from harness.core.registry.registry import WatchedRegistry
    from harness.core.storage.project import Project
    from harness.core.verdict import Verdict
    from harness.plugin.samples import Collector
    from harness.plugin.settings import Settings

_GENERATED = frozenset({"fixture", "manifest", "baseline", "tolerances"})


class DifferenceError(pytest.fail.Exception):  # type: ignore[name-defined,misc]  # a factory made it
    """A test failure that means: what the test obtained differs from a golden file."""

    __module__ = "builtins"  # as pytest's own outcomes: its summary then shows the name without a module


class RecordedError(DifferenceError):
    """Such a failure, after which the golden file will be recorded.

    Other failures prevent recording; this one does not.
    """

    __module__ = "builtins"


@dataclass(slots=True)
class GoldenSession:
    """One pytest process.

    Attributes
    ----------
    staged : list of Staged
        Files that tests want to record.
    kept : list of Staged
        Golden files that tests of a session that writes have accepted as they are.
    used : set of str
        Golden files that tests compared with.
    obstacles : list of str
        Reasons not to record anything.
    gaps : list of str
        Reasons not to report unused golden files: tests that did not run.
    notes : list of str
        What checks have to say about files that are recorded.
    left : list of tuple of str
        Tests whose golden files are left alone although they differ, and why.
    raised : set of str
        Tests in which a check has failed, as long as nobody but the test itself has seen that.
    checked : dict
        Names of the checks of each test that may have only one under each name.
    noted : Noted
        What came of each check.
    remarks : list of str
        What checks have to say about measured tolerances.
    collector : Collector or None
        What ``--golden-samples`` has collected; None without that option.
    recorded : tuple of Change
        What was recorded.
    refusal : HarnessError or None
        Why nothing may be recorded, or why recording failed.
    interrupted : bool
        Whether Ctrl-C ended the recording.
    owner : int
        The process that will record what is staged: pytest-xdist's controller, or this one.
    token : str
        What no other session has: all processes of this one have it.
    keeps : bool
        Whether results and the data of failing checks are kept after the session.
    keeps_accepted : bool
        Whether the data of checks that passed within their tolerances are kept too.
    hints_left : int
        For how many more missing files the renamed one is searched, each time among all names.
    absent : AbsentFiles
        Golden files that were not here when a test needed them.
    """

    project: Project
    settings: Settings
    staged: list[Staged] = field(default_factory=list)
    kept: list[Staged] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    obstacles: list[str] = field(default_factory=list)
    gaps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left: list[tuple[str, str]] = field(default_factory=list)
    raised: set[str] = field(default_factory=set)
    checked: dict[str, set[str]] = field(default_factory=dict)
    noted: Noted = field(default_factory=Noted)
    remarks: list[str] = field(default_factory=list)
    collector: Collector | None = None
    recorded: tuple[Change, ...] = ()
    refusal: HarnessError | None = None
    interrupted: bool = False
    owner: int = field(default_factory=os.getpid)
    token: str = field(default_factory=lambda: f"{os.getpid()}-{time.time_ns()}")
    keeps: bool = True
    keeps_accepted: bool = False
    hints_left: int = 20
    absent: AbsentFiles = field(init=False)
    _begun: set[str] = field(default_factory=set)
    _permission: tuple[HarnessError | None] | None = None
    _staging: Path | None = None
    _committing: bool = False
    _layers: list[Path] = field(default_factory=list)
    _stagings: Counter[str] = field(default_factory=Counter)
    _watched: WatchedRegistry | None = None
    _obtained: Path | None = None
    _start: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        """Begin without a missing file."""
        self.absent = AbsentFiles(self.project)

    def staging_directory(self, stem: str) -> Path:
        """Return a directory for what a check stages under a golden name: nothing of that name is in it yet.

        Checks of different names share one, because a directory each would take longer than the tests.
        """
        if self._staging is None or not self._staging.is_dir():
            self._staging = open_staging(self.project)
            self._layers.clear()
            self._stagings.clear()
        number = self._stagings[folded(stem)]
        if number == len(self._layers):
            self._layers.append(directory_in(self._staging, self.owner))
        self._stagings[folded(stem)] += 1
        return self._layers[number]

    def remove_staged(self) -> None:
        """Remove all directories of staged files, also those that workers have made."""
        for folder in dict.fromkeys((*self._layers, *(item.directory for item in self.staged))):
            remove_tree(folder)
        self._layers.clear()
        self._stagings.clear()

    def prohibition(self) -> HarnessError | None:
        """Return why this session must not write although it was asked to; None if it may."""
        if self._permission is None:
            try:
                require_permission(self.project, self.settings)
                self._permission = (None,)
            except HarnessError as error:
                self._permission = (error,)
        return self._permission[0]

    def may_write(self) -> bool:
        """Return whether golden files may be recorded."""
        return self.settings.writes and self.prohibition() is None

    def claim(self, test: str, name: str) -> bool:
        """Note that a test checks something under a name; return whether it is the first under that name."""
        names = self.checked.setdefault(test, set())
        first = name not in names
        names.add(name)
        return first

    def require_own(self, test: Path) -> None:
        """Raise unless a test's file belongs to this session's project: the nearest registry above wins.

        Raises
        ------
        UsageError
            If there is a registry between the file and this project, or beside it.
        """
        root = nearest_registry(test.resolve().parent)
        if root is None or root == self.project.root.resolve():
            return
        shown = shown_path(root)
        raise UsageError(
            shown_path(test),
            expected=f"a test of the project in {self.project.root}",
            found=f"one of the project in {root}",
            remedy=f"Run pytest in each project: `cd {shlex.quote(shown)} && pytest`.",
        )

    def obtained_directory(self) -> Path:
        """Return where checks save what they obtained; the first one of a session removes older files."""
        if self._obtained is None:
            self._obtained = claim(self.project, self.token)
        return self._obtained

    def begin(self, test: str) -> None:
        """Forget everything about earlier attempts of a test."""
        if test not in self._begun:
            self._begun.add(test)
            return
        self._drop(test)
        self.checked.pop(test, None)
        if self.collector is not None:
            self.collector.begin(test)
        self._forget_results(test)
        self.left = [(known, why) for known, why in self.left if known != test]

    def leave_alone(self, test: str, why: str) -> None:
        """Record nothing that a test has staged, and note why."""
        self.noted.end(test, unfit=why)
        for path in self._drop(test):
            if path.endswith(".npz") or not any(known == test for known, _ in self.left):
                self.left.append((test, f"{path} ({why})"))

    def registry(self) -> Registry:
        """Return the registry as it is on disk now; read again only if the file has changed."""
        if self._watched is None:
            from harness.core.registry.registry import WatchedRegistry

            self._watched = WatchedRegistry(self.project.registry)
        return self._watched.read()

    def verdicts(self, paths: Iterable[str]) -> list[Verdict]:
        """Compare golden files, as they are on disk now, with their registry entries."""
        from harness.core.registry.verify import differs_in_line_endings, verifier
        from harness.core.verdict import Outcome, Verdict

        entries = self.registry().entries
        verdict = verifier(self.project, entries)

        def judge(path: str) -> Verdict:
            if path not in entries:
                return Verdict(path, Outcome.UNREGISTERED, "not in registry.json")
            found, file = verdict(path), self.project.locate(path)
            if found.outcome is Outcome.DRIFTED and differs_in_line_endings(file, entries[path]):
                return Verdict(path, Outcome.REPACKED, found.detail)  # `harness verify` reports it
            return found

        return list(map(judge, paths))

    def to_plain(self) -> dict[str, Any]:
        """Return what a pytest-xdist worker sends to the controller, as plain values."""
        return {
            "staged": [_staged_to_plain(item) for item in self.staged],
            "kept": [_staged_to_plain(item) for item in self.kept],
            "layers": list(map(str, self._layers)),
            "used": sorted(self.used),
            "notes": self.notes,
            "left": self.left,
            "remarks": self.remarks,
            "samples": self.collector.to_plain() if self.collector else None,
            "noted": self.noted.to_plain(),
            "absent": self.absent.to_plain(),
            "refusal": error_to_parts(self.refusal) if self.refusal else None,
        }

    def add_worker(self, plain: dict[str, Any]) -> None:
        """Add what a worker sent, in the form of :meth:`to_plain`."""
        self.staged += map(_staged_from_plain, plain["staged"])
        self.kept += map(_staged_from_plain, plain["kept"])
        self._layers += map(Path, plain["layers"])
        self.used |= set(plain["used"])
        self.notes += plain["notes"]
        self.left += [(test, why) for test, why in plain["left"]]
        self.noted.add_worker(plain["noted"])
        self.absent.add_worker(plain["absent"])
        self.remarks += plain["remarks"]
        if plain["samples"] is not None and self.collector is not None:
            self.collector.add_worker(plain["samples"])
        if plain["refusal"] is not None:
            self.refusal = error_from_parts(plain["refusal"])

    def record_staged(self, say: Callable[[str], None]) -> None:
        """Record all staged files, or none, and remove the staged copies.

        The result is in ``recorded`` or ``refusal``; neither is set if there are obstacles.
        """
        try:
            if not self.obstacles and self.refusal is None:
                self.recorded = self._record(say)
                self.noted.recorded(self.project.golden_name, {item.path for item in self.staged})
        except HarnessError as error:
            self.refusal = error
        except KeyboardInterrupt:
            self.interrupted = True
            if self._committing:  # the transaction has ended, or has not begun
                self.remarks.append("the recording was interrupted: see `harness status`")
            else:
                self.obstacles.append("the recording was interrupted")
        finally:
            self.remove_staged()

    def keep_results(self, *, complete: bool) -> None:
        """Keep what the checks found, in place of what an earlier session found.

        A session whose place another one has taken since, or that has nothing to show beside one that still
        runs, keeps nothing.

        Raises
        ------
        RefusedError, UsageError
            As :func:`~harness.core.obtained.results.write_results`.
        """
        from harness.core.obtained.results import write_results
        from harness.core.registry.history import Environment, record_digest
        from harness.core.system.environment import fingerprint

        checks = tuple(self.noted.checks())
        if not (self.keeps and checks) or not self._may_replace(any(check.files for check in checks)):
            return
        with contextlib.suppress(UnwritableError):  # a checkout that is only read has no results
            claim(self.project, self.token)
            environment = fingerprint()
            digest = record_digest(Environment(environment))
            seconds = time.monotonic() - self._start
            write_results(
                self.project, self.noted.results(environment, digest, seconds=seconds, complete=complete)
            )

    def unreferenced(self) -> tuple[str, ...]:
        """Return the registered golden files that no test used; empty if some tests did not run.

        Other variants of those that were used count as used: their tests run on other machines.
        """
        if self.gaps:
            return ()
        entries = self.registry().entries
        made = (path for path, entry in entries.items() if entry.kind in _GENERATED)
        return tuple(path for path in made if path not in self.used and not is_variant_of(path, self.used))

    def save_unreferenced(self) -> None:
        """Save the list of unreferenced files for ``harness audit``, unless some tests did not run."""
        from harness.core.registry.unreferenced import remember

        if not self.gaps and self.project.registry.is_file():
            with contextlib.suppress(UnwritableError):  # a checkout that is only read has no such list
                remember(self.project, self.unreferenced())

    def _may_replace(self, has_files: bool) -> bool:
        """Whether this session's results may replace those that are kept now."""
        holder = owner(self.project)
        if holder in {None, self.token}:
            return True
        process = (holder or "").partition("-")[0]
        if has_files:  # another session has removed them
            return False
        own = process == str(self.owner)
        return own or sys.platform == "win32" or not (process.isdecimal() and is_running(int(process)))

    def _forget_results(self, test: str) -> None:
        """Forget the results of a test's earlier attempt, with the files that it saved."""
        for result in self.noted.drop(test):
            for name in result.files:
                with contextlib.suppress(OSError):
                    (obtained_directory(self.project) / name).unlink(missing_ok=True)

    def _drop(self, test: str) -> list[str]:
        """Forget what a test has staged and accepted, remove its files, and return their golden paths."""
        dropped = [item for item in self.staged if item.test == test]
        self.staged = [item for item in self.staged if item.test != test]
        self.kept = [item for item in self.kept if item.test != test]
        self.raised.discard(test)
        for item in dropped:
            with contextlib.suppress(UnwritableError):
                unlink(item.data)
        return [item.path for item in dropped]

    def _record(self, say: Callable[[str], None]) -> tuple[Change, ...]:
        from harness.core.recording.commit import commit
        from harness.core.recording.cumulative_drift import DriftLimit
        from harness.core.recording.plan import plan

        require_permission(self.project, self.settings)
        limit = DriftLimit(most=self.settings.max_drift, restart=self.settings.reset_drift)
        changes = plan(self.project, [*self.staged, *self.kept], limit)
        # Two tests may stage one fixture, with the same content.
        manifests = {item.path: item.data for item in self.staged if item.kind == "manifest"}
        if manifests:
            self._require_reproducible(tuple(manifests.values()), say)
        self._committing = True
        commit(self.project, changes, reason=self.settings.reason, command=self.settings.command, say=say)
        return changes

    def _require_reproducible(self, manifests: tuple[Path, ...], say: Callable[[str], None]) -> None:
        """Have all staged fixtures made again, with a progress bar on a terminal."""
        from harness.core.rerun.reproducible import require_reproducible
        from harness.report.terminal.progress import is_animated, progress_bar

        count = "1 fixture" if len(manifests) == 1 else f"{len(manifests)} fixtures"
        stage = f"making {count} again in two new processes"
        say(stage)
        if not is_animated():
            require_reproducible(self.project, manifests, self.settings.call)
            return
        say("")  # the bar has a line of its own
        with progress_bar("golden files") as bar:
            require_reproducible(
                self.project, manifests, self.settings.call, lambda fraction: bar("made again", fraction)
            )


def _staged_to_plain(item: Staged) -> dict[str, str]:
    return {**asdict(item), "data": str(item.data)}


def _staged_from_plain(plain: dict[str, Any]) -> Staged:
    return Staged(**{**plain, "data": Path(plain["data"])})
