"""``harness sensitivity --mutants``: random changes of the source, and which of them golden tests catch."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.commands.options import command_line, emit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from harness.core.sensitivity.mutants.verdicts import MutantResult, MutantRun
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor

_EVERY = 100.0


def mutant_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options ``--mutants``, ``--seed`` and ``--at-least``."""
    options = (
        click.option(
            "--mutants",
            metavar="N",
            type=click.IntRange(min=1),
            help="Try N random changes of the source files PATH on the golden tests.",
        ),
        click.option("--seed", type=int, help="With --mutants: seed of the choice.  [default: 0]"),
        click.option(
            "--at-least",
            metavar="PERCENT",
            type=click.FloatRange(0, _EVERY),
            help="With --mutants: exit with 0 if this part of those that change an output was caught.  "
            "[default: 100]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def require_alone(count: int | None, own: Mapping[str, object], others: Mapping[str, object]) -> None:
    """Raise :class:`UsageError` for one of *own* without ``--mutants``, or one of *others* with it."""
    from harness.core.errors import UsageError

    given = [name for name, value in own.items() if value is not None]
    if count is not None:
        given = [name for name, value in others.items() if value]
    if not given:
        return
    name, alone = given[0], count is None
    raise UsageError(
        name,
        expected=f"--mutants {'with' if alone else 'without'} {name}",
        found=f"{name} {'without' if alone else 'with'} --mutants",
        message=f"{name} {'can only' if alone else 'cannot'} be used with --mutants",
        remedy="Add --mutants N, or leave it out." if alone else "Leave one of them out.",
    )


def try_mutants(  # noqa: PLR0913 - what the verb is given
    project: Project,
    paths: Sequence[str],
    *,
    count: int,
    seed: int | None,
    at_least: float | None,
    executor: Executor,
    page: Path | None,
    as_json: bool,
) -> int:
    """Try mutants, print what came of them, and return the exit code."""
    from harness.core.sensitivity.mutants.run import run_mutants
    from harness.report.terminal.progress import progress_bar

    with progress_bar("sensitivity") as progress:
        run = run_mutants(
            project,
            [Path(path) for path in paths],
            count=count,
            seed=seed or 0,
            executor=executor,
            progress=progress,
        )
    if page:
        _write(page, run)
    emit(_plain(run), as_json=as_json, render=lambda: _show(run))
    return 0 if run.percent >= (_EVERY if at_least is None else at_least) else 1


def _write(page: Path, run: MutantRun) -> None:
    from harness.core.storage.atomic import replace_file
    from harness.report.mutants.page import mutants_section, with_section

    before = page.read_text("utf-8") if page.is_file() else ""
    section = mutants_section(run, command=command_line())
    replace_file(page, with_section(before, section).encode())


def _show(run: MutantRun) -> None:
    from harness.report.mutants.lines import fate_table, mutant_lines
    from harness.report.plain_lines import plain_line
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    show_table(fate_table(run))
    show_lines([""])
    show_lines(map(plain_line, mutant_lines(run)))


def _plain(run: MutantRun) -> dict[str, Any]:
    """Return a run for JSON."""
    from harness.core.sensitivity.mutants.verdicts import Fate

    return {
        "mutants": {
            "seed": run.seed,
            "asked": run.asked,
            "tried": len(run.results),
            "caught": run.caught,
            "changing": run.changing,
            "percent": run.percent,
            "tests": list(run.tests),
            "counts": {fate.value: len(run.of(fate)) for fate in Fate},
            "noise": [value._asdict() for value in run.noise],
            "results": [_plain_result(result) for result in run.results],
        }
    }


def _plain_result(result: MutantResult) -> dict[str, Any]:
    return {
        "path": result.mutant.path,
        "line": result.mutant.line,
        "operator": result.mutant.operator,
        "diff": result.mutant.diff,
        "tests": list(result.mutant.tests),
        "result": result.fate.value,
        "test": result.test or None,
        "golden": result.file or None,
        "name": result.name or None,
        "tolerances": result.tolerances if math.isfinite(result.tolerances) else None,
        "found": result.found or None,
    }
