"""Start the arena, a process that all tests of a worker share."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from arena import Outcome


@pytest.fixture(scope="session")
def attempt():
    """Return a function that has a child of the arena do a task, and returns how it ended."""
    script = Path(__file__).with_name("arena.py")
    server = subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def ask(**task) -> Outcome:
        server.stdin.write(json.dumps(task, default=str) + "\n")
        server.stdin.flush()
        return Outcome(**json.loads(server.stdout.readline()))

    idle = ask(task="nothing").peak_mb

    def ask_above(**task) -> Outcome:
        outcome = ask(**task)
        return replace(outcome, peak_mb=outcome.peak_mb - idle)

    yield ask_above
    server.communicate(timeout=60)
