"""``harness fetch``: golden files that others published become golden files here."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_to_write, root_option
from harness.core.system.ci import require_not_ci
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.publishing.fetching.restore import Restoring
    from harness.core.storage.project import Project


@verb("fetch")
@click.argument("source")
@click.argument("names", nargs=-1)
@click.option("--reason", help="Why they become golden; kept in the records. Required without --dry-run.")
@click.option(
    "--sha256", "digest", help="Digest that the archive must have, as `harness publish` printed it."
)
@click.option("--overwrite", is_flag=True, help="Replace golden files that differ; NAMES say which.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds to wait for an answer.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be recorded, and change nothing.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    source: str,
    names: tuple[str, ...],
    reason: str | None,
    digest: str | None,
    overwrite: bool,
    timeout: float,
    dry_run: bool,
    root: Path | None,
    as_json: bool,
) -> int:
    """SOURCE is what `harness publish` wrote: its DOI, its address, or the path of the directory or .zip.

    NAMES are names or paths of its golden files; without them, all are fetched. The SHA-256 of every file is
    compared before any is used. The files are recorded here with their own records, and with SOURCE as their
    origin. Files that are golden here already stay as they are; others of the same name are refused. Not in
    CI. DOIs and addresses need the extra `fetch`.

    \b
    Examples:
      harness fetch doi:10.5281/zenodo.1234567 --reason "reference"
      harness fetch golden.zip --dry-run
      harness fetch crate/ minimal_v1 --reason "the newest version" --overwrite
    """
    from harness.core.publishing.fetching.fetch import fetched
    from harness.core.publishing.fetching.restore import prepare_restoring, record_restoring

    if not dry_run:
        require_not_ci()
        if reason is None:
            raise click.UsageError("Missing option '--reason'. Or list what would be recorded: --dry-run.")
    if overwrite and not names:
        raise click.UsageError("--overwrite needs the names of what is to be replaced.")
    project = project_to_write(root)
    with tempfile.TemporaryDirectory() as folder:
        found = fetched(source, Path(folder), digest=digest, timeout=timeout)
        restoring = prepare_restoring(project, found.published, names, overwrite=overwrite)
        if not dry_run:
            record_restoring(
                project,
                restoring,
                origin=found.origin,
                reason=reason or "",
                command=_command_line(source, found.shown),
                say=lambda line: click.echo(line, err=True),
            )
        result = {
            "origin": found.origin,
            "recorded": [change.path for change in restoring.changes],
            "rewritten": [change.path for change in restoring.rewritten],
            "unchanged": list(restoring.unchanged),
            "dry_run": dry_run,
        }
        again = shlex.join(["harness", "fetch", source, *names]) if dry_run else ""
        lines = list(_lines(project, restoring, found.origin, again))
    emit(result, as_json=as_json, render=lambda: show_lines(map(plain_line, lines)))
    return 0


def _command_line(source: str, shown: str) -> str:
    """Return what was typed, without the query of an address, which may have a key in it."""
    return shlex.join(["harness", *(shown if word == source else word for word in sys.argv[1:])])


def _lines(project: Project, restoring: Restoring, origin: str, again: str) -> Iterator[str]:
    """Yield what was recorded, or would be by the command *again*."""
    from harness.core.publishing.fetching.restore import carries_records

    would = "would " if again else ""
    for change in restoring.changes:
        yield f"{would}record{'' if again else 'ed'} {change.path}: {change.abbreviated}"
        yield from (f"  {line}" for line in change.differences if change.before)
    for change in restoring.rewritten:
        yield f"{would}{'write' if again else 'wrote'} {change.path}: registered, and was lost or changed"
    if restoring.unchanged:
        yield f"unchanged: {', '.join(restoring.unchanged)}"
    if not (restoring.changes or restoring.rewritten):
        yield "nothing to record: all of it is golden already"
        return
    yield f"from {origin}"
    if restoring.changes and not carries_records(project, restoring.published):
        yield f"Their earlier records are of {restoring.published.project.golden_name}/ and were left out."
    if again:
        yield f'next: {again} --reason "..."'
    else:
        yield f"Commit {project.golden_name}/ and registry.json together."
        yield "next: harness audit"
