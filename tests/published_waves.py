"""A project with golden files of each kind, as it is published, and an empty one that fetches them."""

from __future__ import annotations

import hashlib
import subprocess
import zipfile
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

PYPROJECT = """
[project]
name = "waves"
version = "1.2"
description = "Waves on a string"
license = "CC-BY-4.0"
authors = [{name = "The wave group"}]
keywords = ["waves"]

[project.urls]
Repository = "https://example.org/waves"

[tool.harness]
contract = "contract.md"
"""
CITATION = """
cff-version: 1.2.0
title: waves
authors:
  - family-names: Lovelace
    given-names: Ada
    orcid: https://orcid.org/0000-0002-1825-0097
    affiliation: Analytical Society
  - name: The wave group
    website: https://example.org
"""
STEM = "strings/plucked"
NAMES = (f"{STEM}.npz", f"{STEM}.json", f"{STEM}.energy.json", "mask.tif")
KINDS = ("fixture", "manifest", "baseline", "file")
PATHS = tuple(sorted(f"golden/{name}" for name in NAMES))


def make_waves(root: Path, *, golden: str = "golden") -> Project:
    """Return a new project that has recorded each file twice, but for the mask."""
    root.mkdir()
    (root / "pyproject.toml").write_text(PYPROJECT)
    (root / "CITATION.cff").write_text(CITATION)
    (root / "LICENSE").write_text("Attribution 4.0 International")
    (root / "contract.md").write_text("# What a string must have\n")
    project = Project(root, golden)
    for number in range(2):
        made = root.parent / f"{root.name}-{number}"
        write_files(made, float(number))
        record(project, made, f"version {number}")
    return project


def make_empty(root: Path) -> Project:
    """Return a new project in git without golden files."""
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    start_git(root)
    return Project(root)


def start_git(root: Path) -> None:
    """Make a repository with an author."""
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for key in ("name", "email"):
        subprocess.run(["git", "-C", str(root), "config", f"user.{key}", "tester"], check=True)


def write_files(folder: Path, shift: float) -> None:
    """Write a fixture, a baseline on it and another file below *folder*."""
    arrays = {"power": np.arange(4.0) + shift, "time": np.arange(3)}
    generator = Generator("waves:plucked", 2, {"count": 4}, test="test_waves.py::test_plucked")
    write_fixture(
        make_fixture(STEM, arrays, generator=generator, source=Source("string.dat", "xxh128:1")), folder
    )
    (folder / f"{STEM}.energy.json").write_bytes(
        encode_baseline(provisional_baseline({"energy": 1.0 + shift}))
    )
    (folder / "mask.tif").write_bytes(b"II*\0" + bytes(60))


def record(project: Project, folder: Path, reason: str, names: Sequence[str] = NAMES) -> None:
    """Record files of *folder*, each in the environment that it was made in."""
    kinds = dict(zip(NAMES, KINDS, strict=True))
    staged = [Staged(f"{project.golden_name}/{name}", kinds[name], folder / name) for name in names]
    commit(project, plan(project, staged), reason=reason, command="pytest", environment={"numpy": "1.26"})


def commit_all(project: Project) -> None:
    """Commit everything in a project's work tree."""
    subprocess.run(["git", "-C", str(project.root), "add", "--all"], check=True)
    subprocess.run(["git", "-C", str(project.root), "commit", "-q", "-m", "all"], check=True)


def contents(folder: Path) -> dict[str, bytes]:
    """All files below a directory, but for git's own."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".git" not in path.parts
    }


def repack(archive: Path, target: Path, *, prefix: str = "", changes: Mapping[str, bytes | None]) -> Path:
    """Write an archive's members to *target*, with other bytes for some; None leaves a member out."""
    with zipfile.ZipFile(archive) as before:
        members = {name: before.read(name) for name in before.namelist()} | dict(changes)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as after:
        for name, data in members.items():
            if data is not None:
                after.writestr(f"{prefix}{name}", data)
    return target


def with_sums(members: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the members of a publication with a list of sums that fits them, as a forger would."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(members.items())]
    return {**members, "SHA256SUMS": "".join(lines).encode()}
