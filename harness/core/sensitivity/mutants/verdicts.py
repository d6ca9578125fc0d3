"""What came of a mutant: whether the golden tests caught it, by what, and how much its outputs moved."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from harness.core.sensitivity.mutants.limited_process import MEMORY, TIME
from harness.core.sensitivity.mutants.survey import values_of
from harness.core.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.core.sensitivity.mutants.answers import Ended, Handed
    from harness.core.sensitivity.mutants.choice import Mutant
    from harness.core.sensitivity.mutants.golden_run import GoldenRun
    from harness.core.sensitivity.mutants.survey import Survey, Value

_GIGABYTE = 1e9
_OVERTIME = "OvertimeError"
_SKIPPED = "skipped"


class Fate(str, Enum):
    """What came of a mutant; the value is the word that users read."""

    CRASHED = "crashed or refused"
    DIFFERED = "golden difference"
    COLLAPSED = "collapsed against a control"
    ASSERTED = "another assertion"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"

    @property
    def is_caught(self) -> bool:
        """Whether a test failed."""
        return self not in {Fate.SURVIVED, Fate.EQUIVALENT}


@dataclass(frozen=True, slots=True)
class MutantResult:
    """One mutant and what came of it.

    Attributes
    ----------
    mutant : Mutant
    fate : Fate
    test : str
        The test that failed first; of a survivor, the one whose output moved most.
    file : str
        The golden file that differs, or came nearest.
    name : str
        The array or metric in it.
    tolerances : float
        How many tolerances it differs by from the golden file, or has moved by if the mutant survived;
        infinity if it cannot be counted in them.
    found : str
        What the failure says.
    """

    mutant: Mutant
    fate: Fate
    test: str = ""
    file: str = ""
    name: str = ""
    tolerances: float = 0.0
    found: str = ""


@dataclass(frozen=True, slots=True)
class MutantRun:
    """All mutants of one run.

    Attributes
    ----------
    seed : int
    asked : int
        How many mutants were asked for.
    results : tuple of MutantResult
        In the order in which they were chosen.
    tests : tuple of str
        The golden tests.
    noise : tuple of Value
        Outputs that differ between two runs without a mutant.
    """

    seed: int
    asked: int
    results: tuple[MutantResult, ...]
    tests: tuple[str, ...]
    noise: tuple[Value, ...]

    def of(self, fate: Fate) -> tuple[MutantResult, ...]:
        """Return the results of one kind."""
        return tuple(result for result in self.results if result.fate is fate)

    @property
    def caught(self) -> int:
        """How many mutants made a test fail."""
        return sum(result.fate.is_caught for result in self.results)

    @property
    def changing(self) -> int:
        """How many mutants are not equivalent."""
        return len(self.results) - len(self.of(Fate.EQUIVALENT))

    @property
    def percent(self) -> float:
        """Percentage of the mutants that are not equivalent that were caught; 100 if all are equivalent."""
        return 100.0 * self.caught / self.changing if self.changing else 100.0

    @property
    def survivors(self) -> tuple[MutantResult, ...]:
        """Mutants that changed an output and made no test fail; those that moved outputs most come first."""
        return tuple(sorted(self.of(Fate.SURVIVED), key=lambda result: -result.tolerances))


def judge_mutant(mutant: Mutant, run: GoldenRun, known: Survey) -> MutantResult:
    """Return what came of a mutant."""
    failed = run.answers.failures
    if run.ran.stopped == TIME:
        return MutantResult(mutant, Fate.TIMED_OUT, found="the tests were stopped")
    if run.ran.stopped == MEMORY:
        found = f"the tests were stopped, because they used {run.ran.peak / _GIGABYTE:.1f} GB of memory"
        return MutantResult(mutant, Fate.CRASHED, found=found)
    if failed:
        return _failed(mutant, failed[0], run.answers.handed)
    missing = [test for test in mutant.tests if test not in {ended.test for ended in run.answers.ended}]
    if missing:
        code = run.ran.code
        ending = f"signal {-code}" if code < 0 else f"exit status {code}"
        return MutantResult(
            mutant, Fate.CRASHED, missing[0], found=f"pytest ended with {ending}: {run.ran.last_line}"
        )
    return _passed(mutant, run, known)


def _failed(mutant: Mutant, ended: Ended, handed: Sequence[Handed]) -> MutantResult:
    """Return the result of a mutant that made a test fail."""
    differing = [one for one in handed if one.test == ended.test and one.outcome]
    if ended.kind == _OVERTIME:
        return MutantResult(mutant, Fate.TIMED_OUT, ended.test, found=ended.found)
    if not differing or differing[0].outcome == Outcome.UNKNOWN.value:
        fate = Fate.ASSERTED if ended.kind == "AssertionError" else Fate.CRASHED
        return MutantResult(mutant, fate, ended.test, found=ended.found)
    one = max(differing, key=lambda item: _number(item.away))
    collapsed = any(item.outcome == Outcome.COLLAPSED.value for item in differing)
    fate = Fate.COLLAPSED if collapsed else Fate.DIFFERED
    return MutantResult(mutant, fate, ended.test, one.file, one.name, _number(one.away), ended.found)


def _passed(mutant: Mutant, run: GoldenRun, known: Survey) -> MutantResult:
    """Return the result of a mutant that made no test fail: by what its outputs have moved, if at all."""
    now = values_of(run.answers.handed)
    before = {value: text for value, text in known.values.items() if value.test in mutant.tests}
    changed = [
        value
        for value in sorted(before.keys() | now.keys())
        if before.get(value) != now.get(value) and value not in known.noise
    ]
    if not changed:
        return MutantResult(mutant, Fate.EQUIVALENT)
    moved = _moves(run.answers.handed)
    far = {value: moved.get(value, math.inf) for value in changed}
    one = max(changed, key=lambda value: far[value])
    return MutantResult(
        mutant, Fate.SURVIVED, one.test, one.file, one.name, far[one], _why_missing(one, now, run)
    )


def _why_missing(value: Value, now: Mapping[Value, str], run: GoldenRun) -> str:
    """Why an output is not there, although no test has failed; empty if it is there."""
    if value in now:
        return ""
    skipped = [ended for ended in run.answers.ended if ended.test == value.test and ended.outcome == _SKIPPED]
    return f"the test was skipped: {skipped[0].found}" if skipped else "it was not handed over"


def _moves(handed: Sequence[Handed]) -> dict[Value, float]:
    from harness.core.sensitivity.mutants.survey import Value

    return {
        Value(one.test, one.file, name): _number(share) for one in handed for name, share in one.moved.items()
    }


def _number(share: float | None) -> float:
    return math.inf if share is None else share
