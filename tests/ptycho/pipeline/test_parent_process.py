"""The parent reads a child's progress, end and errors, and stops it at the deadline."""

from __future__ import annotations

import os
import sys

import pytest

from harness.core.errors import DependencyError, HarnessError, OvertimeError, UnreadableError
from harness.ptycho.pipeline import parent_process
from harness.ptycho.pipeline.parent_process import Deadline, run_stage

REPORTING = """
def main(task):
    print("printed by a library")
    print("[1, 2]")
    task.report_progress(0.25)
    task.report_progress(1.0)
    return {"image": "xxh128:1"}
"""
REFUSING = """
from harness.core.errors import UnreadableError
def main(task):
    raise UnreadableError("thing", expected="one", found="other", remedy="Fix it.")
"""
CRASHING = "raise MemoryError('out of memory')"
SILENT = """
import os
def main(task):
    os._exit(0)
"""
ENDLESS = """
import time
def main(task):
    task.report_progress(0.25)
    while True: time.sleep(1)
"""
ENVIRONMENT = """
import os
from harness.core.errors import HarnessError
def main(task):
    first, second = os.environ["ATEN_CPU_CAPABILITY"], os.environ["OMP_WAIT_POLICY"]
    raise HarnessError(first, expected=second, found="", remedy="")
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a script as a stage."""

    def _run(script, *, limit=60.0, progress=None):
        (tmp_path / "stand_in.py").write_text(script)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        return run_stage(
            "work",
            "stand_in",
            ("fixture", "output"),
            output=tmp_path,
            deadline=Deadline(limit),
            progress=progress,
        )

    return _run


def test_progress_and_end(run, tmp_path):
    """Progress arrives in order, a library's own lines are ignored, and no log is left."""
    received = []
    stage = run(REPORTING, progress=lambda name, fraction: received.append((name, fraction)))
    assert received == [("work", 0.25), ("work", 1.0)]
    assert stage.seconds > 0
    assert stage.inputs == {"image": "xxh128:1"}
    if sys.platform in {"linux", "darwin"}:
        assert 1 < stage.peak_mb < 1000
    assert not (tmp_path / "work.log").exists()


def test_a_childs_error_keeps_its_class_and_parts(run):
    """The parent raises the error that the child raised."""
    with pytest.raises(UnreadableError) as refused:
        run(REFUSING)
    parts = (refused.value.thing, refused.value.expected, refused.value.found, refused.value.remedy)
    assert parts == ("thing", "one", "other", "Fix it.")


def test_a_crash_is_one_short_error(run, tmp_path):
    """The error quotes the last line of the child's output; the traceback stays in the log."""
    with pytest.raises(HarnessError) as refused:
        run(CRASHING)
    assert str(refused.value) == (
        "stage 'work' failed with exit status 1, MemoryError: out of memory. "
        f"The full output is in {tmp_path / 'work.log'}."
    )
    assert "Traceback" in (tmp_path / "work.log").read_text()


def test_an_end_without_a_report_is_an_error(run):
    """Exit status 0 alone does not count as success."""
    with pytest.raises(HarnessError, match="stage 'work' failed with exit status 0"):
        run(SILENT)


def test_a_child_is_stopped_at_the_deadline(run):
    """The error names the stage and the limit."""
    with pytest.raises(OvertimeError, match=r"^stage 'work' timed out after 0\.5 s\. The limit"):
        run(ENDLESS, limit=0.5)


def test_a_deadline_is_shared_and_never_negative(monkeypatch):
    """What one stage used, the next does not have."""
    now = iter([10.0, 40.0, 70.0])
    monkeypatch.setattr(parent_process.time, "perf_counter", lambda: next(now))
    deadline = Deadline(45.0, start=0.0)
    assert [deadline.seconds_left() for _ in range(3)] == [35.0, 5.0, 0.0]


def test_a_failing_callback_leaves_no_child_running(run):
    """If the parent leaves early, by an error or Ctrl-C, the child is stopped."""
    started = []
    real = parent_process.subprocess.Popen

    class Watched(real):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parent_process.subprocess, "Popen", Watched)
        with pytest.raises(KeyboardInterrupt):
            run(ENDLESS, progress=interrupt)
    assert started[0].returncode is not None


def test_the_environment_reaches_the_child(run, monkeypatch):
    """Variables that choose the instruction set pass through, and the user's wait policy overrides ours."""
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with pytest.raises(HarnessError) as refused:
        run(ENVIRONMENT)
    assert (refused.value.thing, refused.value.expected) == ("avx2", "ACTIVE")


def test_waiting_threads_sleep_by_default(run, monkeypatch):
    """Without a setting of the user's, OpenMP's wait policy is passive in the child."""
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with pytest.raises(HarnessError) as refused:
        run(ENVIRONMENT)
    assert refused.value.expected == "PASSIVE"


def test_missing_torch(monkeypatch):
    """The error contains the command that installs it."""
    monkeypatch.setattr(parent_process.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[ptycho\]'"):
        parent_process.require_torch()
