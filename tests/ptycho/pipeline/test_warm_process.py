"""A stage that starts warm has a process of its own: same bits, same errors, nothing of the one before."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from harness.core.baselines.perturbations import Perturbation, applied
from harness.core.domain.run_pipeline import series_of_runs
from harness.core.errors import HarnessError, OvertimeError, UnreadableError
from harness.ptycho.pipeline import parent_process, run, warm_process
from harness.ptycho.pipeline.faults import PIPELINE_FAULTS
from harness.ptycho.pipeline.parent_process import Deadline, run_stage
from harness.ptycho.pipeline.warm_process import SERVERS

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="only Linux forks safely")

BRIEF = {
    "network": {"epochs": 2, "rounds": 2, "inference_rounds": 2, "steps": 4},
    "iterative": {"epochs": 4},
    "quasi_newton": {"iterations": 6},
}
OLD_CPU = {"ATEN_CPU_CAPABILITY": "default", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
WRITTEN = ("reconstruction.npz", "controls.npz", "measured.npz", "object.png")

LIGHT_SERVER = """
import sys
from harness.ptycho.pipeline import warm_server
warm_server.PRELOADED = ()
warm_server.main(sys.argv[1])
"""
"""A server without torch, which takes a second to import."""

STAGES = """
import os, sys, time
from harness.core.errors import UnreadableError
COUNT = 0

def count(task):
    global COUNT
    COUNT += 1
    os.environ["LEFT_BEHIND"] = "yes"
    sys.path.append("left behind")
    return {"count": str(COUNT), "pid": str(os.getpid())}

def refuse(task):
    raise UnreadableError("thing", expected="one", found="other", remedy="Fix it.")

def crash(task):
    raise MemoryError("out of memory")

def leave(task):
    os._exit(7)

def stop(task):
    os.kill(os.getpid(), 9)

def hold(task):
    kept = bytearray(200_000_000)
    kept[::4096] = b"1" * len(kept[::4096])
    return {}

def wait(task):
    task.report_progress(0.25)
    print(os.getpid(), file=sys.stderr, flush=True)
    while True: time.sleep(0.05)

def main(task):
    return globals()[task.part](task)
"""


@pytest.fixture(autouse=True)
def _servers_end():
    """End the servers of a test with it."""
    yield
    SERVERS.close()


@pytest.fixture
def stage(tmp_path, monkeypatch):
    """Return a function that runs one of the stages above, warm."""
    (tmp_path / "stand_in.py").write_text(STAGES)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setattr(parent_process, "WARM_MODULES", "stand_in")
    monkeypatch.setattr(warm_process, "SERVER_COMMAND", ("-c", LIGHT_SERVER))

    def _run(part, *, limit=60.0, progress=None):
        with series_of_runs():
            arguments = ("fixture", "output", part)
            deadline = Deadline(limit)
            return run_stage(
                "work", "stand_in", arguments, output=tmp_path, deadline=deadline, progress=progress
            )

    return _run


def written(fixture, folder, pipeline, *, warm, **options):
    """Run a pipeline, and return its metrics and the bytes of all that it wrote."""
    with series_of_runs() if warm else nullcontext():
        found = getattr(run, pipeline)(fixture, folder, **BRIEF[pipeline], **options)
    files = {name: (folder / name).read_bytes() for name in WRITTEN}
    return dict(found.metrics), {k: dict(v) for k, v in found.controls.items()}, found.inputs, files


@pytest.mark.parametrize(
    ("pipeline", "perturbation"),
    [
        ("network", Perturbation(1)),
        ("iterative", Perturbation(2)),
        ("quasi_newton", Perturbation(1, OLD_CPU)),
    ],
)
def test_warm_and_new_processes_give_the_same_bits(pipeline, perturbation, small, tmp_path, monkeypatch):
    """All arrays, pictures, metrics and digests are equal, also with other threads and CPU kernels."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    with applied(perturbation):
        new, warm, again = (
            written(small, tmp_path / name, pipeline, warm=name != "new", threads=perturbation.threads)
            for name in ("new", "warm", "again")
        )
    assert len(SERVERS.idle) == 1
    assert new == warm == again


def test_every_run_with_two_threads_has_the_same_bits(small, tmp_path, monkeypatch):
    """The first square root of a process once had other bits if both threads took it at the same moment."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    found = set()
    for number in range(30):
        with series_of_runs():
            run.iterative(small, tmp_path / str(number), epochs=2, threads=2)
        found.add((tmp_path / str(number) / WRITTEN[0]).read_bytes())
    assert len(found) == 1


def test_a_fault_reaches_its_run_alone(small, tmp_path, monkeypatch):
    """The run after it has the bits of the run before it."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    fault = next(fault for fault in PIPELINE_FAULTS if fault.id == "P20")
    before = written(small, tmp_path / "before", "iterative", warm=True)
    with series_of_runs():
        faulty = fault.inject(run.iterative)(small, tmp_path / "faulty", **BRIEF["iterative"])
    after = written(small, tmp_path / "after", "iterative", warm=True)
    assert len(SERVERS.idle) == 1
    assert before == after
    assert faulty.inputs != before[2]


def test_a_stage_leaves_nothing_behind(stage):
    """Each has a process of its own, in which modules, environment and import places are new."""
    first, second = stage("count").inputs, stage("count").inputs
    assert (first["count"], second["count"]) == ("1", "1")
    assert first["pid"] != second["pid"]
    assert "LEFT_BEHIND" not in os.environ
    assert len(SERVERS.idle) == 1


