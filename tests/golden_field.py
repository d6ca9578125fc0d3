"""A project with golden tests, one of each kind, for tests that make mutants of it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from harness.core.baselines.baseline import Control, Metric, encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

FIELD = '''"""A field with golden values."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from harness import Generator, Source, make_fixture

LEVEL = 2.0


def spectrum():
    values = np.linspace(0.5, 1.5, 8) * 1
    return make_fixture(
        "spectrum",
        {"power": values * LEVEL},
        generator=Generator("field:spectrum", 1),
        source=Source("simulated", "xxh128:0"),
    )


def score():
    return 0.75 + 0


def in_a_child():
    done = subprocess.run(
        [sys.executable, "-c", "import inner; print(inner.doubled(4))"],
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(done.stdout)


def count():
    found = 0
    while found < 3:
        found += 1
    return found


def never():
    return 1 + 1
'''
INNER = '''"""What only a child process imports."""


def doubled(value):
    return value * 2
'''
TESTS = """
import os

import field
import pytest


def test_spectrum(fixture_regression):
    fixture_regression.check(field.spectrum(), {"power": {"rtol": 1e-3}})


def test_score(metrics_regression):
    metrics_regression.check({"score": field.score()}, "score", controls={"flat": {"score": 0.5}})


def test_child(metrics_regression):
    metrics_regression.check({"child": field.in_a_child(), "process": os.getpid()}, "child")


def test_count(metrics_regression):
    if field.count() > 10:
        pytest.skip("too many")
    assert field.count() == 3, "three are counted"
    metrics_regression.check({"count": 3.0}, "count")


def test_without_golden_values():
    assert field.never() == 2
"""
BASELINES = {
    "score": {"score": 0.75},
    "child": {"child": 8.0, "process": 1.0},
    "count": {"count": 3.0},
}
TOLERANCES = {"process": 1e9, "score": 0.05}


def make_project(root: Path) -> Project:
    """Write the project and record its golden files, as no test would."""
    (root / "tests").mkdir(parents=True)
    (root / ".gitignore").write_text("/build/\n__pycache__/\n.harness/\n.pytest_cache/\n")
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\npythonpath = ["."]\n')
    (root / "field.py").write_text(FIELD)
    (root / "inner.py").write_text(INNER)
    (root / "tests" / "test_field.py").write_text(TESTS)
    fixture = make_fixture(
        "spectrum",
        {"power": np.linspace(0.5, 1.5, 8) * 2.0},
        generator=Generator("field:spectrum", 1),
        source=Source("simulated", "xxh128:0"),
    )
    made = write_fixture(fixture, root / "build")
    staged = [Staged(f"golden/{p.name}", k, p) for p, k in zip(made, ("fixture", "manifest"), strict=True)]
    staged += [_baseline(root / "build", name, metrics) for name, metrics in BASELINES.items()]
    project = Project(root)
    commit(project, plan(project, staged), reason="first light", command="by hand")
    for arguments in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *arguments], cwd=root, check=True)
    return project


def _baseline(folder: Path, name: str, metrics: dict[str, float]) -> Staged:
    made = provisional_baseline(metrics)
    widened = {
        key: Metric(metric.value, TOLERANCES.get(key, metric.tolerance), metric.samples)
        for key, metric in made.metrics.items()
    }
    controls = {"flat": {"score": Control(0.5, 0.1)}} if name == "score" else {}
    path = folder / f"{name}.json"
    path.write_bytes(encode_baseline(msgspec.structs.replace(made, metrics=widened, controls=controls)))
    return Staged(f"golden/{name}.json", "baseline", path)
