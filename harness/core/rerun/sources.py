"""Finding source files by the name and digest that a manifest records, in the places that a project lists.

::

    [tool.harness]
    sources = ["../shared/data"]

Paths are relative to the project's root; each is a directory or a single file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.domain.settings import source_places
from harness.core.storage.digest import digest_source, sha256_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.fixtures.manifest import Source
    from harness.core.storage.project import Project


def find_source(project: Project, source: Source, given: Path | None = None) -> Path | None:
    """Return the file with the name and the digest of *source*; None if there is none.

    Parameters
    ----------
    project : Project
    source : Source
        From a manifest.
    given : Path, optional
        A file or directory to search before those that the project lists.
    """
    files = _candidates(project, source.name, given)
    return next((file for file in files if source_digest(file, source) == source.digest), None)


def source_digest(file: Path, source: Source) -> str:
    """Return a file's or folder's digest by the algorithm that *source* names: ``sha256:`` or ``xxh128:``."""
    return sha256_file(file) if source.digest.startswith("sha256:") else digest_source(file)


def find_any(project: Project, source: Source, given: Path | None = None) -> Path | None:
    """Return the file with the name and the digest of *source*, else the first with its name, else None."""
    exact = find_source(project, source, given)
    return exact or next(_candidates(project, source.name, given), None)


def _candidates(project: Project, name: str, given: Path | None) -> Iterator[Path]:
    listed = source_places(project.root)
    for place in (given, *listed) if given else listed:
        file = place / name if place.is_dir() and place.name != name else place
        if file.name == name and (file.is_file() or file.is_dir()):
            yield file
