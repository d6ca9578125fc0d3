"""``harness sensitivity``: which injected faults the checks catch, and how often they raise false alarms."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.group import verb
from harness.commands.options import command_line, emit, json_option, project_at, root_option, the_fixture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import Fault
    from harness.core.sensitivity.clean_runs import CleanRun, Repetition
    from harness.core.sensitivity.matrix import Detection, Matrix
    from harness.core.sensitivity.moved_values import MovedValue
    from harness.core.sensitivity.trials import Subject, Trial


@verb("sensitivity")
@click.argument("faults", metavar="[FAULT]...", nargs=-1)
@click.option("--quick", is_flag=True, help="Run pipelines for a few faults of one pipeline only.")
@click.option(
    "--clean",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Also run checks on valid data this many times to measure the false-alarm rate.",
)
@click.option(
    "--specimen",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Another valid dataset for --clean (repeatable).",
)
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Number of processes.")
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the results to this Markdown file.",
)
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
    """Injects each FAULT, by default every known one, into a copy and runs all checks on it.

    There are faults of fixtures, of pipelines (run with the fault and judged by their baselines) and of
    repositories. Without FAULT, every golden value is also moved by 0.5 and by 2 tolerances. No golden file
    is changed. Exits with 1 if a fault was missed or a harmless change was flagged. This command runs code
    of the project.

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
    answers = _all("faults", run_trial, asked, jobs)
    found = build_matrix(chosen, dict(zip(asked, answers, strict=True)))
    moved = () if faults else tuple(_moved_values(subject))
    repetitions = _repeat(subject, catalogue, clean, files, jobs)
    if page:
        _write(page, found, moved, repetitions)
    (_emit if as_json else _show)(found, moved, repetitions)
    right = (
        not found.incorrect and all(m.correct for m in moved) and not any(r.false_alarms for r in repetitions)
    )
    return 0 if right else 1


def _subject(root: Path | None) -> Subject:
    """Return the golden fixture of the repository, with the pipelines that have a baseline on it."""
    from harness.core.registry.golden_names import baselines
    from harness.core.sensitivity.trials import Subject

    project = project_at(root)
    archive = the_fixture(root)
    pipelines = tuple(found.pipeline for found in baselines(project) if found.fixture == archive)
    return Subject(project.root, project.golden_name, project.relative(archive), pipelines)


def _chosen(known: Sequence[Fault], names: Sequence[str]) -> tuple[Fault, ...]:
    """Return the faults that are named, or all."""
    from harness.core.errors import UsageError

    known_names = {fault.id for fault in known}
    for name in names:
        if name not in known_names:
            raise UsageError(
                "FAULT",
                expected=f"one of {', '.join(sorted(known_names))}",
                found=repr(name),
                remedy="Correct the name, or add the fault to a table named in [tool.harness] faults.",
            )
    return tuple(fault for fault in known if not names or fault.id in names)


def _moved_values(subject: Subject) -> Iterable[MovedValue]:
    """Judge golden arrays and metrics that were moved by 0.5 and by 2 tolerances."""
    from harness.core.baselines.baseline import read_baseline
    from harness.core.sensitivity.moved_values import move_arrays, move_metrics
    from harness.core.storage.npz import read_archive

    yield from move_arrays(read_archive(subject.path))
    for pipeline in subject.pipelines:
        yield from move_metrics(read_baseline(subject.baseline(pipeline)))


def _repeat(
    subject: Subject, catalogue: Catalogue, repetitions: int, files: tuple[Path, ...], jobs: int
) -> tuple[Repetition, ...]:
    """Run the checks on valid data: on specimens first, then on the golden fixture."""
    from harness.core.sensitivity.clean_runs import plan_clean_runs, run_clean, specimen_from_file

    specimens = (*(specimen_from_file(file.resolve()) for file in files), *catalogue.load_specimens())
    asked = tuple(plan_clean_runs(subject, specimens, repetitions))
    answers = _all("clean runs", run_clean, asked, jobs)
    return tuple(repetition for answer in answers for repetition in answer)


def _all(what: str, call: Any, asked: Sequence[Trial | CleanRun], jobs: int) -> list[Any]:
    """Return the result of each of *asked*, in that order, with a progress bar on a terminal."""
    from harness.core.system.parallel import in_processes
    from harness.report.progress import progress_bar

    answers: list[Any] = [None] * len(asked)
    with progress_bar("sensitivity") as progress:
        progress(what, 0.0)
        for done, (number, answer) in enumerate(in_processes(call, asked, jobs), start=1):
            answers[number] = answer
            progress(what, done / len(asked))
    return answers


def _write(
    path: Path, matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition]
) -> None:
    from harness.core.storage.atomic import replace_file
    from harness.report.sensitivity import page

    text = page(matrix, moved, repetitions, command=command_line())
    replace_file(path, text.encode())


def _show(matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition]) -> None:
    from harness.report.metric_tables import print_table
    from harness.report.sensitivity import false_alarm_lines, matrix_lines, matrix_table, moved_value_lines

    print_table(matrix_table(matrix))
    for line in (*matrix_lines(matrix), *moved_value_lines(moved), *false_alarm_lines(repetitions)):
        click.echo(line)


def _emit(matrix: Matrix, moved: Sequence[MovedValue], repetitions: Sequence[Repetition]) -> None:
    result = {
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
            {"name": m.name, "tolerances": m.tolerances, "accepted": m.accepted, "correct": m.correct}
            for m in moved
        ],
        "clean": [
            {"name": r.name, "false_alarms": [_plain(alarm) for alarm in r.false_alarms]} for r in repetitions
        ],
    }
    emit(result, as_json=True, render=lambda: None)


def _plain(found: Detection) -> dict[str, Any]:
    """Return one check's answer for JSON, which has no infinities."""
    figures = {name: min(value, 1e308) for name, value in found.figures.items()}
    return {
        "check": found.check,
        "caught": found.caught,
        "margin": found.margin,
        "detail": found.detail,
        "tolerances": figures,
    }
