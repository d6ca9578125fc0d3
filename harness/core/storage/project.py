"""Where a repository keeps its registry and its golden files."""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from harness.core.errors import RefusedError, UsageError

REGISTRY = "registry.json"
JOURNAL = ".harness/transaction/journal.json"
_LONGEST_PART, _LONGEST_PATH = 255, 1024  # bytes that any file system takes
_USUAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_MARKS = ("pyproject.toml", ".git")


class Project(NamedTuple):  # every pytest run and every verify start with it: quick to import
    """A repository's root, as an absolute path, and the name of its golden directory."""

    root: Path
    golden_name: str = "golden"

    @property
    def registry(self) -> Path:
        """The registry's path."""
        return self.root / REGISTRY

    @property
    def golden(self) -> Path:
        """The golden directory's path."""
        return self.root / self.golden_name

    @property
    def is_interrupted(self) -> bool:
        """Whether a transaction has begun and not ended. It may still be running: its lock tells."""
        return os.path.lexists(self.root / JOURNAL)  # a link that leads nowhere is a broken journal

    def relative(self, path: Path) -> str:
        """*path* as the registry writes it: below the root, with POSIX separators.

        Raises
        ------
        RefusedError
            If the path lies elsewhere.
        """
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links must stay visible here
        if not absolute.is_relative_to(self.root):
            raise _outside(str(path), str(absolute))
        return absolute.relative_to(self.root).as_posix()

    def locate(self, relative: str) -> Path:
        """The file that a registered path names.

        Raises
        ------
        RefusedError
            If the path is absolute, climbs out, or leads out through a symbolic link.
        """
        require_inner(relative)
        path = self.root / relative
        target = Path(os.path.realpath(path))  # a link that leads to itself is no error here
        if not target.is_relative_to(os.path.realpath(self.root)):
            raise _outside(relative, str(target))
        return path


def find_project(start: Path | None = None) -> Project:
    """The project that *start* (the current directory) belongs to: the nearest one with a registry.

    Raises
    ------
    UsageError
        If there is no registry in *start* or above it.
    """
    folder = Path(start or Path.cwd()).resolve()
    for candidate in (folder, *folder.parents):
        if (candidate / REGISTRY).exists() or (candidate / JOURNAL).exists():
            return Project(candidate)
    raise UsageError(
        str(folder),
        expected=f"a {REGISTRY} here or in a directory above",
        found="none",
        remedy="Change to the repository, name it with --root, or record a first golden file.",
    )


def find_or_start_project(start: Path | None = None) -> Project:
    """The project that *start* belongs to, or the one that its first golden file will make.

    Without a registry, a project's root is the nearest directory with a pyproject.toml or a git repository.

    Raises
    ------
    UsageError
        If there is neither.
    """
    try:
        return find_project(start)
    except UsageError:
        folder = Path(start or Path.cwd()).resolve()
        for candidate in (folder, *folder.parents):
            if any((candidate / mark).exists() for mark in _MARKS):
                return Project(candidate)
        raise


def require_inner(relative: str) -> None:
    """Raise :class:`RefusedError` unless *relative* is a plain POSIX path that stays inside and can exist."""
    if len(relative) <= _LONGEST_PART and _USUAL.fullmatch(relative):
        return
    parts = PurePosixPath(relative).parts
    if len(relative) > _LONGEST_PATH or any(len(os.fsencode(part)) > _LONGEST_PART for part in parts):
        raise _outside(relative, f"{len(relative)} characters, more than a file's name can have")
    plain = relative.isprintable() and not set(relative) & set("\\:") and not relative.startswith("/")
    if not plain or not parts or ".." in parts or str(PurePosixPath(relative)) != relative:
        raise _outside(relative, "another kind of path")


def _outside(thing: str, found: str) -> RefusedError:
    return RefusedError(
        thing,
        expected="a path inside the repository, with / between its parts",
        found=found,
        remedy="Keep golden files in the repository and correct the path.",
    )
