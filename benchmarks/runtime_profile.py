"""Measure time, memory and artifacts of the integration run; write them to docs/runtime-profile.md.

Run it as ``python benchmarks/runtime_profile.py [RUNS]`` on a machine that does nothing else. It runs
``harness run``, as a user types it, and reads what that reports.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from harness.core.system.environment import fingerprint

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "runtime-profile.md"
DATA = Path(__file__).with_name("runtime_profile.json")
BEGIN, END = "<!-- benchmarks/runtime_profile.py: begin -->", "<!-- benchmarks/runtime_profile.py: end -->"
RUNS = 3


def run_once(output: Path) -> dict[str, Any]:
    """Return the seconds of one run, and for each pipeline its stages and the bytes that it wrote."""
    words = ["harness", "run", "--json", "--output", str(output)]
    program = "import sys; sys.argv = sys.argv[1:]; from harness.cli import main; main()"
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program, *words], cwd=ROOT, capture_output=True, check=True)
    seconds = time.perf_counter() - start
    steps = {step["name"]: step for step in json.loads(done.stdout)["steps"] if step["stages"]}
    pipelines = {name.removeprefix("pipeline "): step for name, step in steps.items()}
    return {
        "seconds": seconds,
        "pipelines": {
            name: {
                "stages": step["stages"],
                "bytes": sum(path.stat().st_size for path in (output / name).iterdir()),
            }
            for name, step in pipelines.items()
        },
    }


def summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a row for each pipeline and one for the whole run: medians of times, largest peaks and sizes."""
    rows = []
    for name in runs[0]["pipelines"]:
        each = [run["pipelines"][name] for run in runs]
        stages = [stage["name"] for stage in each[0]["stages"]]
        times = [[stage["seconds"] for stage in one["stages"]] for one in each]
        peak = max(stage["peak_mb"] for one in each for stage in one["stages"])
        parts = dict(zip(stages, map(statistics.median, zip(*times, strict=True)), strict=True))
        rows.append(
            {"work": name, **_spread([sum(one) for one in times]), "parts": parts, "peak_mb": peak}
            | {"bytes": max(one["bytes"] for one in each)}
        )
    whole = {"work": "harness run", **_spread([run["seconds"] for run in runs]), "parts": {}}
    peak, size = max(row["peak_mb"] for row in rows), sum(row["bytes"] for row in rows)
    return [*rows, {**whole, "peak_mb": peak, "bytes": size}]


def _spread(seconds: list[float]) -> dict[str, float]:
    """Return the median of several times, and their range relative to it."""
    median = statistics.median(seconds)
    return {"seconds": median, "spread": (max(seconds) - min(seconds)) / median}


def table(data: dict[str, Any]) -> str:
    """Return the table of the page.

    >>> machine = {"platform": "Linux x86_64", "cpu": "avx2", "cores": "2"}
    >>> row = {"work": "network", "seconds": 6.04, "spread": 0.02, "parts": {"train": 4.0}, "peak_mb": 427.2,
    ...        "bytes": 2_300_000}
    >>> print(table({"runs": 3, "machine": machine, "rows": [row]}).splitlines()[2])
    | network | 6.0 s (train 4.0 s) | 2 % | 427 MB | 2.3 MB |
    """
    lines = ["| work | time | range | peak memory | artifacts |", "|---|---|---|---|---|"]
    for row in data["rows"]:
        parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in row["parts"].items())
        cells = [
            row["work"],
            f"{row['seconds']:.1f} s" + (f" ({parts})" if parts else ""),
            f"{row['spread']:.0%}".replace("%", " %"),
            f"{row['peak_mb']:.0f} MB",
            f"{row['bytes'] / 1e6:.1f} MB",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    of = "{platform}, {cpu}, {cores} cores".format(**data["machine"])
    return "\n".join([*lines, "", f"Medians of {data['runs']} runs; {of}."])


def page_with(page: str, text: str) -> str:
    """Return the page with another table between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{text}\n{END}{after}"


def main(count: int) -> None:
    """Measure *count* runs after one that warms up the disk, and write the data and the page."""
    with tempfile.TemporaryDirectory() as folder:
        runs = [run_once(Path(folder, str(number))) for number in range(count + 1)][1:]
    data = {"runs": count, "machine": fingerprint(), "rows": summary(runs)}
    DATA.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), table(data)), "utf-8")
    print(table(data))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
