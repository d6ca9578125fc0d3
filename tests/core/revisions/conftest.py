"""A project in a git repository whose golden files change from commit to commit."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from harness.core.revisions.compare import compare_revisions
from harness.core.revisions.compare_files import DEFAULTS
from harness.core.revisions.names import find_revisions

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.revisions.compare_files import ArrayOptions
    from harness.core.revisions.values import Comparison, FileChange
    from harness.core.storage.project import Project


@dataclass(frozen=True, slots=True)
class Repository:
    """The project, and git in it."""

    project: Project

    @property
    def root(self) -> Path:
        return self.project.root

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.root), "-c", "commit.gpgsign=false", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def commit(self, subject: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", subject)
        return self.git("rev-parse", "HEAD").strip()

    def compare(self, *words: str, options: ArrayOptions = DEFAULTS) -> Comparison:
        return compare_revisions(self.project, *find_revisions(self.root, words), options)

    def change(self, path: str, *words: str, options: ArrayOptions = DEFAULTS) -> FileChange:
        """The change of one file."""
        (found,) = (file for file in self.compare(*words, options=options).files if file.path == path)
        return found


@pytest.fixture
def repository(empty) -> Repository:
    """A git repository with one commit and no golden files."""
    made = Repository(empty)
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "Ada Lovelace")
    made.git("config", "user.email", "ada@example.org")
    (empty.root / "README").write_text("An example.")
    (empty.root / ".gitignore").write_text(".harness\n")
    made.commit("Begin")
    return made


@pytest.fixture
def lattice(repository, record, staged, staged_baseline) -> Repository:
    """That repository with a fixture and a baseline, recorded and committed."""
    record([*staged(), staged_baseline(mae=0.25, ssim=0.875)])
    repository.commit("Record the lattice")
    return repository


@pytest.fixture
def moved(lattice, record, staged, arrays) -> Repository:
    """A later commit in which one pixel of the image differs."""
    arrays["image"][1, 2] += 0.5
    record(staged(arrays=arrays), "finer mesh")
    lattice.commit("Use a finer mesh")
    return lattice
