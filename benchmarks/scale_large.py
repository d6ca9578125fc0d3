"""A mapped array of 20 GB: memory, seconds and disk of recording it, and of comparing it.

    python benchmarks/scale_large.py [--bytes 20000000000] [--folder FOLDER] [--save]

The array is a sparse file of float32: a thousand of its rows have values, all others are zeros, so that it
takes no disk. The golden archive is stored as it is and takes all of its bytes. Each step is a pytest session
of its own; the peak is VmHWM of the session's process, and of the two that make the array again. Disk is what
the project's directory takes, looked at every two seconds. Fails if a process needs more than 1 GB, or the
project more disk than one copy of the array.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_MEBIBYTES = 1_000_000_000 / (1 << 20)
MOST_COPIES = 1.05
_RESULTS = Path(__file__).with_name("scale.json")
_MODULE = """
import numpy as np

ROWS = {rows}

def make():
    found = np.lib.format.open_memmap("found.npy", mode="w+", dtype="f4", shape=(ROWS, 1024))
    step = ROWS // 1000
    found[::step] = np.arange(1024) + np.arange(len(found[::step]))[:, None]
    found.flush()

def change():
    found = np.load("found.npy", mmap_mode="r+")
    found[ROWS // 2, 7] = 4
    found.flush()

def test_large(arrays_regression):
    arrays_regression.check({{"a": np.load("found.npy", mmap_mode="r")}})
"""
_CONFTEST = """
import json, os

def pytest_unconfigure(config):
    with open("/proc/self/status") as file:
        peak = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    with open("peaks.jsonl", "a") as file:
        file.write(json.dumps([peak / 1024, sum(os.times()[:2])]) + "\\n")
"""


@contextmanager
def watched(folder: Path) -> Iterator[list[int]]:
    """Give a list with the most bytes of disk that a directory has taken since the block began."""
    most, ended = [0], threading.Event()

    def look() -> None:
        while not ended.wait(2):
            words = ["du", "-s", "-B1", folder]
            found = subprocess.run(words, capture_output=True, text=True, check=False)
            most[0] = max(most[0], int(found.stdout.split()[0] or 0))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        ended.set()
        thread.join()


def step(name: str, folder: Path, words: list[str]) -> dict[str, Any]:
    """Run a session; return its peak in MiB, its processor seconds, seconds, and disk in bytes."""
    environment = {key: value for key, value in os.environ.items() if key not in {"CI", "GITHUB_ACTIONS"}}
    start = time.monotonic()
    with watched(folder) as most:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
    peaks = folder / "peaks.jsonl"
    processes = [json.loads(line) for line in peaks.read_text().splitlines()]
    peaks.unlink()
    print(done.stdout[-600:])
    found = {
        "step": name,
        "mebibytes": round(max(peak for peak, _ in processes)),
        "cpu": round(sum(cpu for _, cpu in processes), 1),
        "wall": round(time.monotonic() - start),
        "disk": most[0],
    }
    print(json.dumps(found), flush=True)
    return found


def main() -> int:
    """Measure; return 1 if a figure is above its limit."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--bytes", type=int, default=20_000_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--save", action="store_true", help="into benchmarks/scale.json")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        (folder / "registry.json").write_text('{"entries": {}, "schema": 2}\n')
        (folder / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
        (folder / "test_large.py").write_text(_MODULE.format(rows=asked.bytes // 4096))
        (folder / "conftest.py").write_text(_CONFTEST)
        python = [sys.executable, "-c"]
        subprocess.run([*python, "import test_large; test_large.make()"], cwd=folder, check=True)
        steps = [
            step("record", folder, ["--force-regen", "--golden-reason", "benchmark"]),
            step("the same", folder, []),
        ]
        subprocess.run([*python, "import test_large; test_large.change()"], cwd=folder, check=True)
        steps.append(step("one element differs", folder, []))
    if asked.save:
        known = json.loads(_RESULTS.read_text()) if _RESULTS.exists() else {}
        known["large"] = {"bytes": asked.bytes // 4096 * 4096, "steps": steps}
        _RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    most_disk = MOST_COPIES * asked.bytes
    wrong = [one for one in steps if one["mebibytes"] > MOST_MEBIBYTES or one["disk"] > most_disk]
    print("above its limit:" if wrong else "all figures are within their limits", *wrong, sep="\n")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
