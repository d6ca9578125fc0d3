"""Results as a Markdown page and as JSON."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from row import Ceiling, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

    from row import Growth

_PACKAGES = (
    "golden-harness", "numpy", "torch", "pytest", "pytest-regressions", "msgspec", "xxhash",
    "blake3", "dvc", "pooch", "pytest-mpl", "syrupy",
)  # fmt: skip
_PROGRAMS = ("sha256sum", "xxhsum", "b3sum")
_HEAD = """\
# Speed and memory compared with similar tools

Made by `make bench` in one run. Each figure and its peer's were measured in turn: medians of at least 7 runs,
with the interquartile range. *Limit* is the best that this machine can do. Compare ratios, not seconds.
`make bench-compare` lists the ratios that differ by more than 20 % from those on this page.
"""


def machine() -> dict[str, str]:
    """Return processor, memory, system and versions."""
    cpu = re.search(r"model name\s*: (.*)", _read("/proc/cpuinfo"))
    memory = re.search(r"MemTotal: *(\d+)", _read("/proc/meminfo"))
    found = {
        "processor": f"{cpu[1] if cpu else platform.machine()}, {os.cpu_count()} cores",
        "memory": f"{int(memory[1]) / 1e6:.0f} GB" if memory else "unknown",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    found |= {name: importlib.metadata.version(name) for name in _PACKAGES}
    return found | {name: _version(name) for name in _PROGRAMS}


def write(rows: Sequence[Row | Ceiling], growths: Sequence[Growth], folder: Path) -> None:
    """Write RESULTS.md and results.json into *folder*."""
    found = machine()
    speeds = [row for row in rows if isinstance(row, Row)]
    ceilings = [row for row in rows if isinstance(row, Ceiling)]
    lines = [
        _HEAD,
        "| work | ours | peer | its time | ratio | asked | limit |",
        "|---|---|---|---|---|---|---|",
        *map(_speed, speeds),
        "",
        "| work | figure | at most |",
        "|---|---|---|",
        *(f"| {c.work} | {c.value:.3g} {c.unit} | {c.most:.3g} {c.unit}{_mark(c)} |" for c in ceilings),
        "",
        *(_missed(row) for row in rows if not row.reached),
        "## Growth",
        "",
        "![Seconds over size, with a line for linear growth](../docs/growth.png)",
        "",
        *map(_grown, growths),
        "",
        "## Machine",
        "",
        *(f"- {name}: {value}" for name, value in found.items()),
    ]
    (folder / "RESULTS.md").write_text("\n".join(lines) + "\n")
    data = {
        "machine": found,
        "rows": [{**asdict(row), "ratio": row.ratio} for row in speeds],
        "ceilings": [asdict(row) for row in ceilings],
        "growth": [asdict(growth) for growth in growths],
    }
    (folder / "results.json").write_text(json.dumps(data, indent=2) + "\n")


def moved(before: dict[str, Any], now: dict[str, Any], share: float = 0.2) -> list[str]:
    """Return a line per ratio that changed by more than *share*, and per row that is new or gone."""
    old, new = ({f"{row['work']} / {row['peer']}": row["ratio"] for row in d["rows"]} for d in (before, now))
    lines = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old or name not in new:
            lines.append(f"{name}: {'new' if name in new else 'gone'}")
        elif abs(new[name] / old[name] - 1) > share:
            lines.append(f"{name}: {old[name]:.3g}x, now {new[name]:.3g}x ({new[name] / old[name] - 1:+.0%})")
    return lines


def _speed(row: Row) -> str:
    asked = "" if row.least is None else f"{row.least:.3g}x{_mark(row)}"
    cells = (row.work, _figure(row.ours), row.peer, _figure(row.theirs), f"{row.ratio:.3g}x", asked,
             f"{_time(row.best.median)}, {row.limit}")  # fmt: skip
    return f"| {' | '.join(cells)} |"


def line(row: Row | Ceiling) -> str:
    """Return one line on a row, to print while the benchmarks run."""
    if isinstance(row, Ceiling):
        return f"{row.work}: {row.value:.3g} {row.unit}, at most {row.most:.3g}{_mark(row)}"
    return f"{row.work}: {_figure(row.ours)}; {row.peer}: {_figure(row.theirs)}; {row.ratio:.3g}x{_mark(row)}"


def _grown(growth: Growth) -> str:
    points = ", ".join(f"{size:,.0f}: {_time(taken)}" for size, taken in growth.points)
    return f"- {growth.work}, {growth.size}: {points}"


def _mark(row: Row | Ceiling) -> str:
    return "" if row.reached else " **missed**"


def _missed(row: Row | Ceiling) -> str:
    peer = f" against {row.peer}" if isinstance(row, Row) else ""
    return f"- **missed**: {row.work}{peer}: {row.why or 'not explained yet'}.\n"


def _figure(figure: Any) -> str:
    return f"{_time(figure.median)} ± {figure.spread:.0%}"


def _time(seconds: float) -> str:
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


def _read(path: str) -> str:
    return Path(path).read_text() if Path(path).is_file() else ""


def _version(program: str) -> str:
    if not shutil.which(program):
        return "not installed, so its rows are missing"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0]
