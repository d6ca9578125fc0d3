"""Running recorded generators again in a new process: new interpreter, new directories, new hash seed.

``python -m harness.core.domain.rerun_generator JOB`` makes the fixtures that the JSON file JOB lists, one
after another. An error of one of them does not stop the others.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.domain.generators import recorded_generator, rerun
from harness.core.domain.parameters import unrecorded
from harness.core.domain.sources import find_source
from harness.core.errors import (
    DependencyError,
    HarnessError,
    NondeterministicError,
    NotImportableError,
    RemakeError,
    SourceMissingError,
    error_from_parts,
    error_to_parts,
)
from harness.core.fixtures.compare import compare
from harness.core.fixtures.difference_text import largest_difference
from harness.core.fixtures.fixture import read_fixture, write_fixture
from harness.core.fixtures.manifest import encode_manifest, read_manifest
from harness.core.fixtures.tolerance import Tolerance

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest
    from harness.core.storage.project import Project

RUNS = 2
"""New processes in all, each of which makes every staged fixture once."""

_ENDED = "ended.json"
_SMALL = 1 << 28  # bytes
_KEPT = (DependencyError, SourceMissingError, NotImportableError)
"""Errors about this machine or the import path. Any other error of a new process is the generator's."""


@dataclass(frozen=True, slots=True)
class Task:
    """One fixture to make: its manifest's file, its source file, and the directory for what is made.

    The archive is not written if its arrays have the digest ``known``: the caller has it already.
    """

    manifest: Path
    source: Path | None
    folder: Path
    known: str = ""

    @property
    def made(self) -> Path:
        """The directory of the new archive and manifest."""
        return self.folder / "made"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one new process made of a task: the new manifest's file, or an error.

    ``unrecorded`` are the parameters of the generator that the given manifest does not record.
    """

    manifest: Path | None = None
    error: HarnessError | None = None
    unrecorded: tuple[str, ...] = ()


def rerun_in_new_process(manifest: Path, source: Path | None = None, *, root: Path) -> Fixture:
    """Return the fixture that a manifest's generator makes now, in a new process and an empty directory.

    Parameters
    ----------
    manifest : Path
        The manifest's file.
    source : Path, optional
        The source file, for a generator that reads one.
    root : Path
        The project's root.

    Raises
    ------
    SourceMissingError
        If the generator reads a source and none is given.
    NotImportableError
        If it cannot be imported, or must not be.
    DependencyError
        If it needs a package that is not installed.
    RemakeError
        If it cannot be called for another reason, or raises an error.
    """
    with tempfile.TemporaryDirectory() as folder:
        task = Task(manifest.resolve(), source.resolve() if source else None, Path(folder) / "0")
        (answer,) = _in_new_process([task], root)
        if answer.manifest is None:
            raise answer.error or _failure(manifest, "no fixture")
        return read_fixture(answer.manifest.with_suffix(".npz"))


def require_reproducible(project: Project, manifests: Sequence[Path]) -> None:
    """Make all staged fixtures again in two new processes; each must be the same in both as it was staged.

    Each process makes every fixture once, in another order and with another hash seed.

    Parameters
    ----------
    project : Project
        Says where source files and modules are.
    manifests : sequence of Path
        The staged manifests; the archive of each is beside it.

    Raises
    ------
    NondeterministicError
        If any two results differ, or both differ from what is staged.
    SourceMissingError, NotImportableError, DependencyError, RemakeError
        As :func:`rerun_in_new_process`. If several fixtures are refused, the first error is raised, with
        those of all other fixtures in its attribute ``others``.
    """
    errors = [error for error in _errors(project, manifests) if error is not None]
    if errors:
        errors[0].others = tuple(errors[1:])
        raise errors[0]


def _errors(project: Project, manifests: Sequence[Path]) -> list[HarnessError | None]:
    """The error of each staged fixture, None where both new ones are the same as the staged one."""
    staged = [read_manifest(manifest) for manifest in manifests]
    sources = [find_source(project, manifest.source) for manifest in staged]
    with tempfile.TemporaryDirectory() as folder:

        def run(number: int) -> dict[int, Answer]:
            tasks = [
                Task(path.resolve(), source, Path(folder) / str(number) / str(index), manifest.digest)
                for index, (path, source, manifest) in enumerate(zip(manifests, sources, staged, strict=True))
            ]
            order = _order(len(tasks), number)
            answers = _in_new_process([tasks[index] for index in order], project.root)
            return dict(zip(order, answers, strict=True))

        # At the same time only if the arrays are small: each process may need several times their memory.
        size = sum(path.with_suffix(".npz").stat().st_size for path in manifests)
        with ThreadPoolExecutor(RUNS if size <= _SMALL else 1) as pool:
            runs = list(pool.map(run, range(RUNS)))
        return [
            _judge(path, manifest, [run[index] for run in runs])
            for index, (path, manifest) in enumerate(zip(manifests, staged, strict=True))
        ]


def _order(count: int, number: int) -> list[int]:
    """Another order than the staged one for each run: backwards, then from the middle."""
    if number == 0:
        return list(reversed(range(count)))
    return [*range(count // 2, count), *range(count // 2)]


def _judge(path: Path, staged: Manifest, answers: Sequence[Answer]) -> HarnessError | None:
    """The error of one fixture, from what the new processes made of it."""
    made = []
    for answer in answers:
        if answer.error is not None or answer.manifest is None:
            return answer.error
        made.append(answer.manifest)
    manifests = [read_manifest(file) for file in made]
    if all(manifest.digest == staged.digest for manifest in manifests):
        return None
    # The archive of a fixture that is the same as the staged one was not written again.
    fixtures = [
        read_fixture((path if manifest.digest == staged.digest else file).with_suffix(".npz"))
        for manifest, file in zip(manifests, made, strict=True)
    ]
    array, found = _first_difference(*fixtures)
    if found:
        return _nondeterministic(staged.name, array, found)
    array, found = _first_difference(read_fixture(path.with_suffix(".npz")), fixtures[0])
    return _not_from_manifest(staged, array, found, answers[0].unrecorded)


def _first_difference(one: Fixture, other: Fixture) -> tuple[str, str]:
    """Name of the first array that differs, and the place and size of the difference; else two blanks."""
    if one.manifest.digest == other.manifest.digest:
        return "", ""
    names = one.arrays.keys() | other.arrays.keys()
    drift = compare(one.arrays, other.arrays, dict.fromkeys(names, Tolerance()))
    array = next(array for array in drift.arrays if not array.accepted or array.unequal_bits)
    where = next((f"first at {list(item.index)}" for item in array.drifted_elements()), "in single bits only")
    return array.name, f"different ones, {where}, {largest_difference(array)}"


def _nondeterministic(name: str, array: str, found: str) -> NondeterministicError:
    return NondeterministicError(
        f"fixture {name!r}, array {array!r}",
        expected="the same values from every run of its generator",
        found=found,
        remedy="Seed every random number and fix every order, then record it.",
    )


def _not_from_manifest(
    staged: Manifest, array: str, found: str, missing: Sequence[str]
) -> NondeterministicError:
    """Error about a generator that repeats itself, but does not make what the test made."""
    call = staged.generator.call
    if missing:
        names = ", ".join(missing)
        why = f"the manifest does not record {names}, which the test may have set"
        remedy = f"Add {names} to the parameters of the Generator, or do not set it in the test."
    else:
        why = "something that the manifest does not record changed it, such as a global variable"
        remedy = "Make it a parameter of the generator, and record it."
    return NondeterministicError(
        f"fixture {staged.name!r}, array {array!r}",
        expected=f"the values that {call} makes from the recorded parameters",
        found=f"{found}: {why}",
        remedy=remedy,
    )


def _in_new_process(tasks: Sequence[Task], root: Path) -> list[Answer]:
    """Do all *tasks* in one new process, in this order. If one of them ends it, another does the rest."""
    answers: dict[Task, Answer] = {}
    while waiting := [task for task in tasks if task not in answers]:
        done = _run(waiting, root)
        answers |= {task: _answer(task) for task in waiting if (task.folder / _ENDED).exists()}
        culprit = next((task for task in waiting if task not in answers), None)
        if culprit is not None:
            answers[culprit] = Answer(error=_failure(culprit.manifest, _last_words(done)))
    return [answers[task] for task in tasks]


def _run(tasks: Sequence[Task], root: Path) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder) / "job.json"
        items = [
            {
                "manifest": str(task.manifest),
                "source": str(task.source.resolve()) if task.source else None,
                "folder": str(task.folder),
                "known": task.known,
            }
            for task in tasks
        ]
        job.write_text(json.dumps({"root": str(root), "items": items}), "utf-8")
        return subprocess.run(  # noqa: S603 - this interpreter, this module
            [sys.executable, "-m", __name__, str(job)],
            cwd=folder,
            env=_clean_environment(),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )


def _clean_environment() -> dict[str, str]:
    """Environment of this process, but with a new hash seed, and with absolute paths to import from."""
    environment = dict(os.environ)
    environment.pop("PYTHONHASHSEED", None)
    listed = environment.get("PYTHONPATH", "").split(os.pathsep)
    environment["PYTHONPATH"] = os.pathsep.join(str(Path(entry).absolute()) for entry in listed if entry)
    return environment


def _answer(task: Task) -> Answer:
    ended = json.loads((task.folder / _ENDED).read_bytes())
    missing = tuple(ended["unrecorded"])
    if ended["error"] is None:
        return Answer(manifest=task.made / ended["made"], unrecorded=missing)
    error = error_from_parts(ended["error"])
    if not isinstance(error, (*_KEPT, RemakeError)):
        error = _failure(task.manifest, str(error))
    return Answer(error=error, unrecorded=missing)


def _last_words(done: subprocess.CompletedProcess[str]) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with exit code {done.returncode}"


def _failure(manifest: Path, found: str) -> RemakeError:
    return RemakeError(
        f"fixture {manifest.stem!r}",
        expected="a generator that makes it again in a new process",
        found=found,
        remedy="Declare the generator as an importable module:function, and record all of its parameters.",
    )


def _do(item: Mapping[str, Any], root: Path) -> None:
    """Do one task in this process, and report its end in a file, whatever happens."""
    task = Task(Path(item["manifest"]), _optional_path(item["source"]), Path(item["folder"]), item["known"])
    work = task.folder / "work"
    work.mkdir(parents=True)
    os.chdir(work)  # so that a generator that depends on the working directory is noticed
    ended: dict[str, Any] = {"error": None, "made": None, "unrecorded": ()}
    try:
        recorded = read_manifest(task.manifest)
        path, same = _make(task, recorded, root)
        ended["made"] = path.relative_to(task.made).as_posix()
        if not same:
            parameters = recorded.generator.parameters
            ended["unrecorded"] = unrecorded(recorded_generator(recorded, root), parameters)
    except HarnessError as error:
        ended["error"] = error_to_parts(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a generator may raise anything
        ended["error"] = error_to_parts(_failure(task.manifest, f"{type(error).__name__}: {error}"))
    (task.folder / _ENDED).write_text(json.dumps(ended), "utf-8")


def _make(task: Task, recorded: Manifest, root: Path) -> tuple[Path, bool]:
    """Make a fixture and write it; return the path of its manifest, and whether its arrays are known."""
    fixture = rerun(recorded, root, task.source)
    if fixture.outline.digest != task.known:
        return write_fixture(fixture, task.made)[1], False
    path = task.made / f"{fixture.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_manifest(fixture.manifest))  # read at once and deleted: no need to sync it
    return path, True


def _optional_path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None


def _main(arguments: Iterable[str]) -> None:
    """Do every task of a job; each starts with the environment variables that the process started with."""
    (file,) = arguments
    job = json.loads(Path(file).read_bytes())
    environment = dict(os.environ)
    for item in job["items"]:
        os.environ.clear()
        os.environ.update(environment)
        _do(item, Path(job["root"]))


if __name__ == "__main__":
    _main(sys.argv[1:])
