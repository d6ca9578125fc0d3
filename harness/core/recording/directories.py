"""The files below a directory that may become golden, and what is left out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import RefusedError, UsageError
from harness.core.registry.registry import history_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.storage.project import Project


class FilesBelow(NamedTuple):
    """Files below a directory, sorted, and what is left out, each with the reason."""

    files: tuple[Path, ...]
    skipped: tuple[tuple[str, str], ...]


def files_below(project: Project, folder: Path) -> FilesBelow:
    """Return the files in *folder* and its directories.

    Hidden files and directories are left out, and links that lead out of the repository, to a directory or
    nowhere. The history, which is not a golden file itself, is left out without a reason.

    Parameters
    ----------
    project : Project
    folder : Path
        Below the golden directory, or that directory.

    Raises
    ------
    UsageError
        If nothing is left.

    Examples
    --------
    >>> from harness import Project
    >>> for name in ("b", "a", ".hidden"):
    ...     Path("golden").mkdir(exist_ok=True)
    ...     Path("golden", name).touch()
    >>> found = files_below(Project(Path.cwd()), Path("golden"))
    >>> [path.name for path in found.files], found.skipped
    (['a', 'b'], (('golden/.hidden', 'hidden'),))
    """
    files: list[Path] = []
    skipped: list[tuple[str, str]] = []
    for path in sorted(_walk(folder), key=lambda path: path.parts):
        if path.resolve() == history_path(project).resolve():
            continue
        reason = _reason(project, path)
        if reason:
            skipped.append((project.relative(path), reason))
        else:
            files.append(path)
    if not files:
        raise UsageError(
            str(folder),
            expected="a directory with files",
            found="none that may become golden",
            remedy="Name a file, or another directory.",
        )
    return FilesBelow(tuple(files), tuple(skipped))


def _walk(folder: Path) -> Iterator[Path]:
    """Yield files and links below *folder*, and hidden directories, which are not entered."""
    for above, folders, names in os.walk(folder):
        closed = [name for name in folders if name.startswith(".") or Path(above, name).is_symlink()]
        folders[:] = [name for name in folders if name not in closed]
        yield from (Path(above, name) for name in (*closed, *names))


def _reason(project: Project, path: Path) -> str:
    """Return why a path below the directory is left out; empty if it is not."""
    if path.name.startswith("."):
        return "hidden"
    try:
        project.locate(project.relative(path))
    except RefusedError:
        return (
            f"a link to {os.path.realpath(path)}, outside the repository" if path.is_symlink() else "outside"
        )
    if path.is_file():
        return ""
    if path.is_dir():
        return "a link to a directory"
    return "a link to nothing" if path.is_symlink() else "not a regular file"
