"""Running tests again in a new pytest process, for what they hand to ``arrays_regression``.

The module ``harness.plugin.children.rerun_checks`` does this in that process: it runs the tests that a job
lists, in its order, and instead of comparing arrays it writes them. Nothing golden is read or written there.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.core.domain.import_path import is_inside
from harness.core.errors import NotImportableError, RemakeError
from harness.core.fixtures.manifest import read_manifest
from harness.core.rerun.answers import Answer, Task
from harness.core.rerun.environment import clean_environment
from harness.core.rerun.pytest_process import run_pytest

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence

    from harness.core.errors import HarnessError

VARIABLE = "HARNESS_RERUN_TESTS"
"""Environment variable with the path of the new process's :class:`Job`."""

FAILURES, SAME = "failures.jsonl", "same.jsonl"

NOT_COLLECTED = "no test of this id is collected"
"""What the new process notes about a wanted test that it does not find."""

_ENDED = (0, 1, 5)
"""pytest's exit codes for a session that ran to its end; no tests were collected in the last."""

_SAME_CHECK = "the same check in a new process"
_INDEPENDENT = "Make the test independent of other tests, of their order and of files that they leave."
_NAMED = 3

_PLUGIN = "harness.plugin.children.rerun_checks"


@dataclass(frozen=True, slots=True)
class PytestCall:
    """How pytest was called: its arguments, and where.

    They are given again as they are, so that pytest finds the same configuration and conftest.py files; but
    only the files of the wanted tests are collected. ``places`` are directories to import from, after all
    others.
    """

    arguments: tuple[str, ...] = ()
    folder: Path | None = None
    places: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True):
    """Arrays that a test is to hand over: the golden name, and the directory for them.

    If they have the digest ``known``, only their name is noted: a directory each would take longer than the
    tests.
    """

    test: str
    name: str
    folder: str
    known: str


class Job(msgspec.Struct, frozen=True):
    """What a pytest process is to do: the tests of *wanted*, in this order, of the project at *root*."""

    root: str
    wanted: tuple[Wanted, ...]
    answers: str


class Failure(msgspec.Struct, frozen=True):
    """A test that failed or was skipped, and why; without a test, a file that could not be collected."""

    test: str
    found: str


def run_tests(tasks: Sequence[Task], root: Path, call: PytestCall) -> list[Answer]:
    """Run the tests behind all *tasks* in one new pytest process, in this order; an answer each.

    Parameters
    ----------
    tasks : sequence of Task
        Their manifests name the tests.
    root : Path
        The project's root.
    call : PytestCall
        How pytest is called.
    """
    if not tasks:
        return []
    wanted, refused = {}, {}
    for task in tasks:
        manifest = read_manifest(task.manifest)
        test = str(manifest.generator.test)
        if problem := _file_problem(test, root):
            refused[task] = Answer(error=_not_run(test, problem))
        else:
            wanted[task] = Wanted(test, manifest.name, str(task.folder), task.known)
    answers = _run(wanted, root, call) if wanted else {}
    return [refused.get(task) or answers[task] for task in tasks]


def _file_problem(test: str, root: Path) -> str:
    """Why a test that a manifest names is not run; empty if it may be: its file is the project's own."""
    file = Path(os.path.normpath(root / test.partition("::")[0]))
    if file.suffix != ".py" or not is_inside(file, root):
        return "its file is not one of the project's"
    return "" if file.is_file() else "its file does not exist"


def _run(wanted: dict[Task, Wanted], root: Path, call: PytestCall) -> dict[Task, Answer]:
    place = next(iter(wanted)).folder.parent.parent  # where the caller may look for what has been made
    parent = place if place.is_dir() else None
    # A process that was interrupted may still be writing when the directory is removed.
    with tempfile.TemporaryDirectory(dir=parent, ignore_cleanup_errors=True) as folder:
        job = Path(folder) / "job.json"
        job.write_bytes(msgspec.json.encode(Job(str(root), tuple(wanted.values()), folder)))
        output = _run_pytest(job, list(wanted.values()), root, call)
        failures = _read_failures(Path(folder))
        same = _read_same(Path(folder))
    return {task: _answer(task, item, same, failures, output) for task, item in wanted.items()}


def files_of(wanted: Sequence[Wanted], root: Path) -> list[str]:
    """Return the files of the wanted tests, each once."""
    return list(dict.fromkeys(str(root / item.test.partition("::")[0]) for item in wanted))


