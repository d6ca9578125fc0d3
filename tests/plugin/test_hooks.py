"""What happens when a test ends, what workers send, and the summary in the terminal."""

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


def report(outcome: str = "passed", **more):
    passed, skipped = outcome == "passed", outcome == "skipped"
    return SimpleNamespace(outcome=outcome, passed=passed, skipped=skipped, duration=0.25, **more)


TEST = SimpleNamespace(nodeid="test_net")


def test_a_failure_that_only_announces_a_recording_is_marked(hooks):
    """Others are not, and prevent recording."""
    marked, plain = report("failed", when="call"), report("failed", when="call")
    hooks.end(TEST, RecordedError("differs"), marked)
    hooks.end(TEST, ValueError("x"), plain)
    assert marked.harness_recorded
    assert not hasattr(plain, "harness_recorded")


@pytest.mark.parametrize(
    ("ended", "why"),
    [
        (report("skipped", when="call", wasxfail=""), "test_net is expected to fail"),
        (report("passed", when="call", wasxfail="reason"), "test_net is expected to fail"),
        (report("skipped", when="call"), "test_net was skipped"),
        (report("skipped", when="teardown"), "test_net was skipped"),
    ],
)
def test_what_an_unusual_test_staged_is_left_alone(hooks, session, stage_baseline, ended, why):
    """The staged copy is removed, and the summary says why."""
    folder = stage_baseline(session, 0.75)
    hooks.end(TEST, None, report("passed", when="setup"))
    assert session.staged != []
    hooks.end(TEST, None, ended)
    assert session.staged == []
    assert not folder.exists()
    assert summary(hooks) == ["golden files", f"left alone: golden/lattice.net.json ({why})"]


def test_a_failure_that_the_test_has_caught_records_nothing(hooks, session, stage_baseline):
    """A test that expects its check to fail passes."""
    stage_baseline(session, 0.75)
    session.raised.add("test_net")
    hooks.end(TEST, None, report("passed", when="call"))
    assert session.staged == []


def test_the_last_attempt_counts(hooks, session, stage_baseline):
    """What another test staged stays."""
    hooks.begin(TEST)
    first, other = stage_baseline(session, 0.75), stage_baseline(session, 0.25, "test_other")
    hooks.begin(TEST)
    assert [item.test for item in session.staged] == ["test_other"]
    assert (first.exists(), other.exists()) == (False, True)


def test_a_worker_sends_its_state(session, stage_baseline):
    """The controller adds it."""
    stage_baseline(session, 0.75)
    session.refusal = ERROR
    config = SimpleNamespace(workeroutput={})
    WorkerHooks(session, config).finish(SimpleNamespace(), 0)
    controller = GoldenSession(session.project, session.settings)
    MainHooks(controller, SimpleNamespace()).add_worker(config.workeroutput["harness"])
    assert controller.staged == session.staged
    assert str(controller.refusal) == str(ERROR)


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
    hooks.finish(SimpleNamespace(exitstatus=status), status)
    assert session.obstacles == obstacles


def test_an_error_while_recording_changes_the_exit_code(hooks, session, stage_baseline):
    """To that of a usage error, so that no script takes it for a success."""
    stage_baseline(session, 0.75, "test_a")
    stage_baseline(session, 0.25, "test_b")
    ended = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    hooks.finish(ended, pytest.ExitCode.OK)
    assert ended.exitstatus == pytest.ExitCode.USAGE_ERROR


def summary(hooks: MainHooks) -> list[str]:
    """The lines of the summary, its heading first."""
    lines: list[str] = []
    hooks.summarize(SimpleNamespace(section=lines.append, write_line=lines.append))
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


def conclusion(hooks: MainHooks) -> list[str]:
    lines: list[str] = []
    hooks.conclude(SimpleNamespace(write_line=lambda line, **_: lines.append(line)))
    return lines


def test_the_last_line_says_why_nothing_was_recorded(hooks, session, stage_baseline):
    """In one line; there is none if something was recorded or nothing was to be."""
    assert conclusion(hooks) == []
    stage_baseline(session, 0.75)
    assert conclusion(hooks) == []
    session.obstacles += ["test_a failed", "test_b failed"]
    assert conclusion(hooks) == ["nothing recorded (1 golden file differs): test_a failed"]
    session.refusal = ERROR
    assert conclusion(hooks) == ["nothing recorded: option: expected a, found b. Correct it."]


def test_what_others_wrote_is_escaped(hooks, session):
    """Names of tests may hold anything."""
    session.left.append(("test_a", "a\n::error::b\x1b[31m"))
    assert summary(hooks)[1:] == ["left alone: a\\n::error::b\\x1b[31m"]


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
    hooks.finish(ended, pytest.ExitCode.OK)
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
