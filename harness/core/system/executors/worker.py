"""In a worker of a cluster: do each task in a new process, which ends with the task, or with the worker.

A worker may have several threads, and a task may set environment variables; a worker may be older than the
code that it is to run. A new process has neither problem, and it can be stopped.

What a worker gets and returns is made of plain values: it may have loaded an older version of this package.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.system.environment import KERNEL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def _run_in_process(task: Mapping[str, Any]) -> Answer:
    # The child sees the end of this process, however it comes, by the end of a pipe.
    watched, held = os.pipe()
    try:
        with subprocess.Popen(  # noqa: S603 - this interpreter, no shell
            [sys.executable, "-c", _START.format(place=str(_PACKAGE.parent)), str(watched)],
            cwd=task["folder"],
            env=_environment(task["variables"]),
            pass_fds=[watched],
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as child:
            try:
                return _answer_of(child, pickle.dumps(dict(task)))
            finally:
                _stop(child)
    finally:
        os.close(watched)
        os.close(held)


def _answer_of(child: subprocess.Popen[bytes], request: bytes) -> Answer:
    cancelled, unsent = _cancelled_task(), [request]
    while True:
        try:
            output, _ = child.communicate(unsent.pop() if unsent else None, timeout=_SECONDS_BETWEEN_LOOKS)
        except subprocess.TimeoutExpired:
            if cancelled():
                return {"kind": "ended", "code": -signal.SIGINT}
            continue
        with contextlib.suppress(EOFError, pickle.UnpicklingError):
            answer: Answer = pickle.loads(output)  # noqa: S301 - what our own child wrote
            return answer
        return {"kind": "ended", "code": child.returncode}


def _cancelled_task() -> Any:
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


def _stop(child: subprocess.Popen[bytes]) -> None:
    """Stop a child that is still running, with all that it started; it may clean up first."""
    if child.poll() is None:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_GRACE_SECONDS)
    with contextlib.suppress(OSError):  # all have ended
        os.killpg(child.pid, signal.SIGKILL)


def _environment(carried: Mapping[str, str]) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    places = [own.get("PYTHONPATH", ""), carried.get("PYTHONPATH", "")]
    joined = os.pathsep.join(dict.fromkeys(filter(None, os.pathsep.join(places).split(os.pathsep))))
    return {**own, **carried, **({"PYTHONPATH": joined} if joined else {})}