def test_each_environment_has_a_server_of_its_own(stage, monkeypatch):
    """The oldest one ends when there are too many."""
    stage("count")
    first = next(iter(SERVERS.idle.values()))
    for number in range(warm_process.MOST_IDLE):
        monkeypatch.setenv("ATEN_CPU_CAPABILITY", f"default{number}")
        stage("count")
    assert len(SERVERS.idle) == warm_process.MOST_IDLE
    assert first.process.poll() is not None


def test_errors_are_those_of_a_new_process(stage, tmp_path):
    """A refusal keeps its class; a crash is one line and a log; a silent end and a signal are named."""
    with pytest.raises(UnreadableError, match="thing: expected one, found other"):
        stage("refuse")
    with pytest.raises(HarnessError, match="failed with exit status 1, MemoryError: out of memory"):
        stage("crash")
    assert "Traceback" in (tmp_path / "work.log").read_text()
    with pytest.raises(HarnessError, match="stage 'work' failed with exit status 7"):
        stage("leave")
    with pytest.raises(HarnessError, match="stage 'work' failed with signal 9"):
        stage("stop")
    assert stage("count").inputs["count"] == "1"


def test_a_stage_is_stopped_at_the_deadline_and_the_server_goes_on(stage, tmp_path):
    stage("count")
    with pytest.raises(OvertimeError, match=r"timed out after 0\.5 s"):
        stage("wait", limit=0.5)
    assert not is_running(int((tmp_path / "work.log").read_text()))
    assert stage("count").inputs["count"] == "1"
    assert len(SERVERS.idle) == 1


def test_a_failing_callback_leaves_no_stage_running(stage, tmp_path):
    def interrupt(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stage("wait", progress=interrupt)
    logged = (tmp_path / "work.log").read_text()
    assert not logged or not is_running(int(logged))


def test_memory_and_time_are_those_of_the_stage(stage):
    """What one stage held is not in the peak of the next, nor its time."""
    held, plain = stage("hold"), stage("count")
    assert held.peak_mb > plain.peak_mb + 150
    assert plain.cpu_seconds < 1.0


def test_a_killed_server_is_replaced(stage):
    """While it is idle: the stage starts in a new interpreter, and the next one in a new server."""
    stage("count")
    server = next(iter(SERVERS.idle.values()))
    server.process.kill()
    server.process.wait()
    assert stage("count").inputs["count"] == "1"
    assert SERVERS.idle == {}
    stage("count")
    assert len(SERVERS.idle) == 1


def test_a_server_that_is_killed_at_work_ends_the_stage(stage):
    def kill(*_):
        next(iter(of_this_process)).kill()

    stage("count")
    of_this_process = [server.process for server in SERVERS.idle.values()]
    with pytest.raises(OvertimeError):
        stage("wait", progress=kill, limit=1.0)


def test_without_a_server_stages_start_as_before(stage, monkeypatch):
    """Where there is no fork, and where the server refuses, which is asked once."""
    monkeypatch.setattr(SERVERS, "usable", False)
    assert stage("count").inputs["count"] == "1"
    monkeypatch.setattr(SERVERS, "usable", True)
    monkeypatch.setattr(warm_process, "SERVER_COMMAND", ("-c", "raise ImportError"))
    assert stage("count").inputs["count"] == "1"
    assert not SERVERS.usable
    assert SERVERS.idle == {}


def test_a_single_run_starts_no_server(small, tmp_path):
    """A pipeline that a user runs keeps an interpreter for each stage."""
    run.iterative(small, tmp_path, epochs=2)
    assert SERVERS.idle == {}


PARENT = """
import sys, time
from pathlib import Path
from harness.core.domain.run_pipeline import series_of_runs
from harness.ptycho.pipeline import parent_process
from harness.ptycho.pipeline.warm_process import SERVERS
parent_process.WARM_MODULES = "stand_in"
deadline = parent_process.Deadline(60)
def run(part, **options):
    return parent_process.run_stage("work", "stand_in", ("fixture", "output", part), output=Path(sys.argv[1]),
                                    deadline=deadline, **options)
with series_of_runs():
    run("count")
    print(next(iter(SERVERS.idle.values())).process.pid, flush=True)
    if sys.argv[2] == "wait":
        run("wait", progress=lambda *_: print("waits", flush=True))
"""


@pytest.mark.parametrize("ending", ["end", "kill while idle", "kill at work", "ctrl-c"])
@pytest.mark.usefixtures("stage")
def test_nothing_is_left_when_the_parent_ends(ending, tmp_path):
    """Also if it is killed, idle or in the middle of a stage, or interrupted."""
    work = "wait" if ending in {"kill at work", "ctrl-c"} else "end"
    command = [sys.executable, "-c", PARENT, str(tmp_path), work]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as parent:
        pids = [int(parent.stdout.readline())]
        if work == "wait":
            assert parent.stdout.readline() == "waits\n"
            pids.append(written_pid(tmp_path / "work.log"))
        if ending.startswith("kill"):
            parent.kill()
        elif ending == "ctrl-c":
            parent.send_signal(signal.SIGINT)
        parent.wait()
    assert not any(ends_late(pid) for pid in pids)


def written_pid(path: Path) -> int:
    """Return the number in a file that another process is about to write."""
    while not (text := path.read_text()).endswith("\n"):
        time.sleep(0.01)
    return int(text)


def is_running(pid: int) -> bool:
    """Return whether a process works; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends_late(pid: int, seconds: float = 30.0) -> bool:
    """Wait for the end of a process; return whether it still runs after so long."""
    end = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > end:
            return True
        time.sleep(0.01)
    return False


def test_no_file_is_left_open(stage):
    """Pipes and sockets are closed."""
    stage("count")
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        stage("count")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
