"""Where source files are: by the name and digest that a manifest records, in places that a project lists.

::

    [tool.harness]
    sources = ["../shared/data"]

Paths are relative to the project's root; each is a directory or a single file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.catalogue import load_reference, source_places
from harness.core.digest import digest_file
from harness.core.errors import HarnessError, RefusedError
from harness.core.generators import needs_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.manifest import Manifest, Source
    from harness.core.project import Project


def find_source(project: Project, source: Source, given: Path | None = None) -> Path | None:
    """The file that *source* names: with its digest if there is one, else of its name alone, else None.

    Parameters
    ----------
    project : Project
    source : Source
        From a manifest.
    given : Path, optional
        A file or directory to look at before those that the project lists.
    """
    files = list(_candidates(project, source.name, given))
    exact = (file for file in files if digest_file(file) == source.digest)
    return next(exact, next(iter(files), None))


def require_source(project: Project, manifest: Manifest) -> Path | None:
    """The very file that a fixture was made from; None for a generator that reads none.

    Raises
    ------
    RefusedError
        If no place that the project lists has it, or all have other bytes.
    """
    if not reads_source(manifest):
        return None
    source = manifest.source
    file = find_source(project, source)
    if file is not None and digest_file(file) == source.digest:
        return file
    raise RefusedError(
        f"fixture {manifest.name!r}",
        expected=f"its source {source.name}, {source.digest}, where the project keeps sources",
        found=f"{file} with other bytes" if file else "no such file",
        remedy='List its directory in pyproject.toml: [tool.harness] sources = ["PATH"].',
    )


def reads_source(manifest: Manifest) -> bool:
    """Whether a fixture's generator reads a source file.

    A generator that cannot be imported reads none: whoever runs it will say what is wrong with it.
    """
    try:
        return needs_source(load_reference(manifest.generator.call))
    except HarnessError:
        return False


def _candidates(project: Project, name: str, given: Path | None) -> Iterator[Path]:
    listed = source_places(project.root)
    for place in (given, *listed) if given else listed:
        file = place / name if place.is_dir() else place
        if file.name == name and file.is_file():
            yield file
