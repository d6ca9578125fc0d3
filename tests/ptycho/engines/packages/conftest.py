"""Packages of engines are tested where they are installed; for `make engines`, none may be missing."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

REQUIRED = "HARNESS_ENGINES_REQUIRED"
"""Variable with which a missing package fails its tests instead of skipping them."""

PREDICTIONS = """
import json, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from harness.core.domain.references import load_reference
from harness.core.storage.npz import read_archive
from harness.ptycho.engines.handshake import shake_hands
from harness.ptycho.scan.residual import Dataset
from ptycho.engines.conventions import ERRORS
adapter, fixture = sys.argv[1:]
data, predict = Dataset.of(read_archive(Path(fixture))), load_reference(adapter)().predict
found = {"none": shake_hands(data, predict(data))}
square = data.probe.shape[0] == data.probe.shape[1]  # else transposed patterns have another shape
found |= {name: shake_hands(data, error(predict, data)) for name, error in ERRORS.items() if square}
sys.stdout.write("\\n" + json.dumps({name: list(one) for name, one in found.items()}))
"""


@pytest.fixture(scope="session")
def installed():
    """Return a function that skips or fails a test whose package is not installed."""

    def _installed(module):
        if importlib.util.find_spec(module) is not None:
            return
        if os.environ.get(REQUIRED):
            pytest.fail(f"{module} is not installed, and {REQUIRED} is set")
        pytest.skip(f"{module} is not installed: `make engines` tests it")

    return _installed


@pytest.fixture(scope="session")
def handshakes():
    """Return a function that gives an adapter's figures: as it is, and with each error of conventions."""

    def _handshakes(adapter, fixture):
        path = os.pathsep.join((str(Path(__file__).parents[3]), os.environ["PYTHONPATH"]))
        done = subprocess.run(
            [sys.executable, "-c", PREDICTIONS, adapter, str(fixture)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        return json.loads(done.stdout.splitlines()[-1])

    return _handshakes
