"""Running pytest in a new process of a project, with a plugin of ours."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# As the command `pytest`, and not `python -m pytest`: the project may have a `harness` of its own. So the
# project's directories come last in the import path.
_START = "import sys; sys.path.remove(''); sys.path += {places!r}; import pytest; sys.exit(pytest.main())"

BROKEN = (3, 4)
"""pytest's exit codes for an error of its own, and for a wrong option or conftest.py."""


_USAGE = ": error: "  # argparse's


class Ended(NamedTuple):
    """How a pytest process ended: its exit code, and the line that it printed about it.

    That is its last one, but for wrong options: more lines follow theirs.
    """

    code: int
    last_line: str


def run_pytest(
    arguments: Sequence[str], *, folder: Path, places: Sequence[str], environment: Mapping[str, str]
) -> Ended:
    """Run pytest with *arguments* in a new process and wait for its end.

    Parameters
    ----------
    arguments : sequence of str
    folder : Path
        Where it is started.
    places : sequence of str
        Directories to import from, after all others.
    environment : mapping of str to str
        The whole environment of the process.
    """
    done = subprocess.run(  # noqa: S603 - this interpreter, no shell
        [sys.executable, "-c", _START.format(places=list(places)), *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    lines = [line.strip() for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]
    wrong = [line for line in lines if _USAGE in line] if done.returncode in BROKEN else []
    shown = wrong or lines or [f"pytest ended with exit code {done.returncode}"]
    return Ended(done.returncode, shown[-1])
