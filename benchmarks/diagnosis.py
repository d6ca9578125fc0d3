"""What `harness check` says of every known fault of a scan, and of sound scans, made by the second simulator.

    python benchmarks/diagnosis.py --seeds 3 --sound 300

prints a Markdown table: for each fault and dose, how many scans were refused, how many of them with the right
name, and how many were mended by the remedy, executed. A fault whose evidence is below what chance gives
cannot be seen: the row says so.

    python benchmarks/diagnosis.py --thresholds --seeds 2

prints from which size on faults are refused and named, beside the smallest size that leaves enough evidence.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from second_simulator.faults import ScanFault

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from second_simulator import UNUSUAL, drawn_variant, make_scan  # noqa: E402
from second_simulator.faults import DOSES, FAULTS  # noqa: E402
from second_simulator.judgement import LEAST_EVIDENCE, Outcome, judge, named_by  # noqa: E402

from harness.ptycho.check import consistency  # noqa: E402 - after the import path
from harness.ptycho.scan import contract  # noqa: E402

BY_NAME = {fault.name: fault for fault in FAULTS}
FACTORS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""Sizes that are tried for a threshold, in the size that the table has."""

SIZED = (
    "all positions off", "wrong scale", "wrong scale of one axis", "rotated", "sheared", "drift", "backlash",
    "every second position off", "jitter", "one position off", "a slip in the middle", "one hot pixel",
    "detector moved by a part of a pixel", "probe out of focus",
)  # fmt: skip
"""Faults whose threshold is of interest."""

WIDTH = 90
"""Characters of a finding that the table shows."""


def try_fault(asked: tuple[str, float, int]) -> Outcome:
    """Judge one fault at one dose and seed, by the names that a process can be sent."""
    name, photons, seed = asked
    return judge(BY_NAME[name], photons, seed)


def try_size(asked: tuple[str, float, int, float]) -> Outcome:
    """Judge one fault at *factor* times its size."""
    name, photons, seed, factor = asked
    fault = BY_NAME[name]
    return judge(replace(fault, size=fault.size * factor), photons, seed)


def thresholds(chosen: list[ScanFault], doses: list[float], seeds: range, pool: Executor) -> list[str]:
    """Return the Markdown table of the sizes from which on faults are refused, and named, on every scan."""
    rows = ["| fault | unit | photons | refused from | named from | mended from | least visible |"]
    rows.append("|---|---|---|---|---|---|---|")
    for fault in (fault for fault in chosen if fault.name in SIZED):
        for dose in doses:
            asked = [(fault.name, dose, seed, factor) for factor in FACTORS for seed in seeds]
            found = list(pool.map(try_size, asked))
            rows.append(threshold_row(fault, dose, found, len(seeds)))
    return rows


def threshold_row(fault: ScanFault, dose: float, found: list[Outcome], scans: int) -> str:
    """Return one row; *found* has the outcomes of each size in turn, from the smallest on."""
    by_size = [found[n : n + scans] for n in range(0, len(found), scans)]
    sizes = [fault.size * factor for factor in FACTORS]
    from_size = []
    for key in ("refused", "named", "mended"):
        good = [all(getattr(outcome, key) for outcome in outcomes) for outcomes in by_size]
        reached = [size for n, size in enumerate(sizes) if all(good[n:])]
        from_size.append(f"{reached[0]:.3g}" if reached else f"> {sizes[-1]:.3g}")
    # Evidence grows with the square of the size, as long as the fault is small.
    evidence = min(outcome.evidence for outcome in by_size[FACTORS.index(1.0)])
    least = fault.size * (LEAST_EVIDENCE / evidence) ** 0.5 if evidence > 0 else float("inf")
    return f"| {fault.name} | {fault.unit} | {dose:.0e} | {' | '.join(from_size)} | {least:.2g} |"


def try_sound(asked: tuple[str, int]) -> tuple[str, str, float]:
    """Return a sound scan's name, the findings about it, and the CPU seconds that checking it took."""
    name, seed = asked
    variant = UNUSUAL[name] if name else drawn_variant(seed)
    arrays = make_scan(variant, seed)
    start = time.process_time()
    findings = (*contract.check(arrays).findings, *consistency.check(arrays).findings)
    spent = time.process_time() - start
    return (
        f"{name or variant.name} (seed {seed})",
        "; ".join(f"{f.check}: {named_by(f) or f.found}" for f in findings),
        spent,
    )


