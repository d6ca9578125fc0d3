"""A program is stopped in time with all that it started; what it used and printed is kept."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from harness.core.errors import DependencyError, HarnessError, OvertimeError, UsageError
from harness.core.system.running import is_running
from harness.ptycho.engines.process import run_program
from harness.ptycho.pipeline.parent_process import Deadline

LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="memory is read from /proc")


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a Python script as a program."""

    def _run(script, *, limit=60.0, **options):
        command = [sys.executable, "-c", script]
        return run_program("train", command, log=tmp_path / "log", deadline=Deadline(limit), **options)

    return _run


def test_output_of_both_kinds_is_in_the_log(run, tmp_path):
    stage = run("import sys; print('one', flush=True); print('two', file=sys.stderr)")

    assert stage.name == "train"
    assert (tmp_path / "log").read_text() == "one\ntwo\n"


def test_cpu_time_of_the_programs_own_children_counts(run):
    burn = "import time\nwhile time.process_time() < 0.4: pass"

    stage = run(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])")

    assert stage.cpu_seconds > 0.4
    assert stage.seconds > 0.3


@LINUX
def test_peak_memory_is_that_of_all_processes_together(run):
    hold = "import time; block = bytearray(60_000_000); time.sleep(0.5)"

    stage = run(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {hold!r}])\n{hold}")

    assert 120 < stage.peak_mb < 250


def test_a_failed_program_is_an_error_with_its_last_lines_and_its_log(run, tmp_path):
    with pytest.raises(HarnessError) as caught:
        run("import sys; [print(i) for i in range(9)]; sys.exit(3)")

    assert "stage 'train' failed with exit status 3, 6, 7, 8." in str(caught.value)
    assert str(tmp_path / "log") in str(caught.value)


def test_a_program_that_is_killed_is_an_error_that_names_the_signal(run):
    with pytest.raises(HarnessError, match="failed with signal 9"):
        run("import os; os.kill(os.getpid(), 9)")


def test_a_log_of_any_length_is_read_from_its_end(run, tmp_path):
    with pytest.raises(HarnessError, match="the end"):
        run("print('x' * 3_000_000); print('the end'); raise SystemExit(1)")

    assert (tmp_path / "log").stat().st_size > 3_000_000


def test_at_the_deadline_the_whole_group_is_killed(run, tmp_path):
    script = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)"
    )

    with pytest.raises(OvertimeError, match="stage 'train' timed out after 3 s"):
        run(script, limit=3.0)

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_what_a_program_leaves_running_is_killed(run, tmp_path):
    run(
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(tmp_path / 'pid')!r}, 'w').write(str(child.pid))"
    )

    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_program_that_does_not_exist_or_cannot_run_is_named(tmp_path):
    plain = tmp_path / "plain"
    plain.touch()
    for program, error in (("no-such-program", DependencyError), (str(plain), UsageError)):
        with pytest.raises(error, match=f"stage 'train' could not start '{program}'"):
            run_program("train", [program], log=tmp_path / "log", deadline=Deadline(9))


def test_standard_input_is_empty_and_variables_and_folder_are_as_asked(run, tmp_path):
    script = "import os, sys; print(sys.stdin.read(), os.environ['MINE'], os.getcwd(), sep='|')"

    run(script, folder=tmp_path, environment={"MINE": "1"})

    assert (tmp_path / "log").read_text().strip() == f"|1|{os.path.realpath(tmp_path)}"


def is_gone(process):
    """Whether a process ends soon: the system may need a moment to remove a killed one."""
    for _ in range(100):
        if not is_running(process) or _is_dead(process):
            return True
        time.sleep(0.05)
    return False


def _is_dead(process):
    """Whether it only waits for its parent to ask how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True
