"""``harness recover``: finish or undo an interrupted regeneration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_at, root_option
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from pathlib import Path


@verb("recover")
@click.option(
    "--back", is_flag=True, help="Undo the regeneration: roll all files back.  [default: finish it]"
)
@root_option
@json_option
def command(*, back: bool, root: Path | None, as_json: bool) -> int:
    """Afterwards either all files of the regeneration are new, or all of them are old.

    A file that was changed since the interruption is reported and not overwritten; nothing is changed then.

    \b
    Example:
      harness recover --back
    """
    from harness.core.recording.transaction import roll_back, roll_forward
    from harness.core.storage.lock import write_lock

    project = project_at(root)
    with write_lock(project, say=lambda line: click.echo(line, err=True)):
        interrupted = project.is_interrupted
        paths = (roll_back if back else roll_forward)(project) if interrupted else ()
    state = "old" if back else "new"
    lines = [f"{path}: {state if project.locate(path).exists() else 'removed'}" for path in paths]
    lines = [*lines, "next: harness status"] if interrupted else ["no regeneration was interrupted"]
    emit(
        {"state": state if interrupted else None, "paths": paths},
        as_json=as_json,
        render=lambda: show_lines(map(plain_line, lines)),
    )
    return 0
