"""``harness mv``: give a golden file another name, so that its records continue."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import (
    command_line,
    emit,
    json_option,
    project_at,
    registered_path,
    root_option,
)
from harness.core.system.ci import require_not_ci
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.recording.renaming import Move
    from harness.core.storage.project import Project


@verb("mv")
@click.argument("old")
@click.argument("new")
@click.option("--dry-run", is_flag=True, help="Print what would be renamed, and change nothing.")
@click.option("--reason", help="Why; kept in the records.  [required]")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *, old: str, new: str, dry_run: bool, reason: str | None, root: Path | None, as_json: bool
) -> int:
    """OLD and NEW are names, as in `golden/NAME.npz`, or paths below golden/.

    A fixture moves with its manifest, in which the name changes, and with its baselines. OLD may be a
    directory or a test module: all its golden files move. NEW may end with / to keep the last part of OLD.
    Nothing is overwritten. Then change the name in your tests. Not in CI.

    \b
    Examples:
      harness mv lattice optics/lattice --reason "one directory per field"
      harness mv tests/test_waves.py tests/test_optics.py --reason "the module was renamed"
      harness mv golden/mask.tif golden/masks/ --reason "tidy up"
    """
    from harness.core.recording.renaming import move, plan_moves

    if reason is None and not dry_run:
        raise click.UsageError("Missing option '--reason'.")
    if not dry_run:
        require_not_ci()
    project = project_at(root)
    moves = plan_moves(project, _registered(project, old), _registered(project, new))
    if not dry_run:
        move(
            project,
            moves,
            reason=reason or "",
            command=command_line(),
            say=lambda line: click.echo(line, err=True),
        )
    result = {"moved": [{"old": item.old, "new": item.new} for item in moves], "dry_run": dry_run}
    emit(result, as_json=as_json, render=lambda: _show(moves, dry_run=dry_run))
    return 0


def _registered(project: Project, word: str) -> str:
    """Return a word as a path below the golden directory, if it is one, with the / that it ends with."""
    return f"{registered_path(project, word).rstrip('/')}{'/' if word.endswith('/') else ''}"


def _show(moves: Sequence[Move], *, dry_run: bool) -> None:
    from harness.report.plain_lines import plain_line

    for item in moves:
        show_lines([plain_line(f"{'would rename' if dry_run else 'renamed'} {item.old} -> {item.new}")])
    if not dry_run:
        show_lines(
            ["Change the name in your tests, and commit the golden directory and registry.json together."]
        )
