"""``harness sensitivity``: which injected faults the checks catch, and how often they raise false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.group import verb
from harness.commands.mutants import mutant_options, require_alone, try_mutants
from harness.commands.options import (
    chosen_executor,
    command_line,
    emit,
    executor_options,
    json_option,
    project_at,
    root_option,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.core.domain.catalogue import Catalogue
    from harness.core.domain.interface import Fault
    from harness.core.errors import UsageError
    from harness.core.sensitivity.clean_runs import CleanRun, Repetition
    from harness.core.sensitivity.generic_faults import GenericFault
    from harness.core.sensitivity.golden_tests import GoldenFile, Question
    from harness.core.sensitivity.matrix import Detection, Matrix
    from harness.core.sensitivity.moved_values import MovedValue
    from harness.core.sensitivity.trials import Subject, Trial
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor


FAULT_KINDS = ("fixture", "generator", "pipeline", "repository")


@dataclass(frozen=True, slots=True)
class _Results:
    """All that one run has found."""

    matrix: Matrix
    moved: tuple[MovedValue, ...]
    generic: tuple[GenericFault, ...]
    files: tuple[GoldenFile, ...]
    repetitions: tuple[Repetition, ...]

    @property
    def correct(self) -> bool:
        """Whether every fault was caught or is explained, and nothing harmless was reported."""
        return (
            not self.matrix.incorrect
            and all(value.correct for value in self.moved)
            and all(file.correct for file in self.files)
            and not any(repetition.false_alarms for repetition in self.repetitions)
        )


@verb("sensitivity")
@click.argument("faults", metavar="[FAULT|PATH]...", nargs=-1)
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
@executor_options
@click.option(
    "--page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the results to this Markdown file.",
)
@click.option("--fixture", metavar="NAME", help="Try one golden fixture only.  [default: all]")
@click.option(
    "--engine", metavar="NAME", help="Inject faults of fixtures only, and run this pipeline on each."
)
@mutant_options
@root_option
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    *,
    faults: tuple[str, ...],
    quick: bool,
    clean: int,
    files: tuple[Path, ...],
    jobs: int,
    executor: str | None,
    dask: str | None,
    page: Path | None,
    fixture: str | None,
    engine: str | None,
    mutants: int | None,
    seed: int | None,
    at_least: float | None,
    root: Path | None,
    as_json: bool,
) -> int:
    """Injects each FAULT, by default every known one, into a copy and runs all checks on it.

    There are faults of fixtures, of pipelines (run with the fault and judged by their baselines), of
    repositories, and of any array or metric: G01 to G11, such as doubled, shuffled or transposed. For those,
    the tests that use fixture_regression run once, and compare moved arrays with their own tolerances.
    Without FAULT, every golden value is also moved by 0.5 and by 2 tolerances. No golden file is changed.
    Pipelines that pyproject.toml lists as optional are left out; --engine NAME tries one of them, or any
    other pipeline, and lists the faults of fixtures that its own tests would not see.

    With --mutants N, each PATH is a source file or directory of the project, by default all of it, and no
    fault is injected: N random mutants of lines that golden tests execute are made, and those tests run on
    each in a copy of the project. Survivors are printed, those that moved an output most first. A line with
    "# pragma: no mutate" has no mutants.

    Exits with 1 if a fault was missed and not explained, a harmless change was flagged, or a mutant that
    changes an output survived; with 2 if there is nothing to try. This command runs code and tests of the
    project.

    \b
    Examples:
      harness sensitivity --quick
      harness sensitivity P01 G05
      harness sensitivity --fixture lattice
      harness sensitivity --engine cdtools
      harness sensitivity --dask tcp://127.0.0.1:8786
      harness sensitivity --clean 100 --page docs/sensitivity.md
      harness sensitivity --mutants 100 src/waves --at-least 95
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.sensitivity.generic_faults import GENERIC_FAULTS
    from harness.core.sensitivity.golden_tests import Question
    from harness.core.sensitivity.trials import answer, build_matrix, known_faults, plan_trials

    project = project_at(root)
    where = chosen_executor(executor, dask, jobs=jobs, project=project, workspace=mutants is not None)
    others = {
        "--quick": quick,
        "--clean": clean,
        "--specimen": files,
        "--fixture": fixture,
        "--engine": engine,
    }
    require_alone(mutants, {"--seed": seed, "--at-least": at_least}, others)
    if mutants is not None:
        return try_mutants(
            project,
            faults,
            count=mutants,
            seed=seed,
            at_least=at_least,
            executor=where,
            page=page,
            as_json=as_json,
        )
    catalogue = find_catalogue(project.root)
    known = known_faults(catalogue)
    _require_known([*(fault.id for fault in known), *(fault.id for fault in GENERIC_FAULTS)], faults)
    kinds = FAULT_KINDS if engine is None else ("fixture",)
    chosen = tuple(fault for fault in known if fault.kind in kinds and (not faults or fault.id in faults))
    generic = tuple(f for f in GENERIC_FAULTS if not engine and (not faults or f.id in faults))
    subjects = _with_pipelines(_subjects(project, fixture), project, catalogue, engine)
    asked = tuple(
        trial
        for number, subject in enumerate(subjects)
        for trial in plan_trials(subject, _suitable(chosen, first=number == 0), quick=quick)
    )
    moved = _moved_metrics(project, subjects, fixture, generic)
    archives = tuple(subject.archive for subject in subjects)
    tests = (
        (Question(project, archives, tuple(fault.id for fault in generic)),) if archives and generic else ()
    )
    if not (asked or tests or moved or clean):
        raise _nothing_to_try(faults)
    found = _all("faults", answer, (*tests, *asked), where, _label_of_trial)
    seen, answers = found[: len(tests)], found[len(tests) :]
    tried = (*(file for files_seen in seen for file in files_seen), *moved)
    results = _Results(
        build_matrix(chosen, dict(zip(asked, answers, strict=True))),
        ()
        if faults or engine
        else tuple(value for subject in subjects for value in _moved_values(subject, subjects)),
        generic,
        tried,
        _repeat(subjects, catalogue, clean, files, where),
    )
    if not (faults or fixture or engine):
        _keep(project, results, quick=quick)
    if page:
        _write(page, results)
    (_emit if as_json else _show)(results, engine)
    return 0 if results.correct else 1


