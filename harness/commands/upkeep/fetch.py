"""``harness fetch``: golden files come from the project's store, or from a publication of others."""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option, project_to_write, root_option
from harness.commands.stores.from_store import fetch_from_store, is_publication
from harness.commands.stores.transfers import jobs_option, require_none_of
from harness.core.system.ci import require_not_ci
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.publishing.fetching.restore import Restoring
    from harness.core.storage.project import Project


@verb("fetch")
@click.argument("words", nargs=-1, metavar="[SOURCE] [NAMES]...")
@click.option("--missing", is_flag=True, help="Fetch all files that are not here, or those among NAMES.")
@jobs_option
@click.option("--reason", help="Why published files become golden; kept in the records.")
@click.option(
    "--sha256", "digest", help="Digest that the archive must have, as `harness publish` printed it."
)
@click.option("--overwrite", is_flag=True, help="Replace golden files that differ; NAMES say which.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Seconds to wait for an answer of an archive.",
)
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    words: tuple[str, ...],
    missing: bool,
    jobs: int,
    reason: str | None,
    digest: str | None,
    overwrite: bool,
    timeout: float,
    dry_run: bool,
    root: Path | None,
    as_json: bool,
) -> int:
    """Without SOURCE, golden files come from the store that pyproject.toml names ([tool.harness] store).

    NAMES are names or paths of golden files; without them, all that are not here are fetched. The SHA-256 of
    every file is compared before it gets its place. What is here stays as it is. Nothing is recorded, so that
    this works in CI, too.

    SOURCE is what `harness publish` wrote: its DOI, its address, or the path of the directory or .zip. Then
    the files become golden here with their own records, and with SOURCE as their origin. Files that are
    golden here already stay as they are; others of the same name are refused. This needs --reason or
    --dry-run, and is not for CI. DOIs and addresses need the extra `fetch`.

    \b
    Examples:
      harness fetch
      harness fetch minimal_v1
      harness fetch doi:10.5281/zenodo.1234567 --reason "reference"
      harness fetch crate/ minimal_v1 --reason "the newest version" --overwrite
    """
    published = {"--reason": reason, "--sha256": digest, "--overwrite": overwrite}
    if not is_publication(
        root, words, asked=any(value is not None and value for value in published.values())
    ):
        return fetch_from_store(root, words, jobs=jobs, dry_run=dry_run, as_json=as_json)
    require_none_of({"--missing": missing}, "harness fetch SOURCE")
    if not words:
        raise click.UsageError("Missing argument 'SOURCE', to which these options belong.")
    source, names = words[0], words[1:]
    if not dry_run:
        require_not_ci()
        if reason is None:
            raise click.UsageError("Missing option '--reason'. Or list what would be recorded: --dry-run.")
    if overwrite and not names:
        raise click.UsageError("--overwrite needs the names of what is to be replaced.")
    project = project_to_write(root)
    with tempfile.TemporaryDirectory() as folder:
        return _restore(
            project,
            Path(folder),
            source,
            names,
            reason=reason or "",
            digest=digest,
            overwrite=overwrite,
            timeout=timeout,
            dry_run=dry_run,
            as_json=as_json,
        )


def _restore(  # noqa: PLR0913 - one for each option
    project: Project,
    folder: Path,
    source: str,
    names: tuple[str, ...],
    *,
    reason: str,
    digest: str | None,
    overwrite: bool,
    timeout: float,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Record what was published, or show what would be recorded."""
    from harness.core.publishing.fetching.fetch import fetched
    from harness.core.publishing.fetching.restore import prepare_restoring, record_restoring

    found = fetched(source, folder, digest=digest, timeout=timeout)
    restoring = prepare_restoring(project, found.published, names, overwrite=overwrite)
    if not dry_run:
        record_restoring(
            project,
            restoring,
            origin=found.origin,
            reason=reason,
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
