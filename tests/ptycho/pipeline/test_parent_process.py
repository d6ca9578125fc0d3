"""A child's progress, end, refusal, crash and overtime, as the parent tells them."""

from __future__ import annotations

import os
import sys

import pytest

from harness.core.errors import DependencyError, HarnessError, OvertimeError, UnreadableError
from harness.ptycho.pipeline import parent_process as process
from harness.ptycho.pipeline.parent_process import Deadline, run_stage

REPORTING = """
def main(task):
    print("a library's own words")
    task.progress(0.25)
    task.progress(1.0)
    return {"image": "xxh128:1"}
"""
REFUSING = """
from harness.core.errors import UnreadableError
def main(task):
    raise UnreadableError("thing", expected="one", found="other", remedy="Mend it.")
"""
CRASHING = "raise MemoryError('no room')"
ENDLESS = """
import time
def main(task):
    task.progress(0.25)
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
    """Run a script as a stage."""

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
    """Progress arrives in order, then what was read; a library's own output is no report; no log is left."""
    heard = []
    stage = run(REPORTING, progress=lambda name, share: heard.append((name, share)))
    assert heard == [("work", 0.25), ("work", 1.0)]
    assert stage.seconds > 0
    assert stage.inputs == {"image": "xxh128:1"}
    if sys.platform in {"linux", "darwin"}:
        assert 1 < stage.peak_mb < 1000
    assert not (tmp_path / "work.log").exists()


def test_a_refusal_keeps_its_kind_and_parts(run):
    """What a child refuses, the parent refuses: same class, same four parts."""
    with pytest.raises(UnreadableError) as refused:
        run(REFUSING)
    parts = (refused.value.thing, refused.value.expected, refused.value.found, refused.value.remedy)
    assert parts == ("thing", "one", "other", "Mend it.")


def test_a_crash_is_one_refusal(run, tmp_path):
    """A child that falls over gives one message, its last line; the traceback stays in the log."""
    with pytest.raises(HarnessError) as refused:
        run(CRASHING)
    assert "no room" in str(refused.value)
    assert "Traceback" not in str(refused.value)
    assert "Traceback" in (tmp_path / "work.log").read_text()


def test_overtime_is_stopped(run):
    """A child that does not end is killed at the limit, which the message gives."""
    with pytest.raises(OvertimeError, match=r"within 0\.5 s"):
        run(ENDLESS, limit=0.5)


def test_a_callback_that_fails_leaves_no_child(run):
    """Where the parent leaves early, by an error or Ctrl-C, the child is not left running."""
    started = []
    real = process.subprocess.Popen

    class Watched(real):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            started.append(self)

    def leave(*_):
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process.subprocess, "Popen", Watched)
        with pytest.raises(KeyboardInterrupt):
            run(ENDLESS, progress=leave)
    assert started[0].returncode is not None


def test_the_environment_reaches_the_child(run, monkeypatch):
    """Variables that choose the instruction set pass through, and a user's wait policy goes before ours."""
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    with pytest.raises(HarnessError) as refused:
        run(ENVIRONMENT)
    assert (refused.value.thing, refused.value.expected) == ("avx2", "ACTIVE")


def test_without_torch(monkeypatch):
    """Where torch is missing, one error says how to install it."""
    monkeypatch.setattr(process.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(DependencyError, match=r"pip install 'golden-harness\[ptycho\]'"):
        process.require_torch()
