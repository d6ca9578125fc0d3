"""``harness check``: the checks of a domain, run on one dataset, and their remedies applied to a copy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from harness.commands.datasets.reading_options import reading_options
from harness.commands.group import verb
from harness.commands.options import chosen_executor, code_root, emit, executor_options, json_option
from harness.core.errors import HarnessError
from harness.core.storage.project import Project
from harness.core.system.executors.interface import run_in_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import CheckReport
    from harness.core.domain.panels import Table
    from harness.core.system.executors.interface import Executor

    Arrays = Mapping[str, np.ndarray]


class _Asked(NamedTuple):
    """One dataset to be checked: its file, what is added to what it says, and the project with checks."""

    file: Path
    options: Mapping[str, Any]
    project: Path | None


class _Checked(NamedTuple):
    """What was found: the document, or the error because of which nothing was."""

    file: Path
    document: Mapping[str, Any]
    error: HarnessError | None = None

    @property
    def code(self) -> int:
        """The exit code for this dataset alone."""
        return self.error.exit_code if self.error else _code(self.document)


@verb("check")
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(path_type=Path))
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
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Number of files at the same time.",
)
@executor_options
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    files: tuple[Path, ...],
    *,
    copy: Path | None,
    of_project: bool,
    jobs: int,
    executor: str | None,
    dask: str | None,
    as_json: bool,
    **options: Any,
) -> int:
    """Runs every check of the installed domains; no golden file is needed.

    FILE is an .npz archive, or of any format that `harness convert --formats` lists: it is recognised by its
    content, and read in the form of the contract. Each of several files has its own verdict; one that cannot
    be read does not stop the others.

    No code of the current directory is run, unless you ask for it with --project. Exits with 1 if a check
    reports a finding; with --apply, if a check of the copy does. Of several files, the worst counts: 2 if one
    cannot be read.

    \b
    Examples:
      harness check scan.npz
      harness check scan.npz --apply corrected.npz
      harness check --project scan.npz
      harness check scans/*.npz --jobs 2
    """
    from harness.core.storage.atomic import require_new

    if copy is not None:
        if len(files) > 1:
            raise click.UsageError("--apply takes one FILE.")
        require_new(copy)
    root = code_root(None) if of_project else None
    where = chosen_executor(executor, dask, jobs=jobs, project=Project(root) if root else None)
    asked = [_Asked(file, options, root) for file in files]
    if len(files) > 1:
        return _check_all(asked, where, as_json=as_json)
    (document,) = run_in_order(where, check_file, asked, label=_label)
    _note_others(asked[0], document.pop("known"))
    if copy is not None:
        document |= _apply(asked[0], copy)
    emit(document, as_json=as_json, render=lambda: _show(files[0], copy, document))
    return _code(document)


def check_file(asked: _Asked) -> dict[str, Any]:
    """Return the document about one dataset, and under ``known`` the names of the checks that ran."""
    from harness.commands.datasets.reading import read_data
    from harness.core.domain.catalogue import find_catalogue

    catalogue = find_catalogue(asked.project)
    data = read_data(asked.file, catalogue, **asked.options)
    return {
        "format": data.format,
        "notes": data.notes,
        "reports": _reports(catalogue, data.arrays),
        "known": sorted(catalogue.checks),
    }


def try_file(asked: _Asked) -> _Checked:
    """Return what was found about one of several datasets; an error that a user can act on is kept."""
    try:
        return _Checked(asked.file, check_file(asked))
    except HarnessError as error:
        return _Checked(asked.file, {}, error)


def _check_all(asked: Sequence[_Asked], executor: Executor, *, as_json: bool) -> int:
    """Check several datasets, print the verdict of each, and return the worst exit code."""
    from harness.report.terminal.progress import progress_bar

    with progress_bar("check") as progress:
        found = run_in_order(
            executor,
            try_file,
            asked,
            label=_label,
            on_result=lambda _index, _found, done: progress("files", done / len(asked)),
        )
    _note_others(asked[0], next((one.document["known"] for one in found if one.error is None), ()))
    emit({"files": [_plain(one) for one in found]}, as_json=as_json, render=lambda: _show_all(found))
    return max(one.code for one in found)


def _plain(one: _Checked) -> dict[str, Any]:
    """Return what was found about one of several datasets for JSON."""
    from harness.report.json_document import error_parts

    if one.error is not None:
        return {"file": str(one.file), "error": error_parts(one.error, str(one.error), one.code)}
    return {"file": str(one.file), **{key: one.document[key] for key in ("format", "notes", "reports")}}


def _show_all(found: Sequence[_Checked]) -> None:
    """Print the reports of each dataset in their order, then how many there are of each kind."""
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines

    for one in found:
        if one.error is None:
            _show(one.file, None, one.document)
        else:
            show_lines([plain_line(f"{one.file.name}: not checked: {one.error}")])
    codes = [one.code for one in found if one.error is None]
    counts = {
        "accepted": codes.count(0),
        "refused": codes.count(1),
        "not checked": len(found) - len(codes),
    }
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    show_lines(["", f"{len(found)} files: {kinds}"])


def _code(document: Mapping[str, Any]) -> int:
    """Return the exit code for one dataset, or for its corrected copy."""
    return 1 if any(report.findings for report in document.get("copy_reports", document["reports"])) else 0


def _label(asked: _Asked) -> str:
    return f"check of {asked.file}"


def _reports(catalogue: Catalogue, arrays: Arrays) -> list[CheckReport]:
    return [check(arrays) for check in catalogue.load_checks().values()]


def _apply(asked: _Asked, copy: Path) -> dict[str, Any]:
    """Write the corrected copy, if there is anything to correct; return what was done, for the document."""
    from harness.commands.datasets.reading import read_data
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.storage.npz import write_archive

    catalogue = find_catalogue(asked.project)
    arrays = read_data(asked.file, catalogue, **asked.options).arrays
    remedies: list[str] = []
    for name in catalogue.corrections:
        arrays, done = catalogue.load("corrections", name)(arrays)
        remedies += done
    if not remedies:
        return {"applied": [], "copy": None}
    write_archive(copy, arrays)
    return {"applied": remedies, "copy": str(copy), "copy_reports": _reports(catalogue, arrays)}


def _note_others(asked: _Asked, known: Iterable[str]) -> None:
    """Report on standard error which declared checks of the project were not run."""
    from harness.core.domain.settings import project_domain

    if asked.project is not None:
        return
    own = project_domain(code_root(None))
    others = sorted(set(own.checks) - set(known)) if own is not None else []
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
