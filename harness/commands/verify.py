"""``harness verify``: the registry against the disk. Starts fast: no numpy, no rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, project_at, root_option
from harness.core.verdict import Verdict, exit_code
from harness.core.verify import verify

if TYPE_CHECKING:
    from pathlib import Path


@click.command("verify")
@root_option
@json_option
def command(root: Path | None, *, as_json: bool) -> int:
    """Compare every golden file with the registry.

    Finds files that are missing, changed or registered nowhere. An archive that was packed again with the
    same arrays is reported, and is no drift.

    \b
    Example:
      harness verify
    """
    verdicts = verify(project_at(root))
    emit(verdicts, as_json=as_json, render=lambda: _show(verdicts))
    return exit_code(verdicts)


def _show(verdicts: tuple[Verdict, ...]) -> None:
    from harness.report.verdicts import verdict_lines

    for line in verdict_lines(verdicts):
        click.echo(line)
    refused = sum(not verdict.outcome.accepted for verdict in verdicts)
    click.echo(f"{len(verdicts) - refused} of {len(verdicts)} golden files are what the registry says.")
