"""A run of mutants on a terminal: a table of what came of them, then the diffs of the survivors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from harness.core.sensitivity.mutants.verdicts import Fate
from harness.report.terminal.table import TextTable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.core.sensitivity.mutants.verdicts import MutantResult, MutantRun

HEAD = ("result", "mutants", "what it means")
MEANINGS = {
    Fate.CRASHED: "a golden test ended with an exception",
    Fate.DIFFERED: "arrays or metrics differ from a golden file",
    Fate.COLLAPSED: "metrics are no longer ahead of a control",
    Fate.ASSERTED: "another assertion of a golden test failed",
    Fate.TIMED_OUT: "stopped after 4 times its usual time, and 10 s more",
    Fate.SURVIVED: "an output changed, and no golden test failed",
    Fate.EQUIVALENT: "no bit of any output changed",
}
_FEW = 3


def fate_table(run: MutantRun) -> TextTable:
    """Return a table with a row for each kind of result."""
    rows = tuple((fate.value, str(len(run.of(fate))), MEANINGS[fate]) for fate in Fate if run.of(fate))
    return TextTable(HEAD, rows, frozenset({"mutants"}))


def mutant_lines(run: MutantRun) -> Iterator[str]:
    """Yield how many mutants there were and were caught, then each survivor with its diff."""
    yield count_line(run)
    yield caught_line(run)
    yield from noise_lines(run)
    for result in run.survivors:
        yield ""
        yield from survivor_lines(result)


def count_line(run: MutantRun) -> str:
    """Return how many mutants of how many files were tried, and by how many tests."""
    files = len({result.mutant.path for result in run.results})
    tried = _count(len(run.results), "mutant")
    if len(run.results) < run.asked:
        tried = f"all {tried} that there are"
    tests = _count(len(run.tests), "golden test")
    return f"{tried} of {_count(files, 'file')} (seed {run.seed}), {tests}"


def caught_line(run: MutantRun) -> str:
    """Return which part of the mutants that change something was caught.

    >>> from harness.core.sensitivity.mutants.verdicts import MutantRun
    >>> caught_line(MutantRun(0, 1, (), (), ()))
    'no mutant changes an output'
    """
    if not run.changing:
        return "no mutant changes an output"
    return f"{run.caught} of {run.changing} mutants that change an output caught: {run.percent:.1f} %"


def noise_lines(run: MutantRun) -> Iterator[str]:
    """Yield a line about outputs that differ without a mutant, if there are any."""
    if run.noise:
        names = [f"{value.name} in {value.file}" for value in run.noise]
        more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
        yield (
            "not counted, because they differ between two runs without a mutant: "
            f"{', '.join(names[:_FEW])}{more}"
        )


def survivor_lines(result: MutantResult) -> Iterator[str]:
    """Yield where a survivor is, how far it moved an output, and its diff."""
    yield f"survived: {result.mutant.place}, {result.mutant.operator}"
    yield f"  {moved_text(result)}"
    yield from (f"  {line}" for line in result.mutant.diff.splitlines())


def moved_text(result: MutantResult) -> str:
    """Return how far a survivor moved the output that came nearest to a failure."""
    where = f"{result.name} in {result.file}"
    if result.found:
        return f"{where}: {result.found}"
    if math.isinf(result.tolerances):
        return f"it changed {where}, which has no tolerance"
    return f"it moved {where} by {result.tolerances:.2g} tolerances at most"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"
