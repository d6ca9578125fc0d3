"""Where a repository keeps its registry, its golden files and its workspace."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.atomic import make_directory, replace_file
from harness.core.storage.pytest_settings import find_pytest_settings

REGISTRY = "registry.json"
WORKSPACE = ".harness"
TRANSACTION = f"{WORKSPACE}/transaction"
JOURNAL = f"{TRANSACTION}/journal.json"

_MAX_PART, _MAX_PATH = 255, 1024  # bytes that any file system takes
_USUAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_ROOT_MARKERS = ("pyproject.toml", ".git")
_GOLDEN = "golden"
_KEY = "golden_dir"


# A named tuple, not a dataclass: importing dataclasses takes a fifth of the time of `harness verify`.
class Project(NamedTuple):
    """A repository's root, as an absolute path, and the name of its golden directory.

    Examples
    --------
    >>> Project(Path("/repository")).golden.as_posix()
    '/repository/golden'
    """

    root: Path
    golden_name: str = _GOLDEN

    @property
    def registry(self) -> Path:
        """The registry's path."""
        return self.root / REGISTRY

    @property
    def golden(self) -> Path:
        """The golden directory's path."""
        return self.root / self.golden_name

    @property
    def workspace(self) -> Path:
        """Directory of what is not golden: staged files, the lock, a transaction. It may not exist yet."""
        return self.root / WORKSPACE

    @property
    def journal(self) -> Path:
        """Path of a transaction's journal, which exists while one runs or if one was interrupted."""
        return self.root / JOURNAL

    @property
    def is_interrupted(self) -> bool:
        """Whether a transaction has started and not ended. If the lock is held, it is still running."""
        return os.path.lexists(self.journal)  # a dangling link counts: it is a damaged journal

    def relative(self, path: Path) -> str:
        """Return *path* as the registry writes it: relative to the root, with / between its parts.

        Raises
        ------
        RefusedError
            If the path is outside the repository.
        """
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        if not absolute.is_relative_to(self.root):
            raise _outside(str(path), str(absolute))
        return absolute.relative_to(self.root).as_posix()

    def locate(self, relative: str) -> Path:
        """Return the file that a registered path names.

        Raises
        ------
        RefusedError
            If the path is absolute, contains "..", or leads through a symbolic link out of the project, or
            into ``.git`` other than to the objects of git-annex.
        """
        require_inner(relative)
        path = self.root / relative
        if not self._is_direct(relative):
            target = Path(os.path.realpath(path))  # unlike resolve(), accepts a link that points to itself
            if not self._may_lead_to(target):
                raise _outside(relative, f"a link to {target}")
        return path

    def _is_direct(self, relative: str) -> bool:
        """Whether no part of a path is a link, and none is git's: then it is where it seems to be."""
        path = str(self.root)
        for part in relative.split("/"):
            path = f"{path}/{part}"
            if part == ".git" or os.path.islink(path):  # noqa: PTH114 - asked for every golden file, often
                return False
        return True

    def _may_lead_to(self, target: Path) -> bool:
        """Whether a link may lead to *target*, which has no links itself: the one rule for all verbs."""
        root = Path(os.path.realpath(self.root))
        if target.is_relative_to(root) and ".git" not in target.relative_to(root).parts:
            return True
        top = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), None)
        return top is not None and target.is_relative_to(os.path.realpath(top / ".git" / "annex"))


def find_project(start: Path | None = None) -> Project:
    """Return the project of *start* (default: the current directory), the nearest one with a registry.

    Raises
    ------
    UsageError
        If there is no registry in *start* or above it.

    Examples
    --------
    >>> Path("analysis/scripts").mkdir(parents=True)
    >>> _ = Path("analysis/registry.json").write_text("{}")
    >>> find_project(Path("analysis/scripts")).root.name
    'analysis'
    """
    folder = Path(start or Path.cwd()).resolve()
    root = nearest_registry(folder)
    if root is not None:
        return project_at(root)
    raise UsageError(
        str(folder),
        expected=f"a {REGISTRY} here or in a parent directory",
        found="none",
        message=f"no {REGISTRY} in {folder} or above it",
        remedy="Change to the repository, give its path with --root, or record a first golden file.",
    )


