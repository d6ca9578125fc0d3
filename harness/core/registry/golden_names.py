"""Which golden files belong together, by their names.

=============================  =========================================
``golden/<name>.npz``          a fixture's archive
``golden/<name>.json``         its manifest
``golden/<name>.<pipeline>.json``  a pipeline's baseline on that fixture
``golden/<name>.<pipeline>.npz``   the arrays behind the baseline
``golden/<name>.tolerances.json``  measured tolerances of a fixture's arrays
=============================  =========================================

A name may have directories, such as ``optics/lattice``.
"""

from __future__ import annotations

from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from harness.core.baselines.array_tolerances import SUFFIX
from harness.core.baselines.baseline import read_baseline
from harness.core.registry.registry import read_registry

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from harness.core.registry.format import Entry
    from harness.core.storage.project import Project

AnyPath = TypeVar("AnyPath", bound=PurePath)


class BaselineFiles(NamedTuple):
    """A golden baseline: its fixture's archive, its pipeline's name, and the baseline's own file."""

    fixture: Path
    pipeline: str
    path: Path


def fixtures(project: Project) -> Iterator[Path]:
    """Archives of all golden fixtures, sorted; they and their manifests come from the store if need be."""
    for path, entry in sorted(_entries_here(project, "fixture", "manifest").items()):
        if entry.kind == "fixture":
            yield project.locate(path)


def baselines(project: Project) -> Iterator[BaselineFiles]:
    """All golden baselines, sorted by path; they and their arrays come from the store if need be."""
    for path, entry in sorted(_entries_here(project, "baseline", "result", "fixture", "manifest").items()):
        if entry.kind == "baseline":
            file = project.locate(path)
            fixture, pipeline = split_baseline_name(file.stem)
            yield BaselineFiles(file.with_name(f"{fixture}.npz"), pipeline, file)


def _entries_here(project: Project, *kinds: str) -> Mapping[str, Entry]:
    """Return the registry's entries, after the files of some kinds that only the store has came here."""
    from harness.core.registry.stored.fetching import require_here

    entries = read_registry(project.registry).entries
    require_here(project, {path: entry for path, entry in entries.items() if entry.kind in kinds})
    return entries


def pipeline_baselines(project: Project, declared: Collection[str]) -> Iterator[BaselineFiles]:
    """The golden baselines of pipelines, sorted by path; those of a test's own metrics are left out.

    Parameters
    ----------
    project : Project
    declared : collection of str
        Names of the pipelines that the project has. A baseline that was measured on a fixture is a
        pipeline's, too, even if that pipeline is gone.
    """
    for item in baselines(project):
        if item.pipeline in declared or read_baseline(item.path).fixture is not None:
            yield item


def name_of(project: Project, path: str) -> str:
    """Name of a fixture or baseline, from the path of one of its files in the registry.

    >>> from harness import Project
    >>> name_of(Project(Path("/repository")), "golden/optics/lattice.npz")
    'optics/lattice'
    """
    name = PurePosixPath(path).with_suffix("")
    return str(name.relative_to(project.golden_name) if path.startswith(f"{project.golden_name}/") else name)


def manifest_of(archive: AnyPath) -> AnyPath:
    """The manifest beside an archive; the baseline beside a pipeline's arrays.

    >>> manifest_of(PurePath("golden/lattice.npz")).name
    'lattice.json'
    """
    return archive.with_suffix(".json")


def archive_of(document: AnyPath) -> AnyPath:
    """The archive beside a manifest or a baseline.

    >>> archive_of(PurePath("golden/lattice.smooth.json")).name
    'lattice.smooth.npz'
    """
    return document.with_suffix(".npz")


def tolerances_of(archive: AnyPath) -> AnyPath:
    """The measured tolerances beside an archive.

    >>> tolerances_of(PurePath("golden/lattice.npz")).name
    'lattice.tolerances.json'
    """
    return archive.with_name(archive.name.removesuffix(".npz") + SUFFIX)


def split_baseline_name(stem: str) -> tuple[str, str]:
    """Names of the fixture and of the pipeline in a baseline's file name without its suffix.

    The pipeline's name is empty where there is none: a metrics baseline of a test, or a fixture's own file.
    Dots in the names of directories do not count.

    >>> split_baseline_name("optics.v2/lattice.smooth")
    ('optics.v2/lattice', 'smooth')
    """
    folder, slash, last = stem.rpartition("/")
    fixture, _, pipeline = last.partition(".")
    return f"{folder}{slash}{fixture}", pipeline
