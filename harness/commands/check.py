"""``harness check``: what a dataset's domain says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.options import emit, json_option

if TYPE_CHECKING:
    from harness.core.domain.interface import CheckReport


@click.command("check")
@click.argument("file", type=click.Path(path_type=Path))
@json_option
def command(file: Path, *, as_json: bool) -> int:
    """Check a dataset against its contract and its own physics; no golden copy is needed.

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
    count = len(report.findings)
    if count:
        return f"refused, {count} finding{'s' if count > 1 else ''}"
    return "accepted" if report.measures or not report.notes else "not judged"
