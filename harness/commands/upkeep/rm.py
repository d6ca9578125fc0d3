"""``harness rm``: remove golden files, with their entries, and record who removed them and why."""

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
from harness.core.errors import RefusedError, UsageError
from harness.core.system.ci import require_not_ci
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.core.storage.project import Project


@verb("rm")
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...")
@click.option(
    "--unreferenced",
    is_flag=True,
    help="Remove what the last complete run of pytest did not use.",
)
@click.option("--baselines", is_flag=True, help="Also remove the baselines that were measured on a fixture.")
@click.option("--force", is_flag=True, help="Also remove what git could not restore.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and change nothing.")
@click.option("--reason", help="Why they are not needed; kept in their records.  [required]")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    names: tuple[str, ...],
    unreferenced: bool,
    baselines: bool,
    force: bool,
    dry_run: bool,
    reason: str | None,
    root: Path | None,
    as_json: bool,
) -> int:
    """NAME is a fixture's name, as in `golden/NAME.npz`; PATH is that of a golden file.

    A fixture goes with its manifest. As `git rm`, this refuses files that are not committed as they are.
    Files, registry and history change together or not at all. Not in CI.

    \b
    Examples:
      harness rm lattice --reason "replaced by lattice_v2"
      harness rm --unreferenced --dry-run
    """
    from harness.core.recording.removal import remove, require_restorable

    _require_words(names, reason, unreferenced=unreferenced, dry_run=dry_run)
    project = project_at(root)
    if not dry_run:
        require_not_ci()
    paths = _chosen(project, names, unreferenced=unreferenced, baselines=baselines)
    if not force:
        require_restorable(project, paths)
    if paths and not dry_run:
        remove(
            project,
            paths,
            reason=reason or "",
            command=command_line(),
            say=lambda line: click.echo(line, err=True),
        )
    emit(
        {"removed": paths, "dry_run": dry_run}, as_json=as_json, render=lambda: _show(paths, dry_run=dry_run)
    )
    return 0


def _require_words(names: Sequence[str], reason: str | None, *, unreferenced: bool, dry_run: bool) -> None:
    """Raise unless the command line says what to remove, and why."""
    if bool(names) == unreferenced:
        raise click.UsageError(
            "Give names or --unreferenced, not both."
            if names
            else "Missing argument 'NAME', or --unreferenced."
        )
    if reason is None and not dry_run:
        raise click.UsageError("Missing option '--reason'.")


def _chosen(
    project: Project, names: Sequence[str], *, unreferenced: bool, baselines: bool
) -> tuple[str, ...]:
    """Return the paths to remove. Raise if a baseline would lose its fixture."""
    from harness.core.recording.removal import baselines_of, select

    paths = (
        _unused(project)
        if unreferenced
        else select(project, [registered_path(project, name) for name in names])
    )
    left = baselines_of(project, paths)
    if left and not baselines:
        others = f" and {len(left) - 1} more" if left[1:] else ""
        raise RefusedError(
            left[0],
            expected="no baseline on a fixture that is removed",
            found=f"{left[0]}{others}",
            message=f"{left[0]}{others} would lose the fixture that it was measured on",
            remedy="Name it as well, or give --baselines to remove both.",
        )
    return tuple(sorted({*paths, *left}))


def _unused(project: Project) -> tuple[str, ...]:
    """Return what the last complete run of pytest did not use.

    Raises
    ------
    UsageError
        If that is not known.
    """
    from harness.core.recording.removal import select
    from harness.core.registry.unreferenced import recall

    known = recall(project)
    if known is None:
        raise UsageError(
            "--unreferenced",
            expected="a complete run of pytest without failures since the registry changed",
            found="none",
            message="it is not known which golden files are unreferenced",
            remedy="Run `pytest --golden-unreferenced=warn` in the project's root, without selecting tests.",
        )
    return select(project, known)


def _show(paths: Sequence[str], *, dry_run: bool) -> None:
    from harness.report.plain_lines import plain_line

    verb = "would remove" if dry_run else "removed"
    for path in paths:
        show_lines([plain_line(f"{verb} {path}")])
    if not paths:
        show_lines(["no golden file is unreferenced"])
    elif not dry_run:
        show_lines(["Commit the golden directory and registry.json together."])
