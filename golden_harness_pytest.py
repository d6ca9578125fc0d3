"""pytest's entry into the package ``harness``: its options, and the fixtures that tests ask for.

This is a module beside the package, because a project that is tested may have its own ``harness``, which
Python would find first. The package is imported when a test uses one of the fixtures, or if one of the
options is set; in other sessions this module only notes failures.
"""

from __future__ import annotations

import importlib.util
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from harness.plugin.arrays_check import ArraysRegression
    from harness.plugin.fixture_check import FixtureRegression
    from harness.plugin.hooks import WorkerHooks
    from harness.plugin.metrics_check import MetricsRegression

_FIXTURES = frozenset({"arrays_regression", "fixture_regression", "metrics_regression"})
_OPTIONS = (
    "golden_report",
    "golden_samples",
    "golden_reason",
    "golden_unreferenced",
    "golden_max_drift",
    "golden_reset_drift",
)
_KEYS = {
    "golden_compress": "Store new golden arrays compressed (default: false).",
    "golden_dir": "Directory of the golden files, relative to the project (default: golden).",
    "golden_reason": "Default of --golden-reason.",
    "golden_require_reason": "Do not record golden files without a reason.",
    "golden_unreferenced": "Default of --golden-unreferenced.",
    "golden_max_drift": "Default of --golden-max-drift.",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the command line options and ini keys; pytest-regressions adds --force-regen and --regen-all."""
    group = parser.getgroup("golden files")
    group.addoption("--golden-reason", metavar="TEXT", help="Why golden files change. Kept in the history.")
    group.addoption(
        "--golden-unreferenced",
        choices=("ignore", "warn", "reject"),
        help="What to do about golden files that no test used, after a complete run without failures.",
    )
    group.addoption(
        "--golden-max-drift",
        metavar="N",
        help="Do not record a file whose cumulative drift from its first version exceeds N tolerances. "
        "0: no limit.",
    )
    # Without an ini key: if every session reset the drift, none would ever accumulate.
    group.addoption(
        "--golden-reset-drift",
        action="store_true",
        help="Measure future cumulative drift from the versions recorded now.",
    )
    # Nor has this: a file of its own for every session.
    group.addoption(
        "--golden-samples",
        metavar="FILE",
        help="Write how far each array and metric is from its golden value, for harness calibrate --samples.",
    )
    group.addoption(
        "--golden-report",
        metavar="FILE",
        help="Write an HTML page that shows what this session found, as `harness report` does.",
    )
    for key, text in _KEYS.items():
        if key in {"golden_compress", "golden_require_reason"}:
            parser.addini(key, text, type="bool", default=None)
        else:
            parser.addini(key, text, default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register what this process notes; start at once if one of the options or ini keys is set."""
    process = Process(config)
    config.stash[_PROCESS] = process
    config.pluginmanager.register(process, "golden-harness-process")
    if any(getattr(config.option, name, None) for name in _OPTIONS) or any(_is_set(config, k) for k in _KEYS):
        process.start()


@pytest.fixture
def arrays_regression(request: pytest.FixtureRequest, tmp_path: Path) -> ArraysRegression:
    """Compare what a test computed with its golden arrays: ``arrays_regression.check({"power": power})``."""
    session = _started(request).session
    from harness.plugin.arrays_check import ArraysRegression

    return ArraysRegression(request, tmp_path, session)


@pytest.fixture
def fixture_regression(request: pytest.FixtureRequest, tmp_path: Path) -> FixtureRegression:
    """Compare a fixture with its golden files: ``fixture_regression.check(fixture)``."""
    session = _started(request).session
    from harness.plugin.fixture_check import FixtureRegression

    return FixtureRegression(request, tmp_path, session)


@pytest.fixture
def metrics_regression(request: pytest.FixtureRequest, tmp_path: Path) -> MetricsRegression:
    """Compare metrics with their baseline: ``metrics_regression.check(metrics, name)``."""
    session = _started(request).session
    from harness.plugin.metrics_check import MetricsRegression

    return MetricsRegression(request, tmp_path, session)


class Process:
    """One pytest process: the only one, pytest-xdist's controller, or one of its workers.

    Attributes
    ----------
    obstacles : list of str
        Reasons not to record golden files: failures.
    gaps : list of str
        Reasons not to report unused golden files: tests that did not run.
    lost : list of str
        pytest-xdist's workers that crashed.
    token : str
        What no other session has; workers have that of their controller.
    hooks : WorkerHooks or None
        What acts on golden files; None until :meth:`start`.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.obstacles: list[str] = []
        self.gaps: list[str] = []
        self.lost: list[str] = []
        given = getattr(config, "workerinput", {})
        self.token: str = given.get("golden_session", f"{os.getpid()}-{time.time_ns()}")
        self.hooks: WorkerHooks | None = None

    def start(self) -> WorkerHooks:
        """Import the package and return its hooks.

        Raises
        ------
        pytest.UsageError
            If the package is somebody else's, or an option is not valid.
        """
        if self.hooks is None:
            _require_package()
            from harness.plugin.hooks import make_hooks

            self.hooks = make_hooks(self.config, self.obstacles, self.gaps, self.lost, self.token)
        return self.hooks

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Start if a test uses one of the fixtures: a usage error ends the session before any test."""
        if self.hooks is not None or hasattr(self.config, "workerinput"):
            return
        if any(not _FIXTURES.isdisjoint(getattr(item, "fixturenames", ())) for item in session.items):
            self.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Forget what an earlier attempt of the same test staged: pytest plugins repeat tests that failed."""
        if self.hooks is not None:
            self.hooks.begin(item)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[Any]
    ) -> Generator[None, Any, Any]:
        """Show an error of the package without a traceback; note how the test ended."""
        report = yield
        raised = call.excinfo.value if call.excinfo is not None else None
        if raised is not None and _is_ours(raised):
            report.longrepr = f"{type(raised).__name__}: {raised}"
        if self.hooks is not None:
            self.hooks.end(item, raised, report)
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note failures that prevent recording, and tests that did not pass."""
        # First of all plugins: pytest's terminal fails a test that passed because of its subtests, which have
        # reported for themselves.
        if report.failed and not getattr(report, "harness_recorded", False):
            self.obstacles.append(f"{report.nodeid} failed")
        if report.outcome not in {"passed", "rerun"}:
            self.gaps.append(f"{report.nodeid} {report.outcome}")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note tests that could not be collected."""
        if report.failed:
            self.obstacles.append(f"{report.nodeid or 'a test file'} could not be collected")
        if report.outcome != "passed":
            self.gaps.append(f"{report.nodeid} not collected")

    def pytest_deselected(self, items: list[pytest.Item]) -> None:
        """Note deselected tests."""
        self.gaps.append(f"{len(items)} tests deselected")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Give pytest-xdist's workers this process's number, as owner of what they stage, and its token."""
        node.workerinput["golden_owner"] = os.getpid()
        node.workerinput["golden_session"] = self.token

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Add what a worker sent; a worker that crashed prevents recording."""
        if error or not hasattr(node, "workeroutput"):
            self.obstacles.append(f"worker {node.gateway.id} crashed")
            self.lost.append(node.gateway.id)
        elif "harness" in node.workeroutput:
            self.start().add_worker(node.workeroutput["harness"])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Record what was staged, or send it to the controller."""
        # Last of all plugins: by now pytest-xdist has stopped its workers, and all of them have reported.
        if self.hooks is not None:
            self.hooks.finish(session, exitstatus)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """List what was recorded, or why nothing was."""
        if self.hooks is not None:
            self.hooks.summarize(terminalreporter)

    def pytest_unconfigure(self) -> None:
        """End with the reason, if nothing was recorded, below pytest's count of tests that passed."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if self.hooks is not None and reporter is not None:
            self.hooks.conclude(reporter)


_PROCESS: pytest.StashKey[Process] = pytest.StashKey()


def _started(request: pytest.FixtureRequest) -> WorkerHooks:
    try:
        hooks = request.config.stash[_PROCESS].start()
    except pytest.UsageError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    hooks.session.require_own(request.path)
    return hooks


def _is_set(config: pytest.Config, key: str) -> bool:
    try:
        return config.getini(key) is not None
    except (TypeError, ValueError, pytest.UsageError):  # a value of another type, which is reported later
        return True


def _require_package() -> None:
    """Raise :class:`pytest.UsageError` unless ``import harness`` finds the package of this plugin."""
    try:
        spec = importlib.util.find_spec("harness")
    except ValueError:  # somebody put an object that is not a module under this name
        spec = None
    places = list(spec.submodule_search_locations or ()) if spec else []
    if any(os.path.isfile(os.path.join(place, "plugin", "hooks.py")) for place in places):  # noqa: PTH113, PTH118
        return
    found = (spec.origin or ", ".join(places)) if spec else "none"
    raise pytest.UsageError(
        "arrays_regression, fixture_regression and metrics_regression: expected the package 'harness' of "
        f"golden-harness, found another 'harness', {found}. Rename that one, or move it out of Python's "
        "path: both cannot be imported."
    )


def _is_ours(raised: BaseException) -> bool:
    kinds = type(raised).__mro__
    return any((kind.__module__, kind.__name__) == ("harness.core.errors", "HarnessError") for kind in kinds)
