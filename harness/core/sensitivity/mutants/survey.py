"""What golden tests do without any mutant: which there are, which lines they execute, what they hand over.

They run twice. In the first run, coverage notes the lines; the second measures times. What differs between
the two is no evidence of anything.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from harness.core.errors import UsageError
from harness.core.sensitivity.mutants.answers import CLEAN, CONTEXT
from harness.core.sensitivity.mutants.golden_run import Origin, origin_of, run_golden
from harness.core.sensitivity.mutants.packages import require_module
from harness.core.sensitivity.mutants.source import SourceFile
from harness.core.sensitivity.mutants.whole_copy import copy_again, copy_whole, keep_compiled

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
    progress("golden tests with coverage", 0.1)
    first, lines = _measured_run(base, origin, files, folder / "first", clean)
    tests = tuple(dict.fromkeys(one.test for one in first.answers.handed))
    if not tests:
        raise _no_golden_tests(first)
    _require_passed(first)
    sources = _sources(base, origin, lines)
    progress("golden tests again", 0.5)
    second, start = _timed_run(base, origin, tests, folder / "second", clean)
    _require_passed(second)
    one, other = values_of(first.answers.handed), values_of(second.answers.handed)
    noise = frozenset(value for value in one.keys() | other.keys() if one.get(value) != other.get(value))
    seconds = {ended.test: ended.seconds for ended in second.answers.ended if ended.test in tests}
    return Survey(base, clean, origin, sources, seconds, start, other, noise)


def _measured_run(
    base: Project, origin: Origin, files: Sequence[str], folder: Path, clean: Path
) -> tuple[GoldenRun, dict[str, dict[int, frozenset[str]]]]:
    """Run all golden tests with coverage; return who executes which lines, by path, absolute outside."""
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
    return run, _executed_lines(copy, settings, run.answers)


def _executed_lines(copy: Project, settings: Path, answers: Answers) -> dict[str, dict[int, frozenset[str]]]:
    """Return the golden tests that executed each line, by file: relative in the copy, absolute outside."""
    measured = require_module("coverage").Coverage(config_file=str(settings), messages=False)
    measured.combine(strict=False)
    data = measured.get_data()
    golden = {one.test for one in answers.handed}
    users: dict[str, set[str]] = {"": golden}
    for ended in answers.ended:
        for context in ended.contexts if ended.test in golden else ():
            users.setdefault(context, set()).add(ended.test)
    found: dict[str, dict[int, frozenset[str]]] = {}
    for file in data.measured_files():
        path = Path(file)
        name = path.relative_to(copy.root).as_posix() if path.is_relative_to(copy.root) else file
        lines = {
            line: frozenset(
                test for context in contexts for part in context.split("|") for test in users.get(part, ())
            )
            for line, contexts in data.contexts_by_lineno(file).items()
        }
        found[name] = {line: tests for line, tests in lines.items() if tests}
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


def _sources(
    base: Project, origin: Origin, lines: Mapping[str, Mapping[int, frozenset[str]]]
) -> tuple[SourceFile, ...]:
    inside = {path: who for path, who in lines.items() if who and not Path(path).is_absolute()}
    outside = [path for path, who in lines.items() if who and Path(path).is_absolute()]
    if outside:
        raise _not_the_copy(outside[0], origin)
    if not inside:
        raise _nothing_executed()
    return tuple(
        SourceFile(path, (base.root / path).read_bytes().decode("utf-8"), who)
        for path, who in sorted(inside.items())
    )


def _require_passed(run: GoldenRun) -> None:
    golden = {one.test for one in run.answers.handed}
    for ended in run.answers.failures:
        if ended.test in golden:
            raise UsageError(
                f"test {ended.test}",
                expected="golden tests that pass without a mutant",
                found=ended.found,
                message=f"{ended.test} fails in a copy of the project without any mutant: {ended.found}",
                remedy="Run it with pytest, and fix it. A copy has no files that git ignores as a directory, "
                "and the tests there have an empty home directory.",
            )


def _no_golden_tests(run: GoldenRun) -> UsageError:
    failed = next((ended.found for ended in run.answers.failures), "")
    ended = "" if run.ran.code in _PASSED else run.ran.last_line
    found = failed or ended or "none"
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
