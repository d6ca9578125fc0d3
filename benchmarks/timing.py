"""Time tasks in turn, so that other load on the machine affects all of them alike."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROUNDS = 7
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """Median of several measurements, and the interquartile range relative to it."""

    median: float
    spread: float = 0.0


def figure(values: Sequence[float]) -> Figure:
    """Return the median and spread of *values*."""
    median = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4)
    return Figure(median, (high - low) / median)


def alternate(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, Figure]:
    """Run all *works* in turn, *rounds* times after a warm-up; return the seconds of each.

    A short task is repeated within its turn until that takes ``LEAST`` seconds, and its mean is counted.
    """
    repeats = {name: max(1, round(LEAST / seconds(work))) for name, work in works.items()}
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                work()
            taken[name].append((time.perf_counter() - start) / repeats[name])
    return {name: figure(values) for name, values in taken.items()}


def command(*words: str | Path, cwd: Path, accept: Sequence[int] = (0,)) -> Callable[[], None]:
    """Return a function that runs a command and raises if its exit code is not in *accept*."""

    def run() -> None:
        done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, check=False)
        if done.returncode not in accept:
            raise RuntimeError(f"{words}: {done.returncode}: {done.stdout[-500:]!r} {done.stderr[-500:]!r}")

    return run


def peak_mb(*words: str | Path, cwd: Path) -> float:
    """Return the peak resident memory of a command, in MB.

    A small process starts it, because the peak of a child is at least the memory of its parent.
    """
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, *map(str, words)], cwd=cwd, capture_output=True, text=True, check=True
    )
    return float(done.stdout.splitlines()[-1]) / 1000


_PEAK = (
    "import os, sys\n"
    "_, status, usage = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)\n"
    "print(usage.ru_maxrss)\n"
    "sys.exit(os.waitstatus_to_exitcode(status))\n"
)
HARNESS = (str(Path(sys.executable).with_name("harness")),)
"""The console script, as users start it."""


def seconds(work: Callable[[], object]) -> float:
    """Run a task once and return its seconds."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
