"""A temporary copy of a repository's golden files and git history, to inject faults into."""

from __future__ import annotations

import contextlib
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.fetching import require_here
from harness.core.storage.project import REGISTRY, Project
from harness.core.storage.remote.settings import find_store
from harness.core.system.git import run_git
from harness.core.system.git_objects import git_failed

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS = "pyproject.toml"
_KEPT = (REGISTRY, _SETTINGS)
_STORE = re.compile(r"(?ms)^(\[tool\.harness\][^\n]*\n(?:(?!\[)[^\n]*\n)*?)store[ \t]*=[^\n]*\n?")


@contextlib.contextmanager
def scratch_copy(project: Project) -> Iterator[Project]:
    """Copy *project* to a temporary directory, which is removed when the context ends.

    The copy has the golden files, registry and settings of the work tree, and the git history. Nothing done
    to it changes *project*. It has all golden files, also those that only the project's store has, and no
    store: what is recorded in a copy is sent nowhere.

    Raises
    ------
    UnreadableError
        If a golden file is not here and cannot be fetched.
    UsageError
        If pyproject.toml names the store in an unusual way.
    """
    require_here(project, read_registry(project.registry).entries)
    with tempfile.TemporaryDirectory() as folder:
        copy = Project(Path(folder).resolve() / "copy", project.golden_name)
        _clone(project, copy)
        shutil.rmtree(copy.golden, ignore_errors=True)
        if project.golden.is_dir():
            shutil.copytree(project.golden, copy.golden, symlinks=True)
        for name in _KEPT:
            if (project.root / name).is_file():
                shutil.copy2(project.root / name, copy.root / name)
        _make_writable(copy)
        _leave_store(copy)
        yield copy


def _leave_store(copy: Project) -> None:
    """Take the store's address out of a copy's settings."""
    if find_store(copy) is None:
        return
    file = copy.root / _SETTINGS
    file.write_text(_STORE.sub(r"\1", file.read_text("utf-8")), "utf-8")
    if find_store(copy) is not None:
        raise UsageError(
            f"{_SETTINGS}: [tool.harness] store",
            expected="a line of its own in the table [tool.harness]",
            found="another way to write it",
            remedy='Write `store = "..."` below [tool.harness].',
        )


def _make_writable(copy: Project) -> None:
    """Let the owner write everything in a copy: the project itself may be only readable."""
    for path in (copy.golden, *copy.golden.rglob("*"), *(copy.root / name for name in _KEPT)):
        if path.exists() and not path.is_symlink():
            path.chmod(path.stat().st_mode | stat.S_IWUSR)


def _clone(project: Project, copy: Project) -> None:
    """Clone the history without a checkout; outside git, make a plain directory."""
    arguments = ("clone", "--quiet", "--shared", "--no-checkout", str(project.root), str(copy.root))
    if not (project.root / ".git").exists():
        copy.root.mkdir(exist_ok=True)
        return
    done = run_git(project.root, *arguments)
    if not done.succeeded:
        raise git_failed(project.root, done)
    run_git(copy.root, "reset", "--quiet")


def commit_copy(copy: Project, message: str) -> None:
    """Commit the golden files and registry of a copy, as CI would see them; outside git, do nothing."""
    if not (copy.root / ".git").exists():
        return
    run_git(
        copy.root, "--literal-pathspecs", "add", "--force", "--all", "--", copy.golden_name, *_tracked(copy)
    )
    identity = ("-c", "user.name=scratch copy", "-c", "user.email=scratch-copy@localhost")
    run_git(copy.root, *identity, "commit", "--quiet", "--no-verify", "--message", message)


def committed_state(copy: Project) -> str | None:
    """Return the names of what a copy's last commit holds and follows, and of all else in git; None outside.

    The commit itself has a name of its own in each copy, because of its date.
    """
    done = run_git(copy.root, "rev-parse", "HEAD^{tree}", "HEAD^@", "--remotes", "--tags")
    return done.output if done.succeeded else None


def _tracked(copy: Project) -> list[str]:
    return [name for name in _KEPT if (copy.root / name).exists()]
