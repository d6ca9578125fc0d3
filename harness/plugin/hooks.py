"""What a pytest process does about golden files when a test or the session ends.

The module ``golden_harness_pytest`` has pytest's hooks. It calls these methods in sessions with golden files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError
from harness.plugin.outcomes.summary import outcome_line
from harness.plugin.page_option import page_file, write_page_of
from harness.plugin.session import DifferenceError, GoldenSession, RecordedError
from harness.plugin.settings import find_session_project, read_settings
from harness.report.plain_lines import plain_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_OUTPUT = "harness"  # key of a worker's output
_RECORDED = "harness_recorded"  # attribute of a test's report
_ENDED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
_FILTERS = (
    "keyword",
    "markexpr",
    "maxfail",
    "deselect",
    "ignore",
    "ignore_glob",
    "lf",
    "stepwise",
    "collectonly",
)


def make_hooks(
    config: pytest.Config, obstacles: list[str], gaps: list[str], lost: list[str], token: str
) -> WorkerHooks:
    """Return the hooks of this process; they share the lists of what has happened before.

    Parameters
    ----------
    config : pytest.Config
    obstacles, gaps, lost : list of str
        Failures, tests that did not run, and pytest-xdist's workers that crashed.
    token : str
        What no other session has; a worker has got that of its controller.

    Raises
    ------
    pytest.UsageError
        If an option or an ini key is not valid.
    """
    try:
        project = find_session_project(config)
        session = GoldenSession(
            project,
            read_settings(config, project.root),
            obstacles=obstacles,
            gaps=gaps,
            token=token,
            keeps=not getattr(config.option, "golden_keeps_nothing", False),
            keeps_accepted=bool(getattr(config.option, "golden_report", None)),
        )
        samples = _samples(session, config)
        page = page_file(config.option.golden_report, project)
    except HarnessError as error:
        raise pytest.UsageError(str(error)) from error
    if not hasattr(config, "workerinput"):
        return MainHooks(session, config, samples, lost, page)
    session.owner = config.workerinput.get("golden_owner", session.owner)
    return WorkerHooks(session, config)


def _samples(session: GoldenSession, config: pytest.Config) -> Path | None:
    """Return the file of ``--golden-samples``, and have the session collect them; None without the option."""
    word = config.option.golden_samples
    if not word:
        return None
    from harness.plugin.samples import Collector, samples_file

    session.collector = Collector()
    return samples_file(word, session.project, writes=session.settings.writes)


@dataclass(frozen=True, slots=True)
class WorkerHooks:
    """Those of a pytest-xdist worker, which sends what its tests staged to the controller."""

    session: GoldenSession
    config: pytest.Config

    def begin(self, item: pytest.Item) -> None:
        """An attempt of a test begins: what earlier ones staged does not count."""
        self.session.begin(item.nodeid)

    def end(self, item: pytest.Item, raised: BaseException | None, report: pytest.TestReport) -> None:
        """A phase of a test has ended: record nothing of a test that was skipped or expected to fail."""
        if isinstance(raised, HarnessError):
            report.longrepr = plain_line(self.session.settings.advice(str(report.longrepr)))
        if isinstance(raised, RecordedError):
            setattr(report, _RECORDED, True)
        if isinstance(raised, DifferenceError | HarnessError):
            self.session.raised.discard(item.nodeid)  # it was not caught: a subtest may have failed with it
        if report.when == "call":
            self.session.noted.end(item.nodeid, seconds=report.duration)
        why = self._why_left_alone(item.nodeid, report)
        if why:
            self.session.leave_alone(item.nodeid, why)

    def _why_left_alone(self, test: str, report: pytest.TestReport) -> str | None:
        if hasattr(report, "wasxfail"):
            return f"{test} is expected to fail"
        if report.skipped:
            return f"{test} was skipped"
        if report.when == "call" and report.passed and test in self.session.raised:
            return f"{test} passed although its check failed"
        return None

    def add_worker(self, plain: dict[str, Any]) -> None:
        """Add what a worker sent."""
        self.session.add_worker(plain)

    def finish(self, session: pytest.Session, exitstatus: int) -> None:  # noqa: ARG002 - for the main process
        """Send the worker's state to the controller."""
        output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
        output[_OUTPUT] = self.session.to_plain()
        if not self.session.staged:
            self.session.remove_staged()

    def summarize(self, reporter: Any) -> None:
        """Workers have no summary."""

    def conclude(self, reporter: Any) -> None:
        """Nor a last line."""


