"""From which size on `harness check` finds an error of the coordinates, beside what photon noise allows.

    python benchmarks/position_thresholds.py --seeds 20 --sound 300

prints a Markdown table: for each kind of error and dose, the smallest tried size that is found and named in
at least 95 % of the scans (64 patterns of 64 x 64 pixels, step 12), and the Cramer-Rao standard error of that
size: that of the best possible estimate if nothing else were unknown. Then the false alarms on sound scans.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import numpy as np  # noqa: E402
from second_simulator import drawn_variant, make_scan  # noqa: E402

from harness.ptycho.check.evidence import Evidence  # noqa: E402 - after the import path
from harness.ptycho.check.parts import position  # noqa: E402
from harness.ptycho.check.parts.positions.fit import displacements  # noqa: E402
from harness.ptycho.check.search import chosen, is_computable, needs_search  # noqa: E402
from harness.ptycho.check.trial import execute  # noqa: E402
from harness.ptycho.scan.residual import Dataset  # noqa: E402
from harness.ptycho.scan.simulate import simulate  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

DOSES = (1e6, 1e4)
COUNT = 64
LINE = 8
SHARE = 0.95
INDEX = np.arange(COUNT)
RANDOM = np.random.default_rng(7).standard_normal((COUNT, 2))


class Kind(NamedTuple):
    """One kind of error.

    Attributes
    ----------
    name : str
    unit : str
    says : str
        What the finding must say.
    sizes : tuple of float
        Sizes that are tried.
    moves : callable
        Positions relative to the middle, (2, N), to the moves of an error of size 1, (N, 2).
    """

    name: str
    unit: str
    says: str
    sizes: tuple[float, ...]
    moves: Callable[[np.ndarray], np.ndarray]


def _alternating(parity: np.ndarray) -> np.ndarray:
    return np.stack([parity % 2 - 0.5, 0 * parity], axis=1)


KINDS = (
    Kind("offset", "px", "off by", (0.03, 0.06, 0.12, 0.25), lambda z: np.tile([0.6, 0.8], (z.shape[1], 1))),
    Kind("scale", "%", "scaled", (0.06, 0.12, 0.25, 0.5), lambda z: z.T / 100),
    Kind("rotation", "degrees", "rotated", (0.04, 0.08, 0.15, 0.3), lambda z: np.deg2rad([-z[1], z[0]]).T),
    Kind(
        "scale of one axis",
        "%",
        "x scaled",
        (0.12, 0.25, 0.5, 1),
        lambda z: np.stack([z[0], 0 * z[0]], 1) / 100,
    ),
    Kind("shear", "%", "sheared", (0.12, 0.25, 0.5, 1), lambda z: np.stack([z[1], 0 * z[1]], 1) / 100),
    Kind(
        "drift over the scan",
        "px",
        "drift",
        (0.12, 0.25, 0.5, 1),
        lambda _: np.outer(INDEX / 63 - 0.5, [0.8, 0.6]),
    ),
    Kind(
        "backlash between lines",
        "px",
        "every second line",
        (0.06, 0.12, 0.25, 0.5),
        lambda _: _alternating(INDEX // LINE),
    ),
    Kind(
        "every second position",
        "px",
        "every second position",
        (0.06, 0.12, 0.25, 0.5),
        lambda _: _alternating(INDEX),
    ),
    Kind("jitter", "px rms", "each position|rounded", (0.1, 0.15, 0.2, 0.3), lambda _: RANDOM),
    Kind(
        "one position",
        "px",
        "position 17 off",
        (0.3, 0.5, 0.75, 1.5),
        lambda _: np.outer(INDEX == 17, [0.8, -0.6]),
    ),
)
"""Sizes end with what an error must be found at."""


@lru_cache(maxsize=2)
def scan_of(photons: float, seed: int) -> Dataset:
    """Return a sound scan."""
    return Dataset.of(simulate(photons=photons, seed=seed).arrays())


def moves_of(kind: Kind, data: Dataset) -> np.ndarray:
    """Return the moves of an error of size 1, (N, 2) in pixels."""
    return kind.moves(np.stack([data.x - data.x.mean(), data.y - data.y.mean()]))


def finding(stored: Dataset) -> str:
    """Return what the position part says of a dataset; empty if nothing."""
    evidence = Evidence.of(stored)
    corrections = list(position.quick(evidence))
    if needs_search(evidence):
        corrections += position.slow(evidence)
    found = chosen([trial for one in corrections if (trial := execute(one, evidence)) is not None])
    return "" if found is None else found.correction.name


def try_size(asked: tuple[int, float, float, int]) -> bool:
    """Return whether an error is found and named: kind, photons, size, seed."""
    number, photons, size, seed = asked
    kind, data = KINDS[number], scan_of(photons, seed)
    moves = size * moves_of(kind, data)
    said = finding(replace(data, x=data.x + moves[:, 0], y=data.y + moves[:, 1]))
    return re.search(kind.says, said) is not None


def bound(kind: Kind, photons: float) -> float:
    """Return the Cramer-Rao standard error of the size of an error."""
    data = scan_of(photons, 0)
    precision = displacements(data, 1.0).precision
    moves = moves_of(kind, data)
    if kind.name == "jitter":
        # The rms of errors that are as large as the noise: its relative error is that of a mean square.
        return float(np.sqrt(2 / np.linalg.norm(precision.trace(axis1=1, axis2=2))))
    return float(np.einsum("na,nab,nb->", moves, precision, moves) ** -0.5)


def try_sound(seed: int) -> str:
    """Return what is said of a sound scan of the second simulator."""
    stored = Dataset.of(make_scan(drawn_variant(seed), seed))
    return finding(stored) if is_computable(stored) else ""


def row(number: int, pool: ProcessPoolExecutor, seeds: range) -> str:
    """Return the table's row for one kind of error."""
    kind, cells = KINDS[number], []
    for photons in DOSES:
        smallest = "none of those tried"
        for size in reversed(kind.sizes):
            found = list(pool.map(try_size, [(number, photons, size, seed) for seed in seeds], chunksize=2))
            if np.mean(found) < SHARE:
                break
            smallest = f"{size:g}"
        cells += [smallest, f"{bound(kind, photons):.2g}"]
    return f"| {kind.name} ({kind.unit}) | {kind.sizes[-1]:g} | " + " | ".join(cells) + " |"


def main() -> int:
    """Print the table and the false alarms; return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20, help="scans for each size and dose")
    parser.add_argument("--sound", type=int, default=300, help="sound scans")
    options = parser.parse_args()
    print("| error | to be found | found at 10^6 | bound | found at 10^4 | bound |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    with ProcessPoolExecutor(2) as pool:
        for number in range(len(KINDS)):
            print(row(number, pool, range(options.seeds)), flush=True)
        alarms = [said for said in pool.map(try_sound, range(options.sound), chunksize=4) if said]
    print(f"\n{len(alarms)} false alarms in {options.sound} sound scans", *alarms, sep="\n- ")
    return int(bool(alarms))


if __name__ == "__main__":
    sys.exit(main())
