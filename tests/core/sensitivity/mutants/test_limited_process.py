"""A process and all that it starts end together: at its end, at the limit, and at Ctrl-C."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core.sensitivity.mutants import limited_process
from harness.core.sensitivity.mutants.limited_process import MEMORY, TIME, run_limited
from harness.core.system.running import is_running

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open("child", "w").write(str(child.pid))
{then}
"""


def run(folder, code: str, seconds: float | None = None, memory: int | None = None):
    command = [sys.executable, "-c", code]
    return run_limited(command, folder=folder, environment=os.environ, seconds=seconds, memory=memory)


def ended(process: int) -> bool:
    """Whether a process ends soon; nobody may have waited for it yet."""
    for _ in range(100):
        status = Path(f"/proc/{process}/stat")
        if not is_running(process) or (status.is_file() and ") Z " in status.read_text()):
            return True
        time.sleep(0.1)
    return False


def test_the_end_of_what_it_printed_is_kept(tmp_path):
    ran = run(tmp_path, "import sys\nprint('x' * 10_000_000)\nprint('last', file=sys.stderr)\nsys.exit(3)")
    assert (ran.code, ran.last_line) == (3, "last")
    assert len(ran.output) < 100_000


def test_a_process_without_output_has_no_last_line(tmp_path):
    assert (run(tmp_path, "").code, run(tmp_path, "").last_line) == (0, "")


def test_a_signal_is_a_negative_code(tmp_path):
    assert run(tmp_path, "import os; os.kill(os.getpid(), 9)").code == -9


@pytest.mark.parametrize(
    ("then", "seconds", "stopped"),
    [("time.sleep(600)", 3.0, TIME), ("pass", None, ""), ("while 1: pass", 3.0, TIME)],
)
def test_no_child_outlives_it(tmp_path, then, seconds, stopped):
    ran = run(tmp_path, PARENT.format(then=then), seconds)
    assert (ran.stopped, ran.code) == (stopped, -9 if stopped else 0)
    assert ended(int((tmp_path / "child").read_text()))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="memory is read from /proc")
def test_a_process_that_needs_too_much_memory_is_stopped(tmp_path):
    """With what its children use. Whether the machine has less is not tried."""
    code = "import time\nheld = bytearray(300_000_000)\nfor _ in range(100): held[:] = held; time.sleep(0.5)"
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {code!r}])"
    ran = run(tmp_path, child, seconds=60, memory=200_000_000)
    assert (ran.stopped, ran.peak > 200_000_000) == (MEMORY, True)
    assert 1_000_000 < run(tmp_path, "import time; time.sleep(1.5)", memory=200_000_000).peak < 200_000_000


def test_ctrl_c_ends_the_process_and_its_children(tmp_path, monkeypatch):
    def interrupted(self, timeout=None):
        while not (tmp_path / "child").is_file() or not (tmp_path / "child").read_text():
            time.sleep(0.05)
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(limited_process.subprocess.Popen, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, PARENT.format(then="time.sleep(600)"))
    assert ended(int((tmp_path / "child").read_text()))


@pytest.mark.skipif(os.name != "posix", reason="groups of processes are signalled on POSIX")
def test_nothing_outlives_a_process_that_is_killed(tmp_path):
    """As a cluster kills a worker, or the kernel one that needs too much memory."""
    inner = PARENT.format(then="time.sleep(600)")
    outer = (
        "import os, sys\nfrom harness.core.sensitivity.mutants.limited_process import run_limited\n"
        f"run_limited([sys.executable, '-c', {inner!r}], folder={str(tmp_path)!r}, environment=os.environ)"
    )
    with subprocess.Popen([sys.executable, "-c", outer]) as process:
        while not (tmp_path / "child").is_file() or not (tmp_path / "child").read_text():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(0.5)  # the process that waits for its end starts
        process.kill()
    assert ended(int((tmp_path / "child").read_text()))