@dataclass(frozen=True, slots=True)
class MainHooks(WorkerHooks):
    """Those of the only process, or of the controller: it records golden files when the session ends."""

    samples: Path | None = None
    lost: Sequence[str] = ()
    """pytest-xdist's workers that crashed."""
    page: Path | None = None

    def finish(self, session: pytest.Session, exitstatus: int) -> None:
        """Record what was staged, or nothing; then look for golden files that no test used."""
        if exitstatus not in _ENDED:
            self.session.obstacles.append("the session was interrupted")
        if exitstatus in {*_ENDED, pytest.ExitCode.NO_TESTS_COLLECTED} and not self._samples_written():
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self.session.staged:
            self.session.record_staged(self._say)
        self.session.remove_staged()
        if self.session.refusal is not None:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if self.session.interrupted:
            session.exitstatus = pytest.ExitCode.INTERRUPTED
        self._keep_results(complete=exitstatus in _ENDED and not self.lost)
        if not self._page_written():
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if exitstatus == pytest.ExitCode.OK and self._is_complete():
            self.session.save_unreferenced()
        if exitstatus == pytest.ExitCode.OK and self._rejects():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _samples_written(self) -> bool:
        """Write the samples, if any are wanted; return False if they cannot be written."""
        if self.samples is None or self.session.collector is None:
            return True
        try:
            self.session.remarks.append(self.session.collector.write(self.samples))
        except HarnessError as error:
            self.session.remarks.append(str(error))
            return False
        return True

    def _keep_results(self, *, complete: bool) -> None:
        try:
            self.session.keep_results(complete=complete)
        except HarnessError as error:
            self.session.remarks.append(f"what this session found is not kept: {error}")

    def _page_written(self) -> bool:
        """Write the page, if one is wanted; return False if it cannot be written."""
        if self.page is None:
            return True
        try:
            self.session.remarks.append(write_page_of(self.session.project, self.page))
        except HarnessError as error:
            self.session.remarks.append(f"no page: {error}")
            return False
        return True

    def summarize(self, reporter: Any) -> None:
        """List what was recorded, or why nothing was; then what was left alone, and unreferenced files."""
        lines = [
            *self._recorded_lines(),
            *self._obstacle_lines(),
            *self._left_lines(),
            *self.session.absent.lines(),
            *(f"note: {remark}" for remark in dict.fromkeys(self.session.remarks)),
            *self._unreferenced_lines(),
        ]
        if lines:
            reporter.section("golden files")
        for line in lines:
            reporter.write_line(plain_line(line))
        results = tuple(self.session.noted.checks())
        if results:
            reporter.write_line(plain_line(outcome_line(results)))

    def conclude(self, reporter: Any) -> None:
        """Write the reason as the last line, if nothing was recorded."""
        lines = self._obstacle_lines()
        if lines:
            reporter.write_line(plain_line(" ".join(line.strip() for line in lines[:2])), red=True)

    def _recorded_lines(self) -> list[str]:
        if not self.session.recorded:
            return []
        from harness.report.recorded import recorded_lines

        notes = (f"note: {note}" for note in dict.fromkeys(self.session.notes))
        return [*recorded_lines(self.session.recorded), *notes]

    def _obstacle_lines(self) -> list[str]:
        if self.session.refusal is not None:
            advice = self.session.settings.advice
            refusals = (self.session.refusal, *self.session.refusal.others)
            return [f"nothing recorded: {advice(str(refusal))}" for refusal in refusals]
        if self.session.staged and self.session.obstacles:
            count = len({item.path for item in self.session.staged})
            files = "1 golden file differs" if count == 1 else f"{count} golden files differ"
            return [f"nothing recorded ({files}):", *(f"  {line}" for line in self.session.obstacles)]
        return []

    def _left_lines(self) -> Iterator[str]:
        return (f"left alone: {why}" for _, why in self.session.left)

    def _unreferenced_lines(self) -> list[str]:
        if not self._is_complete():
            return []
        return [
            f"unreferenced: {path} is registered, but no test used it" for path in self.session.unreferenced()
        ]

    def _rejects(self) -> bool:
        return self.session.settings.unreferenced == "reject" and bool(self._unreferenced_lines())

    def _is_complete(self) -> bool:
        """Return whether this run was not filtered in any way, so that unused files can be reported."""
        option = self.config.option
        sources = {pytest.Config.ArgsSource.TESTPATHS, pytest.Config.ArgsSource.INVOCATION_DIR}
        # Arguments other than the configured testpaths select tests, and so does another directory.
        whole = (
            self.config.args_source in sources and self.config.invocation_params.dir == self.config.rootpath
        )
        filtered = any(getattr(option, name, None) for name in _FILTERS)
        return self.session.settings.unreferenced != "ignore" and whole and not filtered

    def _say(self, line: str) -> None:
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.write(f"\ngolden files: {plain_line(line)}")