def _subjects(project: Project, name: str | None) -> tuple[Subject, ...]:
    """Return the golden fixtures, or the one of that name, each with the pipelines that have a baseline.

    Raises
    ------
    UsageError
        If there is no fixture of that name.
    """
    from harness.core.domain.catalogue import find_catalogue
    from harness.core.errors import UsageError
    from harness.core.registry.golden_names import fixtures, pipeline_baselines
    from harness.core.sensitivity.trials import Subject

    measured = list(pipeline_baselines(project, find_catalogue(project.root).pipelines))
    found = tuple(
        Subject(
            project.root,
            project.golden_name,
            project.relative(archive),
            tuple(b.pipeline for b in measured if b.fixture == archive),
        )
        for archive in fixtures(project)
    )
    if name is None:
        return found
    one = tuple(subject for subject in found if subject.name == name)
    if not one:
        raise UsageError(
            f"--fixture {name}",
            expected=f"one of {', '.join(subject.name for subject in found) or 'the golden fixtures'}",
            found=f"{'no such fixture' if found else 'no golden fixture'}",
            remedy="Correct the name." if found else "Record a fixture first.",
        )
    return one


def _with_pipelines(
    subjects: Sequence[Subject], project: Project, catalogue: Catalogue, engine: str | None
) -> tuple[Subject, ...]:
    """Return the subjects with the pipelines to run: all but optional ones, or *engine* alone.

    Raises
    ------
    UsageError
        The engine has no baseline.
    DependencyError
        What it needs is not installed.
    """
    from dataclasses import replace

    from harness.core.domain.run_pipeline import missing_requirement
    from harness.core.domain.settings import optional_pipelines
    from harness.core.errors import UsageError

    if engine is None:
        optional = optional_pipelines(project.root)
        return tuple(
            replace(subject, pipelines=tuple(name for name in subject.pipelines if name not in optional))
            for subject in subjects
        )
    measured = tuple(replace(s, pipelines=(engine,)) for s in subjects if engine in s.pipelines)
    if not measured:
        raise UsageError(
            f"--engine {engine}",
            expected="a pipeline with a golden baseline",
            found="a name that has none",
            message=f"pipeline {engine!r} has no baseline, so nothing says how far its metrics may move",
            remedy=f'Record one with `harness calibrate {engine} --reason "..."`.',
        )
    missing = missing_requirement(catalogue.load("pipelines", engine))
    if missing is not None:
        raise missing
    return measured


