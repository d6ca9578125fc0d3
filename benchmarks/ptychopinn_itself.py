"""Run PtychoPINN itself on a scan, as its integration test does; write the results to docs/ptychopinn.md.

Run it as ``python benchmarks/ptychopinn_itself.py CHECKOUT COMMIT PYTHON``: a checkout of PtychoPINN, its
commit, and an interpreter that has what it needs (torch, lightning, tensordict, tensorflow).
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness.core.baselines.controls import compare_with_controls
from harness.core.storage.npz import write_archive
from harness.core.system.environment import fingerprint
from harness.ptycho.engines.command.engine import pipeline
from harness.ptycho.fixture import minimal

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "ptychopinn.md"
DATA = Path(__file__).with_name("ptychopinn_itself.json")
EXPORT = Path(__file__).with_name("ptychopinn_export.py")
BEGIN, END = (f"<!-- benchmarks/ptychopinn_itself.py: {word} -->" for word in ("begin", "end"))
RUNS = ((1, 16), (2, 64))
"""Epochs and images: the two sizes of PtychoPINN's own test."""

METRICS = ("aligned_correlation", "aligned_amplitude_mae", "aligned_phase_mae")


def table_of(checkout: Path, python: str, epochs: int, images: int) -> dict[str, Any]:
    """Return the table of the engine: the command lines of PtychoPINN's own integration test, on a CPU."""
    return {
        "train": f"{python} -m ptycho_torch.train --train_data_file {{fixture}} --test_data_file {{fixture}} "
        f"--output_dir {{output}}/training --max_epochs {epochs} --n_images {images} --gridsize 1 "
        "--batch_size 16 --accelerator cpu --disable_mlflow --quiet",
        "infer": f"{python} -m ptycho_torch.inference --model_path {{output}}/training "
        f"--test_data {{fixture}} --output_dir {{output}}/inference --n_images {images} --accelerator cpu",
        "export": f"{python} {EXPORT} {{output}}/training {{fixture}} {{output}}/object.npz {images}",
        "object": "{output}/object.npz:object",
        "environment": {"PYTHONPATH": str(checkout), "CUDA_VISIBLE_DEVICES": ""},
        "time_limit": 1800,
    }


def measure(checkout: Path, python: str, epochs: int, images: int, folder: Path) -> dict[str, Any]:
    """Return what one run costs, what it reaches, and what its own test would say."""
    arrays = minimal(name="scan").arrays
    starts = {f"{key}_start": arrays[key] for key in ("xcoords", "ycoords")}
    write_archive(folder / "scan.npz", {**arrays, **starts, "diff3d": arrays["diffraction"]})
    output = folder / f"{epochs}-{images}"
    run = pipeline("ptychopinn", table_of(checkout, python, epochs, images), checkout)
    result = run(folder / "scan.npz", output)
    left = output / "program" / "output"
    sizes = {
        name: (left / name).stat().st_size
        for name in (
            "training/wts.h5.zip",
            "inference/reconstructed_amplitude.png",
            "inference/reconstructed_phase.png",
        )
    }
    stages = [stage for stage in result.stages if stage.name in {"train", "infer"}]
    verdicts = compare_with_controls(result.metrics, result.controls, result.better, decisive=result.decisive)
    return {
        "epochs": epochs,
        "images": images,
        "seconds": sum(stage.seconds for stage in stages),
        "cpu_seconds": sum(stage.cpu_seconds for stage in stages),
        "peak_mb": max(stage.peak_mb for stage in stages),
        "own": sizes["training/wts.h5.zip"] > 100_000 and min(sizes.values()) > 1000,
        "collapsed": sorted({verdict.name for verdict in verdicts if not verdict.outcome.accepted}),
        "metrics": {name: result.metrics[name] for name in METRICS},
        "flat": {name: result.controls["flat"][name] for name in METRICS},
    }


def table(data: dict[str, Any]) -> str:
    """Return the block of the page."""
    lines = [
        "| epochs | images | CPU | memory | its own test | correlation | amplitude MAE | phase MAE | here |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in data["rows"]:
        pairs = [f"{row['metrics'][name]:.3f} (flat {row['flat'][name]:.3f})" for name in METRICS]
        cost = (f"{row['cpu_seconds']:.0f} s", f"{row['peak_mb'] / 1000:.2f} GB")
        verdict = "collapsed" if row["collapsed"] else "ahead of flat"
        cells = (row["epochs"], row["images"], *cost, "passes" if row["own"] else "fails", *pairs, verdict)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    of = "{platform}, {cpu}, {cores} cores".format(**data["machine"])
    return "\n".join([*lines, "", f"PtychoPINN {data['commit']}, its PyTorch path; {of}."])


def page_with(page: str, data: dict[str, Any]) -> str:
    """Return the page with the table of other data between its markers."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table(data)}\n{END}{after}"


def main(checkout: str, commit: str, python: str) -> None:
    """Measure both sizes, and write the data and the page."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(Path(checkout), python, *size, Path(folder)) for size in RUNS]
    data = {"commit": commit, "machine": fingerprint(), "rows": rows}
    DATA.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
    PAGE.write_text(page_with(PAGE.read_text("utf-8"), data), "utf-8")
    print(table(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
