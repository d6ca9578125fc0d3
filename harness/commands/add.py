"""``harness add``: register files in registry.json."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import command_line, emit, json_option, project_to_write, root_option
from harness.core.errors import RefusedError
from harness.core.registry.golden_names import archive_of, manifest_of
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from harness.core.registry.format import Kind


@verb("add")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--reason", required=True, help="Why the files are golden; kept in their records.")
@root_option
@json_option
def command(files: tuple[Path, ...], reason: str, root: Path | None, *, as_json: bool) -> int:
    """An .npz file and the manifest beside it are registered as one fixture.

    The files themselves are not changed.

    \b
    Example:
      harness add golden/mask.tif --reason "detector mask of run 7"
    """
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan
    from harness.core.recording.staged import Staged

    require_not_ci()
    project = project_to_write(root)
    staged = [
        Staged(_golden(project.relative(path), project.golden_name), _kind(path), path) for path in files
    ]
    changes = plan(project, staged)
    commit(project, changes, reason=reason, command=command_line())
    paths = [change.path for change in changes]
    emit(
        {"paths": paths},
        as_json=as_json,
        render=lambda: click.echo("\n".join(f"registered {p}" for p in paths)),
    )
    return 0


def _kind(path: Path) -> Kind:
    """Return the kind of a file: an .npz and a .json of the same name are a fixture and its manifest."""
    if path.suffix == ".npz" and manifest_of(path).is_file():
        return "fixture"
    return "manifest" if path.suffix == ".json" and archive_of(path).is_file() else "file"


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
