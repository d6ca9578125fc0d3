"""Copies of a whole project, for code with errors in it to run in.

The files are those of the work tree: what git tracks or would add, and single files that it ignores, such as
compiled modules. Directories that git ignores as a whole are left out: environments, caches, builds.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.sensitivity.scratch_copy import scratch_copy
from harness.core.storage.project import WORKSPACE, Project
from harness.core.system.git_objects import ask_git, is_in_repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_LEFT_OUT = frozenset({".git", WORKSPACE, "__pycache__", "build", "dist", "node_modules"})
_MOST_IGNORED_BYTES = 64 << 20
_LATER_SECONDS = 10


def copy_whole(project: Project, folder: Path) -> Project:
    """Copy *project* to ``folder/copy``, with its golden files and its git history; return the copy.

    Raises
    ------
    UnreadableError
        If git cannot read the repository.
    """
    target = folder / "copy"
    with scratch_copy(project) as made:
        shutil.copytree(made.root, target, symlinks=True)
    for relative in project_files(project):
        if not os.path.lexists(target / relative):  # settings without the store, golden files from the store
            _copy(project.root / relative, target / relative)
    return Project(target, project.golden_name)


def project_files(project: Project) -> Iterator[str]:
    """Yield the paths of the files that are copied, relative to the project, but for golden ones."""
    if not is_in_repository(project.root):
        yield from _walk(project.root)
        return
    listed = ask_git(project.root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    ignored = ask_git(
        project.root,
        "ls-files",
        "-z",
        "--others",
        "--ignored",
        "--exclude-standard",
        "--directory",
        "--",
        ".",
    )
    yield from dict.fromkeys(filter(None, listed.split("\0")))
    for relative in filter(None, ignored.split("\0")):
        path = project.root / relative
        if path.is_file() and path.stat().st_size <= _MOST_IGNORED_BYTES:
            yield relative


def _walk(root: Path) -> Iterator[str]:
    """Yield all files outside git, but for those of caches, builds and environments."""
    for name, folders, files in os.walk(root):
        folder = Path(name)
        folders[:] = [one for one in folders if one not in _LEFT_OUT and not _is_environment(folder / one)]
        yield from ((folder / file).relative_to(root).as_posix() for file in files)


def _is_environment(folder: Path) -> bool:
    return (folder / "pyvenv.cfg").is_file() or folder.name.startswith(".")


def _copy(source: Path, target: Path) -> None:
    if not source.is_symlink() and not source.is_file():  # deleted, or a submodule
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target, follow_symlinks=False)


def copy_again(copy: Project, folder: Path) -> Project:
    """Copy a copy to ``folder/copy``; return the new one."""
    target = folder / "copy"
    shutil.copytree(copy.root, target, symlinks=True)
    return Project(target, copy.golden_name)


def keep_compiled(used: Project, copy: Project) -> None:
    """Copy compiled modules from a copy that tests ran in to another one, so that they start faster."""
    for cache in used.root.rglob("__pycache__"):
        shutil.copytree(cache, copy.root / cache.relative_to(used.root), dirs_exist_ok=True)


def replace_source(copy: Project, path: str, text: str) -> None:
    """Write another text to a source file of a copy; no compiled module of the former one is used again."""
    file = copy.root / path
    before = file.stat().st_mtime
    for compiled in _compiled(file):
        compiled.unlink()
    file.write_bytes(text.encode())
    os.utime(file, (before + _LATER_SECONDS,) * 2)


def _compiled(file: Path) -> Iterable[Path]:
    return (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc")
