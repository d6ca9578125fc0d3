"""What came of a mutant, from how its process ended and what its tests have answered."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from harness.core.sensitivity.mutants.answers import Answers, Ended, Handed, read_answers, write_answer
from harness.core.sensitivity.mutants.choice import Mutant
from harness.core.sensitivity.mutants.golden_run import GoldenRun, Origin
from harness.core.sensitivity.mutants.limited_process import MEMORY, TIME, Ran
from harness.core.sensitivity.mutants.survey import Survey, Value
from harness.core.sensitivity.mutants.verdicts import Fate, MutantResult, MutantRun, judge_mutant
from harness.core.storage.project import Project

TEST, FILE = "tests/test_a.py::test_a", "golden/a.npz"
MUTANT = Mutant("a.py", 3, "NumberReplacer", "", "", (TEST,))
A, B, NOISY = (Value(TEST, FILE, name) for name in ("a", "b", "noisy"))
KNOWN = Survey(
    Project(Path("/base")),
    Path("/clean"),
    Origin("/project", (".",)),
    (),
    {TEST: 1.0},
    1.0,
    0,
    {A: "1", B: "2", NOISY: "3", Value("another", FILE, "a"): "4"},
    frozenset({NOISY}),
)
SAME = Handed(TEST, FILE, {"a": "1", "b": "2", "noisy": "3"})
PASSED = Ended(TEST, "passed")


def judged(*answers: Handed | Ended, code: int = 0, output: str = "", stopped: str = "") -> MutantResult:
    handed = tuple(one for one in answers if isinstance(one, Handed))
    ended = tuple(one for one in answers if isinstance(one, Ended))
    return judge_mutant(
        MUTANT, GoldenRun(Ran(code, output, 3 * 10**9, stopped), Answers(handed, ended)), KNOWN
    )


def moved(**values: float | None) -> Handed:
    return Handed(TEST, FILE, {"a": "9", "b": "8", "noisy": "7"}, moved=values)


def failed(kind: str, found: str = "x") -> Ended:
    return Ended(TEST, "failed", kind, found=found)


def test_the_same_outputs_are_equivalent():
    assert judged(SAME, PASSED).fate is Fate.EQUIVALENT


def test_outputs_that_are_noise_are_no_evidence():
    other = Handed(TEST, FILE, {"a": "1", "b": "2", "noisy": "7"}, moved={"noisy": 0.9})
    assert judged(other, PASSED).fate is Fate.EQUIVALENT


@pytest.mark.parametrize(
    ("values", "name", "tolerances"),
    [({"a": 0.1, "b": 0.3}, "b", 0.3), ({"a": None, "b": 0.3}, "a", math.inf), ({"b": 0.3}, "a", math.inf)],
)
def test_a_survivor_names_the_output_that_moved_most(values, name, tolerances):
    """An output that moved by no number of tolerances, or by an unknown one, counts as farthest."""
    result = judged(moved(**values), PASSED)
    assert (result.fate, result.name, result.tolerances) == (Fate.SURVIVED, name, tolerances)


def test_outputs_that_are_not_handed_over_any_more_have_changed():
    result = judged(PASSED)
    assert (result.fate, result.found) == (Fate.SURVIVED, "it was not handed over")


@pytest.mark.parametrize(
    ("outcome", "kind", "fate"),
    [
        ("drifted", "DifferenceError", Fate.DIFFERED),
        ("collapsed", "DifferenceError", Fate.COLLAPSED),
        ("cannot tell", "UsageError", Fate.CRASHED),
        ("", "AssertionError", Fate.ASSERTED),
        ("", "ValueError", Fate.CRASHED),
        ("", "OvertimeError", Fate.TIMED_OUT),
    ],
)
def test_a_failure_is_what_the_test_ended_with(outcome, kind, fate):
    handed = Handed(TEST, FILE, {"a": "9"}, outcome, 4.5, "a")
    result = judged(handed, failed(kind), code=1)
    assert result.fate is fate
    if fate in {Fate.DIFFERED, Fate.COLLAPSED}:
        assert (result.file, result.name, result.tolerances) == (FILE, "a", 4.5)


@pytest.mark.parametrize(
    ("code", "output", "found"),
    [(-11, "", "signal 11"), (3, "a\nINTERNALERROR> x\n", "exit status 3: INTERNALERROR> x")],
)
def test_a_process_without_answers_crashed(code, output, found):
    result = judged(code=code, output=output)
    assert result.fate is Fate.CRASHED
    assert found in result.found


def test_a_stopped_process_used_too_much_time_or_memory():
    assert judged(SAME, code=-9, stopped=TIME).fate is Fate.TIMED_OUT
    result = judged(SAME, code=-9, stopped=MEMORY)
    assert (result.fate, "used 3.0 GB of memory" in result.found) == (Fate.CRASHED, True)


def test_a_run_counts_what_was_caught():
    fates = (Fate.CRASHED, Fate.DIFFERED, Fate.TIMED_OUT, Fate.SURVIVED, Fate.SURVIVED, Fate.EQUIVALENT)
    results = tuple(MutantResult(MUTANT, fate, tolerances=n) for n, fate in enumerate(fates))
    run = MutantRun(0, 6, results, (TEST,), ())
    assert (run.caught, run.changing, run.percent) == (3, 5, 60.0)
    assert [result.tolerances for result in run.survivors] == [4, 3]


def test_mutants_that_change_nothing_are_no_failure():
    run = MutantRun(0, 1, (MutantResult(MUTANT, Fate.EQUIVALENT),), (TEST,), ())
    assert (run.changing, run.percent) == (0, 100.0)


def test_answers_are_read_as_they_were_written(tmp_path):
    """But for a line that a stopped process left unfinished."""
    write_answer(str(tmp_path), SAME)
    write_answer(str(tmp_path), PASSED)
    with next(tmp_path.glob("*Ended*")).open("ab") as file:
        file.write(b'{"test": "tests/')
    assert read_answers(tmp_path) == Answers((SAME,), (PASSED,))
