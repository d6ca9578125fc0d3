"""A copy of a repository's golden files, with its history, to break on purpose."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.storage.project import REGISTRY, Project
from harness.core.system.git import read_git

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEPT = (REGISTRY, "pyproject.toml")


@contextlib.contextmanager
def rehearsal(project: Project) -> Iterator[Project]:
    """A project in a temporary directory: golden files, registry and settings as they are now, git's history.

    What is done to it touches nothing of *project*. It is gone when the context ends.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Project(Path(folder).resolve() / "copy", project.golden_name)
        _clone(project, copy)
        shutil.rmtree(copy.golden, ignore_errors=True)
        shutil.copytree(project.golden, copy.golden, symlinks=True)
        for name in _KEPT:
            if (project.root / name).is_file():
                shutil.copy2(project.root / name, copy.root / name)
        yield copy


def _clone(project: Project, copy: Project) -> None:
    """Clone the history without its files; a project outside git gets a plain directory."""
    arguments = ("clone", "--quiet", "--shared", "--no-checkout", str(project.root), str(copy.root))
    cloned = read_git(project.root, *arguments) if (project.root / ".git").exists() else None
    if cloned is None:
        copy.root.mkdir(exist_ok=True)
        return
    read_git(copy.root, "reset", "--quiet")


def committed(copy: Project, message: str) -> None:
    """Commit golden files and registry of a copy as they are: what CI is shown. Without git, nothing."""
    if not (copy.root / ".git").exists():
        return
    read_git(copy.root, "add", "--force", "--all", "--", copy.golden_name, *_tracked(copy))
    identity = ("-c", "user.name=rehearsal", "-c", "user.email=rehearsal@localhost")
    read_git(copy.root, *identity, "commit", "--quiet", "--no-verify", "--message", message)


def _tracked(copy: Project) -> list[str]:
    return [name for name in _KEPT if (copy.root / name).exists()]
