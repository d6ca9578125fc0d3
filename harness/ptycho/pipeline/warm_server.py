"""A process that has imported torch, and forks for each stage that it is asked to run.

A stage still gets a process of its own, which ends with it, so nothing that a stage changes reaches the next
one. What it saves is the import, which takes as long as a short training. Only Linux is served: elsewhere,
libraries do not survive a fork.
"""

from __future__ import annotations

import importlib
import json
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

PRELOADED = (
    "scipy.spatial",
    "harness.ptycho.pipeline.inject",
    "harness.ptycho.pipeline.model.train",
    "harness.ptycho.pipeline.model.infer",
    "harness.ptycho.pipeline.model.iterative",
    "harness.ptycho.pipeline.model.quasi_newton",
)
"""What the stages import, also those that import it late."""

READY, KILL = b"ready", b"kill"

LARGEST_REQUEST = 1 << 16
"""Bytes; a request holds a module's name and a few paths."""

STANDARD_STREAMS = 2
"""Files that come with a request: standard output and standard error of the stage."""

THREADS = Path("/proc/self/task")


def main(control_file: str) -> None:
    """Serve the parent at the other end of the socket *control_file* until it closes it or ends.

    Requests and answers are messages. The first answer is ``READY``, or why no stage can be run here. A
    request is JSON, a module and its arguments, and comes with two files. It is answered by the stage's
    process id and, when it has ended, by its exit status. ``KILL`` in between kills it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C ends
    with socket.socket(fileno=int(control_file)) as control:
        for module in PRELOADED:
            importlib.import_module(module)
        found = threads_after_a_fork()
        control.send(READY if found == 1 else f"{found} threads".encode())
        with suppress(ConnectionError):  # the parent ended
            while found == 1 and _serve_next(control):
                pass


def threads_after_a_fork() -> int:
    """Return how many threads this process has after it forked.

    OpenBLAS has a thread for each processor once it is loaded; it stops them before a fork, and starts new
    ones when it needs them. Any other thread would be missing in the child.
    """
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return len(list(THREADS.iterdir()))


def _serve_next(control: socket.socket) -> bool:
    """Run the next stage; False at the parent's end."""
    message, files, _, _ = socket.recv_fds(control, LARGEST_REQUEST, STANDARD_STREAMS)
    if message == KILL:  # the stage had ended
        return True
    if not message:
        return False
    child = os.fork()
    if not child:
        control.close()
        _become_stage(files, **json.loads(message))
    for file in files:
        os.close(file)
    control.send(str(child).encode())
    control.send(str(_exit_status(child, control)).encode())
    return True


def _exit_status(child: int, control: socket.socket) -> int:
    """Wait for the end of *child*, and kill it if the parent says so or ends."""
    ended = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([ended, control.fileno()], [], [])
        if control.fileno() in ready:
            control.recv(len(KILL))
            os.kill(child, signal.SIGKILL)  # no other process can have its number until it is waited for
    finally:
        os.close(ended)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _become_stage(files: list[int], module: str, arguments: list[str]) -> None:
    """Run ``main`` of *module* in this process as a new interpreter would, and end it."""
    for number, file in enumerate(files, start=1):
        os.dup2(file, number)
        os.close(file)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module, *arguments]
    status = 1
    try:
        importlib.import_module(module).main(*arguments)
        status = 0
    except SystemExit as end:
        status = _code(end.code)
    except BaseException:  # noqa: BLE001 - whatever it is, the log has it
        traceback.print_exc()
    finally:
        with suppress(OSError):  # nobody reads it any more
            sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)  # not the clean-up of the server


def _code(code: Any) -> int:
    """Return the exit status of ``SystemExit(code)``, as the interpreter does; it prints other objects."""
    if code is None or isinstance(code, int):
        return code or 0
    print(code, file=sys.stderr)  # noqa: T201 - as the interpreter does
    return 1


if __name__ == "__main__":
    main(*sys.argv[1:])
