"""pytest plugin: ``fixture_regression`` and ``metrics_regression``.

The comparison runs through pytest-regressions, with golden/ as the place it reads and a staging directory as
the place it writes. What tests stage is committed once, at the end of the session, by the one process that
no other reports to: pytest-xdist's workers hand their list to the controller.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.core.errors import HarnessError
from harness.core.project import Project

if TYPE_CHECKING:
    from collections.abc import Generator

    from harness.core.regenerate import Change, Staged
    from harness.regression import FixtureRegression, MetricsRegression

_STAGED = "harness_staged"


@dataclass(slots=True)
class GoldenSession:
    """What one pytest process knows of the golden files: where they are, and what its tests staged."""

    project: Project
    reason: str
    staged: list[Staged] = field(default_factory=list)
    recorded: tuple[Change, ...] = ()
    refusal: HarnessError | None = None


_SESSION = pytest.StashKey[GoldenSession]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add this package's own options; --force-regen and --regen-all are pytest-regressions'."""
    group = parser.getgroup("golden files")
    group.addoption("--golden-reason", metavar="TEXT", help="Why golden files change; kept in registry.json.")
    parser.addini("golden_dir", "Directory of the golden files, below the root.", default="golden")
    parser.addini("golden_reason", "Why golden files change, where --golden-reason is not given.", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Find the project and its golden files."""
    project = Project(config.rootpath, str(config.getini("golden_dir")))
    reason = config.getoption("golden_reason") or config.getini("golden_reason")
    config.stash[_SESSION] = GoldenSession(project, reason)


@pytest.fixture
def fixture_regression(request: pytest.FixtureRequest, tmp_path: Path) -> FixtureRegression:
    """Compare a fixture with its golden copy: ``fixture_regression.check(fixture)``."""
    from harness.regression import FixtureRegression

    session = request.config.stash[_SESSION]
    return FixtureRegression(request, tmp_path, session.project, session.staged)


@pytest.fixture
def metrics_regression(request: pytest.FixtureRequest, tmp_path: Path) -> MetricsRegression:
    """Compare metrics with their baseline: ``metrics_regression.check(metrics, name)``."""
    from harness.regression import MetricsRegression

    session = request.config.stash[_SESSION]
    return MetricsRegression(request, tmp_path, session.project, session.staged)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[Any]) -> Generator[None, Any, Any]:
    """Show a refusal as its message: it names the thing, the reason and the next step."""
    report = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, HarnessError):
        report.longrepr = f"{type(call.excinfo.value).__name__}: {call.excinfo.value}"
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker's tests staged."""
    from harness.core.regenerate import Staged

    session = node.config.stash[_SESSION]
    for item in getattr(node, "workeroutput", {}).get(_STAGED, ()):
        session.staged.append(Staged(**{**item, "data": Path(item["data"])}))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Commit what was staged; a worker reports it instead."""
    golden = session.config.stash[_SESSION]
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_STAGED] = [{**asdict(item), "data": str(item.data)} for item in golden.staged]
    elif golden.staged:
        _commit(golden)
        if golden.refusal is not None:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List what was recorded, before and after."""
    golden = config.stash[_SESSION]
    if golden.recorded or golden.refusal:
        terminalreporter.section("golden files")
    for change in golden.recorded:
        terminalreporter.write_line(f"recorded {change.path}: {change.abbreviated}")
    if golden.refusal:
        terminalreporter.write_line(f"nothing recorded: {golden.refusal}", red=True)


def _commit(golden: GoldenSession) -> None:
    from harness.core.regenerate import commit, plan

    try:
        changes = plan(golden.project, golden.staged)
        commit(golden.project, changes, reason=golden.reason, command=_command())
        golden.recorded = changes
    except HarnessError as error:
        golden.refusal = error
    finally:
        for folder in {item.data.parent for item in golden.staged}:
            shutil.rmtree(folder, ignore_errors=True)


def _command() -> str:
    """The command line as a user would type it again."""
    return shlex.join(["pytest", *sys.argv[1:]])
