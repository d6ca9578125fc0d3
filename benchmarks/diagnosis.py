"""What `harness check` says of every known fault of a scan, and of sound scans, made by the second simulator.

    python benchmarks/diagnosis.py --seeds 3 --sound 300

prints a Markdown table: for each fault and dose, how many scans were refused, how many of them with the right
name, and how many were mended by the remedy, executed. A fault whose evidence is below what chance gives
cannot be seen: the row says so.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

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
WIDTH = 90
"""Characters of a finding that the table shows."""


def try_fault(asked: tuple[str, float, int]) -> Outcome:
    """Judge one fault at one dose and seed, by the names that a process can be sent."""
    name, photons, seed = asked
    return judge(BY_NAME[name], photons, seed)


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
    parser.add_argument(
        "--failures", action="store_true", help="list each scan that failed, with its finding"
    )
    options = parser.parse_args()
    doses = [float(dose) for dose in options.doses.split(",")]
    chosen = [f for f in FAULTS if re.search(options.faults, f"{f.part}: {f.name}") and options.faults != "-"]
    asked = [
        (fault.name, dose, seed)
        for fault in chosen
        for dose in doses
        for seed in range(options.first, options.first + options.seeds)
    ]
    with ProcessPoolExecutor(min(2, options.jobs)) as pool:
        outcomes = list(pool.map(try_fault, asked, chunksize=4))
        sound = [*((name, 0) for name in UNUSUAL), *(("", seed) for seed in range(options.sound))]
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
