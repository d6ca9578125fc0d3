"""``harness check``: the checks of a domain, run on one dataset, and their remedies applied to a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import code_root, emit, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import CheckReport
    from harness.core.domain.panels import Table

    Arrays = Mapping[str, np.ndarray]


@verb("check")
@click.argument("file", type=click.Path(path_type=Path))
@reading_options
@click.option(
    "--apply",
    "copy",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Also write a copy in which what the checks found is corrected, and check the copy.",
)
@click.option(
    "--project",
    "of_project",
    is_flag=True,
    help="Also run the checks that pyproject.toml here declares: code of the project.",
)
@json_option
def command(file: Path, *, copy: Path | None, of_project: bool, as_json: bool, **options: Any) -> int:
    """Runs every check of the installed domains; no golden file is needed.

    FILE is an .npz archive, or of any format that `harness convert --formats` lists: it is recognised by its
    content, and read in the form of the contract.

    No code of the current directory is run, unless you ask for it with --project. Exits with 1 if a check
    reports a finding; with --apply, if a check of the copy does.

    \b
    Examples:
      harness check scan.npz
      harness check scan.npz --apply corrected.npz
      harness check --project scan.npz
    """
    from harness.commands.datasets.reading import read_data
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.storage.atomic import require_new

    if copy is not None:
        require_new(copy)
    catalogue = find_catalogue(code_root(None) if of_project else None)
    data = read_data(file, catalogue, **options)
    arrays = data.arrays
    document: dict[str, Any] = {"format": data.format, "notes": data.notes}
    document["reports"] = _reports(catalogue, arrays)
    if not of_project:
        _note_others(set(catalogue.checks))
    if copy is not None:
        document |= _apply(catalogue, arrays, copy)
    emit(document, as_json=as_json, render=lambda: _show(file, copy, document))
    return 1 if any(report.findings for report in document.get("copy_reports", document["reports"])) else 0


def _reports(catalogue: Catalogue, arrays: Arrays) -> list[CheckReport]:
    return [check(arrays) for check in catalogue.load_checks().values()]


def _apply(catalogue: Catalogue, arrays: Arrays, copy: Path) -> dict[str, Any]:
    """Write the corrected copy, if there is anything to correct; return what was done, for the document."""
    from harness.core.storage.npz import write_archive

    remedies: list[str] = []
    for name in catalogue.corrections:
        arrays, done = catalogue.load("corrections", name)(arrays)
        remedies += done
    if not remedies:
        return {"applied": [], "copy": None}
    write_archive(copy, arrays)
    return {"applied": remedies, "copy": str(copy), "copy_reports": _reports(catalogue, arrays)}


def _note_others(known: set[str]) -> None:
    """Report on standard error which declared checks of the project were not run."""
    from harness.core.domain.settings import project_domain

    own = project_domain(code_root(None))
    others = sorted(set(own.checks) - known) if own is not None else []
    if others:
        click.echo(f"note: not run: {', '.join(others)}, declared in pyproject.toml; add --project", err=True)


def _show(file: Path, copy: Path | None, document: Mapping[str, Any]) -> None:
    """Print each report, what was applied, and each report of the copy."""
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines

    lines = [f"{file.name}: {document['format']}"] if document["notes"] else []
    lines += [f"  {note}" for note in document["notes"]]
    lines += [line for report in document["reports"] for line in _report_lines(file.name, report)]
    if copy is not None:
        lines += list(_copy_lines(copy, document))
    show_lines(map(plain_line, lines))


def _copy_lines(copy: Path, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what was corrected, and the verdicts on the copy."""
    if not document["applied"]:
        yield f"{copy.name}: not written, because no check found anything that it can correct"
        return
    yield f"{copy.name}: written, with these corrections:"
    yield from (f"  {remedy}" for remedy in document["applied"])
    for report in document["copy_reports"]:
        yield f"{copy.name}: {report.check}: {_summary(report)}"


def _report_lines(name: str, report: CheckReport) -> Iterator[str]:
    """Yield the verdict of one check, then findings, measured values, tables and notes."""
    yield f"{name}: {report.check}: {_summary(report)}"
    for finding in report.findings:
        yield f"  {finding.key}: expected {finding.expected}, found {finding.found}"
        if finding.remedy:
            yield f"    {finding.remedy}"
    yield from (f"  {measure}: {value:.4g}" for measure, value in report.measures.items())
    for table in report.tables:
        yield from _table_lines(table)
    yield from (f"  note: {note}" for note in report.notes)


def _table_lines(table: Table) -> Iterator[str]:
    """Yield a table's title, its head and its rows, in columns."""
    yield f"  {table.title}. {table.note}" if table.note else f"  {table.title}"
    rows = (table.head, *table.rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.head))]
    for row in rows:
        yield "    " + "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()


def _summary(report: CheckReport) -> str:
    """Return the verdict of one check; one that only has notes could not judge the dataset."""
    count = len(report.findings)
    if count:
        return f"refused, {count} finding{'s' if count > 1 else ''}"
    return "accepted" if report.measures or not report.notes else "not judged"
