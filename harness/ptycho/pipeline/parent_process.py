"""The parent's side of a pipeline: start a child, read its messages, stop it in time, raise its errors."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from harness.core.domain.interface import Stage
from harness.core.domain.run_pipeline import is_in_series
from harness.core.errors import (
    DependencyError,
    HarnessError,
    OvertimeError,
    UnreadableError,
    error_from_parts,
)
from harness.ptycho.pipeline.warm_process import SERVERS, WarmChild

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Child = subprocess.Popen[str] | WarmChild

CHILD_ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OPENBLAS_THREAD_TIMEOUT": "4"}
"""Variables of the child's environment, unless the user has set them.

Waiting threads sleep. By default they spin, which makes a pipeline five times slower on a busy
machine. OpenMP reads its variable once, when torch loads it, so threadpoolctl cannot set it in the child.
"""

CHILD_COMMAND = ("-m", "harness.ptycho.pipeline.child_process")
"""Arguments of the child's interpreter, before the stage's module and its arguments."""

WARM_MODULES = f"{__package__}.model."
"""Where the modules are that can start from a warm process; engines load libraries of their own."""

TAIL = 1 << 14
"""Bytes of a log in which its last lines are looked for."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time limit in seconds for all processes of a pipeline together."""

    seconds: float
    start: float = field(default_factory=time.perf_counter)

    def seconds_left(self) -> float:
        """Return the seconds that remain; never negative.

        >>> Deadline(0).seconds_left()
        0.0
        """
        return max(0.0, self.start + self.seconds - time.perf_counter())


def require_torch() -> None:
    """Raise an error if torch is not installed, before any process starts.

    Raises
    ------
    DependencyError
        With the command that installs it.
    """
    if importlib.util.find_spec("torch") is None:
        raise DependencyError(
            "PyTorch",
            expected="the package torch",
            found="none installed",
            message="the pipelines need PyTorch, which is not installed",
            remedy="Install it with `pip install 'golden-harness[ptycho]'`.",
        )


def require_fixture(fixture: Path) -> None:
    """Raise an error if the *fixture* is not a file, before any process starts.

    Raises
    ------
    UnreadableError
        With the command that makes one.
    """
    if not fixture.is_file():
        raise UnreadableError(
            str(fixture),
            expected="a fixture",
            found="no such file",
            remedy="Create one with `harness generate`.",
        )


def run_stage(  # noqa: PLR0913 - a process, its limits and its listener
    stage: str,
    module: str,
    arguments: tuple[str, ...],
    *,
    output: Path,
    deadline: Deadline,
    progress: Callable[[str, float], None] | None = None,
) -> Stage:
    """Run ``main`` of *module* in a process of its own, and wait for its end.

    Parameters
    ----------
    stage : str
        Name of the stage, for messages and progress.
    module : str
        Module whose ``main`` takes a :class:`~harness.ptycho.pipeline.child_process.Task`.
    arguments : tuple of str
        The task's fixture, output folder and, if any, part.
    output : Path
        Folder for ``<stage>.log``, which keeps the child's standard error if the child fails.
    deadline : Deadline
        When to stop the child.
    progress : callable, optional
        Called with the stage's name and the fraction done.

    Returns
    -------
    Stage
        Wall time, peak memory, and digests of the arrays that the child read.

    Raises
    ------
    OvertimeError
        The deadline passed, and the child was stopped.
    HarnessError
        The error that the child reported, of the same class; or the child crashed: the error names the log.
    """
    log, started = output / f"{stage}.log", time.perf_counter()
    command = (*CHILD_COMMAND, module, *arguments)
    with log.open("w") as stderr, _running_child(command, stderr, deadline) as (child, timed_out):
        done = _read_messages(child, stage, progress)
    if done is None:
        raise (
            timeout_error(stage, deadline) if timed_out.is_set() else crash_error(stage, child.wait(), log)
        )
    log.unlink()
    seconds, cpu = time.perf_counter() - started, float(done["cpu_seconds"])
    return Stage(stage, seconds, float(done["peak_mb"]), done["inputs"], cpu)


@contextmanager
def _running_child(
    command: tuple[str, ...], stderr: IO[str], deadline: Deadline
) -> Iterator[tuple[Child, threading.Event]]:
    """Start a child; kill it at the deadline (and set the event), or when the block is left early."""
    timed_out = threading.Event()
    with _start(command, stderr, deadline) as child:
        timer = threading.Timer(deadline.seconds_left(), _kill_at_deadline, (child, timed_out))
        timer.start()
        try:
            yield child, timed_out
            child.wait()
        finally:
            timer.cancel()
            child.kill()


def _start(command: tuple[str, ...], stderr: IO[str], deadline: Deadline) -> Child:
    """Start a new interpreter; or, if many pipelines run, fork a process that has imported what stages need.

    Either is a new process, with nothing in it of the stage before.
    """
    environment = {**CHILD_ENVIRONMENT, **os.environ}
    if is_in_series() and any(argument.startswith(WARM_MODULES) for argument in command):
        child = SERVERS.start(
            command[1:], environment=environment, stderr=stderr, seconds=deadline.seconds_left()
        )
        if child is not None:
            return child
    return subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
    )


def _kill_at_deadline(child: Child, timed_out: threading.Event) -> None:
    timed_out.set()
    child.kill()


def _read_messages(
    child: Child, stage: str, progress: Callable[[str, float], None] | None
) -> dict[str, Any] | None:
    """Pass progress on, raise the child's error, and return its final message; None if there was none."""
    for line in child.stdout or ():
        message = _decode_message(line)
        if "error" in message:
            raise error_from_parts(message["error"])
        if "done" in message:
            return dict(message["done"])
        if progress is not None and "progress" in message:
            progress(stage, float(message["progress"]))
    return None


def _decode_message(line: str) -> dict[str, Any]:
    """Return the message in *line*; empty if a library printed the line."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def timeout_error(stage: str, deadline: Deadline) -> OvertimeError:
    """Return the error for a stage that was still running at the deadline."""
    return OvertimeError(
        f"stage '{stage}'",
        expected=f"the pipeline to finish within {deadline.seconds:g} s",
        found="a stage still running",
        message=f"stage '{stage}' timed out after {deadline.seconds:g} s",
        remedy="The limit applies to all stages together: use fewer epochs or positions, or raise it.",
    )


def crash_error(stage: str, status: int, log: Path, *, lines: int = 1) -> HarnessError:
    """Return the error for a stage that failed: with its last *lines* of output, and the *log*'s path."""
    found = ", ".join((_ending(status), *last_lines(log, lines)))
    return HarnessError(
        f"stage '{stage}'",
        expected="exit status 0",
        found=found,
        message=f"stage '{stage}' failed with {found}",
        remedy=f"The full output is in {log}.",
    )


def _ending(status: int) -> str:
    return f"exit status {status}" if status >= 0 else f"signal {-status}"


def last_lines(log: Path, lines: int) -> list[str]:
    """Return the last lines of a file that may be very long; none if it is empty."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL))
        return stream.read(TAIL).decode(errors="replace").strip().splitlines()[-lines:]
