"""The fixture: made again by its generator, and the same in the program's own format."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from harness.ptycho.fixture import minimal

GOLDEN = Path(__file__).parents[1] / "golden"


def harness(*arguments):
    """Run a command of harness; return its exit status and what it printed."""
    call = [sys.executable, "-m", "harness", *map(str, arguments)]
    done = subprocess.run(call, cwd=GOLDEN.parent, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_scan(fixture_regression):
    """36 patterns of 64 x 64: 35 groups of four neighbours; object and probe are known."""
    fixture_regression.check(minimal(positions=36, name="scan_v1"))


def test_the_program_s_own_format_holds_the_same(tmp_path):
    """Axes (H, W, N) and all: read back, every array has the same bytes."""
    own, back = GOLDEN / "ptychopinn/scan_v1.npz", tmp_path / "back.npz"
    assert np.load(own)["diff3d"].shape == (64, 64, 36)
    assert harness("convert", own, back, "--to", "npz")[0] == 0
    assert harness("diff", GOLDEN / "scan_v1.npz", back)[0] == 0
