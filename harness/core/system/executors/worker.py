"""In a worker of a cluster: do tasks in processes of their own, which serve one run, and end with the worker.

A worker may have several threads, and a task may set environment variables; a worker may be older than the
code that it is to run. A new process has neither problem, and it can be stopped. It is used again for the
next task of the same run, as a process of a local pool is.

What a worker gets and returns is made of plain values: it may have loaded an older version of this package.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.system.environment import KERNEL_VARIABLES
from harness.core.system.executors.frames import HEAD, is_whole, write_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

VARIABLES = (
    *KERNEL_VARIABLES,
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "MALLOC_TRIM_THRESHOLD_",
    "PYTHONHASHSEED",
)
"""Environment variables that a task has as they are where it was submitted: Dask sets some in its workers."""

_START = (
    "import sys; sys.path[:] = [*filter(None, sys.path), {place!r}]; "
    "from harness.core.system.executors.child import main; main()"
)
_SECONDS_BETWEEN_LOOKS = 0.5
_GRACE_SECONDS = 5.0
_IDLE_SECONDS = 5.0
_BLOCK = 1 << 20
_PACKAGE = Path(__file__).parents[3]

Answer = dict[str, Any]
"""``kind`` is ``result``, ``error``, ``unlike``, ``ended`` or ``lacking``; the other keys depend on it."""


def carried_variables() -> dict[str, str]:
    """Return those of :data:`VARIABLES` that are set here, and where modules are looked for here."""
    found = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    listed = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    places = os.pathsep.join(str(Path(entry).absolute()) for entry in listed if entry)
    return {**found, "PYTHONPATH": places} if places else found


def run_task(task: Mapping[str, Any]) -> Answer:
    """Do one task in a new process, and return its answer with this worker's name.

    It is stopped if the task is cancelled.
    """
    answer = {"worker": worker_name()}
    if not os.access(task["folder"], os.R_OK | os.X_OK):
        return {**answer, "kind": "lacking", "differs": (f"it does not see {task['folder']}",)}
    return {**answer, **_run_in_process(task)}


def worker_name() -> str:
    """Return the address of the worker that this is called in; empty outside of one."""
    from distributed import get_worker

    try:
        return str(get_worker().address)
    except ValueError:  # not in a worker
        return ""


class _Child:
    """A process that does the tasks of one run, one after the other."""

    def __init__(self, task: Mapping[str, Any]) -> None:
        self.session: str = task["session"]
        # The child sees the end of this process, however it comes, by the end of a pipe.
        watched, self.held = os.pipe()
        self.process = subprocess.Popen(  # noqa: S603 - this interpreter, no shell
            [sys.executable, "-c", _START.format(place=str(_PACKAGE.parent)), str(watched)],
            cwd=task["folder"],
            env=_environment(task["variables"]),
            pass_fds=[watched],
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        os.close(watched)

    def ask(self, task: Mapping[str, Any], is_cancelled: Callable[[], bool]) -> Answer:
        """Return the answer to a task; stop if it is cancelled."""
        with contextlib.suppress(BrokenPipeError):
            write_frame(self.process.stdin, pickle.dumps(dict(task)))
        received = b""
        while not is_whole(received):
            if not select.select([self._output()], [], [], _SECONDS_BETWEEN_LOOKS)[0]:
                if is_cancelled():
                    return {"kind": "ended", "code": -signal.SIGINT}
                continue
            block = os.read(self._output(), _BLOCK)
            if not block:
                return {"kind": "ended", "code": self.process.wait()}
            received += block
        answer: Answer = pickle.loads(received[HEAD:])  # noqa: S301 - what our own child wrote
        return answer

    def _output(self) -> int:
        assert self.process.stdout is not None  # noqa: S101 - it is a pipe
        return self.process.stdout.fileno()

    def stop(self) -> None:
        """End the process with all that it started; it may clean up first."""
        if self.process.poll() is None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_GRACE_SECONDS)
        with contextlib.suppress(OSError):  # all have ended
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        os.close(self.held)
        for pipe in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if pipe is not None:
                    pipe.close()


class _Idle:
    """Processes without a task; each ends when it has had none for a while."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.timers: dict[_Child, threading.Timer] = {}

    def take(self, session: str) -> _Child | None:
        """Return a process of a run that waits, if there is one."""
        with self.lock:
            child = next((child for child in self.timers if child.session == session), None)
            if child is not None:
                self.timers.pop(child).cancel()
            return child

    def put(self, child: _Child) -> None:
        """Keep a process for a while."""
        timer = threading.Timer(_IDLE_SECONDS, self._end, [child])
        timer.daemon = True
        with self.lock:
            self.timers[child] = timer
        timer.start()

    def _end(self, child: _Child) -> None:
        with self.lock:
            if self.timers.pop(child, None) is None:  # it was taken
                return
        child.stop()


_idle = _Idle()


def _run_in_process(task: Mapping[str, Any]) -> Answer:
    child = _idle.take(task["session"]) or _Child(task)
    try:
        answer = child.ask(task, _cancelled_task())
    except BaseException:
        child.stop()
        raise
    if answer["kind"] == "ended":
        child.stop()
    else:
        _idle.put(child)
    return answer


def _cancelled_task() -> Callable[[], bool]:
    """Return a function that says whether the task of this thread is not wanted any more."""
    from distributed import get_worker

    try:
        worker = get_worker()
        key = worker.get_current_task()
    except ValueError:  # not in a worker
        return lambda: False

    def is_cancelled() -> bool:
        state = worker.state.tasks.get(key)
        return state is None or state.state == "cancelled"

    return is_cancelled


def _environment(carried: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    places = [own.get("PYTHONPATH", ""), carried.get("PYTHONPATH", "")]
    joined = os.pathsep.join(dict.fromkeys(filter(None, os.pathsep.join(places).split(os.pathsep))))
    return {**own, **carried, **({"PYTHONPATH": joined} if joined else {})}
