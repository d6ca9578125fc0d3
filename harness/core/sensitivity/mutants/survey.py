"""What golden tests do without any mutant: which there are, which lines they execute, what they hand over.

They run twice. In the first run, coverage notes the lines; the second measures times. What differs between
the two proves nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import UsageError
from harness.core.sensitivity.mutants.answers import CLEAN, CONTEXT, HERE
from harness.core.sensitivity.mutants.golden_run import Origin, origin_of, run_golden
from harness.core.sensitivity.mutants.operators import NEEDED
from harness.core.sensitivity.mutants.source import SourceFile, lines_of_functions
from harness.core.sensitivity.mutants.whole_copy import copy_again, copy_whole, keep_compiled
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from harness.core.sensitivity.mutants.answers import Answers, Handed
    from harness.core.sensitivity.mutants.golden_run import GoldenRun
    from harness.core.storage.project import Project

_PASSED = (0, 5)
_SETTINGS = """\
[run]
parallel = true
data_file = {data}
context = ${{{variable}}}
concurrency = thread,multiprocessing
core = ctrace
sigterm = true
patch = _exit
include =
{files}
disable_warnings = no-data-collected,module-not-measured,module-not-imported,no-ctracer,no-sysmon
"""


Contexts = dict[str, dict[int, frozenset[str]]]
"""The contexts in which lines were executed, by file and line."""


class Value(NamedTuple):
    """What one test hands to one check: the name of an array or metric."""

    test: str
    file: str
    name: str


@dataclass(frozen=True, slots=True)
class Survey:
    """Golden tests without mutants.

    Attributes
    ----------
    base : Project
        A copy of the project, in which nothing runs.
    clean : Path
        Directory with what the tests handed over.
    origin : Origin
    sources : tuple of SourceFile
        Files to be mutated that tests execute, each line with those tests.
    seconds : dict of str to float
        Wall time of each golden test.
    start : float
        Wall time in seconds of a run before and after its tests.
    memory : int
        Peak memory of such a run in bytes, with all its processes; 0 if that is not known.
    values : dict of Value to str
        What they handed over.
    noise : frozenset of Value
        What differed between the two runs.
    """

    base: Project
    clean: Path
    origin: Origin
    sources: tuple[SourceFile, ...]
    seconds: dict[str, float]
    start: float
    memory: int
    values: dict[Value, str]
    noise: frozenset[Value]


def values_of(handed: Iterable[Handed]) -> dict[Value, str]:
    """Return everything that was handed over, by what it is."""
    return {Value(one.test, one.file, name): text for one in handed for name, text in one.values.items()}


def survey(
    project: Project, files: Sequence[str], folder: Path, progress: Callable[[str, float], None]
) -> Survey:
    """Run the golden tests of *project* twice in copies.

    Parameters
    ----------
    project : Project
    files : sequence of str
        Source files that may be mutated, relative to the project.
    folder : Path
        An empty directory, which is kept until the mutants have run.
    progress : callable
        Called with what is done and the fraction of it.

    Raises
    ------
    UsageError
        If there is no golden test, one of them fails, or none executes a line of *files* in the copy.
    """
    progress("a copy of the project", 0.0)
    base, origin, clean = copy_whole(project, folder / "base"), origin_of(project), folder / CLEAN
    progress("golden tests with coverage", 0.0)
    first, contexts = _measured_run(base, origin, files, folder / "first", clean)
    tests = tuple(dict.fromkeys(one.test for one in first.answers.handed))
    _require_passed(first)
    if not tests:
        raise _no_golden_tests(first)
    sources = _sources(base, origin, contexts, first.answers)
    progress("golden tests again", 0.0)
    second, start = _timed_run(base, origin, tests, folder / "second", clean)
    _require_passed(second)
    one, other = values_of(first.answers.handed), values_of(second.answers.handed)
    noise = frozenset(value for value in one.keys() | other.keys() if one.get(value) != other.get(value))
    seconds = {ended.test: ended.seconds for ended in second.answers.ended if ended.test in tests}
    return Survey(base, clean, origin, sources, seconds, start, second.ran.peak, other, noise)


def _measured_run(
    base: Project, origin: Origin, files: Sequence[str], folder: Path, clean: Path
) -> tuple[GoldenRun, Contexts]:
    """Run all golden tests with coverage; return also in which contexts lines were executed."""
    copy = copy_again(base, folder)
    (folder / "lines").mkdir()
    settings, data = folder / "coverage.ini", folder / "lines" / "data"
    included = (f"    {place}/{file}" for file in files for place in (copy.root, origin.root))
    text = _SETTINGS.format(data=data, variable=CONTEXT, files="\n".join(included))
    settings.write_text(text, "utf-8")
    work = folder / "work"
    work.mkdir()
    run = run_golden(copy, origin, work, clean=clean, is_clean=True, coverage=settings)
    keep_compiled(copy, base)
    return run, _executed_lines(copy, settings)


def _executed_lines(copy: Project, settings: Path) -> Contexts:
    """Return the contexts of each executed line, by file: its path is relative in the copy, else absolute."""
    measured = require_module("coverage", *NEEDED).Coverage(config_file=str(settings), messages=False)
    measured.combine(strict=False)
    data = measured.get_data()
    found: dict[str, dict[int, frozenset[str]]] = {}
    for file in data.measured_files():
        path = Path(file)
        name = path.relative_to(copy.root).as_posix() if path.is_relative_to(copy.root) else file
        found[name] = {
            line: frozenset(part for context in contexts for part in context.split("|"))
            for line, contexts in data.contexts_by_lineno(file).items()
        }
    return found


def _timed_run(
    base: Project, origin: Origin, tests: Sequence[str], folder: Path, clean: Path
) -> tuple[GoldenRun, float]:
    copy, work = copy_again(base, folder), folder / "work"
    work.mkdir()
    begin = time.perf_counter()
    run = run_golden(copy, origin, work, tests=tests, clean=clean, is_clean=True)
    whole = time.perf_counter() - begin
    keep_compiled(copy, base)
    return run, max(0.0, whole - sum(ended.seconds for ended in run.answers.ended))


def _sources(base: Project, origin: Origin, contexts: Contexts, answers: Answers) -> tuple[SourceFile, ...]:
    """Return the files of which golden tests execute lines."""
    outside = [path for path, lines in contexts.items() if lines and Path(path).is_absolute()]
    if outside:
        raise _not_the_copy(outside[0], origin)
    users = _users(answers)
    every = (_source(base, path, lines, users) for path, lines in sorted(contexts.items()))
    found = tuple(source for source in every if source.tests)
    if not found:
        raise _nothing_executed()
    return found


def _users(answers: Answers) -> dict[str, frozenset[str]]:
    """Return the golden tests of each context; all of them, under an empty name."""
    golden = frozenset(one.test for one in answers.handed)
    found: dict[str, frozenset[str]] = {"": golden}
    for ended in answers.ended:
        for context in ended.contexts if ended.test in golden else ():
            found[context] = found.get(context, frozenset()) | {ended.test}
    return found


def _source(
    base: Project, path: str, lines: Mapping[int, frozenset[str]], users: Mapping[str, frozenset[str]]
) -> SourceFile:
    """Return a file with the golden tests of each line.

    A line outside of functions that pytest's own process executed was executed once, for the first test that
    imports the module, and all others may use what it made.
    """
    text = (base.root / path).read_bytes().decode("utf-8")
    inner = lines_of_functions(text)
    tests: dict[int, frozenset[str]] = {}
    for line, contexts in lines.items():
        here = {context.removeprefix(HERE) for context in contexts if context.startswith(HERE)}
        children = contexts - {context for context in contexts if context.startswith(HERE)}
        used = children | (here if line in inner else {""} if here else set())
        found = frozenset(test for context in used for test in users.get(context, ()))
        if found:
            tests[line] = found
    return SourceFile(path, text, tests)


def _require_passed(run: GoldenRun) -> None:
    """Raise unless all tests that use our fixtures passed or were skipped: no other can see a mutant."""
    for ended in run.answers.failures:
        raise UsageError(
            f"test {ended.test}" if ended.test else "the tests",
            expected="golden tests that pass without a mutant",
            found=ended.found,
            message=f"{ended.test or 'collecting tests'} fails in a copy of the project without any mutant: "
            f"{ended.found}",
            remedy="Run it with pytest, and fix it. A copy has no files that git ignores as a directory, "
            "and the tests there have an empty home directory.",
        )


def _no_golden_tests(run: GoldenRun) -> UsageError:
    found = "none" if run.ran.code in _PASSED else run.ran.last_line
    return UsageError(
        "--mutants",
        expected="a test that compares with a golden file",
        found=found,
        message="there is nothing to try: no test compares with a golden file in a copy of the project"
        + (f": {found}" if found != "none" else ""),
        remedy="Write one with arrays_regression, fixture_regression or metrics_regression, and record it.",
    )


def _not_the_copy(path: str, origin: Origin) -> UsageError:
    return UsageError(
        path,
        expected="golden tests that import a copy of the project",
        found="that they import the project itself",
        message=f"the golden tests import {Path(path).relative_to(origin.root)} from the project, not from "
        "the copy in which it would be mutated",
        remedy="Install the project without an import hook of its own (`pip install --no-deps .`), or with "
        "`pip install -e . --config-settings editable_mode=compat`.",
    )


def _nothing_executed() -> UsageError:
    return UsageError(
        "PATH",
        expected="source files of which a golden test executes a line in a copy of the project",
        found="none",
        message="there is nothing to try: no golden test executes a line of these files",
        remedy="Name other files or directories, or none for the whole project. If the project is installed, "
        "the tests may import the installed one: install it with `pip install -e .`.",
    )
