"""``harness verify``: the registry against the disk. Starts fast: no numpy, no rich."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option, project_at, root_option
from harness.core.registry.verify import verify
from harness.core.verdict import Verdict, exit_code

if TYPE_CHECKING:
    from pathlib import Path

    from harness.core.storage.project import Project


@click.command("verify")
@click.option(
    "--trust-mtime",
    is_flag=True,
    help="Do not read files whose size and times are as they were when they were read last.",
)
@root_option
@json_option
def command(root: Path | None, *, trust_mtime: bool, as_json: bool) -> int:
    """Compare every golden file with the registry.

    Finds files that are missing, changed or registered nowhere. An archive that was packed again with the
    same arrays is reported, and is no drift.

    \b
    Examples:
      harness verify
      harness verify --trust-mtime
    """
    project = project_at(root)
    verdicts, trusted = _trusting(project) if trust_mtime else (verify(project), 0)
    told = [verdict._asdict() for verdict in verdicts]
    emit(told, as_json=as_json, render=lambda: _show(verdicts, trusted))
    return exit_code(verdicts)


def _trusting(project: Project) -> tuple[tuple[Verdict, ...], int]:
    """Verify by what is remembered of files that did not change since; and of how many that was."""
    from harness.core.registry.stat_cache import keep, recall

    cache = recall(project)
    verdicts = verify(project, cache.holds)
    keep(project, cache)
    return verdicts, cache.trusted


def _show(verdicts: tuple[Verdict, ...], trusted: int) -> None:
    from harness.report.verdicts import summary_lines

    for line in summary_lines(verdicts):
        click.echo(line)
    if trusted:
        click.echo(f"{trusted} of them were not read: their size and times are as they were.")
