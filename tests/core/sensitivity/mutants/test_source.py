"""Which lines may be mutated, and where nothing would change."""

from __future__ import annotations

import pytest

from harness.core.sensitivity.mutants.source import (
    SourceFile,
    inert_ranges,
    lines_of_functions,
    mutable_lines,
)

TEXT = '''"""A module."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import os

TABLE = (
    1,
    2,
)


def total(
    values,
    scale=2,
):
    if values:
        return sum(values) * scale
    return 0


WEIGHT = 3  # pragma: no mutate - a label
OTHER = 4  #pragma: NO MUTATE
'''


def lines(executed: dict[int, str]) -> dict[int, set[str]]:
    source = SourceFile("m.py", TEXT, {line: frozenset(tests) for line, tests in executed.items()})
    return {line: set(tests) for line, tests in mutable_lines(source).items()}


def test_only_executed_lines_may_be_mutated():
    assert lines({18: "a", 19: "ab"}) == {18: {"a"}, 19: {"a", "b"}}


def test_a_line_of_a_literal_counts_as_its_statement():
    """Python executes a literal of constants at its first line alone."""
    assert lines({8: "a"}) == {line: {"a"} for line in (8, 9, 10, 11)}


def test_lines_before_the_body_belong_to_a_definition():
    """Those without code of their own: a default value has some, and is executed itself."""
    assert lines({14: "a"}) == {line: {"a"} for line in (14, 15, 17)}
    assert lines({14: "a", 16: "b"})[16] == {"b"}


def test_imports_for_type_checkers_and_marked_lines_are_left_out():
    assert lines({5: "a", 6: "a", 23: "a", 24: "a"}) == {}


def test_lines_of_functions_are_those_of_their_bodies():
    assert lines_of_functions(TEXT) == {18, 19, 20}


@pytest.mark.parametrize(
    ("text", "inert"),
    [
        ("def f(x: int | None) -> 'a | b': pass", ["int | None", "'a | b'"]),
        ("'''One + two.'''\nx = 1 + 2", ["'''One + two.'''"]),
        ("é: int | None = 1", ["int | None"]),
        ("x = y | z", []),
    ],
)
def test_types_and_docstrings_are_inert(text, inert):
    rows = text.splitlines()
    found = [rows[line - 1][column:end] for (line, column), (_, end) in inert_ranges(text)]
    assert sorted(found) == sorted(inert)
