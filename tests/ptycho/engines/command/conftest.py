"""A small scan, and programs of a few lines that reconstruct it, or fail to."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from harness.core.storage.npz import write_archive
from harness.ptycho.engines.command.engine import pipeline
from harness.ptycho.scan.simulate import simulate

OUTPUT = "import pathlib, sys, numpy as np\nfixture, output = sys.argv[1], pathlib.Path(sys.argv[2])\n"
"""How every program begins."""

WRITE = "np.savez(output / 'result.npz', object=obj, probe=probe)\n"
HONEST = "answer = np.load('answer.npz')\nobj, probe = answer['object'], answer['probe']\n" + WRITE
"""A program that knows the answer from elsewhere: nothing is as good."""


@pytest.fixture(scope="session")
def small():
    """The arrays of a scan of 16 patterns of 32 x 32 pixels."""
    scan = simulate(positions=16, detector=32, step=6.0, photons=1e6)
    arrays = {key: array.copy() for key, array in scan.arrays().items()}
    kinds = {"diffraction": "float32", "objectGuess": "complex64", "probeGuess": "complex64"}
    return {key: array.astype(kinds.get(key, array.dtype)) for key, array in arrays.items()}


@pytest.fixture
def project(tmp_path, small):
    """A project with a fixture and a program; ``run`` has the program's lines, and changes of its table."""
    root = tmp_path / "a project's root"
    root.mkdir()
    write_archive(root / "fixture.npz", small)
    write_archive(root / "answer.npz", {"object": small["objectGuess"], "probe": small["probeGuess"]})

    def table(lines: str = HONEST, **changes: object) -> dict[str, object]:
        (root / "program.py").write_text(OUTPUT + lines, "utf-8")
        settings = {
            "reconstruct": "{python} program.py {fixture} {output}",
            "object": "{output}/result.npz:object",
            "probe": "{output}/result.npz:probe",
            **changes,
        }
        return {key: value for key, value in settings.items() if value is not None}

    def run(lines: str = HONEST, **changes: object):
        return pipeline("mine", table(lines, **changes), root)(root / "fixture.npz", tmp_path / "the output")

    return SimpleNamespace(root=root, table=table, run=run, output=tmp_path / "the output", small=small)


@pytest.fixture(scope="session")
def interpreter() -> str:
    return Path(sys.executable).name


def stored(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an archive."""
    with np.load(path) as data:
        return dict(data)
