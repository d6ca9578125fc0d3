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
from collections import deque
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_BLOCK_BYTES = 1 << 14
_WATCH = "import os, sys; sys.stdin.buffer.read(); os.killpg(int(sys.argv[1]), 9)"


class Ran(NamedTuple):
    """How a process ended: its exit code, negative for a signal, and the last bytes that it printed.

    The code is None if it was stopped because its time was over.
    """

    code: int | None
    output: str

    @property
    def last_line(self) -> str:
        """The last line that it printed; empty if there is none."""
        return next((line.strip() for line in reversed(self.output.splitlines()) if line.strip()), "")


def run_limited(
    command: Sequence[str], *, folder: Path, environment: Mapping[str, str], seconds: float | None = None
) -> Ran:
    """Run a command without input and wait for its end.

    It is the first process of a new group. When it has ended, was interrupted or has run for *seconds*, or
    when this process ends in whatever way, all that is left of the group is killed.

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
                code: int | None = process.wait(seconds)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill_group(process)
        reader.join()
    return Ran(code, b"".join(last).decode("utf-8", "replace"))


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
