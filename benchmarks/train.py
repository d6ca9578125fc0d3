"""Training and inference of the network on the golden fixture, compared with two imports of torch."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from row import Ceiling, Row
from timing import ROUNDS, command, figure, seconds

from harness.core.baselines.baseline import all_accepted, judge, read_baseline
from harness.ptycho.pipeline.run import network

_GOLDEN = Path(__file__).parent.parent / "golden"
_STAGES = ("train", "infer")


def measure(folder: Path) -> list[Row | Ceiling]:
    """Measure training and inference; a run counts only if its metrics match the baseline."""
    baseline = read_baseline(_GOLDEN / "minimal_v1.network.json")
    bare = command(sys.executable, "-c", "import torch", cwd=folder)
    ours, imports, peak = [], [], 0.0
    for number in range(ROUNDS + 1):
        imported = seconds(bare) + seconds(bare)
        with tempfile.TemporaryDirectory() as output:
            done = network(_GOLDEN / "minimal_v1.npz", Path(output))
        verdicts = judge(baseline, done.metrics, done.controls)
        if not all_accepted(verdicts):
            raise RuntimeError(f"the metrics do not match the baseline: {verdicts}")
        stages = {stage.name: stage for stage in done.stages}
        peak = max(peak, *(stages[name].peak_mb for name in _STAGES))
        if number:
            imports.append(imported)
            ours.append(sum(stages[name].seconds for name in _STAGES))
    bound, two = figure(imports), "import torch, twice"
    return [
        Row("train and infer, minimal_v1, network", two, figure(ours), bound, two, bound, 1 / 3),
        Ceiling("memory of training, minimal_v1, network", peak, 900, "MB"),
    ]
