"""Mutants from beginning to end: survey, choice, trials, verdicts.

A *trial* is one mutant: the golden tests that execute its line run in a copy of the project that has it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import UsageError
from harness.core.sensitivity.mutants.choice import choose_mutants
from harness.core.sensitivity.mutants.golden_run import GoldenRun, Origin, run_golden
from harness.core.sensitivity.mutants.operators import require_packages
from harness.core.sensitivity.mutants.paths import source_files
from harness.core.sensitivity.mutants.survey import survey
from harness.core.sensitivity.mutants.verdicts import MutantResult, MutantRun, judge_mutant
from harness.core.sensitivity.mutants.whole_copy import copy_again, replace_source
from harness.core.system.executors.interface import run_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from harness.core.sensitivity.mutants.choice import Mutant
    from harness.core.sensitivity.mutants.survey import Survey
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Executor


FACTOR, MORE_SECONDS, LEAST_MEMORY = 4, 10, 2 << 30


class Trial(NamedTuple):
    """A mutant, and what its process needs.

    Attributes
    ----------
    mutant : Mutant
    tests : tuple of str
        Those that execute its line: of the file whose tests take least time first.
    base : Project
        The copy to copy.
    clean : str
        Directory with what the clean run handed over.
    origin : Origin
    seconds, memory : float and int
        When it is stopped, and how many bytes of memory it may use.
    folder : str
        Directory for its own copy, which is removed.
    """

    mutant: Mutant
    tests: tuple[str, ...]
    base: Project
    clean: str
    origin: Origin
    seconds: float
    memory: int
    folder: str


def plan_trial(mutant: Mutant, known: Survey, folder: Path) -> Trial:
    """Return the trial of a mutant, which may take 4 times as long as without it, and 10 s more.

    It may use 4 times as much memory as all golden tests together, and at least 2 GiB.
    """
    expected = known.start + sum(known.seconds.get(test, 0.0) for test in mutant.tests)
    return Trial(
        mutant,
        tuple(quick_first(mutant.tests, known.seconds)),
        known.base,
        str(known.clean),
        known.origin,
        FACTOR * expected + MORE_SECONDS,
        max(FACTOR * known.memory, LEAST_MEMORY),
        str(folder),
    )


def quick_first(tests: Collection[str], seconds: Mapping[str, float]) -> list[str]:
    """Return *tests* file by file, the file whose tests take least time first: the first failure ends a run.

    Tests of a file stay together and in order, because they may share what takes long to make.

    >>> quick_first(["a.py::one", "b.py::one"], {"a.py::one": 9.0, "a.py::two": 1.0, "b.py::one": 2.0})
    ['b.py::one', 'a.py::one']
    """
    wanted = [test for test in seconds if test in tests]
    files: dict[str, list[str]] = {}
    for test in wanted:
        files.setdefault(test.partition("::")[0], []).append(test)
    quick = sorted(files.values(), key=lambda some: sum(seconds[test] for test in some))
    return [test for some in quick for test in some]


def run_trial(trial: Trial) -> GoldenRun:
    """Run the tests of a mutant in a copy, which is removed afterwards."""
    mutant = trial.mutant
    # Processes that left the group may still be writing when the directory is removed.
    with tempfile.TemporaryDirectory(dir=trial.folder, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        copy = copy_again(trial.base, folder)
        replace_source(copy, mutant.path, mutant.text)
        work = folder / "work"
        work.mkdir()
        return run_golden(
            copy,
            trial.origin,
            work,
            tests=trial.tests,
            clean=Path(trial.clean),
            seconds=trial.seconds,
            memory=trial.memory,
        )


def run_mutants(  # noqa: PLR0913 - what a run is asked, and who hears of it
    project: Project,
    paths: Sequence[Path],
    *,
    count: int,
    seed: int,
    executor: Executor,
    progress: Callable[[str, float], None] = lambda _stage, _fraction: None,
    on_result: Callable[[MutantResult], None] = lambda _result: None,
) -> MutantRun:
    """Try up to *count* random mutants of the source files below *paths* on the project's golden tests.

    Parameters
    ----------
    project : Project
        Nothing in it is changed.
    paths : sequence of Path
        Files and directories; the whole project if there is none.
    count, seed : int
    executor : Executor
        Who runs the trials.
    progress : callable
        Called with what is done and the fraction of it.
    on_result : callable
        Called with each result when it is ready.

    Raises
    ------
    DependencyError
        If cosmic-ray or coverage is not installed.
    UsageError
        If there is nothing to try, or golden tests fail without a mutant.
    """
    require_packages()
    files = source_files(project, paths)
    with tempfile.TemporaryDirectory(
        prefix="harness-mutants-", dir=executor.scratch, ignore_cleanup_errors=True
    ) as name:
        folder = Path(name).resolve()
        known = survey(project, files, folder, progress)
        mutants = choose_mutants(known.sources, count, seed)
        if not mutants:
            raise _nothing_to_mutate()
        results: list[MutantResult] = []

        def judged(index: int, run: GoldenRun, done: int) -> None:
            results.append(judge_mutant(mutants[index], run, known))
            progress("mutants", done / len(mutants))
            on_result(results[-1])

        trials = [plan_trial(mutant, known, folder) for mutant in mutants]
        progress("mutants", 0.0)
        run_in_order(executor, run_trial, trials, label=lambda trial: trial.mutant.place, on_result=judged)
    order = {id(mutant): number for number, mutant in enumerate(mutants)}
    results.sort(key=lambda result: order[id(result.mutant)])
    return MutantRun(seed, count, tuple(results), tuple(known.seconds), tuple(sorted(known.noise)))


def _nothing_to_mutate() -> UsageError:
    return UsageError(
        "PATH",
        expected="an operation, a number or a condition in a line that golden tests execute",
        found="none",
        message="there is nothing to try: the lines that golden tests execute have nothing to mutate",
        remedy="Name other files, or none for the whole project.",
    )
