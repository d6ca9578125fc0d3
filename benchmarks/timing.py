"""Seconds of things done in turn, so that what the machine does beside them falls on all alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

ROUNDS = 7
LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Figure:
    """Median of several measurements, and the distance of their quartiles as a share of it."""

    median: float
    spread: float = 0.0


def figure(values: Sequence[float]) -> Figure:
    """Median and spread of *values*."""
    median = statistics.median(values)
    low, _, high = statistics.quantiles(values, n=4)
    return Figure(median, (high - low) / median)


def alternate(works: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, Figure]:
    """Do all *works* in turn, *rounds* times after one that is not counted; seconds of each.

    A short work is repeated within its turn until that takes ``LEAST`` seconds, and counts by its mean.
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
    """Return what runs a command to its end, and raises if its exit code is none of *accept*."""

    def run() -> None:
        done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, check=False)
        if done.returncode not in accept:
            raise RuntimeError(f"{words}: {done.returncode}: {done.stdout[-500:]!r} {done.stderr[-500:]!r}")

    return run


def peak_mb(*words: str | Path, cwd: Path) -> float:
    """Peak resident memory of a command, in MB."""
    child = subprocess.Popen([str(word) for word in words], cwd=cwd, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{words}: {child.returncode}")
    return usage.ru_maxrss / 1000


HARNESS = (sys.executable, "-m", "harness")


def seconds(work: Callable[[], object]) -> float:
    """Seconds that a work takes, once."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
