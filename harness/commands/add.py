"""``harness add``: register files as they are."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, project_to_write, root_option
from harness.core.errors import RefusedError
from harness.core.system.ci import require_not_ci

if TYPE_CHECKING:
    from harness.core.registry.registry import Kind


@click.command("add")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--reason", required=True, help="Why it is golden; kept in registry.json.")
@root_option
@json_option
def command(files: tuple[Path, ...], reason: str, root: Path | None, *, as_json: bool) -> int:
    """Register files below golden/ with their size and digests.

    An .npz and the manifest beside it are registered as a fixture's two files.

    \b
    Example:
      harness add golden/mask.tif --reason "detector mask of run 7"
    """
    from harness.core.recording.regenerate import Staged, commit, plan

    require_not_ci()
    project = project_to_write(root)
    staged = [
        Staged(_golden(project.relative(path), project.golden_name), _kind(path), path) for path in files
    ]
    changes = plan(project, staged)
    commit(project, changes, reason=reason, command=shlex.join(["harness", *sys.argv[1:]]))
    paths = [change.path for change in changes]
    emit(paths, as_json=as_json, render=lambda: click.echo("\n".join(f"registered {p}" for p in paths)))
    return 0


def _kind(path: Path) -> Kind:
    """A fixture's archive and manifest stand side by side; all else is a file."""
    if path.suffix == ".npz" and path.with_suffix(".json").is_file():
        return "fixture"
    return "manifest" if path.suffix == ".json" and path.with_suffix(".npz").is_file() else "file"


def _golden(relative: str, directory: str) -> str:
    if relative.startswith(f"{directory}/"):
        return relative
    raise RefusedError(
        relative, expected=f"a file below {directory}/", found="another place", remedy="Move it there first."
    )
