"""``harness sensitivity``: which faults this repository's checks catch, and how often they cry wolf."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.options import json_option, project_at, root_option, the_fixture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import Fault
    from harness.core.sensitivity.clean_runs import CleanRun, Repetition
    from harness.core.sensitivity.matrix import Detection, Matrix
    from harness.core.sensitivity.moved_values import MovedValue
    from harness.core.sensitivity.trials import Subject, Trial


@click.command("sensitivity")
@click.argument("faults", metavar="[FAULT]...", nargs=-1)
@click.option("--quick", is_flag=True, help="Ask metrics about a few faults of one pipeline alone.")
@click.option("--clean", type=click.IntRange(min=0), default=0, help="CleanRun repetitions to make as well.")
@click.option(
    "--specimen",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A sound dataset for the clean repetitions, beside the domain's own; may be repeated.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write it as Markdown, too.")
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    faults: tuple[str, ...],
    quick: bool,
    clean: int,
    files: tuple[Path, ...],
    jobs: int,
    page: Path | None,
    root: Path | None,
    as_json: bool,
) -> int:
    """Make known faults on purpose, one at a time, in copies, and print which check catches which.

    Without FAULT all of them: of fixtures, of pipelines (run with the fault in them, and by_verdicts by their
    baselines) and of repositories. Also moves every golden value by half a tolerance, and by two. Nothing
    golden changes. Exit code 1 if a fault went through, or something harmless did not.

    \b
    Examples:
      harness sensitivity --quick
      harness sensitivity P01 P07
      harness sensitivity --clean 100 --page docs/sensitivity.md
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.sensitivity.trials import build_matrix, known_faults, plan_trials, run_trial

    project = project_at(root)
    catalogue = find_catalogue(project.root)
    subject = _subject(root)
    chosen = _chosen(known_faults(catalogue), faults)
    asked = tuple(plan_trials(subject, chosen, quick=quick))
    answers = _all("fault", run_trial, asked, jobs, silent=as_json)
    found = build_matrix(chosen, dict(zip(asked, answers, strict=True)))
    moved = () if faults else tuple(_moved_values(subject))
    repetitions = _repeat(subject, catalogue, clean, files, jobs, silent=as_json)
    if page:
        _write(page, found, moved, repetitions)
    (_emit if as_json else _show)(found, moved, repetitions)
    right = (
        not found.incorrect and all(m.correct for m in moved) and not any(r.false_alarms for r in repetitions)
    )
    return 0 if right else 1


def _subject(root: Path | None) -> Subject:
    """The golden fixture of the repository, and the pipelines with a baseline of it."""
    from harness.core.registry.registry import read_registry
    from harness.core.sensitivity.trials import Subject

    project = project_at(root)
    archive = the_fixture(root)
    stems = [
        Path(path) for path, e in read_registry(project.registry).entries.items() if e.kind == "baseline"
    ]
    pipelines = [p.stem.partition(".")[2] for p in stems if p.stem.partition(".")[0] == archive.stem]
    return Subject(project.root, project.golden_name, project.relative(archive), tuple(pipelines))


def _chosen(known: Sequence[Fault], names: Sequence[str]) -> tuple[Fault, ...]:
    """The faults named, or all."""
    from harness.core.errors import UsageError

    numbers = {fault.id for fault in known}
    for name in names:
        if name not in numbers:
            raise UsageError(
                f"fault {name!r}",
                expected=f"one of {', '.join(sorted(numbers))}",
                found="no such fault",
                remedy="Correct the number, or add the fault to a table that [tool.harness] faults names.",
            )
    return tuple(fault for fault in known if not names or fault.id in names)


def _moved_values(subject: Subject) -> Iterable[MovedValue]:
    from harness.core.baselines.baseline import read_baseline
    from harness.core.sensitivity.moved_values import move_arrays, move_metrics
    from harness.core.storage.npz import read_archive

    yield from move_arrays(read_archive(subject.path))
    for pipeline in subject.pipelines:
        yield from move_metrics(read_baseline(subject.baseline(pipeline)))


def _repeat(  # noqa: PLR0913 - what the options say
    subject: Subject,
    catalogue: Catalogue,
    repetitions: int,
    files: tuple[Path, ...],
    jobs: int,
    *,
    silent: bool,
) -> tuple[Repetition, ...]:
    """Make clean repetitions: on specimens first, then on the golden fixture."""
    from harness.core.sensitivity.clean_runs import plan_clean_runs, run_clean, specimen_from_file

    specimens = (*(specimen_from_file(file.resolve()) for file in files), *catalogue.load_specimens())
    asked = tuple(plan_clean_runs(subject, specimens, repetitions))
    answers = _all("clean", run_clean, asked, jobs, silent=silent)
    return tuple(repetition for answer in answers for repetition in answer)


def _all(what: str, call: Any, asked: Sequence[Trial | CleanRun], jobs: int, *, silent: bool) -> list[Any]:
    """Every trial's answer, in the order asked, with a line of progress."""
    from harness.core.system.parallel import in_processes

    answers: list[Any] = [None] * len(asked)
    for done, (number, answer) in enumerate(in_processes(call, asked, jobs), start=1):
        answers[number] = answer
        if not silent and sys.stderr.isatty():
            click.echo(f"\r{what} {done}/{len(asked)}", nl=done == len(asked), err=True)
    return answers


def _write(
    path: Path, matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition]
) -> None:
    from harness.core.storage.documents import replace_file
    from harness.report.sensitivity import page

    text = page(matrix, moved, repetitions, command=shlex.join(["harness", *sys.argv[1:]]))
    replace_file(path, text.encode())


def _show(matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition]) -> None:
    from harness.report.metric_tables import show
    from harness.report.sensitivity import false_alarm_lines, matrix_table, moved_value_lines, summary_lines

    show(matrix_table(matrix))
    for line in (*summary_lines(matrix), *moved_value_lines(moved), *false_alarm_lines(repetitions)):
        click.echo(line)


def _emit(matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition]) -> None:
    from harness.core.storage.documents import plain_json

    told = {
        "checks": matrix.checks,
        "faults": [
            {
                "id": row.id,
                "title": row.title,
                "kind": row.kind,
                "harmless": row.harmless,
                "unseen": row.unseen,
                "caught": row.caught,
                "first": row.first.check if row.first else None,
                "answers": [_plain(found) for found in row.detections],
            }
            for row in matrix.rows
        ],
        "blind": {pipeline: matrix.blind(pipeline) for pipeline in matrix.pipelines},
        "moved": [
            {"name": m.name, "tolerances": m.tolerances, "accepted": m.accepted, "right": m.correct}
            for m in moved
        ],
        "clean": [
            {"name": r.name, "false_alarms": [_plain(alarm) for alarm in r.false_alarms]} for r in repetitions
        ],
    }
    click.echo(plain_json(told))


def _plain(found: Detection) -> dict[str, Any]:
    """An answer without infinities, which JSON does not have."""
    figures = {name: min(value, 1e308) for name, value in found.figures.items()}
    return {
        "check": found.check,
        "caught": found.caught,
        "margin": found.margin,
        "detail": found.detail,
        "tolerances": figures,
    }
