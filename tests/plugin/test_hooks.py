"""Hooks: which events prevent recording, what workers send, and the summary in the terminal."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from harness.core.errors import UsageError
from harness.core.recording.plan import Change
from harness.plugin.hooks import MainHooks, WorkerHooks
from harness.plugin.session import GoldenSession, RecordedError
from harness.plugin.settings import Settings

ERROR = UsageError("option", expected="a", found="b", remedy="Correct it.")


@pytest.fixture
def hooks(session) -> MainHooks:
    """Hooks of a process whose command line selects some tests."""
    return MainHooks(session, SimpleNamespace(args_source=pytest.Config.ArgsSource.ARGS, option=None))


def report(nodeid: str = "test_a", outcome: str = "failed", **more):
    return SimpleNamespace(nodeid=nodeid, outcome=outcome, failed=outcome == "failed", **more)


def reported(hooks: WorkerHooks, raised: BaseException | None):
    """The test report after the hook, if the test raised."""
    excinfo = None if raised is None else SimpleNamespace(value=raised)
    wrapper = hooks.pytest_runtest_makereport(SimpleNamespace(excinfo=excinfo))
    next(wrapper)
    with pytest.raises(StopIteration) as stopped:
        wrapper.send(SimpleNamespace(longrepr="traceback"))
    return stopped.value.value


def test_an_error_is_shown_as_its_message(hooks):
    """Other exceptions keep their traceback."""
    assert reported(hooks, ERROR).longrepr == "UsageError: option: expected a, found b. Correct it."
    assert reported(hooks, ValueError("x")).longrepr == "traceback"
    assert reported(hooks, None).longrepr == "traceback"


def test_a_failure_prevents_recording(hooks, session):
    """Unless it only says that a golden file will be recorded."""
    hooks.pytest_runtest_logreport(report("test_a"))
    recorded = reported(hooks, RecordedError("differs"))
    hooks.pytest_runtest_logreport(report("test_b", harness_recorded=recorded.harness_recorded))
    hooks.pytest_runtest_logreport(report("test_c", "skipped"))
    hooks.pytest_runtest_logreport(report("test_d", "passed"))
    assert session.obstacles == ["test_a failed"]
    assert session.gaps == ["test_a failed", "test_b failed", "test_c skipped"]


def test_a_file_that_cannot_be_collected_prevents_recording(hooks, session):
    """Deselected tests do not, but unused files are not reported then."""
    hooks.pytest_collectreport(report("test_x.py"))
    hooks.pytest_collectreport(report("", "failed"))
    hooks.pytest_collectreport(report("test_y.py", "passed"))
    hooks.pytest_deselected([object(), object()])
    assert session.obstacles == [
        "test_x.py could not be collected",
        "a test file could not be collected",
    ]
    assert session.gaps[-1] == "2 tests deselected"


def test_a_worker_sends_its_state(session, stage_baseline):
    """The controller adds it."""
    stage_baseline(session, 0.75)
    config = SimpleNamespace(workeroutput={})
    WorkerHooks(session, config).pytest_sessionfinish()
    controller = GoldenSession(session.project, session.settings)
    node = SimpleNamespace(workeroutput=config.workeroutput)
    MainHooks(controller, SimpleNamespace()).pytest_testnodedown(node, None)
    assert controller.staged == session.staged
    assert controller.obstacles == []


@pytest.mark.parametrize(
    "node",
    [
        SimpleNamespace(gateway=SimpleNamespace(id="gw0")),
        SimpleNamespace(gateway=SimpleNamespace(id="gw0"), workeroutput={}),
    ],
)
def test_a_crashed_worker_prevents_recording(hooks, session, node):
    """It sends nothing."""
    hooks.pytest_testnodedown(node, None)
    assert session.obstacles == ["worker gw0 crashed"]


@pytest.mark.parametrize(
    ("status", "obstacles"),
    [
        (pytest.ExitCode.OK, []),
        (pytest.ExitCode.TESTS_FAILED, []),
        (pytest.ExitCode.INTERRUPTED, ["the session was interrupted"]),
        (pytest.ExitCode.INTERNAL_ERROR, ["the session was interrupted"]),
    ],
)
def test_an_interrupted_session_prevents_recording(hooks, session, status, obstacles):
    """Failed tests are judged one by one; other ends are not trusted."""
    hooks.pytest_sessionfinish(SimpleNamespace(exitstatus=status), status)
    assert session.obstacles == obstacles


def test_an_error_while_recording_changes_the_exit_code(hooks, session, stage_baseline):
    """To that of a usage error, so that no script takes it for a success."""
    stage_baseline(session, 0.75, "test_a")
    stage_baseline(session, 0.25, "test_b")
    ended = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    hooks.pytest_sessionfinish(ended, pytest.ExitCode.OK)
    assert ended.exitstatus == pytest.ExitCode.USAGE_ERROR


def summary(hooks: MainHooks) -> list[str]:
    """The lines of the summary, its heading first."""
    lines: list[str] = []
    hooks.pytest_terminal_summary(SimpleNamespace(section=lines.append, write_line=lines.append))
    return lines


def test_nothing_to_say(hooks):
    """No heading either."""
    assert summary(hooks) == []


def test_what_was_recorded_is_listed(hooks, session):
    """Digests before and after, then what differs."""
    session.recorded = (
        Change(
            path="golden/a.npz",
            kind="fixture",
            data=session.project.root,
            before=None,
            after="xxh128:0123456789abcdef",
            differences=("a: new",),
        ),
    )
    assert summary(hooks) == ["golden files", "recorded golden/a.npz: new -> 0123456789ab", "  a: new"]


def test_why_nothing_was_recorded(hooks, session, stage_baseline):
    """The error, or the tests that failed."""
    stage_baseline(session, 0.75)
    session.obstacles += ["test_a failed", "test_b failed"]
    assert summary(hooks) == [
        "golden files",
        "nothing recorded (1 golden file differs):",
        "  test_a failed",
        "  test_b failed",
    ]
    session.refusal = ERROR
    assert summary(hooks)[1:] == ["nothing recorded: option: expected a, found b. Correct it."]


def complete(session: GoldenSession, **option) -> MainHooks:
    """Hooks of a run of all tests."""
    config = SimpleNamespace(
        args_source=pytest.Config.ArgsSource.INVOCATION_DIR,
        invocation_params=SimpleNamespace(dir=session.project.root),
        rootpath=session.project.root,
        option=SimpleNamespace(**option),
    )
    return MainHooks(session, config)


@pytest.mark.parametrize(("word", "status"), [("ignore", 0), ("warn", 0), ("reject", 1)])
def test_unused_files_of_a_complete_run(project, word, status):
    """Ignored, listed, or listed and rejected."""
    session = GoldenSession(project, Settings(unreferenced=word), used={"golden/lattice.npz"})
    hooks, ended = complete(session), SimpleNamespace(exitstatus=0)
    hooks.pytest_sessionfinish(ended, pytest.ExitCode.OK)
    assert ended.exitstatus == status
    lines = [
        "golden files",
        "unreferenced: golden/lattice.json is registered, but no test used it",
        "unreferenced: golden/lattice.net.json is registered, but no test used it",
    ]
    assert summary(hooks) == ([] if word == "ignore" else lines)


@pytest.mark.parametrize("option", [{"keyword": "a"}, {"maxfail": 1}, {"lf": True}, {"ignore": ["x"]}])
def test_a_filtered_run_reports_no_unused_file(project, option):
    """A test that was left out might have used it."""
    session = GoldenSession(project, Settings(unreferenced="reject"))
    assert summary(complete(session, **option)) == []
