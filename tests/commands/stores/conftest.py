"""A project in git with two files in a store; git ignores them."""

from __future__ import annotations

import functools
import os
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pytest

from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.registry import read_registry
from harness.core.storage.npz import write_archive
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Stored:
    """A project, and the directory that is its store."""

    root: Path
    store: Path

    def object_of(self, path: str) -> Path:
        """Return where the store has the object of a registered file."""
        digits = read_registry(self.root / "registry.json").entries[path].sha256.partition(":")[2]
        return self.store / "sha256" / digits[:2] / digits[2:]

    def take_away(self) -> None:
        """Put a file in the store's place, so that it can neither be read nor written."""
        self.store.rename(self.store.with_name("elsewhere"))
        self.store.write_text("no store")

    def git(self, *words: str) -> str:
        """Run git, as somebody whom no configuration of this machine names."""
        names = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
        env = {**os.environ, **dict.fromkeys(names, "somebody"), "GIT_CONFIG_GLOBAL": os.devnull}
        command = ["git", "-C", str(self.root), *words]
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def stored(tmp_path, monkeypatch) -> Stored:
    """The project, recorded and committed; the files are here and in the store."""
    monkeypatch.delenv("HARNESS_CACHE", raising=False)
    made = Stored(tmp_path / "project", tmp_path / "store")
    made.store.mkdir()
    (made.root / "golden").mkdir(parents=True)
    (made.root / "pyproject.toml").write_text(f'[tool.harness]\nstore = "{made.store.as_uri()}"\n')
    (made.root / ".gitignore").write_text("*.npz\n*.bin\n")
    made.git("init", "-q")
    write_archive(made.root / "golden" / "a.npz", {"line": np.arange(120.0)})
    (made.root / "golden" / "b.bin").write_bytes(b"detector mask")
    project = Project(made.root)
    files = [Staged(f"golden/{name}", "file", project.golden / name) for name in ("a.npz", "b.bin")]
    commit(project, plan(project, files), reason="first", command="test")
    made.git("add", "--all")
    made.git("commit", "-q", "-m", "golden files")
    return made


@pytest.fixture
def harness_in(stored, run_harness):
    """Run ``harness ARGUMENTS`` in the project."""
    return functools.partial(run_harness, cwd=stored.root)