def table(outcomes: list[Outcome]) -> list[str]:
    """Return the Markdown table, a row for each fault and dose."""
    rows = ["| part | fault | photons | evidence | refused | named | mended | left (noise = 1) | it says |"]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    grouped = defaultdict(list)
    for outcome in outcomes:
        grouped[outcome.part, outcome.fault, outcome.photons].append(outcome)
    return rows + [row(*key, found) for key, found in grouped.items()]


def row(part: str, fault: str, photons: float, found: list[Outcome]) -> str:
    """Return one row; the text is that of the first scan on which the fault was not named."""
    worst = min(found, key=lambda outcome: (outcome.named, outcome.mended))
    seen = f"{min(outcome.evidence for outcome in found):.2g}"
    seen += " (not visible)" if all(outcome.evidence < LEAST_EVIDENCE for outcome in found) else ""
    shares = [f"{sum(getattr(o, key) for o in found)}/{len(found)}" for key in ("refused", "named", "mended")]
    said = worst.said[:WIDTH].replace("|", "/") or "-"
    after = max(outcome.after for outcome in found)
    return f"| {part} | {fault} | {photons:.0e} | {seen} | {' | '.join(shares)} | {after:.3g} | {said} |"


def summary(outcomes: list[Outcome]) -> list[str]:
    """Return the counts that the table adds up to."""
    visible = [outcome for outcome in outcomes if outcome.evidence >= LEAST_EVIDENCE]
    refused = [outcome for outcome in outcomes if outcome.refused]
    loss = {fault.label for fault in FAULTS if not fault.mended}
    mendable = [outcome for outcome in refused if outcome.fault not in loss]
    return [
        f"- {len(outcomes)} faulty scans, {len(visible)} with evidence of at least {LEAST_EVIDENCE:g}",
        f"- {sum(o.refused for o in visible)} of {len(visible)} visible faults refused",
        f"- {sum(o.named for o in refused)} of {len(refused)} refusals named rightly",
        f"- {sum(o.mended for o in mendable)} of {len(mendable)} refusals mended by the remedy, executed",
    ]


def main() -> int:
    """Print the table and the counts; return 1 if a sound scan was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="scans for each fault and dose")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--doses", default=",".join(f"{d:g}" for d in DOSES), help="photons per pattern")
    parser.add_argument("--faults", default="", help="regular expression for the name or the part of faults")
    parser.add_argument("--sound", type=int, default=0, help="sound scans to check")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--thresholds", action="store_true", help="try each fault at several sizes instead")
    parser.add_argument(
        "--failures", action="store_true", help="list each scan that failed, with its finding"
    )
    options = parser.parse_args()
    doses = [float(dose) for dose in options.doses.split(",")]
    chosen = [f for f in FAULTS if re.search(options.faults, f"{f.part}: {f.name}") and options.faults != "-"]
    seeds = range(options.first, options.first + options.seeds)
    asked = [(fault.name, dose, seed) for fault in chosen for dose in doses for seed in seeds]
    sound = [*((name, 0) for name in UNUSUAL), *(("", seed) for seed in range(options.sound))]
    with ProcessPoolExecutor(min(2, options.jobs)) as pool:
        if options.thresholds:
            print("\n".join(thresholds(chosen, doses, seeds, pool)))
            return 0
        outcomes = list(pool.map(try_fault, asked, chunksize=4))
        alarms = list(pool.map(try_sound, sound, chunksize=4)) if options.sound else []
    print("\n".join([*table(outcomes), "", *summary(outcomes)]) if outcomes else "")
    if options.failures:
        print(*listed(outcomes), sep="\n")
    for name, said, _ in alarms:
        if said:
            print(f"  - false alarm: {name}: {said[: 3 * WIDTH]}")
    if alarms:
        refused = sum(bool(said) for _, said, _ in alarms)
        spent = sum(seconds for *_, seconds in alarms)
        print(f"- {refused} of {len(alarms)} sound scans refused; {spent / len(alarms):.2f} CPU s each")
    return int(any(said for _, said, _ in alarms))


def listed(outcomes: list[Outcome]) -> list[str]:
    """Return a line for each scan on which something failed."""
    return [
        f"  - {o.fault}, {o.photons:.0e}, seed {o.seed}: evidence {o.evidence:.2g}, refused {o.refused}, "
        f"named {o.named}, left {o.after:.3g}: {o.said[: 3 * WIDTH]}"
        for o in outcomes
        if not (o.refused and o.named and o.mended)
    ]


if __name__ == "__main__":
    sys.exit(main())
