"""``harness import``: take over golden files of other tools, or register what a list of hashes names."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.group import verb
from harness.commands.options import command_line, emit, json_option, project_to_write, root_option
from harness.core.errors import UsageError
from harness.core.system.ci import require_not_ci
from harness.report.plain_lines import plain_line
from harness.report.terminal.screen import show_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.core.exchange.checked_lists import Checked
    from harness.core.exchange.owners import Left, Owned
    from harness.core.exchange.take_over import Taken, TakenArray, Takeover
    from harness.core.storage.project import Project

_NEXT = "next: rename the fixtures in your tests to arrays_regression, then run pytest"


@verb("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--name", help="Golden name of what a single file holds, as in golden/NAME.npz.")
@click.option("--reason", help="Why; kept in the records.  [default: imported from SOURCE]")
@click.option("--dry-run", is_flag=True, help="Print what would be imported, and change nothing.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one for each option
    *,
    source: Path,
    name: str | None,
    reason: str | None,
    dry_run: bool,
    root: Path | None,
    as_json: bool,
) -> int:
    """SOURCE is a file, or a directory with files in it, such as tests/.

    Taken over, under the names of the tests that own them: data directories of pytest-regressions (.npz,
    .csv, .yml), references of pytest-arraydiff (.txt, .fits), arrays of pytest-regtest. To find the tests,
    this command lets pytest collect them, which imports your test modules. No test is run. What belongs to
    no test is listed and left. The sources are not changed.

    Of a list of hashes (a registry of pooch, the output of sha256sum, a hash library of pytest-mpl) the
    files are checked, and those below golden/ registered.

    Everything is recorded, or nothing. Golden files that exist are not replaced. Not in CI.

    \b
    Examples:
      harness import tests --dry-run
      harness import tests/test_waves --reason "from pytest-regressions"
      harness import tests/test_waves/window.npz --name tests/test_waves/test_power/window
      harness import registry.txt
    """
    from harness.core.exchange.file_lists import is_list

    if not dry_run:
        require_not_ci()
    project = project_to_write(root)
    if source.is_file() and is_list(source):
        if name is not None:
            raise click.UsageError("A list of hashes has names of its own: leave --name out.")
        return _import_list(project, source, reason, dry_run=dry_run, as_json=as_json)
    return _import_files(project, source, name, reason, dry_run=dry_run, as_json=as_json)


def _import_files(  # noqa: PLR0913 - one for each option
    project: Project, source: Path, name: str | None, reason: str | None, *, dry_run: bool, as_json: bool
) -> int:
    from harness.core.exchange.take_over import label, prepare, record

    owned, left = _owners(project, source, name)
    with tempfile.TemporaryDirectory() as folder:
        takeover = prepare(project, owned, Path(folder))
        unused = [(label(project, item.path), item.why) for item in (*left, *takeover.left)]
        if not takeover.taken:
            raise _nothing(source, unused)
        if not dry_run:
            record(
                project,
                takeover,
                reason=reason or f"imported from {label(project, source)}",
                command=command_line(),
                say=lambda line: click.echo(line, err=True),
            )
    result = {
        "imported": [asdict(item) for item in takeover.taken],
        "left": [{"path": path, "why": why} for path, why in unused],
        "recorded": [change.path for change in takeover.changes],
        "dry_run": dry_run,
    }
    emit(result, as_json=as_json, render=lambda: _show(takeover, unused, dry_run=dry_run))
    return 0


def _owners(project: Project, source: Path, name: str | None) -> tuple[list[Owned], list[Left]]:
    from harness.core.exchange.collected_tests import collect_tests
    from harness.core.exchange.owners import find_files, find_owners

    if name is not None and not source.is_file():
        raise click.UsageError("--name is for a single file, and SOURCE is a directory.")
    files, left = find_files(source.absolute(), project.root, project.golden)
    tests = collect_tests(project.root, [file.places(project.root) for file in files])
    owned, ownerless = find_owners(files, tests, name)
    return owned, [*left, *ownerless]


def _nothing(source: Path, left: Sequence[tuple[str, str]]) -> UsageError:
    for path, why in left:
        click.echo(plain_line(f"left {path}: it {why}"), err=True)
    return UsageError(
        str(source),
        expected="files of pytest-regressions, pytest-arraydiff or pytest-regtest that tests own, or a list",
        found=f"{len(left)} files that cannot be imported" if left else "none",
        remedy="Give the directory of your tests, or a file and --name.",
    )


def _show(takeover: Takeover, left: Sequence[tuple[str, str]], *, dry_run: bool) -> None:
    recorded = {change.path for change in takeover.changes}
    for item in takeover.taken:
        show_lines([plain_line(f"{item.source} -> {item.golden}  ({item.test})")])
        for line in (*map(_array_line, item.arrays), *item.notes):
            show_lines([plain_line(f"    {line}")])
    for path, why in left:
        show_lines([plain_line(f"left {path}: it {why}")])
    would = "would record" if dry_run else "recorded"
    sources = {item.source for item in takeover.taken}
    show_lines([f"{would} {_count(len(recorded), 'golden file')} from {_count(len(sources), 'file')}"])
    if _has_tolerances(takeover.taken):
        changed = (
            "Default tolerances change: pytest-regressions' 1e-5 relative and 1e-8 absolute to those of "
            "harness. Tolerances in your tests stay."
        )
        show_lines([changed])
    if recorded and not dry_run:
        show_lines(
            ["They are as the files say, and were not made again. Commit golden/ and registry.json together."]
        )
    show_lines([_NEXT])


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _array_line(array: TakenArray) -> str:
    shape = "x".join(map(str, array.shape)) or "a single value"
    dtype = array.after if array.before == array.after else f"{array.before} -> {array.after}"
    key = "" if array.key == array.name else f"  (was {array.key!r})"
    return f"{array.name}: {dtype}, {shape}{key}"


def _has_tolerances(taken: Sequence[Taken]) -> bool:
    return any(item.source.endswith((".npz", ".csv")) for item in taken)


def _import_list(project: Project, source: Path, reason: str | None, *, dry_run: bool, as_json: bool) -> int:
    from harness.commands.add import staged_as_they_are
    from harness.core.exchange.checked_lists import Place, check_files
    from harness.core.exchange.file_lists import read_list
    from harness.core.exchange.take_over import label
    from harness.core.recording.commit import commit
    from harness.core.recording.plan import plan

    checked = check_files(project, source.absolute().parent, read_list(source))
    golden = [item.path for item in checked if item.path is not None and item.place is Place.GOLDEN]
    changes = plan(project, staged_as_they_are(project, golden))
    if not dry_run:
        commit(
            project,
            changes,
            reason=reason or f"imported from {label(project, source)}",
            command=command_line(),
            say=lambda line: click.echo(line, err=True),
        )
    registered = [change.path for change in changes]
    result: dict[str, Any] = {
        "registered": registered,
        "golden": [project.relative(path) for path in golden],
        "elsewhere": [
            label(project, item.path) for item in checked if item.path and item.place is Place.ELSEWHERE
        ],
        "missing": [item.name for item in checked if item.place is Place.NOWHERE],
        "dry_run": dry_run,
    }
    emit(result, as_json=as_json, render=lambda: _show_list(project, checked, result))
    return 0


def _show_list(project: Project, checked: Sequence[Checked], result: dict[str, Any]) -> None:
    would = "would register" if result["dry_run"] else "registered"
    for path in result["golden"]:
        known = "" if path in result["registered"] else ", which is registered as it is"
        show_lines([plain_line(f"{path} matches{known}" if known else f"{would} {path}")])
    for path in result["elsewhere"]:
        golden = f"{project.golden_name}/{Path(path).name}"
        show_lines(
            [plain_line(f"{path} matches, and is not below {project.golden_name}/: to make it golden,")]
        )
        show_lines([plain_line(f'    cp {path} {golden} && harness add {golden} --reason "..."')])
    for name in result["missing"]:
        show_lines([plain_line(f"{name} was not found")])
    matching, new = len(checked) - len(result["missing"]), len(result["registered"])
    show_lines([f"{matching} of {_count(len(checked), 'file')} match the list; {would} {new}"])
