"""Shared by the core's tests: a small example project."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.fixture import Fixture, make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.recording.commit import commit
from harness.core.recording.plan import Change, plan
from harness.core.recording.staged import Staged
from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.registry.history import Record

# No deadline, because a busy machine is not a fault. The same examples in every run, so that a failure can be
# repeated.
settings.register_profile(
    "harness",
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("harness")

LATTICE = MappingProxyType(
    {
        "image": np.arange(12, dtype=np.float32).reshape(3, 4) / 8,
        "phase": np.array([1, 1j, -1, -0.5j], np.complex64),
        "index": np.arange(4, dtype=np.int64),
    }
)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """Three small arrays, a test's own copies."""
    return {name: array.copy() for name, array in LATTICE.items()}


@pytest.fixture
def made():
    """Make a fixture of given arrays, or of the example's own."""

    def make(name: str = "lattice", arrays=LATTICE, **parts) -> Fixture:
        given = {
            "generator": Generator("example:lattice", 1, {"seed": 0}),
            "source": Source("simulated", "xxh128:0"),
            "transformations": ("image: float64 -> float32",),
            "checks": {"residual": 1e-7},
        }
        return make_fixture(name, arrays, **(given | parts))

    return make


@pytest.fixture
def staged(tmp_path, made):
    """Stage both files of a fixture, as a test of the given name does."""

    def stage(name: str = "lattice", test: str = "test_lattice", **parts) -> list[Staged]:
        folder = tmp_path / "staged" / str(len(list(tmp_path.glob("staged/*"))))
        archive, manifest = write_fixture(made(name, **parts), folder)
        return [
            Staged(f"golden/{name}.npz", "fixture", archive, test),
            Staged(f"golden/{name}.json", "manifest", manifest, test),
        ]

    return stage


@pytest.fixture
def staged_baseline(tmp_path):
    """Stage a baseline of given metrics."""

    def stage(**metrics: float) -> Staged:
        path = tmp_path / "baseline.json"
        path.write_bytes(encode_baseline(provisional_baseline(metrics)))
        return Staged("golden/lattice.smooth.json", "baseline", path, "test_smooth")

    return stage


@pytest.fixture
def empty(tmp_path) -> Project:
    """A project without golden files."""
    root = tmp_path / "repository"
    root.mkdir(exist_ok=True)
    return Project(root)


@pytest.fixture
def record(empty):
    """Record staged files in the example project."""

    def commit_all(items, reason: str = "first light") -> tuple[Change, ...]:
        changes = plan(empty, items)
        commit(empty, changes, reason=reason, command="pytest --force-regen")
        return changes

    return commit_all


@pytest.fixture
def chain():
    """Return the records of a golden file, the oldest first."""

    def read(project: Project, path: str) -> tuple[Record, ...]:
        entry = read_registry(project.registry).entries[path]
        return read_history(project).chain(path, entry.record)

    return read


@pytest.fixture
def project(empty, record, staged, staged_baseline) -> Project:
    """A project with a golden fixture, its manifest and a baseline, all recorded."""
    record([*staged(), staged_baseline(mae=0.25, ssim=0.875)])
    return empty


@pytest.fixture
def contents():
    """Bytes of every file below a directory, by path, to see that a refusal changed nothing."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    return read


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a user's module into the root of the example project, and make it importable during the test."""
    before = set(sys.modules)

    def write(name: str, text: str) -> None:
        folder = tmp_path / "repository"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(text, "utf-8")
        monkeypatch.syspath_prepend(folder)

    yield write
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]
