"""Text that a decoder accepts silently or describes badly has a named problem; sound text has none."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.storage.json_limits import (
    MAX_DEPTH,
    TOO_DEEP,
    Limit,
    content_problem,
    is_shallow,
    size_problem,
    structure_problem,
)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def nested(depth: int, *, table: bool = False) -> Any:
    tree: Any = 1
    for _ in range(depth):
        tree = {"a": tree} if table else [tree]
    return tree


@given(values)
def test_json_that_python_writes_has_no_problem(value):
    """Keys of any text, numbers of any length."""
    data = json.dumps(value).encode()
    assert structure_problem(data) is None
    assert size_problem(data) is None


@given(values, st.text(), st.integers())
def test_a_key_given_twice_is_found_wherever_it_is(value, key, number):
    """Inside any list of any table; also if both values are the same."""
    twice = f"{{{json.dumps(key)}: {number}, {json.dumps(key)}: {number}}}"
    data = f'{{"first": {json.dumps(value)}, "second": [{twice}]}}'.encode()
    problem = structure_problem(data)
    assert problem is not None
    assert problem.found == f"the key {key!r} twice in $.second[0]"
    assert "Keep one of the two" in str(problem.remedy)


def test_the_outermost_repeated_key_is_named():
    """The first value of the outer one is dropped, so an inner place in it would not be in the tree."""
    problem = structure_problem(b'{"a b": {"x": {"k": 1, "k": 2}, "x": 3}}')
    assert problem is not None
    assert problem.found == "the key 'x' twice in $['a b']"


@pytest.mark.parametrize("table", [False, True])
@pytest.mark.parametrize(("depth", "problem"), [(MAX_DEPTH, None), (MAX_DEPTH + 1, TOO_DEEP)])
def test_the_depth_limit_is_exact_for_both_readings(depth, problem, table):
    """The structure of any text, and the indentation of canonical text, give the same answer."""
    data = json.dumps(nested(depth, table=table)).encode()
    assert structure_problem(data) == problem
    assert is_shallow(msgspec.json.format(data, indent=2)) == (problem is None)


def test_nesting_that_would_exhaust_the_stack_is_too_deep():
    assert structure_problem(b"[" * 100_000 + b"]" * 100_000) == TOO_DEEP


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"a": 1} more'])
def test_text_that_is_not_json_is_left_to_its_decoder(text):
    assert structure_problem(text) is None


@pytest.mark.parametrize(("extra", "found"), [(0, None), (1, "more than 1 MiB")])
def test_the_size_limit_is_exact(extra, found):
    problem = size_problem(b" " * ((1 << 20) + extra), Limit(1, 1 << 30))
    assert (problem and problem.found) == found


@pytest.mark.parametrize(("count", "found"), [(9, None), (10, "more than 10 values")])
def test_the_number_of_values_is_limited(count, found):
    """Counted are commas and opening brackets, each of which a value follows: here one bracket more."""
    problem = size_problem(b"[" + b"1," * count + b"1]", Limit(1, 10))
    assert (problem and problem.found) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b" \n", "an empty file"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 3\n", "a Git LFS pointer in place of the file"),
        (b"{\n<<<<<<< ours\n=======\n>>>>>>> theirs\n}", "conflict markers of git, the first in line 2"),
        (b"{\n||||||||| base\r\n}", "conflict markers of git, the first in line 2"),
    ],
)
def test_a_rejected_text_is_called_what_it_is(text, found):
    problem = content_problem(text)
    assert problem is not None
    assert problem.found.endswith(found)


@pytest.mark.parametrize("text", [b"{", b"<<<<<< six", b'"a <<<<<<< b"', b"text\n<<<<<<<no space"])
def test_other_text_has_no_better_name(text):
    assert content_problem(text) is None
