"""Running a project's tests under perturbations, to measure how far their results spread.

Each run is a pytest process of its own. The module ``harness.plugin.children.calibration_checks`` has every
check there measure instead of compare, and writes samples as ``--golden-samples`` does.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from harness.core.baselines.samples import Samples, read_samples
from harness.core.errors import UsageError
from harness.core.rerun.environment import clean_environment
from harness.core.rerun.pytest_process import BROKEN, run_pytest
from harness.core.system.executors.interface import run_in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from harness.core.baselines.perturbations import PytestPerturbation
    from harness.core.storage.project import Project
    from harness.core.system.executors.interface import Apart, Executor

VARIABLE = "HARNESS_CALIBRATION"
"""Environment variable with the :class:`Job` of the pytest process."""

FAILURES = "failures.jsonl"

_PLUGIN = "harness.plugin.children.calibration_checks"


class Job(msgspec.Struct, frozen=True):
    """What one run is to do.

    Attributes
    ----------
    root : str
        The project's root.
    answers : str
        Directory for failures.
    plain : str
        Directory for the arrays of the plain run, with which those of the runs with noise are compared.
    noise : int or None
        Seed of the noise on declared inputs.
    tests : tuple of str
        Ids of the tests to run; all that use our fixtures if it is empty.
    is_plain : bool
        Whether this is the plain run.
    """

    root: str
    answers: str
    plain: str
    noise: int | None
    tests: tuple[str, ...] = ()
    is_plain: bool = False


class FailedTest(msgspec.Struct, frozen=True):
    """A test that failed or was skipped, and why; without a test, a file that could not be collected."""

    test: str
    found: str


@dataclass(frozen=True, slots=True)
class TestRun:
    """What one run measured, and its failures by test."""

    perturbation: PytestPerturbation
    samples: Samples
    failures: dict[str, str]

    __test__ = False  # pytest would collect it


class _Asked(NamedTuple):
    """One run: under which perturbation, in which folder for all runs, its number, and the tests."""

    project: Project
    perturbation: PytestPerturbation
    folder: Path
    number: int
    tests: tuple[str, ...]


def run_under(  # noqa: PLR0913 - what runs, and where
    project: Project,
    perturbations: Sequence[PytestPerturbation],
    *,
    tests: Iterable[str] = (),
    jobs: int = 1,
    executor: Executor | None = None,
    apart: Callable[[Apart], None] | None = None,
    progress: Callable[[str, float], None] = lambda _stage, _fraction: None,
) -> list[TestRun]:
    """Run the project's tests once under each perturbation.

    Parameters
    ----------
    project : Project
    perturbations : sequence of PytestPerturbation
        The first one is the plain run. The others repeat the tests that handed something over in it.
    tests : iterable of str, optional
        Ids of the tests to run; the default is all that use our fixtures.
    jobs : int
        Largest number of processes at the same time, without an *executor*.
    executor : Executor, optional
        Where the runs are; its scratch directory is where they find each other's files.
    apart : callable, optional
        Gets the runs of other machines, except a plain one: others are compared with it.
    progress : callable
        Called after each run with what it was and the fraction of the runs that are done.

    Raises
    ------
    UsageError
        If pytest cannot start in the project.
    """
    count = len(perturbations)
    # A process that was interrupted may still be writing when the directory is removed.
    with tempfile.TemporaryDirectory(
        dir=None if executor is None else executor.scratch, ignore_cleanup_errors=True
    ) as folder:
        plain = _Asked(project, perturbations[0], Path(folder), 0, tuple(tests))
        (first,) = _all([plain], 1, executor, None, lambda _done, _run: None)
        progress(_stage(1, count, perturbations[0]), 1 / count)
        used = dict.fromkeys(
            test
            for found in (first.samples.arrays, first.samples.metrics)
            for sample in found.values()
            for test in sample.tests
        )
        if not used:
            return [first]
        asked = [
            _Asked(project, perturbation, Path(folder), number, tuple(used))
            for number, perturbation in enumerate(perturbations[1:], start=1)
        ]

        def report(done: int, run: TestRun) -> None:
            progress(_stage(done + 1, count, run.perturbation), (done + 1) / count)

        return [first, *_all(asked, jobs, executor, apart, report)]


def run_tests_once(asked: _Asked) -> TestRun:
    """Run tests in a pytest process under a perturbation, as :func:`run_under` asks for it."""
    project, perturbation, folder, number, tests = asked
    answers = Path(tempfile.mkdtemp(prefix=f"{number}-", dir=folder))
    samples = answers / "samples.json"
    job = Job(
        str(project.root), str(answers), str(folder / "plain"), perturbation.noise, tests, is_plain=not number
    )
    files = dict.fromkeys(str(project.root / test.partition("::")[0]) for test in tests)
    listed = answers / "job.json"
    listed.write_bytes(msgspec.json.encode(job))
    ended = run_pytest(
        [
            "-q",
            "--continue-on-collection-errors",
            "-p",
            _PLUGIN,
            "-o",
            f"cache_dir={answers}",
            "--golden-samples",
            str(samples),
            *files,
        ],
        folder=project.root,
        places=[str(project.root)],
        environment={**clean_environment(), **perturbation.variables, VARIABLE: str(listed)},
    )
    if not samples.is_file():
        raise _cannot_run(
            ended.last_line if ended.code in BROKEN else _first_failure(answers, ended.last_line)
        )
    return TestRun(perturbation, read_samples(samples), _failures(answers))


def _all(
    asked: Sequence[_Asked],
    jobs: int,
    executor: Executor | None,
    apart: Callable[[Apart], None] | None,
    report: Callable[[int, TestRun], None],
) -> list[TestRun]:
    """Make all runs, in threads here or by an executor; report how many there are, and the newest."""
    if executor is not None:
        return run_in_order(
            executor,
            run_tests_once,
            asked,
            label=lambda one: f"tests, run {one.number + 1}",
            apart=apart,
            on_result=lambda _index, run, done: report(done, run),
        )
    found = []
    with ThreadPoolExecutor(jobs) as pool:
        for run in pool.map(run_tests_once, asked):
            found.append(run)
            report(len(found), run)
    return found


def _failures(answers: Path) -> dict[str, str]:
    """What the processes of one run noted, by test; the first failure of each test."""
    found: dict[str, str] = {}
    for file in sorted(answers.glob(f"*{FAILURES}")):
        for line in file.read_bytes().splitlines():
            failure = msgspec.json.decode(line, type=FailedTest)
            found.setdefault(failure.test, failure.found)
    return found


def _first_failure(answers: Path, output: str) -> str:
    return next(iter(_failures(answers).values()), output)


def _stage(number: int, count: int, perturbation: PytestPerturbation) -> str:
    variables = perturbation.variables
    threads, kernels = variables.get("OMP_NUM_THREADS"), variables.get("ATEN_CPU_CAPABILITY")
    words = [
        *([f"{threads} thread{'s' if threads != '1' else ''}"] if threads else []),
        *([f"{kernels} kernels"] if kernels else []),
        *([f"noise {perturbation.noise}"] if perturbation.noise is not None else []),
    ]
    return f"tests {number}/{count}: {', '.join(words) or 'as they are'}"


def _cannot_run(found: str) -> UsageError:
    return UsageError(
        "pytest",
        expected="a run of the project's tests",
        found=found,
        message=f"pytest cannot run the tests of this project: {found}",
        remedy="Run `pytest` there, and fix what it reports.",
    )
