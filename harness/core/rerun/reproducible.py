"""Making recorded fixtures again in new processes, and whether they are the same there as staged."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, NondeterministicError
from harness.core.fixtures.compare import compare
from harness.core.fixtures.difference_text import largest_difference
from harness.core.fixtures.fixture import read_fixture
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import Tolerance
from harness.core.rerun import rerun_generator, rerun_tests
from harness.core.rerun.answers import Answer, Task, failure
from harness.core.rerun.rerun_generator import run_generators
from harness.core.rerun.rerun_tests import PytestCall, one_per_reason, run_tests
from harness.core.rerun.sources import find_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from harness.core.fixtures.fixture import Fixture
    from harness.core.fixtures.manifest import Manifest
    from harness.core.storage.project import Project

RUNS = 2
"""New processes in all, each of which makes every staged fixture once."""

_SMALL = 1 << 28  # bytes
_SECONDS_BETWEEN_LOOKS = 0.2
_PLAIN_CALL = PytestCall()


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
        (answer,) = _make_all([task], root, PytestCall())
        return _made(manifest, answer)


@contextmanager
def remade_by_tests(manifests: Sequence[Path], root: Path) -> Iterator[Callable[[Path], Fixture | None]]:
    """Run all tests behind *manifests* in one new pytest process; give a function that reads what they made.

    It takes the path of a manifest, and returns None for one that is not made by a test. It raises as
    :func:`rerun_in_new_process`.
    """
    tests = [path for path in manifests if read_manifest(path).generator.is_test]
    with tempfile.TemporaryDirectory() as folder:
        tasks = [Task(path.resolve(), None, Path(folder) / str(n)) for n, path in enumerate(tests)]
        answers = dict(zip(tests, run_tests(tasks, root, PytestCall()), strict=True))
        yield lambda path: _made(path, answers[path]) if path in answers else None


def _made(manifest: Path, answer: Answer) -> Fixture:
    """The fixture of one answer; raise if there is none."""
    if answer.manifest is None:
        raise answer.error or failure(manifest, "no fixture")
    return read_fixture(answer.manifest.with_suffix(".npz"))


def require_reproducible(
    project: Project,
    manifests: Sequence[Path],
    call: PytestCall = _PLAIN_CALL,
    progress: Callable[[float], None] | None = None,
) -> None:
    """Make all staged fixtures again in two new processes; each must be the same in both as it was staged.

    Each process makes every fixture once, in another order and with another hash seed.

    Parameters
    ----------
    project : Project
        Says where source files and modules are.
    manifests : sequence of Path
        The staged manifests; the archive of each is beside it.
    call : PytestCall, optional
        How pytest is called, for fixtures that tests make.
    progress : callable, optional
        Called, in a thread, with the fraction of the fixtures that have been made.

    Raises
    ------
    NondeterministicError
        If any two results differ, or both differ from what is staged.
    SourceMissingError, NotImportableError, DependencyError, RemakeError
        As :func:`rerun_in_new_process`. If several fixtures are refused, the first error is raised, with
        those of all other fixtures in its attribute ``others``: one for each reason.
    """
    errors = one_per_reason([error for error in _errors(project, manifests, call, progress) if error])
    if errors:
        errors[0].others = tuple(errors[1:])
        raise errors[0]


def _errors(
    project: Project,
    manifests: Sequence[Path],
    call: PytestCall,
    progress: Callable[[float], None] | None,
) -> list[HarnessError | None]:
    """The error of each staged fixture, None where both new ones are the same as the staged one."""
    staged = [read_manifest(manifest) for manifest in manifests]
    sources = [
        None if manifest.generator.is_test else find_source(project, manifest.source) for manifest in staged
    ]
    with tempfile.TemporaryDirectory() as folder:

        def run(number: int) -> dict[int, Answer]:
            tasks = [
                Task(path.resolve(), source, Path(folder) / str(number) / str(index), manifest.digest)
                for index, (path, source, manifest) in enumerate(zip(manifests, sources, staged, strict=True))
            ]
            order = _order(len(tasks), number)
            answers = _make_all([tasks[index] for index in order], project.root, call)
            return dict(zip(order, answers, strict=True))

        # At the same time only if the arrays are small: each process may need several times their memory.
        size = sum(path.with_suffix(".npz").stat().st_size for path in manifests)
        watched = _watched(Path(folder), RUNS * len(staged), progress) if progress else nullcontext()
        with watched, ThreadPoolExecutor(RUNS if size <= _SMALL else 1) as pool:
            runs = list(pool.map(run, range(RUNS)))
        return [
            _judge(path, manifest, [run[index] for run in runs])
            for index, (path, manifest) in enumerate(zip(manifests, staged, strict=True))
        ]


@contextmanager
def _watched(folder: Path, count: int, progress: Callable[[float], None]) -> Iterator[None]:
    """Report which part of *count* fixtures has been made by the processes that run in *folder*."""
    ended = Event()

    def look() -> None:
        while not ended.wait(_SECONDS_BETWEEN_LOOKS):
            made = rerun_generator.count_made(folder) + rerun_tests.count_made(folder)
            progress(min(1.0, made / count))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _make_all(tasks: Sequence[Task], root: Path, call: PytestCall) -> list[Answer]:
    """Do all *tasks* in this order, in one new process for generators and one for tests."""
    tests = {task for task in tasks if read_manifest(task.manifest).generator.is_test}
    kinds = [task for task in tasks if task not in tests], [task for task in tasks if task in tests]
    made = [*run_generators(kinds[0], root), *run_tests(kinds[1], root, call)]
    answers = dict(zip((task for kind in kinds for task in kind), made, strict=True))
    return [answers[task] for task in tasks]


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
        return _nondeterministic(staged, array, found)
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


def _nondeterministic(staged: Manifest, array: str, found: str) -> NondeterministicError:
    test = staged.generator.test
    of_test = staged.generator.is_test
    return NondeterministicError(
        f"test {test!r}, array {array!r}" if of_test else f"fixture {staged.name!r}, array {array!r}",
        expected=f"the same values from every run of {'the test' if of_test else 'its generator'}",
        found=found,
        remedy="Seed every random number and fix every order, then record it.",
    )


def _not_from_manifest(
    staged: Manifest, array: str, found: str, missing: Sequence[str]
) -> NondeterministicError:
    """Error about a generator that repeats itself, but does not make what the test made."""
    call = staged.generator.call
    if staged.generator.is_test:
        return NondeterministicError(
            f"test {staged.generator.test!r}, array {array!r}",
            expected="the same values in a new pytest process",
            found=f"{found}: something that the test does not set changed it",
            remedy="Seed every random number in the test, and let it depend on no other test.",
        )
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
