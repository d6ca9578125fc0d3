"""Where source files are: by the name and digest that a manifest records, in places that a project lists.

::

    [tool.harness]
    sources = ["../shared/data"]

Paths are relative to the project's root; each is a directory or a single file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.domain.catalogue import source_places
from harness.core.storage.digest import digest_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.fixtures.manifest import Source
    from harness.core.storage.project import Project


def find_source(project: Project, source: Source, given: Path | None = None) -> Path | None:
    """The very file that *source* names, with its digest; None where no place has it.

    Parameters
    ----------
    project : Project
    source : Source
        From a manifest.
    given : Path, optional
        A file or directory to look at before those that the project lists.
    """
    files = _candidates(project, source.name, given)
    return next((file for file in files if digest_file(file) == source.digest), None)


def find_any(project: Project, source: Source, given: Path | None = None) -> Path | None:
    """The file that *source* names; where no place has it, the first that only has its name."""
    exact = find_source(project, source, given)
    return exact or next(_candidates(project, source.name, given), None)


def _candidates(project: Project, name: str, given: Path | None) -> Iterator[Path]:
    listed = source_places(project.root)
    for place in (given, *listed) if given else listed:
        file = place / name if place.is_dir() else place
        if file.name == name and file.is_file():
            yield file
