"""A project in git whose archive is in a store, and not in git."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"


def run_git(folder: Path, *words: str) -> str:
    """Run git in *folder*, as somebody whom no configuration of this machine names."""
    names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    env = {**os.environ, **dict.fromkeys(names, "somebody"), "GIT_CONFIG_GLOBAL": os.devnull}
    command = ["git", "-C", str(folder), "-c", "init.defaultBranch=main", *words]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def git():
    return run_git


@pytest.fixture
def store_folder(tmp_path) -> Path:
    """The directory that is the store; it is there, and empty."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def empty(tmp_path, store_folder, monkeypatch) -> Project:
    """A project without golden files, with a store, in git."""
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    root = tmp_path / "repository"
    root.mkdir(exist_ok=True)
    (root / "pyproject.toml").write_text(f'[tool.harness]\nstore = "{store_folder.as_uri()}"\n')
    (root / ".gitignore").write_text("golden/**/*.npz\n")
    run_git(root, "init", "-q")
    run_git(root, "add", "--all")
    run_git(root, "commit", "-q", "-m", "start")
    return Project(root)


@pytest.fixture
def kept(project) -> Project:
    """The project with all golden files recorded and committed; git ignores its archive."""
    run_git(project.root, "add", "--all")
    run_git(project.root, "commit", "-q", "-m", "first golden files")
    return project


@pytest.fixture
def entry(kept):
    """Return the entry of a registered file."""
    return lambda path: read_registry(kept.registry).entries[path]


@pytest.fixture
def object_of(store_folder):
    """Return where the store has the object of an entry."""

    def path(entry) -> Path:
        digits = entry.sha256.partition(":")[2]
        return store_folder / "sha256" / digits[:2] / digits[2:]

    return path


@pytest.fixture
def unreachable(store_folder):
    """Put a file in the store's place, so that it can neither be read nor written."""

    def take_away() -> None:
        store_folder.rename(store_folder.with_name("elsewhere"))
        store_folder.write_text("no store")

    return take_away