def find_or_start_project(start: Path | None = None) -> Project:
    """Return the project of *start*, or the one that its first golden file will start.

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
        root = nearest_registry(folder) or nearest_root(folder)
        if root is None:
            raise
        return project_at(root)


def nearest_registry(folder: Path) -> Path | None:
    """Return the nearest directory with a registry, *folder* or one above it; None if there is none."""
    candidates = (folder, *folder.parents)
    return next((c for c in candidates if (c / REGISTRY).exists() or (c / JOURNAL).exists()), None)


def nearest_root(folder: Path) -> Path | None:
    """Return the nearest directory with a pyproject.toml or a git repository; None if there is none."""
    candidates = (folder, *folder.parents)
    return next((c for c in candidates if any((c / marker).exists() for marker in _ROOT_MARKERS)), None)


def project_at(root: Path) -> Project:
    """Return the project with this root, an absolute path; its golden directory is pytest's ``golden_dir``.

    Raises
    ------
    UsageError
        If ``golden_dir`` is not the relative path of a directory inside the project.
    UnreadableError
        If pytest's configuration may set it and cannot be read.
    """
    settings = find_pytest_settings(root, _KEY)
    name = settings.values.get(_KEY)
    if name is None or name == "":
        return Project(root)
    return Project(root, require_golden_directory(name, settings.file))


def require_golden_directory(name: object, file: Path | None) -> str:
    """Return a value of ``golden_dir`` without a final /. Raise unless it is a directory in the project."""
    plain = name.rstrip("/") if isinstance(name, str) else ""
    problem = _path_problem(plain) if plain else "no path"
    if problem is None and plain.partition("/")[0] in {WORKSPACE, ".git"}:
        problem = "a directory with another use"
    if problem is None:
        return plain
    raise UsageError(
        f"{_KEY} in {file}" if file else _KEY,
        expected="the path of a directory inside the project, with / between its parts",
        found=f"{name!r}, {problem}",
        remedy='Give a path relative to the project, such as "tests/golden".',
    )


def make_workspace(project: Project) -> Path:
    """Make the workspace if it does not exist, with a .gitignore that hides it from git; return its path.

    Raises
    ------
    RefusedError
        As :func:`require_own_workspace`.
    UnwritableError
        If it cannot be made.
    """
    require_own_workspace(project)
    make_directory(project.workspace)
    ignore = project.workspace / ".gitignore"
    if not ignore.exists() or not ignore.stat().st_size:
        replace_file(ignore, b"*\n")
    return project.workspace


def require_own_workspace(project: Project) -> None:
    """Raise unless the workspace is this work tree's own: it has no links, and git tracks nothing in it.

    Raises
    ------
    RefusedError
        If a clone may have brought it along.
    UnreadableError
        If the project is in a repository that git cannot read.
    """
    from harness.core.system.git_objects import ask_git, is_in_repository  # verify starts without it

    for link in _links_in(project):
        raise RefusedError(
            str(link),
            expected="a file or directory that harness made",
            found="a symbolic link",
            remedy=f"Remove the link: `rm {shlex.quote(str(link))}`.",
        )
    if not (os.path.lexists(project.workspace) and is_in_repository(project.root)):
        return
    if ask_git(project.root, "--literal-pathspecs", "ls-files", "-z", "--", WORKSPACE):
        raise RefusedError(
            str(project.workspace),
            expected="a directory that git does not track",
            found="tracked files",
            remedy=f"Run `git rm -r -q -f {WORKSPACE}` in {project.root} and commit.",
        )


def _links_in(project: Project) -> list[Path]:
    """Return links among what harness makes: through them, other files would be written or removed."""
    if project.workspace.is_symlink():
        return [project.workspace]
    folders = (project.workspace, project.root / TRANSACTION)
    inner = [path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir())]
    return [path for path in inner if path.is_symlink()]


def require_inner(relative: str) -> None:
    """Raise :class:`RefusedError` unless *relative* is a plain POSIX path that stays inside and can exist."""
    if len(relative) <= _MAX_PART and _USUAL.fullmatch(relative):
        return
    if problem := _path_problem(relative):
        raise _outside(relative, problem)


def _path_problem(relative: str) -> str | None:
    parts = PurePosixPath(relative).parts
    if len(relative) > _MAX_PATH or any(len(os.fsencode(part)) > _MAX_PART for part in parts):
        return f"{len(relative)} characters, more than a file name can have"
    if relative.startswith("/"):
        return "an absolute path"
    if not relative.isprintable() or set(relative) & set("\\:"):
        return "a backslash, a colon or an unprintable character"
    if not parts or ".." in parts or str(PurePosixPath(relative)) != relative:
        return "an empty part, '.' or '..'"
    return None


def _outside(thing: str, found: str) -> RefusedError:
    return RefusedError(
        thing,
        expected="a path inside the repository, with / between its parts",
        found=found,
        remedy="Keep golden files in the repository and correct the path.",
    )
