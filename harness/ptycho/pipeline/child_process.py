"""The child's side of a pipeline: run one stage and report to the parent, one JSON object per line."""

from __future__ import annotations

import importlib
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import HarnessError, error_to_parts
from harness.ptycho.pipeline.peak_memory import peak_mb

CHECKPOINT_FILE = "checkpoint.pt"
RECONSTRUCTION_FILE = "reconstruction.npz"
CONTROLS_FILE = "controls.npz"
"""Files of the output folder that stages leave for the next stage and for the parent."""


@dataclass(frozen=True, slots=True)
class Task:
    """The input of one stage.

    Attributes
    ----------
    fixture : Path
        The dataset to read.
    output : Path
        The folder that holds the configuration, and where results are written.
    part : str
        Which part of the pipeline to run, for a module that serves several stages.
    """

    fixture: Path
    output: Path
    part: str = ""

    def report_progress(self, fraction: float) -> None:
        """Report the fraction of the stage that is done, from 0 to 1."""
        send_message(progress=fraction)


def main(*arguments: str) -> None:
    """Run the stage that the command line names."""
    run_task(*arguments)


def run_task(module: str, fixture: str, output: str, part: str = "") -> None:
    """Run ``main`` of *module*, and report its end or its error to the parent.

    ``main`` takes a :class:`Task`, and returns the digests of the arrays that it read, by name.

    Raises
    ------
    SystemExit
        ``main`` raised a :class:`HarnessError`, which was reported.
    """
    main = importlib.import_module(module).main
    try:
        inputs = main(Task(Path(fixture), Path(output), part))
    except HarnessError as error:
        send_message(error=error_to_parts(error))
        sys.exit(error.exit_code)
    send_message(done={"peak_mb": peak_mb(), "cpu_seconds": time.process_time(), "inputs": dict(inputs)})


def send_message(**message: Any) -> None:
    """Write one line of JSON to standard output, where the parent reads it.

    >>> send_message(progress=0.5)
    {"progress": 0.5}
    """
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()  # a pipe is block-buffered: progress would arrive at the end


if __name__ == "__main__":
    main(*sys.argv[1:])
