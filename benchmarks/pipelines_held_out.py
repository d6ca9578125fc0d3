"""The pipelines on scans that they were not tuned to: twenty sound ones of the second simulator.

    python benchmarks/pipelines_held_out.py
    python benchmarks/pipelines_held_out.py --first 9000 --scans 20 --pipelines network iterative

prints a Markdown table: the structural similarity (SSIM) of amplitude and phase of each pipeline and of its
controls on each scan, and the seconds that it took, imports included; then what each pipeline promises.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from second_simulator import Variant

    from harness.core.domain.interface import PipelineResult

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from second_simulator import drawn_variant, make_scan  # noqa: E402 - after the import path

from harness.core.baselines.controls import compare_with_controls  # noqa: E402
from harness.core.errors import HarnessError  # noqa: E402
from harness.core.storage.npz import write_archive  # noqa: E402
from harness.core.verdict import Outcome  # noqa: E402
from harness.ptycho.pipeline import run  # noqa: E402

PIPELINES = {"network": run.network, "iterative": run.iterative, "quasi-newton": run.quasi_newton}
DOSES = (1e5, 3e5, 1e6)
LEAST_OVERLAP = 0.6
SPARSE = 1.4
"""The route `sparse` has wider steps than asked for, by this factor."""

LIMIT = 600.0
AMPLITUDE, PHASE = "aligned_amplitude_ssim", "aligned_phase_ssim"


@dataclass(frozen=True, slots=True)
class Row:
    """What one pipeline made of one scan: metrics, those of its controls, whether it beat them, seconds."""

    scan: str
    metrics: dict[str, float]
    controls: dict[str, dict[str, float]]
    ahead: bool
    seconds: float


def held_out(first: int, count: int) -> Iterator[tuple[str, Variant, int]]:
    """Yield names, kinds and seeds of *count* sound scans, from the seed *first* on."""
    found, seed = 0, first
    while found < count:
        variant = drawn_variant(seed)
        overlap = 1 - (1 - variant.overlap) * (SPARSE if variant.route == "sparse" else 1)
        if overlap >= LEAST_OVERLAP:
            variant = replace(variant, photons=DOSES[found % len(DOSES)])
            yield f"{found + 1}. {variant.name}", variant, seed
            found += 1
        seed += 1


def reconstruct(name: str, pipeline: str, fixture: Path, output: Path) -> Row:
    """Run *pipeline* and compare it with its controls; a run that fails has metrics of NaN."""
    start = time.perf_counter()
    try:
        done = PIPELINES[pipeline](fixture, output, threads=1, limit=LIMIT)
    except HarnessError as error:
        sys.stderr.write(f"{name}, {pipeline}: {error}\n")
        return Row(name, {AMPLITUDE: math.nan, PHASE: math.nan}, {}, ahead=False, seconds=math.nan)
    seconds = time.perf_counter() - start
    return Row(
        name, dict(done.metrics), {k: dict(v) for k, v in done.controls.items()}, _ahead(done), seconds
    )


def _ahead(done: PipelineResult) -> bool:
    verdicts = compare_with_controls(done.metrics, done.controls, done.better, decisive=done.decisive)
    return not any(verdict.outcome is Outcome.COLLAPSED for verdict in verdicts)


def measure(pipelines: Sequence[str], first: int, count: int) -> dict[str, list[Row]]:
    """Return the rows of each pipeline, and print them as they are made."""
    rows: dict[str, list[Row]] = {pipeline: [] for pipeline in pipelines}
    _print_header(pipelines)
    for name, variant, seed in held_out(first, count):
        with tempfile.TemporaryDirectory() as folder:
            fixture = Path(folder) / "scan.npz"
            write_archive(fixture, make_scan(variant, seed))
            for pipeline in pipelines:
                rows[pipeline].append(reconstruct(name, pipeline, fixture, Path(folder) / pipeline))
        _print_row(name, [rows[pipeline][-1] for pipeline in pipelines])
    return rows


def _print_header(pipelines: Sequence[str]) -> None:
    print("SSIM of amplitude / phase, and seconds.\n")
    print("| scan | flat | untrained |", " | ".join(pipelines), "|")
    print("|" + "---|" * (3 + len(pipelines)))


def _print_row(name: str, rows: Sequence[Row]) -> None:
    controls = {key: values for row in rows for key, values in row.controls.items()}
    cells = [_pair(controls[key]) if key in controls else "" for key in ("flat", "untrained")]
    cells += [f"{_pair(row.metrics)}, {row.seconds:.1f} s{'' if row.ahead else ', behind'}" for row in rows]
    print(f"| {name} |", " | ".join(cells), "|", flush=True)


def _pair(metrics: dict[str, float]) -> str:
    return f"{metrics[AMPLITUDE]:.3f} / {metrics[PHASE]:.3f}"


def _summary(pipeline: str, rows: Sequence[Row]) -> str:
    medians = [statistics.median(row.metrics[name] for row in rows) for name in (AMPLITUDE, PHASE)]
    finite = sum(math.isfinite(row.metrics[AMPLITUDE]) for row in rows)
    return (
        f"- {pipeline}: ahead of its controls on {sum(row.ahead for row in rows)} of {len(rows)}, "
        f"finite on {finite}; median SSIM {medians[0]:.3f} (amplitude), {medians[1]:.3f} (phase); "
        f"median time {statistics.median(row.seconds for row in rows):.1f} s"
    )


def _farthest_below(rows: Sequence[Row], others: Sequence[Row]) -> str:
    """Return where the first pipeline is farthest below the second."""
    behind = [
        (b.metrics[AMPLITUDE] - a.metrics[AMPLITUDE], a.scan) for a, b in zip(rows, others, strict=True)
    ]
    lead, scan = max(behind)
    return f"- network is at most {lead:.3f} below iterative in the amplitude's SSIM ({scan})"


def main() -> None:
    """Measure, and print the table and the promises."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=9000, help="seed of the first scan")
    parser.add_argument("--scans", type=int, default=20)
    parser.add_argument("--pipelines", nargs="+", choices=list(PIPELINES), default=list(PIPELINES))
    asked = parser.parse_args()
    rows = measure(asked.pipelines, asked.first, asked.scans)
    print()
    for pipeline, found in rows.items():
        print(_summary(pipeline, found))
    if {"network", "iterative"} <= rows.keys():
        print(_farthest_below(rows["network"], rows["iterative"]))


if __name__ == "__main__":
    main()
