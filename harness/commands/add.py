"""``harness add``: register a file that no generator makes."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click

from harness.commands.options import emit, json_option, project_at, root_option
from harness.core.errors import RefusedError


@click.command("add")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--reason", required=True, help="Why it is golden; kept in registry.json.")
@root_option
@json_option
def command(files: tuple[Path, ...], reason: str, root: Path | None, *, as_json: bool) -> int:
    """Register files below golden/ with their size and digests.

    \b
    Example:
      harness add golden/mask.tif --reason "detector mask of run 7"
    """
    from harness.core.regenerate import Staged, commit, plan

    project = project_at(root)
    staged = [Staged(_golden(project.relative(path), project.golden_name), "file", path) for path in files]
    changes = plan(project, staged)
    commit(project, changes, reason=reason, command=shlex.join(["harness", *sys.argv[1:]]))
    paths = [change.path for change in changes]
    emit(paths, as_json=as_json, render=lambda: click.echo("\n".join(f"registered {p}" for p in paths)))
    return 0


def _golden(relative: str, directory: str) -> str:
    if relative.startswith(f"{directory}/"):
        return relative
    raise RefusedError(
        relative, expected=f"a file below {directory}/", found="another place", remedy="Move it there first."
    )
