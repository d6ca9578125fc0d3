"""``harness check``: the checks of a domain, run on one dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option

if TYPE_CHECKING:
    from harness.core.domain.interface import CheckReport


@verb("check")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def command(file: Path, *, as_json: bool) -> int:
    """Runs every check that the domains and pyproject.toml define; no golden file is needed.

    Exits with 1 if a check reports a finding.

    \b
    Example:
      harness check scan.npz
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.storage.npz import read_archive

    arrays = read_archive(file)
    reports = [check(arrays) for check in find_catalogue(Path.cwd()).load_checks().values()]
    emit(reports, as_json=as_json, render=lambda: _show(file, reports))
    return 1 if any(report.findings for report in reports) else 0


def _show(file: Path, reports: list[CheckReport]) -> None:
    """Print each report: its verdict, then findings, measured values and notes."""
    for report in reports:
        click.echo(f"{file.name}: {report.check}: {_summary(report)}")
        for finding in report.findings:
            click.echo(f"  {finding.key}: expected {finding.expected}, found {finding.found}")
            if finding.remedy:
                click.echo(f"    {finding.remedy}")
        for name, value in report.measures.items():
            click.echo(f"  {name}: {value:.4g}")
        for note in report.notes:
            click.echo(f"  note: {note}")


def _summary(report: CheckReport) -> str:
    """Return the verdict of one check; one that only has notes could not judge the dataset."""
    count = len(report.findings)
    if count:
        return f"refused, {count} finding{'s' if count > 1 else ''}"
    return "accepted" if report.measures or not report.notes else "not judged"
