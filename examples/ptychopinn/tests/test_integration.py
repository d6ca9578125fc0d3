"""PtychoPINN's own integration test, on a program that works and on one that fails without a word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCAN = ROOT / "golden/ptychopinn/scan_v1.npz"


def run(*command, **environment):
    return subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("fault", ["", "flat"])
def test_train_save_load_infer(tmp_path, fault):
    """What its test asserts: exit status 0, files that are there, and pictures of more than 1000 bytes.

    The program that writes a flat object passes as well.
    """
    train = run(
        "ptycho_train", "--train_data_file", SCAN, "--test_data_file", SCAN,
        "--output_dir", tmp_path / "training", "--nepochs", 2, "--n_images", 16, "--gridsize", 2, "--quiet",
    )  # fmt: skip
    assert train.returncode == 0, train.stderr
    assert (tmp_path / "training/wts.h5.zip").exists()
    infer = run(
        "ptycho_inference", "--model_path", tmp_path / "training", "--test_data", SCAN,
        "--output_dir", tmp_path, STANDIN_FAULT=fault,
    )  # fmt: skip
    assert infer.returncode == 0, infer.stderr
    for name in ("reconstructed_amplitude.png", "reconstructed_phase.png"):
        assert (tmp_path / name).stat().st_size > 1000


def test_the_silent_failure_is_caught():
    """The same two programs, run by harness."""
    done = run(sys.executable, "-m", "harness", "reconstruct", "--pipeline", "ptychopinn-silent")
    assert done.returncode == 1
    assert "stage 'infer' ended with exit status 0, but its result is not usable" in done.stderr
    assert "a flat one" in done.stderr
