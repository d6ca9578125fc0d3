"""``harness install-git``: teach a repository's git about archives and the registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, project_to_write, root_option

if TYPE_CHECKING:
    from harness.core.registry.install_git import Setting


@click.command("install-git")
@root_option
@json_option
def command(root: Path | None, *, as_json: bool) -> int:
    """Install harness's two git helpers in a repository.

    Adds lines to .gitattributes (your own stay) and sets commands in the clone's git configuration. Then
    `git diff` shows archives as a table of arrays, and `git merge` merges registry.json entry by entry.
    Commit .gitattributes; run this once in every clone. Running it again changes nothing.

    \b
    Example:
      harness install-git --root .
    """
    from harness.core.registry.install_git import install, require_work_tree

    require_work_tree(root or Path.cwd())
    settings = install(project_to_write(root))
    emit(settings, as_json=as_json, render=lambda: _show(settings))
    return 0


def _show(settings: tuple[Setting, ...]) -> None:
    for setting in settings:
        click.echo(f"{setting.place}: {'set' if setting.changed else 'kept'} {setting.text}")
    if any(setting.changed and setting.place == ".gitattributes" for setting in settings):
        click.echo("Commit .gitattributes; every clone runs `harness install-git` once.")
