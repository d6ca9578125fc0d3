"""A run of mutants as a terminal shows it."""

from __future__ import annotations

import math

import pytest

from harness.core.sensitivity.mutants.choice import Mutant
from harness.core.sensitivity.mutants.survey import Value
from harness.core.sensitivity.mutants.verdicts import Fate, MutantResult, MutantRun
from harness.report.mutants.lines import caught_line, count_line, fate_table, moved_text, mutant_lines

DIFF = "--- a/waves.py\n+++ b/waves.py\n@@ -1 +1 @@\n-x = 1\n+x = 2"
MUTANT = Mutant("waves.py", 1, "NumberReplacer", "x = 2\n", DIFF, ("tests/test_waves.py::test_x",))
SURVIVOR = MutantResult(MUTANT, Fate.SURVIVED, "tests/test_waves.py::test_x", "golden/x.npz", "power", 0.123)
NOISE = tuple(Value("t", "golden/x.npz", name) for name in "abcde")


def run(*fates: Fate, asked: int = 0, noise: tuple[Value, ...] = ()) -> MutantRun:
    results = tuple(SURVIVOR if fate is Fate.SURVIVED else MutantResult(MUTANT, fate) for fate in fates)
    return MutantRun(0, asked or len(fates), results, ("tests/test_waves.py::test_x",), noise)


def test_the_table_has_a_row_for_each_kind_that_occurred():
    table = fate_table(run(Fate.CRASHED, Fate.SURVIVED, Fate.SURVIVED))
    assert [row[:2] for row in table.rows] == [("crashed or refused", "1"), ("survived", "2")]


def test_a_survivor_is_shown_with_its_diff_and_the_output_that_moved():
    lines = list(mutant_lines(run(Fate.DIFFERED, Fate.SURVIVED)))
    assert lines[:2] == [
        "2 mutants of 1 file (seed 0), 1 golden test",
        "1 of 2 mutants that change an output caught: 50.0 %",
    ]
    assert lines[3:6] == [
        "survived: waves.py:1, NumberReplacer",
        "  it moved power in golden/x.npz by 0.12 tolerances at most",
        "  --- a/waves.py",
    ]
    assert lines[-1] == "  +x = 2"


def test_fewer_mutants_than_asked_for_are_all_there_are():
    assert count_line(run(Fate.DIFFERED, asked=5)).startswith("all 1 mutant that there are of 1 file")


def test_equivalent_mutants_alone_are_no_percentage():
    assert caught_line(run(Fate.EQUIVALENT)) == "no mutant changes an output"


def test_noise_is_named_but_not_endlessly():
    lines = list(mutant_lines(run(Fate.EQUIVALENT, noise=NOISE)))
    assert lines[2].endswith("a in golden/x.npz, b in golden/x.npz, c in golden/x.npz and 2 more")


@pytest.mark.parametrize(
    ("tolerances", "found", "shown"),
    [
        (math.inf, "", "it changed power in golden/x.npz, which has no tolerance"),
        (math.inf, "it was not handed over", "power in golden/x.npz: it was not handed over"),
    ],
)
def test_outputs_without_a_distance_say_what_happened(tolerances, found, shown):
    result = MutantResult(MUTANT, Fate.SURVIVED, "t", "golden/x.npz", "power", tolerances, found)
    assert moved_text(result) == shown


def test_the_lines_fit_a_terminal():
    assert max(map(len, mutant_lines(run(Fate.DIFFERED, Fate.SURVIVED)))) <= 80