def _run_pytest(job: Path, wanted: Sequence[Wanted], root: Path, call: PytestCall) -> str:
    """Run pytest for the wanted tests; return why it did not run to its end, empty if it did."""
    files = [] if call.arguments else files_of(wanted, root)
    cache = job.with_name("cache")  # the project's own keeps what the first process has learnt
    arguments = [*call.arguments, "-q", "-p", _PLUGIN, "-o", f"cache_dir={cache}", *files]
    ended = run_pytest(
        arguments,
        folder=call.folder or root,
        places=[*call.places, str(root)],
        environment={**clean_environment(), VARIABLE: str(job)},
    )
    return "" if ended.code in _ENDED else ended.last_line


def count_made(folder: Path) -> int:
    """Return how many arrays the tests that run in directories of *folder* have made again, as they were."""
    return sum(len(file.read_bytes().splitlines()) for file in folder.glob(f"*/*{SAME}"))


def _read_failures(folder: Path) -> dict[str, str]:
    """What the processes' files say, by test; the first failure of each test."""
    found: dict[str, str] = {}
    for file in sorted(folder.glob(f"*{FAILURES}")):
        for line in file.read_bytes().splitlines():
            failure = msgspec.json.decode(line, type=Failure)
            found.setdefault(failure.test, failure.found)
    return found


def _read_same(folder: Path) -> set[str]:
    """Names of the arrays that were made again with the digest that is known."""
    lines = (line for file in folder.glob(f"*{SAME}") for line in file.read_bytes().splitlines())
    return {msgspec.json.decode(line, type=str) for line in lines}


def _answer(
    task: Task, wanted: Wanted, same: Container[str], failures: Mapping[str, str], output: str
) -> Answer:
    test, name = wanted.test, wanted.name
    ended = task.folder / "ended.json"
    if ended.exists():
        return Answer(manifest=task.made / json.loads(ended.read_bytes())["made"])
    if name in same:
        return Answer(manifest=task.manifest)
    found = failures.get(test)
    collection = failures.get("")
    if found == NOT_COLLECTED and not collection and not output:
        return Answer(error=_not_found(test))
    if found == NOT_COLLECTED:
        found = None
    return Answer(error=_failed(test, found or collection or output or f"it has no check of {name!r}"))


def _not_found(test: str) -> NotImportableError:
    return NotImportableError(
        f"test {test!r}",
        expected="a test that is collected in a new pytest process",
        found="none of this id",
        message=f"test {test} is not run: {NOT_COLLECTED} in a new pytest process",
        remedy="If it was renamed, rename its golden file with `harness mv`. A test must have the same "
        "parameters in every process.",
    )


def _failed(test: str, found: str) -> RemakeError:
    return RemakeError(
        f"test {test!r}",
        expected=_SAME_CHECK,
        found=found,
        message=f"test {test} does not make its arrays again in a new pytest process: {found}",
        remedy=_INDEPENDENT,
    )


def one_per_reason(errors: Sequence[HarnessError]) -> list[HarnessError]:
    """Return *errors* with one in place of all tests that failed in the new process for the same reason.

    A process that fails as a whole, or a fixture that many tests use, fails for each of them.
    """
    groups: dict[tuple[str, str], list[HarnessError]] = {}
    for number, error in enumerate(errors):
        known = error.found if error.expected == _SAME_CHECK else f"#{number}"
        groups.setdefault((error.expected, known), []).append(error)
    return [same[0] if len(same) == 1 else _all_failed(same) for same in groups.values()]


def _all_failed(errors: Sequence[HarnessError]) -> RemakeError:
    """Return the error about several tests that failed for the same reason."""
    found, names = errors[0].found, [error.thing for error in errors[:_NAMED]]
    more = f" and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    return RemakeError(
        f"{', '.join(names)}{more}",
        expected=_SAME_CHECK,
        found=found,
        message=f"{len(errors)} tests do not make their arrays again in a new pytest process: {found} "
        f"({', '.join(names)}{more})",
        remedy=_INDEPENDENT,
    )


def _not_run(test: str, found: str) -> NotImportableError:
    return NotImportableError(
        f"test {test!r}",
        expected="a test of the project",
        found=found,
        message=f"test {test} is not run: {found}",
        remedy="Restore the test or the manifest, or record the arrays again with `pytest --force-regen`.",
    )
