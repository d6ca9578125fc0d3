"""``make bench`` runs all benchmarks; ``make bench-compare`` compares the results with the committed ones.

``python benchmarks/run.py [--compare] [NAME ...]``, where a name is one of the modules below. Only a run of
all of them is saved.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import archive
import check
import growth
import recording
import registry
import results
import start
import train
import verify

if TYPE_CHECKING:
    from row import Ceiling, Row

_HERE = Path(__file__).parent
_PLOT = _HERE.parent / "docs" / "growth.png"
_MODULES = {
    "start": start, "check": check, "archive": archive, "registry": registry, "verify": verify,
    "recording": recording, "train": train,
}  # fmt: skip


def main(words: list[str]) -> None:
    """Run the benchmarks, then save the results or compare them."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users keep compiled modules
    compares = "--compare" in words
    names = [word for word in words if word != "--compare"]
    rows = [row for name in names or _MODULES for row in _measured(name)]
    if names:
        return
    growths = _growths()
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) if compares else _HERE
        results.write(rows, growths, target)
        now = json.loads((target / "results.json").read_text())
    if compares:
        before = json.loads((_HERE / "results.json").read_text())
        print("\n".join(results.moved(before, now)) or "no ratio moved by 20 %")
    else:
        growth.plot(growths, _PLOT)


def _measured(name: str) -> list[Row | Ceiling]:
    with tempfile.TemporaryDirectory() as folder:
        rows: list[Row | Ceiling] = list(_MODULES[name].measure(Path(folder)))
    for row in rows:
        print(results.line(row), flush=True)
    return rows


def _growths() -> list[growth.Growth]:
    with tempfile.TemporaryDirectory() as folder:
        return growth.measure(Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
