"""Shared by the plugin's tests: a project with golden files, and sessions of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.fixture import Fixture, make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged, staging_directory
from harness.core.storage.project import Project
from harness.plugin.session import GoldenSession
from harness.plugin.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.net.json"


@pytest.fixture
def lattice():
    """Make a fixture whose array ``a`` is shifted."""

    def make(shift: float = 0.0, name: str = "lattice") -> Fixture:
        arrays = {"a": np.arange(6.0).reshape(2, 3) + shift}
        generator = Generator("lattice:lattice", 1, {})
        return make_fixture(name, arrays, generator=generator, source=Source("simulated", "none"))

    return make


@pytest.fixture
def stage_baseline():
    """Stage a baseline with one metric for a session, as a test named *test* does."""

    def stage(session: GoldenSession, ssim: float, test: str = "test_net") -> Path:
        folder = staging_directory(session.project)
        data = folder / "lattice.net.json"
        data.write_bytes(encode_baseline(provisional_baseline({"ssim": ssim})))
        session.staged.append(Staged(BASELINE, "baseline", data, test))
        return data

    return stage


@pytest.fixture
def empty(tmp_path) -> Project:
    """A project without golden files."""
    root = tmp_path / "project"
    root.mkdir()
    return Project(root)


@pytest.fixture
def project(empty, lattice, tmp_path) -> Project:
    """A project with a golden fixture, its manifest and a baseline."""
    archive, manifest = write_fixture(lattice(), tmp_path / "new")
    baseline = tmp_path / "new" / "lattice.net.json"
    baseline.write_bytes(encode_baseline(provisional_baseline({"ssim": 0.5})))
    staged = [
        Staged(ARCHIVE, "fixture", archive),
        Staged(MANIFEST, "manifest", manifest),
        Staged(BASELINE, "baseline", baseline),
    ]
    commit(empty, plan(empty, staged), reason="first", command="pytest --force-regen")
    return empty


@pytest.fixture
def session(project, monkeypatch) -> GoldenSession:
    """A session of the project that does not write, started at its root."""
    monkeypatch.chdir(project.root)
    return GoldenSession(project, Settings())
