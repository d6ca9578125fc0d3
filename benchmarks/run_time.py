"""How long each pipeline takes on the golden fixture, run after run, beside the import of torch alone.

``python benchmarks/run_time.py [RUNS]`` prints seconds, their spread, and the ratio to ``import torch``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness.ptycho.pipeline import run

FIXTURE = Path(__file__).parent.parent / "golden" / "minimal_v1.npz"


def seconds_of_import() -> float:
    """Wall time of a process that only imports torch."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    return time.perf_counter() - start


def seconds_of_pipeline(name: str) -> float:
    """Wall time of one run, all its processes included."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        getattr(run, name)(FIXTURE, Path(folder))
    return time.perf_counter() - start


def main(runs: int) -> None:
    """Print one line a pipeline."""
    peer = statistics.median(seconds_of_import() for _ in range(runs))
    print(f"import torch: median {peer:.2f} s")
    for name in ("network", "iterative"):
        taken = [seconds_of_pipeline(name) for _ in range(runs)]
        median = statistics.median(taken)
        spread = (max(taken) - min(taken)) / median
        print(f"{name}: median {median:.2f} s, range {spread:.1%} of it, {median / peer:.1f} x import torch")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