def _suitable(faults: Sequence[Fault], *, first: bool) -> tuple[Fault, ...]:
    """Return the faults to inject into a fixture: those of the repository once, not for each fixture."""
    return tuple(fault for fault in faults if first or fault.kind != "repository")


def _moved_metrics(
    project: Project, subjects: Sequence[Subject], fixture: str | None, faults: Sequence[GenericFault]
) -> tuple[GoldenFile, ...]:
    """Return what baselines see of their metrics when these are moved."""
    from harness.core.registry.golden_names import baselines
    from harness.core.sensitivity.golden_tests import judge_baselines

    paths = {subject.path for subject in subjects}
    files = [found.path for found in baselines(project) if fixture is None or found.fixture in paths]
    return tuple(judge_baselines(project, files, faults))


def _require_known(known: Sequence[str], names: Sequence[str]) -> None:
    """Raise :class:`UsageError` for a fault that does not exist."""
    from harness.core.errors import UsageError

    for name in names:
        if name not in known:
            raise UsageError(
                "FAULT",
                expected=f"one of {', '.join(sorted(known))}",
                found=repr(name),
                remedy="Correct the name, or add the fault to a table named in [tool.harness] faults.",
            )


def _nothing_to_try(faults: Sequence[str]) -> UsageError:
    """Return the error for a project in which no fault can be injected."""
    from harness.core.errors import UsageError

    if faults:
        return UsageError(
            "sensitivity",
            expected="a fault that applies to a golden file of this project",
            found=", ".join(faults),
            message=f"there is nothing to try: {', '.join(faults)} applies to no golden file of this project",
            remedy="Name another fault, or none to try all.",
        )
    return UsageError(
        "sensitivity",
        expected="a golden fixture or baseline",
        found="none",
        message="there is nothing to try: no golden fixture and no baseline is registered",
        remedy="Record one first, with `pytest --force-regen`.",
    )


def _moved_values(subject: Subject, subjects: Sequence[Subject]) -> Iterable[MovedValue]:
    """Judge golden arrays and metrics that were moved by 0.5 and by 2 tolerances."""
    from dataclasses import replace

    from harness.core.baselines.baseline import read_baseline
    from harness.core.sensitivity.moved_values import move_arrays, move_metrics
    from harness.core.storage.npz import read_archive

    prefix = f"{subject.name}: " if len(subjects) > 1 else ""
    values = [*move_arrays(read_archive(subject.path))]
    for pipeline in subject.pipelines:
        values += move_metrics(read_baseline(subject.baseline(pipeline)))
    yield from (replace(value, name=f"{prefix}{value.name}") for value in values)


def _repeat(
    subjects: Sequence[Subject],
    catalogue: Catalogue,
    repetitions: int,
    files: tuple[Path, ...],
    executor: Executor,
) -> tuple[Repetition, ...]:
    """Run the checks on valid data: on specimens first, then on the golden fixtures.

    Raises
    ------
    UsageError
        If no pipeline has a baseline, because every clean run is one of a pipeline.
    """
    from harness.core.errors import UsageError
    from harness.core.sensitivity.clean_runs import plan_clean_runs, run_clean, specimen_from_file

    if not repetitions:
        return ()
    measured = [subject for subject in subjects if subject.pipelines]
    if not measured:
        raise UsageError(
            "--clean",
            expected="a fixture with the baseline of a pipeline",
            found="none",
            remedy="Record a baseline first, or leave out --clean.",
        )
    specimens = (*(specimen_from_file(file.resolve()) for file in files), *catalogue.load_specimens())
    asked: list[CleanRun] = []
    for number, subject in enumerate(measured):
        share = repetitions // len(measured) + (number < repetitions % len(measured))
        asked += plan_clean_runs(subject, () if number else specimens, share)
    answers = _all("clean runs", run_clean, asked, executor, _label_of_clean_run)
    return tuple(repetition for answer in answers for repetition in answer)


