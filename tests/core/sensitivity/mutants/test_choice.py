"""The random choice of mutants: the same for the same seed, and fair to all places."""

from __future__ import annotations

import pytest

from harness.core.sensitivity.mutants.choice import choose_mutants
from harness.core.sensitivity.mutants.source import SourceFile

pytest.importorskip("cosmic_ray", reason="mutants need the extra `mutants`")
pytest.importorskip("coverage", reason="mutants need the extra `mutants`")

ONE = "def f(a, b):\n    x = a + b\n    y = a * b\n    return x - y\n"
TWO = "def g(n):\n    while n > 0:\n        n -= 1\n    return n\n"
TESTS = frozenset({"tests/test_f.py::test_f"})
SOURCES = [
    SourceFile("one.py", ONE, dict.fromkeys(range(1, 5), TESTS)),
    SourceFile("two.py", TWO, dict.fromkeys((1, 2, 3), TESTS)),
]


def shown(mutants) -> list[tuple[str, str]]:
    return [(mutant.place, mutant.text) for mutant in mutants]


def test_a_seed_always_gives_the_same_choice():
    assert shown(choose_mutants(SOURCES, 5, 7)) == shown(choose_mutants(SOURCES[::-1], 5, 7))
    assert shown(choose_mutants(SOURCES, 5, 7)) != shown(choose_mutants(SOURCES, 5, 8))


def test_more_mutants_of_a_seed_keep_the_first_ones():
    assert shown(choose_mutants(SOURCES, 8, 3))[:4] == shown(choose_mutants(SOURCES, 4, 3))


def test_no_place_has_a_second_mutant_before_all_have_one():
    places = [mutant.place for mutant in choose_mutants(SOURCES, 100, 0)]
    once = ["one.py:2", "one.py:3", "one.py:4", "two.py:2", "two.py:2", "two.py:3"]
    assert sorted(places[:6]) == once
    assert len(places) > 6


def test_no_mutant_is_tried_twice():
    every = shown(choose_mutants(SOURCES, 100, 0))
    assert len(every) == len(set(every))


def test_a_line_that_no_golden_test_executes_is_never_mutated():
    assert "two.py:4" not in {mutant.place for mutant in choose_mutants(SOURCES, 100, 0)}


def test_a_mutant_has_its_diff_and_its_tests():
    source = SourceFile("m.py", "x = 1 < 2\n", {1: TESTS})
    mutant = next(one for one in choose_mutants([source], 9, 0) if "<=" in one.text)
    assert mutant.diff.splitlines() == [
        "--- a/m.py",
        "+++ b/m.py",
        "@@ -1 +1 @@",
        "-x = 1 < 2",
        "+x = 1 <= 2",
    ]
    assert (mutant.place, mutant.tests) == ("m.py:1", tuple(TESTS))
