"""The child's side of a pipeline: what it is asked, and how it reports, one JSON object a line."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, error_to_parts
from harness.ptycho.pipeline.peak_memory import peak_mb

RECONSTRUCTION = "reconstruction.npz"
CONTROLS = "controls.npz"


@dataclass(frozen=True, slots=True)
class Task:
    """What one process is to do: read *fixture*, write into the folder *output*, up to its *goal*."""

    fixture: Path
    output: Path
    goal: str = ""

    def progress(self, fraction: float) -> None:
        """Report which share of the task is done."""
        report(progress=fraction)


def serve(module: str, fixture: str, output: str, goal: str = "") -> None:
    """Let ``main`` of *module* do a task; end with a report, also of a refusal.

    ``main`` takes a :class:`Task`, and returns the digests of the arrays that it read, by name.
    """
    main = importlib.import_module(module).main
    try:
        inputs = main(Task(Path(fixture), Path(output), goal))
    except HarnessError as refusal:
        report(refusal=error_to_parts(refusal))
        sys.exit(refusal.exit_code)
    report(done={"peak_mb": peak_mb(), "inputs": dict(inputs)})


def report(**message: Any) -> None:
    """Write one line that the parent reads."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(*sys.argv[1:])
