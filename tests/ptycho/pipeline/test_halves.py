"""Two halves share no position, and agree as far as the data tell."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.npz import read_archive
from harness.ptycho.pipeline import halves


def test_halves_are_disjoint_and_spread():
    """Each position falls into exactly one half, and either half spans the scan."""
    row, column = np.divmod(np.arange(64), 8)
    halved = halves.split(12.0 * column, 12.0 * row)
    assert sorted(np.concatenate(halved)) == list(range(64))
    assert all(np.ptp(column[half]) >= 6 and np.ptp(row[half]) >= 6 for half in halved)


SCRIPT = """
import json, sys
from pathlib import Path
from harness.ptycho.pipeline.halves import halves
done = halves("iterative", Path(sys.argv[1]), Path(sys.argv[2]), threads=1, epochs=60)
print(json.dumps({
    "metrics": done.metrics, "flat": done.controls["flat"],
    "inputs": done.inputs, "torch": "torch" in sys.modules,
}))
"""


def test_figures_of_two_halves(small, tmp_path):
    """Halves of 8 patterns explain each other better than flat objects do, and the parent needs no torch."""
    command = [sys.executable, "-c", SCRIPT, str(small), str(tmp_path)]
    done = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    metrics, flat = done["metrics"], done["flat"]
    parts = [read_archive(tmp_path / name / "fixture.npz") for name in halves.NAMES]
    assert not set(parts[0]["xcoords"]) & set(parts[1]["xcoords"])
    assert metrics.keys() == flat.keys()
    assert metrics["half_frc_mean"] > flat["half_frc_mean"] == 0
    assert metrics["diffraction_error"] < metrics["unseen_diffraction_error"]
    assert metrics["unseen_diffraction_error"] < flat["unseen_diffraction_error"]
    assert not done["torch"]
    assert done["inputs"] == {}  # a half's arrays are in no manifest


def test_refused(small, tmp_path):
    """An unknown pipeline, and too few positions to halve, are refused."""
    with pytest.raises(UsageError, match="network or iterative"):
        halves.halves("magic", small, tmp_path)
    with pytest.raises(RefusedError, match="at least 16"):
        halves.split(np.arange(15.0), np.zeros(15))
