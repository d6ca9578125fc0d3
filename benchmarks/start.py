"""Start-up time of the command, and of the plugin in a session without tests."""

from __future__ import annotations

import sys
from pathlib import Path

from row import Ceiling, Row
from timing import HARNESS, alternate, command

_REPOSITORY = Path(__file__).parent.parent
_EMPTY = 5  # pytest's exit code where no test was collected


def measure(folder: Path) -> list[Row | Ceiling]:
    """Measure ``harness verify`` here and a bare interpreter; pytest with and without the plugin."""
    taken = alternate(
        {
            "ours": command(*HARNESS, "verify", cwd=_REPOSITORY),
            "pass": command(sys.executable, "-c", "pass", cwd=_REPOSITORY),
        },
        rounds=21,
    )
    bare = taken["pass"]
    row = Row("verify, this repository", "python -c pass", taken["ours"], bare, "the interpreter", bare, 0.25)
    return [row, _plugin(folder / "empty")]


def _plugin(root: Path) -> Ceiling:
    root.mkdir()
    (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    words = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider")
    taken = alternate(
        {
            "with": command(*words, cwd=root, accept=(_EMPTY,)),
            "without": command(*words, "-p", "no:harness", cwd=root, accept=(_EMPTY,)),
        },
        rounds=21,
    )
    added = taken["with"].median - taken["without"].median
    return Ceiling("start of pytest, added by the plugin", 1000 * added, 30, "ms")
