"""Memory and time of ``harness check`` on large scans, as multiples of the bytes of their diffraction stack.

Each step runs in a process of its own, whose peak of resident memory is compared with that of a process that
only imports the same modules: reading, the contract, a raw scan's check, and the whole command.

    python benchmarks/check_memory.py [POSITIONS ...]

Measured: at 5,000 positions reading and the contract take 1.1 times the stack, the whole check 2.5 times.

Needs Linux: /proc/self/status has the peak of this program alone, getrusage also that of its parent.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from harness.ptycho.scan.contract_form import contract_form
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.simulate import simulate

POSITIONS = (1000, 5000)
DETECTOR = 64
PHOTONS = 1e5
"""Per pattern, on average."""

STEPS = {
    "read": "read_archive(path)",
    "contract": "contract.check(read_archive(path))",
    "groups": "[groups(a['xcoords'], a['ycoords']) for a in [read_archive(path)]]",
    "raw scan": "raw.raw_findings(read_archive(path))",
    "read for a generator": "read_scan(path)",
    "whole check": "command()",
}
IMPORTS = """
import json, sys, time
import scipy.spatial
import harness.commands.check
from harness.cli import main
from harness.core.storage.npz import read_archive
from harness.ptycho.check import consistency, raw
from harness.ptycho.files.npz import read_scan
from harness.ptycho.scan import contract
from harness.ptycho.scan.select import groups
path = sys.argv[1]
def command():
    sys.argv = ["harness", "check", "--json", path]
    try:
        main()
    except SystemExit:
        pass
"""
MEASURED = """
seconds = time.process_time()
{step}
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([peak, time.process_time() - seconds]), file=sys.stderr)
"""


def main(arguments: list[str]) -> None:
    """Print a table with a row for each number of positions and step."""
    print("| positions | step | peak, of the stack's bytes | CPU s |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for positions in map(int, arguments or POSITIONS):
            path = Path(folder) / f"{positions}.npz"
            stack = write_scan(path, positions)
            base, _ = measured(path, "pass")
            for name, step in STEPS.items():
                peak, seconds = measured(path, step)
                print(f"| {positions} | {name} | {(peak - base) / stack:.2f} | {seconds:.1f} |", flush=True)


def write_scan(path: Path, positions: int) -> int:
    """Write a valid scan of many positions on a simulated object, and return the bytes of its stack."""
    scan = simulate(positions=64, detector=DETECTOR)
    side, rng = int(np.ceil(np.sqrt(positions))), np.random.default_rng(0)
    steps = np.divmod(np.arange(positions), side)
    y, x = (
        DETECTOR / 2 + (extent - DETECTOR) * (step + 0.9 * rng.random(positions)) / side
        for step, extent in zip(steps, scan.object.shape, strict=True)
    )
    exact = amplitude(scan.probe, scan.object, x, y) ** 2
    photon = np.mean(np.sum(exact, axis=(1, 2))) / PHOTONS
    stack = np.sqrt(rng.poisson(exact / photon) * photon)
    arrays, _ = contract_form(replace(scan, diffraction=stack, x=x, y=y, scan_index=None).arrays())
    np.savez(path, **arrays)
    return int(arrays["diffraction"].nbytes)


def measured(path: Path, step: str) -> tuple[float, float]:
    """Return the peak of resident memory in bytes, and CPU seconds, of one step in a new process."""
    program = IMPORTS + MEASURED.format(step=step)
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    peak, seconds = json.loads(done.stderr.strip().splitlines()[-1])
    return 1024 * peak, seconds


if __name__ == "__main__":
    started = time.monotonic()
    main(sys.argv[1:])
    print(f"{time.monotonic() - started:.0f} s in all")
