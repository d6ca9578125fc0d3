"""``harness recover``: an interrupted regeneration comes to an end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, project_at, root_option

if TYPE_CHECKING:
    from pathlib import Path


@click.command("recover")
@click.option(
    "--back", is_flag=True, help="Undo it: all golden files as they were; by default it is finished."
)
@root_option
@json_option
def command(*, back: bool, root: Path | None, as_json: bool) -> int:
    """Finish, or undo, a regeneration that was interrupted: all of its files new, or all of them old.

    A file that someone changed since is not overwritten: it is named, and nothing is done.

    \b
    Example:
      harness recover --back
    """
    from harness.core.recording.transaction import roll_back, roll_forward
    from harness.core.storage.lock import writing

    project = project_at(root)
    with writing(project, say=lambda line: click.echo(line, err=True)):
        interrupted = project.is_interrupted
        paths = (roll_back if back else roll_forward)(project) if interrupted else ()
    state = "old" if back else "new"
    lines = [f"{path}: {state}" for path in paths] or ["no regeneration was interrupted"]
    emit(
        {"state": state if interrupted else None, "paths": paths},
        as_json=as_json,
        render=lambda: _show(lines),
    )
    return 0


def _show(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)
