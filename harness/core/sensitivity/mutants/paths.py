"""Which source files may be mutated: the project's own Python files, never its tests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.core.sensitivity.mutants.whole_copy import project_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harness.core.storage.project import Project

_SUFFIX = ".py"
_TEST_FOLDERS = frozenset({"test", "tests", "testing"})


def source_files(project: Project, paths: Sequence[Path]) -> list[str]:
    """Return the source files that *paths* name, relative to the project; all of it if there is none.

    Raises
    ------
    UsageError
        If a path is outside the project, does not exist, or is or has nothing to mutate.
    """
    files = [file for file in sorted(project_files(project)) if _is_source(file)]
    if not files:
        raise _wrong(project.root, "none there", "There is nothing to mutate.")
    if not paths:
        return files
    found = [file for path in paths for file in _named(project, path, files)]
    return list(dict.fromkeys(found))


def _named(project: Project, path: Path, files: Sequence[str]) -> Iterator[str]:
    """Yield those of *files* that a path names."""
    absolute, root = Path(os.path.realpath(path)), Path(os.path.realpath(project.root))
    if not absolute.exists():
        raise _wrong(path, "no such file or directory", "Correct the path.")
    if not absolute.is_relative_to(root):
        raise _wrong(path, f"a path outside of {project.root}", "Only the project's own code is mutated.")
    relative = absolute.relative_to(root).as_posix()
    inside = [file for file in files if relative in {".", file} or file.startswith(f"{relative}/")]
    if not inside and absolute.suffix == _SUFFIX and not _is_source(relative):
        raise _wrong(path, "a test", "Tests are never mutated. Name the code that they test.")
    if not inside:
        raise _wrong(path, "none there", "Name a Python file, or a directory with some.")
    yield from inside


def _is_source(file: str) -> bool:
    """Whether a file is Python code and not a test, as pytest finds tests."""
    *folders, name = file.split("/")
    is_test = name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py"
    return name.endswith(_SUFFIX) and not is_test and _TEST_FOLDERS.isdisjoint(folders)


def _wrong(path: Path, found: str, remedy: str) -> UsageError:
    return UsageError(str(path), expected="source files of this project", found=found, remedy=remedy)
