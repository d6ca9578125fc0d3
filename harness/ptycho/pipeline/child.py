"""The child's side of a pipeline: what it is asked, and how it reports, one JSON object a line."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError
from harness.ptycho.pipeline.memory import peak_mb

if TYPE_CHECKING:
    from collections.abc import Callable

RECONSTRUCTION = "reconstruction.npz"
CONTROLS = "controls.npz"

STARTED = time.perf_counter()


@dataclass(frozen=True, slots=True)
class Task:
    """What one process is to do: read *fixture*, write into the folder *output*, up to its *goal*."""

    fixture: Path
    output: Path
    goal: str = ""

    def progress(self, fraction: float) -> None:
        """Report which share of the task is done."""
        report(progress=fraction)


def serve(main: Callable[[Task], None]) -> None:
    """Run *main* on the task of the command line; end with a report, also of a refusal."""
    fixture, output, *goal = sys.argv[1:]
    try:
        main(Task(Path(fixture), Path(output), *goal))
    except HarnessError as refusal:
        report(refusal=_parts(refusal))
        sys.exit(refusal.exit_code)
    report(done={"seconds": time.perf_counter() - STARTED, "peak_mb": peak_mb()})


def report(**message: Any) -> None:
    """Write one line that the parent reads."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def _parts(refusal: HarnessError) -> dict[str, str]:
    parts = {key: str(getattr(refusal, key)) for key in ("thing", "expected", "found", "remedy")}
    return {"kind": type(refusal).__name__, **parts}
