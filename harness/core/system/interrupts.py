"""Ctrl-C: what it may not stop halfway, and how worker processes end without a word.

A terminal sends the signal to a whole group of processes, to this one and all that it started.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")

_GRACE_SECONDS = 5.0  # for workers to clean up

INTERRUPTED = 130
"""Exit code of a process that Ctrl-C ended, as shells have it."""


@contextlib.contextmanager
def deferred_interrupts(most: float = 1) -> Iterator[None]:
    """Let Ctrl-C take effect at the end of the block, up to *most* times; the next one does at once."""
    if threading.current_thread() is not threading.main_thread():  # others do not get the signal
        yield
        return
    came: list[int] = []

    def note(number: int, _frame: Any) -> None:
        came.append(number)
        if len(came) >= most:
            signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, note)
    if before is None:  # a handler that was not set from Python
        before = signal.default_int_handler
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def started_without_interrupts() -> Iterator[None]:
    """Start worker processes in this block; Ctrl-C reaches them after their :func:`begin_worker`."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def begin_worker() -> None:
    """In a worker process: end without a traceback at Ctrl-C, while there is no work."""
    signal.signal(signal.SIGINT, _leave)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def do_work(call: Callable[[Item], Result], item: Item) -> Result:
    """In a worker process: call a function. At Ctrl-C it cleans up, and the process ends."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return call(item)
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, _leave)


def stop_workers() -> None:
    """Stop the worker processes of this one, which may be the only one that got the signal."""
    workers = multiprocessing.active_children()
    for worker in workers:
        with contextlib.suppress(OSError):  # it has ended
            if os.name == "posix" and worker.pid is not None:
                os.kill(worker.pid, signal.SIGINT)
            else:
                worker.terminate()
    end = time.monotonic() + _GRACE_SECONDS
    for worker in workers:
        if not wait([worker.sentinel], max(0.0, end - time.monotonic())):
            worker.kill()


def _leave(_number: int, _frame: Any) -> None:
    os._exit(INTERRUPTED)
