"""The two halves share no position, and their reconstructions are compared without ground truth."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline import halves


def test_halves_are_disjoint_and_cover_the_scan():
    """Each position is in exactly one half, and both halves extend over the whole scan."""
    row, column = np.divmod(np.arange(64), 8)
    indices = halves.split_positions(12.0 * column, 12.0 * row)
    assert sorted(np.concatenate(indices)) == list(range(64))
    assert all(np.ptp(column[half]) >= 6 and np.ptp(row[half]) >= 6 for half in indices)


SCRIPT = """
import json, sys
from pathlib import Path
from harness.ptycho.pipeline.halves import reconstruct_halves
done = reconstruct_halves("iterative", Path(sys.argv[1]), Path(sys.argv[2]), threads=1, epochs=60)
print(json.dumps({
    "metrics": done.metrics, "flat": done.controls["flat"], "stages": [stage.name for stage in done.stages],
    "inputs": done.inputs, "torch": "torch" in sys.modules,
}))
"""


def test_metrics_of_two_halves(small, tmp_path):
    """Halves of 8 patterns predict each other better than flat objects do; the parent imports no torch."""
    command = [sys.executable, "-c", SCRIPT, str(small), str(tmp_path)]
    done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    metrics, flat = done["metrics"], done["flat"]
    parts = [read_archive(tmp_path / name / "fixture.npz") for name in halves.HALVES]
    assert not set(parts[0]["xcoords"]) & set(parts[1]["xcoords"])
    assert metrics.keys() == flat.keys() == halves.BETTER.keys()
    assert metrics["half_frc_mean"] > flat["half_frc_mean"] == 0
    assert metrics["diffraction_error"] < metrics["unseen_diffraction_error"]
    assert metrics["unseen_diffraction_error"] < flat["unseen_diffraction_error"]
    assert done["stages"][0] == "half_a first half"
    assert not done["torch"]
    assert done["inputs"] == {}  # arrays of a half are in no manifest


def test_an_unknown_pipeline_is_refused(small, tmp_path):
    with pytest.raises(UsageError, match="network or iterative"):
        halves.reconstruct_halves("magic", small, tmp_path)


def test_fewest_positions():
    """16 positions give two halves of 8; 15 are refused."""
    assert [len(half) for half in halves.split_positions(np.arange(16.0), np.zeros(16))] == [8, 8]
    with pytest.raises(RefusedError, match="at least 16"):
        halves.split_positions(np.arange(15.0), np.zeros(15))