def _all(
    what: str,
    call: Any,
    asked: Sequence[Question | Trial | CleanRun],
    executor: Executor,
    label: Callable[[Any], str],
) -> list[Any]:
    """Return the result of each of *asked*, in that order, with a progress bar on a terminal."""
    from harness.core.system.executors.interface import run_in_order
    from harness.report.terminal.progress import progress_bar

    with progress_bar("sensitivity") as progress:
        progress(what, 0.0)
        return run_in_order(
            executor,
            call,
            asked,
            label=label,
            on_result=lambda _index, _answer, done: progress(what, done / len(asked)),
        )


def _label_of_trial(trial: Trial | Question) -> str:
    from harness.core.sensitivity.golden_tests import Question

    if isinstance(trial, Question):
        return "the project's tests"
    return " ".join(
        filter(None, (f"fault {trial.fault} of {trial.subject.name},", trial.pipeline, trial.group))
    )


def _label_of_clean_run(clean: CleanRun) -> str:
    return f"clean run {clean.number + 1} of {clean.specimen or clean.subject.name}"


def _write(path: Path, results: _Results) -> None:
    from harness.core.storage.atomic import replace_file
    from harness.report.mutants.page import section_of
    from harness.report.sensitivity import page

    text = page(
        results.matrix,
        results.moved,
        results.repetitions,
        command=command_line(),
        generic=results.generic,
        files=results.files,
    )
    mutants = section_of(path.read_text("utf-8")) if path.is_file() else ""
    replace_file(path, (f"{text}\n{mutants}" if mutants else text).encode())


def _keep(project: Project, results: _Results, *, quick: bool) -> None:
    """Keep what all faults together have shown: `harness report` has it on its page."""
    from harness.core.sensitivity.stored_result import save_result, stored_result

    save_result(project, stored_result(results.matrix, results.files, quick=quick))


def _show(results: _Results, engine: str | None) -> None:
    from harness.report.plain_lines import plain_line
    from harness.report.sensitivity import (
        blind_lines,
        false_alarm_lines,
        generic_lines,
        generic_table,
        matrix_lines,
        matrix_table,
        moved_value_lines,
        next_line,
    )
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    if results.matrix.rows:
        show_table(matrix_table(results.matrix))
        show_lines([""])
    if any(file.moves for file in results.files):
        show_table(generic_table(results.generic, results.files))
        show_lines([""])
    lines = (
        *matrix_lines(results.matrix),
        *(blind_lines(results.matrix, engine) if engine else ()),
        *moved_value_lines(results.moved),
        *generic_lines(results.generic, results.files),
        *false_alarm_lines(results.repetitions),
        *next_line(results.matrix, results.files),
    )
    show_lines(map(plain_line, lines))


def _emit(results: _Results, engine: str | None) -> None:
    matrix, moved, repetitions = results.matrix, results.moved, results.repetitions
    result = {
        "checks": matrix.checks,
        "faults": [
            {
                "id": row.id,
                "fixture": row.fixture or None,
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
        "generic": [_plain_file(file) for file in results.files],
        "clean": [
            {"name": r.name, "false_alarms": [_plain(alarm) for alarm in r.false_alarms]} for r in repetitions
        ],
    }
    if engine:
        from harness.report.sensitivity import seen_by

        result["engine"] = {
            "name": engine,
            "faults": {row.label: seen_by(row, engine) for row in matrix.rows},
        }
    emit(result, as_json=True, render=lambda: None)


def _plain_file(file: GoldenFile) -> dict[str, Any]:
    """Return what tests see of one golden file for JSON: how many moves, and those that passed."""
    return {
        "path": file.path,
        "tests": list(file.tests),
        "moved": len(file.moves),
        "seen": sum(move.seen for move in file.moves),
        "correct": file.correct,
        "problem": file.problem or None,
        "blind": [
            {
                "array": move.name,
                "fault": move.fault,
                "case": move.case or None,
                "why": move.why,
                "explained": move.explained,
            }
            for move in file.blind
        ],
    }


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
