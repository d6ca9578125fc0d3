"""A program in a process group of its own: time limit, CPU time, peak memory, captured output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.domain.interface import Stage
from harness.core.errors import DependencyError, HarnessError, UsageError
from harness.ptycho.pipeline.parent_process import crash_error, timeout_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.ptycho.pipeline.parent_process import Deadline

INTERVAL = 0.05
"""Seconds between two looks at the program: its memory in between is not seen."""

LAST_LINES = 3
"""Lines of a failed program's output that its error has."""


LARGEST_LOG = 100_000_000
"""Bytes of output after which a program is stopped, before it fills the disk."""


class _Log(NamedTuple):
    """The file for the output of a stage."""

    stage: str
    path: Path

    def require_modest(self) -> None:
        """Raise an error if a program has written more than anybody will read."""
        if self.path.stat().st_size > LARGEST_LOG:
            most = f"{LARGEST_LOG / 1e6:g} MB of output"
            raise HarnessError(
                f"stage '{self.stage}'",
                expected=f"at most {most}",
                found="more",
                message=f"stage '{self.stage}' was stopped: it wrote more than {most}",
                remedy=f"What it wrote is in {self.path}.",
            )


class _Usage(NamedTuple):
    """How a program ended, and what it used: exit status, CPU seconds, peak memory in MB."""

    status: int
    cpu_seconds: float
    peak_mb: float


def run_program(  # noqa: PLR0913 - a process, its limits and its place
    stage: str,
    command: Sequence[str],
    *,
    log: Path,
    deadline: Deadline,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Stage:
    r"""Run *command* to its end, with its output in *log*, and stop everything that it started.

    Parameters
    ----------
    stage : str
        Name of the stage, for messages.
    command : sequence of str
        Program and arguments; no shell is involved.
    log : Path
        File for standard output and standard error together. It is kept.
    deadline : Deadline
        When to stop the program and the processes of its group.
    folder : Path, optional
        Where to run it. Default: the current directory.
    environment : mapping of str to str, optional
        Variables in addition to those of this process.

    Returns
    -------
    Stage
        Wall time, CPU time of all its processes, and the peak of their resident memory together.

    Raises
    ------
    UsageError
        There is no such program, or it cannot be run.
    OvertimeError
        The deadline passed.
    HarnessError
        The program failed: the error has the last lines of its output, and names the log. Or it wrote more
        output than fits on a disk for long, and was stopped.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from harness.ptycho.pipeline.parent_process import Deadline
    >>> with TemporaryDirectory() as place:
    ...     stage = run_program("hello", ["echo", "1"], log=Path(place) / "log", deadline=Deadline(9))
    ...     (Path(place) / "log").read_text()
    '1\n'
    """
    started = time.perf_counter()
    with (
        log.open("wb") as stream,
        _running_group(stage, command, stream.fileno(), folder, environment) as child,
    ):
        usage = _watched(child, deadline, _Log(stage, log))
    if usage is None:
        raise timeout_error(stage, deadline)
    if usage.status:
        raise crash_error(stage, usage.status, log, lines=LAST_LINES)
    return Stage(stage, time.perf_counter() - started, usage.peak_mb, cpu_seconds=usage.cpu_seconds)


@contextmanager
def _running_group(
    stage: str,
    command: Sequence[str],
    output: int,
    folder: Path | None,
    environment: Mapping[str, str] | None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program as the leader of a process group; kill the whole group when the block is left."""
    try:
        child = subprocess.Popen(  # noqa: S603 - the program that the user configured
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise _not_runnable(stage, command, error) from None
    try:
        yield child
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        if child.returncode is None:
            child.wait()


def _watched(child: subprocess.Popen[bytes], deadline: Deadline, log: _Log) -> _Usage | None:
    """Wait for the end of a program and return what it used; None if the deadline passed before."""
    peak = 0.0
    while deadline.seconds_left():
        log.require_modest()
        peak = max(peak, _group_mb(child.pid))
        # Not child.wait(): only wait4 says how much CPU time was used by the program and its own children.
        pid, status, used = os.wait4(child.pid, os.WNOHANG)
        if pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return _Usage(child.returncode, used.ru_utime + used.ru_stime, peak or _peak_of(used.ru_maxrss))
        time.sleep(min(INTERVAL, deadline.seconds_left()))
    return None


def _group_mb(group: int) -> float:
    """Return the resident memory of all processes of a group in MB (1e6 bytes); 0 where /proc is missing."""
    total = 0
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):  # a process may end at any moment
            # After the name, which is in parentheses and may have spaces: field 2 is the group, 21 pages.
            fields = entry.read_text(errors="replace").rpartition(")")[2].split()
            total += int(fields[21]) if int(fields[2]) == group else 0
    return total * os.sysconf("SC_PAGE_SIZE") / 1e6


def _peak_of(maxrss: int) -> float:
    """Return the peak of ``getrusage`` in MB; 0 on Linux, where it begins with the parent's memory."""
    return maxrss / 1e6 if sys.platform == "darwin" else 0.0


def _not_runnable(stage: str, command: Sequence[str], error: OSError) -> UsageError | DependencyError:
    kind = DependencyError if isinstance(error, FileNotFoundError) else UsageError
    return kind(
        f"stage '{stage}'",
        expected="a program that can be run",
        found=f"{command[0]}: {error.strerror}",
        message=f"stage '{stage}' could not start {command[0]!r}: {error.strerror}",
        remedy="Correct the command, or install the program.",
    )
