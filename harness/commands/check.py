"""``harness check``: the checks of a domain, run on one dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option

if TYPE_CHECKING:
    from harness.core.domain.interface import CheckReport


@verb("check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--project",
    "of_project",
    is_flag=True,
    help="Also run the checks that pyproject.toml here declares: code of the project.",
)
@json_option
def command(file: Path, *, of_project: bool, as_json: bool) -> int:
    """Runs every check of the installed domains; no golden file is needed.

    No code of the current directory is run, unless you ask for it with --project. Exits with 1 if a check
    reports a finding.

    \b
    Examples:
      harness check scan.npz
      harness check --project scan.npz
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.storage.npz import read_archive

    arrays = read_archive(file)
    catalogue = find_catalogue(code_root(None) if of_project else None)
    reports = [check(arrays) for check in catalogue.load_checks().values()]
    if not of_project:
        _note_others(set(catalogue.checks))
    emit({"reports": reports}, as_json=as_json, render=lambda: _show(file, reports))
    return 1 if any(report.findings for report in reports) else 0


def _note_others(known: set[str]) -> None:
    """Report on standard error which declared checks of the project were not run."""
    from harness.core.domain.settings import project_domain

    own = project_domain(code_root(None))
    others = sorted(set(own.checks) - known) if own is not None else []
    if others:
        click.echo(f"note: not run: {', '.join(others)}, declared in pyproject.toml; add --project", err=True)


def _show(file: Path, reports: list[CheckReport]) -> None:
    """Print each report: its verdict, then findings, measured values and notes."""
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines

    lines = []
    for report in reports:
        lines.append(f"{file.name}: {report.check}: {_summary(report)}")
        for finding in report.findings:
            lines.append(f"  {finding.key}: expected {finding.expected}, found {finding.found}")
            lines += [f"    {finding.remedy}"] if finding.remedy else []
        lines += [f"  {name}: {value:.4g}" for name, value in report.measures.items()]
        lines += [f"  note: {note}" for note in report.notes]
    show_lines(map(plain_line, lines))


def _summary(report: CheckReport) -> str:
    """Return the verdict of one check; one that only has notes could not judge the dataset."""
    count = len(report.findings)
    if count:
        return f"refused, {count} finding{'s' if count > 1 else ''}"
    return "accepted" if report.measures or not report.notes else "not judged"
