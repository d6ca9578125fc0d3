"""The parent's side of a pipeline: start a child, hear its progress, end it in time, pass its refusals on."""

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
from harness.core.errors import DependencyError, HarnessError, OvertimeError, error_from_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PATIENT = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait sleep. Spinning ones, the default, make a pipeline five times slower on a machine that
has other work to do. The user's own setting goes first."""


LAUNCH = ("-m", "harness.ptycho.pipeline.child_process")
"""What a child's interpreter is told before a stage's module and its arguments."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A limit in seconds for all of a pipeline's processes together."""

    seconds: float
    start: float = field(default_factory=time.perf_counter)

    def left(self) -> float:
        """Seconds that remain; never negative."""
        return max(0.0, self.start + self.seconds - time.perf_counter())


def require_torch() -> None:
    """Refuse, before any process starts, where torch is not installed.

    Raises
    ------
    DependencyError
        With the command that installs it.
    """
    if importlib.util.find_spec("torch") is None:
        raise DependencyError(
            "PyTorch",
            expected="the package torch, which the pipelines run on",
            found="none installed",
            remedy="Install it with `pip install 'golden-harness[ptycho]'`.",
        )


def run_stage(  # noqa: PLR0913 - a process and its terms
    stage: str,
    module: str,
    arguments: tuple[str, ...],
    *,
    output: Path,
    deadline: Deadline,
    progress: Callable[[str, float], None] | None = None,
) -> Stage:
    """Run ``main`` of *module* on *arguments*, in a process of its own, to its end.

    What the child writes on its standard error is kept in ``<stage>.log`` in *output* if it fails.

    Raises
    ------
    HarnessError
        The child's own refusal; or :class:`OvertimeError`; or a refusal that names the log.
    """
    log, started = output / f"{stage}.log", time.perf_counter()
    with log.open("w") as errors_out, _child(module, arguments, errors_out, deadline) as (child, overtime):
        done = _listen(child, stage, progress)
    if done is None:
        raise _overtime(stage, deadline) if overtime.is_set() else _crash(stage, child.returncode, log)
    log.unlink()
    return Stage(stage, time.perf_counter() - started, float(done["peak_mb"]), done["inputs"])


@contextmanager
def _child(
    module: str, arguments: tuple[str, ...], errors_out: IO[str], deadline: Deadline
) -> Iterator[tuple[subprocess.Popen[str], threading.Event]]:
    """Hold a child that is killed at the deadline (the event is then set), or when its parent leaves."""
    overtime = threading.Event()
    command = [sys.executable, *LAUNCH, module, *arguments]
    with subprocess.Popen(  # noqa: S603 - this interpreter, a module of ours
        command, stdout=subprocess.PIPE, stderr=errors_out, text=True, env={**PATIENT, **os.environ}
    ) as child:
        timer = threading.Timer(deadline.left(), _stop, (child, overtime))
        timer.start()
        try:
            yield child, overtime
            child.wait()
        finally:
            timer.cancel()
            child.kill()


def _stop(child: subprocess.Popen[str], overtime: threading.Event) -> None:
    overtime.set()
    child.kill()


def _listen(
    child: subprocess.Popen[str], stage: str, progress: Callable[[str, float], None] | None
) -> dict[str, Any] | None:
    """Read the child's lines: hand progress on, raise its refusal, return its last report, if any."""
    for line in child.stdout or ():
        message = _decoded(line)
        if "refusal" in message:
            raise error_from_parts(message["refusal"])
        if "done" in message:
            return dict(message["done"])
        if progress is not None and "progress" in message:
            progress(stage, float(message["progress"]))
    return None


def _decoded(line: str) -> dict[str, Any]:
    """Decode a report; a line that a library printed is none."""
    try:
        message = json.loads(line)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}


def _overtime(stage: str, deadline: Deadline) -> OvertimeError:
    return OvertimeError(
        f"stage '{stage}'",
        expected=f"the pipeline's end within {deadline.seconds:g} s",
        found="it still running",
        remedy="Use fewer epochs or positions, or raise the limit.",
    )


def _crash(stage: str, code: int, log: Path) -> HarnessError:
    lines = log.read_text(errors="replace").strip().splitlines()
    return HarnessError(
        f"stage '{stage}'",
        expected="a process that ends well",
        found=f"exit code {code}" + (f", {lines[-1]}" if lines else ""),
        remedy=f"Read {log} for the whole story.",
    )
