"""``harness add``: register files in registry.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import (
    command_line,
    emit,
    json_option,
    project_to_write,
    quiet_option,
    root_option,
)
from harness.core.errors import HarnessError, RefusedError
from harness.core.registry.golden_names import archive_of, manifest_of, name_of
from harness.core.system.ci import require_not_ci
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.recording.staged import Staged
    from harness.core.registry.format import Kind
    from harness.core.storage.project import Project


@verb("add")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--reason", required=True, help="Why the files are golden; kept in their records.")
@quiet_option("Do not list the registered files.")
@root_option
@json_option
def command(paths: tuple[Path, ...], reason: str, root: Path | None, *, quiet: bool, as_json: bool) -> int:
    """An .npz file and the manifest beside it are registered as one fixture.

    The manifest must describe the arrays and have the file's name. The files themselves are not changed. Of a
    directory, all files in it are registered, also those in directories in it. Hidden ones are skipped, and
    links that lead out of the repository.

    \b
    Examples:
      harness add golden/mask.tif --reason "detector mask of run 7"
      harness add golden/masks --reason "detector masks of 2031"
    """
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan

    require_not_ci()
    project = project_to_write(root)
    files, skipped = _expand(project, paths)
    for path, why in skipped:
        click.echo(plain_line(f"skipped {path}: {why}"), err=True)
    changes = plan(project, staged_as_they_are(project, files))
    commit(
        project,
        changes,
        reason=reason,
        command=command_line(),
        say=lambda line: click.echo(line, err=True),
    )
    registered = [change.path for change in changes]
    emit(
        {"paths": registered, "skipped": [{"path": path, "why": why} for path, why in skipped]},
        as_json=as_json,
        render=lambda: _show(registered, quiet=quiet),
    )
    return 0


def staged_as_they_are(project: Project, files: Sequence[Path]) -> list[Staged]:
    """Return files below the golden directory as what they would be registered as.

    Raises
    ------
    HarnessError
        If one is elsewhere, an archive is damaged, or a manifest describes other arrays; or if the other
        half of one that is registered is only in the project's store, and cannot be fetched.
    """
    from harness.core.recording.staged import Staged

    _require_parts(project, files)
    staged = [
        Staged(_golden(project.relative(path), project.golden_name), _kind(path), path) for path in files
    ]
    _require_sound_archives(staged)
    _require_sound_fixtures(project, staged)
    return staged


def _require_parts(project: Project, files: Sequence[Path]) -> None:
    """Have the other half of each registered fixture and baseline here: it says of what kind a file is."""
    from harness.core.registry.registry import read_registry
    from harness.core.registry.stored.fetching import require_here

    entries = read_registry(project.registry).entries
    parts = {project.relative(part) for file in files for part in (archive_of(file), manifest_of(file))}
    require_here(project, {path: entries[path] for path in sorted(parts & entries.keys())})


def _expand(project: Project, paths: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[tuple[str, str], ...]]:
    """Return the files that *paths* name, with those in directories; and what is left out, and why."""
    from harness.core.recording.directories import files_below

    files: list[Path] = []
    skipped: list[tuple[str, str]] = []
    for path in paths:
        if path.is_dir():
            _golden(f"{project.relative(path)}/", project.golden_name)
            found = files_below(project, path)
            files += found.files
            skipped += found.skipped
        else:
            files.append(path)
    return tuple(dict.fromkeys(files)), tuple(skipped)


def _show(paths: Sequence[str], *, quiet: bool) -> None:
    for path in () if quiet else paths:
        show_lines([plain_line(f"registered {path}")])
    if not paths:
        show_lines(["nothing to register: all files are golden as they are"])


def _kind(path: Path) -> Kind:
    """Return the kind of a file: a fixture's archive or manifest, a baseline or its arrays, or another file.

    What is beside an .npz is its manifest, readable or not, unless it is a baseline.
    """
    if _is_tolerances(path):
        return "tolerances"
    document = manifest_of(path)
    if path.suffix not in {".npz", ".json"} or not document.is_file():
        return "file"
    is_archive = path.suffix == ".npz"
    if _is_baseline(document):
        return "result" if is_archive else "baseline"
    if is_archive:
        return "fixture"
    return "manifest" if archive_of(path).is_file() else "file"


def _is_tolerances(path: Path) -> bool:
    from harness.core.baselines.array_tolerances import SUFFIX, read_tolerance_document

    try:
        return path.name.endswith(SUFFIX) and bool(read_tolerance_document(path))
    except HarnessError:
        return False


def _is_baseline(path: Path) -> bool:
    from harness.core.baselines.baseline import read_baseline

    try:
        read_baseline(path)
    except HarnessError:
        return False
    return True


def _require_sound_archives(staged: Iterable[Staged]) -> None:
    """Raise unless every program finds the same members in each .npz, whatever it is registered as."""
    from harness.core.storage.npz import Arrays

    for item in staged:
        if item.data.suffix == ".npz":
            Arrays(item.data)


def _require_sound_fixtures(project: Project, staged: Iterable[Staged]) -> None:
    """Raise unless each manifest of a staged fixture has its path's name and describes its arrays."""
    from harness.core.fixtures.fixture import require_matching_manifest
    from harness.core.fixtures.manifest import read_manifest
    from harness.core.storage.npz import Arrays

    of_fixtures = (item for item in staged if item.kind in {"fixture", "manifest"})
    for path, archive in {
        manifest_of(Path(item.path)): archive_of(item.data) for item in of_fixtures
    }.items():
        manifest, name = read_manifest(manifest_of(archive)), name_of(project, path.as_posix())
        if manifest.name != name:
            raise RefusedError(
                path.as_posix(),
                expected=f"a manifest of {name!r}",
                found=f"one of {manifest.name!r}",
                message=f"{path.as_posix()} has the name {manifest.name!r}, which is not its path's",
                remedy=f"Rename both files to {manifest.name}.npz and {manifest.name}.json below "
                f"{project.golden_name}/, or make the fixture again with the name {name!r}.",
            )
        require_matching_manifest(archive, Arrays(archive), manifest)


def _golden(relative: str, directory: str) -> str:
    """Return *relative*; raise RefusedError if it is not below *directory*."""
    if relative.startswith(f"{directory}/"):
        return relative
    raise RefusedError(
        relative,
        expected=f"a file below {directory}/",
        found="a file outside it",
        remedy=f"Move the file to {directory}/ first.",
    )
