"""The operators of cosmic-ray that are used, and what they make."""

from __future__ import annotations

import sys

import pytest

from harness.core.errors import DependencyError
from harness.core.sensitivity.mutants.operators import (
    find_candidates,
    mutated,
    operator_names,
    require_packages,
)

pytest.importorskip("cosmic_ray", reason="mutants need the extra `mutants`")
pytest.importorskip("coverage", reason="mutants need the extra `mutants`")


def mutants(text: str, *lines: int) -> set[str]:
    """All mutants of a line, or of all lines."""
    candidates = find_candidates(text, lines or range(1, 100))
    return {" ".join(made.split()) for made in (mutated(text, one) for one in candidates) if made}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", {"a - b", "a * b"}),
        ("a * b", {"a / b"}),
        ("a < b", {"a <= b", "a > b"}),
        ("a is None", {"a is not None"}),
        ("-a", {"a"}),
        ("x = 3", {"x = 4", "x = 2"}),
        ("a if b else c", {"a if not b else c"}),
        ("a and b", {"a or b"}),
    ],
)
def test_an_operation_is_replaced_by_others_of_its_kind(text, expected):
    assert mutants(text) == expected


def test_every_operator_is_one_of_cosmic_ray():
    from cosmic_ray.operators.provider import OperatorProvider

    assert set(operator_names()) <= set(OperatorProvider())


@pytest.mark.parametrize(
    "text",
    [
        "def f(a: int | None, *, b): pass",
        "def f(a, /, b): pass",
        '"""Text + text."""',
        "x: list[int | float]",
    ],
)
def test_types_docstrings_and_signatures_are_left_alone(text):
    assert mutants(text) == set()


def test_only_the_given_lines_are_mutated():
    assert mutants("a + b\nc + d", 2) == {"a + b c - d", "a + b c * d"}


def test_what_is_no_program_is_no_mutant():
    """A decorator of a loop, for example; here, an operator that changes nothing."""
    candidates = list(find_candidates("x = 0 ** 1", range(1, 2)))
    made = [mutated("x = 0 ** 1", one) for one in candidates]
    assert None not in made
    assert mutated("x = 1", candidates[0]._replace(occurrence=9)) is None


@pytest.mark.parametrize("package", ["cosmic_ray", "coverage"])
def test_an_absent_package_is_named_with_the_extra(monkeypatch, package):
    for name in list(sys.modules):
        if name.partition(".")[0] == package:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(DependencyError) as caught:
        require_packages()
    assert "pip install 'golden-harness[mutants]'" in str(caught.value)
    assert str(caught.value).startswith(f"{package} is needed for mutants")
