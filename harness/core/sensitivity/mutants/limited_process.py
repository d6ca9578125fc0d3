"""Run a process with all its children for a limited time, and leave none of them running.

They are a group of their own, which whoever kills this process does not reach. So a second process waits for
the end of this one, and kills the group then.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TIME, MEMORY = "time", "memory"
"""Why a process was stopped."""

_BLOCK_BYTES = 1 << 14
_SECONDS_BETWEEN_LOOKS = 0.5
_WATCH = "import os, sys; sys.stdin.buffer.read(); os.killpg(int(sys.argv[1]), 9)"
_PROCESSES = Path("/proc")
_GROUP, _RESIDENT = 2, 21  # fields of /proc/PID/stat behind the name: group, pages in memory


class Ran(NamedTuple):
    """How a process ended.

    Attributes
    ----------
    code : int
        Its exit code, negative for a signal.
    output : str
        The last bytes that it printed.
    peak : int
        Largest memory of the whole group in bytes, as far as it was looked at; 0 where that cannot be done.
    stopped : str
        :data:`TIME` or :data:`MEMORY` if it used more of that than it may; else empty.
    """

    code: int
    output: str
    peak: int = 0
    stopped: str = ""

    @property
    def last_line(self) -> str:
        """The last line that it printed; empty if there is none."""
        return next((line.strip() for line in reversed(self.output.splitlines()) if line.strip()), "")


def run_limited(
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    seconds: float | None = None,
    memory: int | None = None,
) -> Ran:
    """Run a command without input and wait for its end.

    It is the first process of a new group. When it has ended, was interrupted, has run for *seconds* or uses
    more than *memory* bytes, or when this process ends in whatever way, all that is left of the group is
    killed.

    Examples
    --------
    >>> import sys
    >>> run_limited([sys.executable, "-c", "print(1)"], folder=".", environment={}).last_line
    '1'
    """
    with subprocess.Popen(  # noqa: S603 - no shell
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        last: deque[bytes] = deque(maxlen=2)
        reader = threading.Thread(target=_read, args=(process.stdout, last), daemon=True)
        reader.start()
        try:
            with _watched(process):
                peak, stopped = _wait(process, seconds, memory)
        finally:
            _kill_group(process)
        reader.join()
    return Ran(process.wait(), b"".join(last).decode("utf-8", "replace"), peak, stopped)


def _wait(process: subprocess.Popen[bytes], seconds: float | None, memory: int | None) -> tuple[int, str]:
    """Wait until a process has ended or uses too much; return the peak of its memory, and what it was."""
    end, peak = None if seconds is None else time.monotonic() + seconds, 0
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_BETWEEN_LOOKS)
            return peak, ""
        peak = max(peak, group_memory(process.pid))
        if memory is not None and peak > memory:
            return peak, MEMORY
        if end is not None and time.monotonic() > end:
            return peak, TIME


def group_memory(group: int) -> int:
    """Return how many bytes of memory all processes of a group use; 0 where /proc does not say it.

    Pages that several of them share count for each.
    """
    pages = 0
    for stat in _PROCESSES.glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):  # it has ended
            fields = stat.read_bytes().rpartition(b")")[2].split()
            if int(fields[_GROUP]) == group:
                pages += int(fields[_RESIDENT])
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _read(stream: IO[bytes] | None, last: deque[bytes]) -> None:
    """Read to the end, keep the last blocks: a mutant may print for ever."""
    while stream is not None and (block := os.read(stream.fileno(), _BLOCK_BYTES)):
        last.append(block)


@contextlib.contextmanager
def _watched(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have the group killed if this process ends before the block does."""
    if os.name != "posix":
        yield
        return
    command = [sys.executable, "-I", "-S", "-c", _WATCH, str(process.pid)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watcher:  # noqa: S603 - this interpreter
        try:
            yield
        finally:
            watcher.kill()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):  # all have ended
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
