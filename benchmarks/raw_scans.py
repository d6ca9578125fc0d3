"""What is found in raw scans, without object and probe: false alarms, and units that are named.

Sound scans are those that the second simulator draws; each is also given in other units of length, and with
its zero frequency at the corners.

    python benchmarks/raw_scans.py [FIRST_SEED LAST_SEED]
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from second_simulator import drawn_variant, make_scan

from harness.ptycho.check.raw import raw_findings

SEEDS = (100, 300)
KEYS = ("diffraction", "xcoords", "ycoords", "mask")
BRIGHT = 1e4
"""Photons per pattern from which on a scan is listed as bright."""

UNITS = {
    "as they are": 1.0,
    "metres, pixels of 10 nm": 1e-8,
    "micrometres, pixels of 10 nm": 0.01,
    "micrometres, pixels of 20 nm": 0.02,
    "micrometres, pixels of 50 nm": 0.05,
    "micrometres, pixels of 100 nm": 0.1,
    "nanometres, pixels of 10 nm": 10.0,
    "nanometres, pixels of 20 nm": 20.0,
}


def main(first: int, last: int) -> None:
    """Print how many scans had a finding, by what was wrong and by dose."""
    found: Counter[tuple[str, bool]] = Counter()
    drawn: Counter[bool] = Counter()
    for seed in range(first, last):
        variant = drawn_variant(seed)
        is_bright = variant.photons is None or variant.photons >= BRIGHT
        drawn[is_bright] += 1
        made = make_scan(variant, seed)
        raw = {key: made[key] for key in KEYS if key in made}
        for name, arrays in changed(raw).items():
            found[name, is_bright] += bool(raw_findings(arrays))
    print(f"| coordinates | {drawn[True]} bright scans | {drawn[False]} dim scans |")
    print("|---|---|---|")
    for name in dict.fromkeys(name for name, _ in found):
        print(f"| {name} | {found[name, True]} | {found[name, False]} |")


def changed(raw: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Return the scan in each unit, and with its zero frequency at the corners."""
    scans = {
        name: {**raw, **{key: factor * raw[key] for key in ("xcoords", "ycoords")}}
        for name, factor in UNITS.items()
    }
    moved = {key: np.fft.ifftshift(raw[key], axes=(-2, -1)) for key in ("diffraction", "mask") if key in raw}
    return {**scans, "zero frequency at the corners": {**raw, **moved}}


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3] or SEEDS))
