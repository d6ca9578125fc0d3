"""Shared by all tests: the command line as a user types it."""

from __future__ import annotations

import functools
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Command:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def run_harness():
    """Run ``harness ARGUMENTS`` in a process of its own, in a directory."""

    def run(
        *arguments: object, cwd: Path, env: dict[str, str] | None = None, safe_path: bool = False
    ) -> Command:
        # With -c, Python imports from the current directory too; the console script does not.
        program = "import sys; del sys.path[0]; " if safe_path else ""
        program += "from harness.cli import main; main()"
        call = [sys.executable, "-c", program, *map(str, arguments)]
        done = subprocess.run(call, cwd=cwd, env=env, capture_output=True, text=True, check=False)
        assert "Traceback" not in done.stderr, done.stderr
        return Command(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def harness(tmp_path, run_harness):
    """Run ``harness ARGUMENTS`` in the test's own directory."""
    return functools.partial(run_harness, cwd=tmp_path)


@pytest.fixture(autouse=True, scope="session")
def not_ci():
    """Tests record golden files of their own, which CI would refuse."""
    with pytest.MonkeyPatch.context() as patch:
        for variable in VARIABLES:
            patch.delenv(variable, raising=False)
        yield
