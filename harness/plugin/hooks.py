"""pytest hooks that report the events of one process to its :class:`~harness.plugin.session.GoldenSession`.

Hooks are compared by identity (``eq=False``), because pytest keeps its plugins in sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError
from harness.plugin.session import RecordedError

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.plugin.session import GoldenSession

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


@dataclass(frozen=True, slots=True, eq=False)
class WorkerHooks:
    """Hooks of a pytest-xdist worker, which sends what its tests staged to the controller."""

    session: GoldenSession
    config: pytest.Config

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
        """Show an error of this package without a traceback; mark failures that do not prevent recording."""
        report = yield
        raised = call.excinfo.value if call.excinfo is not None else None
        if isinstance(raised, HarnessError):
            report.longrepr = f"{type(raised).__name__}: {raised}"
        if isinstance(raised, RecordedError):
            setattr(report, _RECORDED, True)
        return report

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Send the worker's state to the controller."""
        output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
        output[_OUTPUT] = self.session.to_plain()


@dataclass(frozen=True, slots=True, eq=False)
class MainHooks(WorkerHooks):
    """Hooks of the only process, or of the controller: it records golden files when the session ends."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note failures that prevent recording, and tests that did not pass."""
        if report.failed and not getattr(report, _RECORDED, False):
            self.session.obstacles.append(f"{report.nodeid} failed")
        if report.outcome != "passed":
            self.session.gaps.append(f"{report.nodeid} {report.outcome}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note tests that could not be collected."""
        if report.failed:
            self.session.obstacles.append(f"{report.nodeid or 'a test file'} could not be collected")
        if report.outcome != "passed":
            self.session.gaps.append(f"{report.nodeid} not collected")

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note deselected tests."""
        self.session.gaps.append(f"{len(items)} tests deselected")

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add what a worker sent; a worker that crashed sends nothing and prevents recording."""
        plain = getattr(node, "workeroutput", {}).get(_OUTPUT)
        if error or plain is None:
            self.session.obstacles.append(f"worker {node.gateway.id} crashed")
        else:
            self.session.add_worker(plain)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:  # type: ignore[override]
        """Record what was staged, or nothing; then look for golden files that no test used."""
        # Last of all plugins: by now pytest-xdist has stopped its workers, and all of them have reported.
        if exitstatus not in _ENDED:
            self.session.obstacles.append("the session was interrupted")
        if self.session.staged:
            self.session.record_staged(self._say)
        if self.session.refusal is not None:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR
        if exitstatus == pytest.ExitCode.OK and self._is_complete():
            self.session.save_unreferenced()
        if exitstatus == pytest.ExitCode.OK and self._rejects():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List what was recorded, or why nothing was; then the unreferenced files."""
        lines = [*self._recorded_lines(), *self._obstacle_lines(), *self._unreferenced_lines()]
        if lines:
            terminalreporter.section("golden files")
        for line in lines:
            terminalreporter.write_line(line)

    def _recorded_lines(self) -> list[str]:
        if not self.session.recorded:
            return []
        from harness.report.cumulative_drift import drift_history_line

        lines = []
        for change in self.session.recorded:
            lines.append(f"recorded {change.path}: {change.abbreviated}")
            lines += [f"  {line}" for line in change.differences]
            if change.drift is not None:
                lines.append(f"  {drift_history_line(change.drift)}")
        return lines + [f"note: {note}" for note in self.session.notes]

    def _obstacle_lines(self) -> list[str]:
        if self.session.refusal is not None:
            return [f"nothing recorded: {self.session.refusal}"]
        if self.session.staged and self.session.obstacles:
            count = len({item.path for item in self.session.staged})
            files = "1 golden file differs" if count == 1 else f"{count} golden files differ"
            return [f"nothing recorded ({files}):", *(f"  {line}" for line in self.session.obstacles)]
        return []

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
            reporter.write(f"\ngolden files: {line}")
