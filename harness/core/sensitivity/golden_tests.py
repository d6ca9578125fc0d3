"""Ask a project's own tests whether they see generic faults of its golden arrays.

The tests run once, in a pytest process of their own. Whenever a test has compared a fixture with its golden
file, every array that it obtained is moved and compared again, with the tolerances that the test gave. The
module ``harness.plugin.children.moved_checks`` does this in that process. No golden file is changed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.baselines.baseline import read_baseline
from harness.core.errors import UsageError
from harness.core.sensitivity.generic_faults import GENERIC_FAULTS, GenericFault, GoldenMove, judge_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harness.core.storage.project import Project

VARIABLE = "HARNESS_MOVED_CHECKS"
"""Environment variable with the :class:`Assignment` of the pytest process."""

_PLUGIN = "harness.plugin.children.moved_checks"
_BROKEN = (3, 4)  # pytest's exit codes for an error of its own, and for a wrong option or conftest.py


class Assignment(msgspec.Struct, frozen=True):
    """What the pytest process is to try, and the directory for its answers."""

    faults: tuple[str, ...]
    files: tuple[str, ...]
    answers: str

    def chosen(self) -> tuple[GenericFault, ...]:
        """The faults themselves."""
        return tuple(fault for fault in GENERIC_FAULTS if fault.id in self.faults)


class Answer(msgspec.Struct, frozen=True):
    """What one test sees of one golden file; ``passed`` is False if its check failed without any fault.

    ``file`` is empty if the test failed anywhere, or the file of tests could not be collected.
    """

    file: str
    test: str
    passed: bool
    moves: tuple[GoldenMove, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldenFile:
    """One golden file and what the tests see of it.

    Attributes
    ----------
    path : str
        As the registry writes it.
    tests : tuple of str
        The tests that compare with it; empty for baselines, whose tolerances are in the file.
    moves : tuple of GoldenMove
        Every move that changes something, each seen if any test saw it.
    problem : str
        Why it cannot see anything: no test compares with it, or each of them fails already.
    """

    path: str
    tests: tuple[str, ...]
    moves: tuple[GoldenMove, ...]
    problem: str = ""

    @property
    def blind(self) -> tuple[GoldenMove, ...]:
        """The moves that passed."""
        return tuple(move for move in self.moves if not move.seen)

    @property
    def correct(self) -> bool:
        """Whether every move was seen, or is explained."""
        return not self.problem and all(move.explained for move in self.blind)


@dataclass(frozen=True, slots=True)
class Question:
    """What the tests of a project are asked: which of *faults*, by id, they see in *archives*."""

    project: Project
    archives: tuple[str, ...]
    faults: tuple[str, ...]


def ask_tests(question: Question) -> list[GoldenFile]:
    """Run the project's tests of fixtures, and return what they see of each archive.

    Raises
    ------
    UsageError
        If pytest cannot start in the project.
    """
    archives = question.archives
    if not (archives and question.faults):
        return []
    with tempfile.TemporaryDirectory() as folder:
        given = Assignment(question.faults, archives, folder)
        output = _run_pytest(question.project, given)
        files = sorted(Path(folder).glob("*.jsonl"))
        if not files:  # our plugin writes one at once
            raise _cannot_run(output)
        answers = [answer for file in files for answer in _read(file)]
    failed = tuple(dict.fromkeys(answer.test for answer in answers if not answer.file))
    return [
        _golden_file(path, [answer for answer in answers if answer.file == path], failed) for path in archives
    ]


def judge_baselines(
    project: Project, files: Iterable[Path], faults: Sequence[GenericFault]
) -> Iterator[GoldenFile]:
    """Move each metric of each baseline; nothing is run, because the tolerances are in the baseline."""
    for file in files:
        path = project.relative(file)
        moves = tuple(judge_metrics(tuple(faults), path, read_baseline(file)))
        if moves:
            yield GoldenFile(path, (), moves)


def _run_pytest(project: Project, given: Assignment) -> str:
    """Run the tests; return what pytest printed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", _PLUGIN, "-p", "no:cacheprovider"]
    command.append("--continue-on-collection-errors")
    done = subprocess.run(  # noqa: S603 - no shell
        command,
        cwd=project.root,
        env={**os.environ, VARIABLE: msgspec.json.encode(given).decode()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode in _BROKEN:
        raise _cannot_run(output)
    return output


def _cannot_run(output: str) -> UsageError:
    found = next((line.strip() for line in reversed(output.splitlines()) if line.strip()), "no output")
    return UsageError(
        "pytest",
        expected="a run of the project's tests",
        found=found,
        message=f"pytest cannot run in this project: {found}",
        remedy="Run `python -m pytest` there, and fix what it reports.",
    )


def _read(file: Path) -> Iterator[Answer]:
    for line in file.read_bytes().splitlines():
        yield msgspec.json.decode(line, type=Answer)


def _golden_file(path: str, answers: Sequence[Answer], failed: Sequence[str] = ()) -> GoldenFile:
    """Return what all tests together see; *failed* lists tests that failed, perhaps before their check."""
    tests = tuple(dict.fromkeys(answer.test for answer in answers))
    passed = [answer for answer in answers if answer.passed]
    if not passed:
        problem = "no test compares a fixture with it"
        if failed:
            problem += f"; failed or not collected: {', '.join(failed)}"
        if answers:
            problem = f"its check fails without any fault, in {', '.join(tests)}"
        return GoldenFile(path, tests, (), problem)
    best: dict[tuple[str, str, str], GoldenMove] = {}
    for move in (move for answer in passed for move in answer.moves):
        key = (move.fault, move.name, move.case)
        if key not in best or move.seen:
            best[key] = move
    return GoldenFile(path, tests, tuple(best.values()))
