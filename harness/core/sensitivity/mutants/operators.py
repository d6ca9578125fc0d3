"""The mutation operators: those of cosmic-ray that leave most programs running, and how they are applied.

An operator that exchanges an operation for one of another kind, such as ``+`` for ``>>``, makes programs that
end with a TypeError: nothing is learnt from them, so it is not used.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.sensitivity.mutants.source import inert_ranges
from harness.core.system.packages import require_module

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from harness.core.sensitivity.mutants.source import Place

NEEDED = ("for mutants", "golden-harness[mutants]")
"""Purpose and requirement of packages that are imported only when mutants are made."""

_PLAIN = (
    "AddNot",
    "ExceptionReplacer",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceUnaryOperator_Delete_Invert",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_Delete_USub",
    "ZeroIterationForLoop",
)
_ALIKE = {
    "ReplaceBinaryOperator": (
        ("Add", "Sub"),
        ("Add", "Mul"),
        ("Mul", "Div"),
        ("Div", "FloorDiv"),
        ("Mod", "FloorDiv"),
        ("Pow", "Mul"),
        ("RShift", "LShift"),
        ("BitOr", "BitAnd"),
        ("BitXor", "BitAnd"),
    ),
    "ReplaceComparisonOperator": (
        ("Eq", "NotEq"),
        ("Lt", "LtE"),
        ("Gt", "GtE"),
        ("Lt", "Gt"),
        ("LtE", "GtE"),
        ("Is", "IsNot"),
    ),
}
_ONE_WAY = frozenset(
    {"ReplaceBinaryOperator_Mul_Add", "ReplaceBinaryOperator_Mul_Pow", "ReplaceBinaryOperator_FloorDiv_Mod"}
)


class Candidate(NamedTuple):
    """A mutant that can be made: where it is, and the operator's number of this place in the file."""

    line: int
    column: int
    operator: str
    occurrence: int


def operator_names() -> tuple[str, ...]:
    """Return the names of the operators that are used, as cosmic-ray has them.

    >>> "ReplaceBinaryOperator_Add_Sub" in operator_names()
    True
    """
    pairs = (
        f"{kind}_{one}_{other}"
        for kind, alike in _ALIKE.items()
        for pair in alike
        for one, other in (pair, pair[::-1])
    )
    return tuple(sorted({*_PLAIN, *pairs} - _ONE_WAY))


def require_packages() -> None:
    """Raise :class:`DependencyError` unless all packages that mutants need are installed."""
    for name in ("cosmic_ray.mutating", "cosmic_ray.operators.provider", "coverage"):
        require_module(name, *NEEDED)


def find_candidates(text: str, lines: Container[int]) -> Iterator[Candidate]:
    """Yield all mutants that the operators make in *lines* of a source text, operator by operator.

    Raises
    ------
    DependencyError
        If cosmic-ray is not installed.
    """
    tree = require_module("cosmic_ray.ast", *NEEDED)
    nodes = list(tree.ast_nodes(tree.get_ast(text)))
    inert = inert_ranges(text)
    for name in operator_names():
        operator = _operator(name)
        places = ((node, start) for node in nodes for start, _ in operator.mutation_positions(node))
        for occurrence, (node, place) in enumerate(places):
            if place[0] in lines and not (_is_of_signature(node) or _is_in(place, inert)):
                yield Candidate(place[0], place[1], name, occurrence)


def mutated(text: str, candidate: Candidate) -> str | None:
    """Return the text of a mutant; None if it does not compile, or is the same program."""
    changed = require_module("cosmic_ray.mutating", *NEEDED).mutate_code(
        text, _operator(candidate.operator), candidate.occurrence
    )
    try:
        same = changed is None or ast.dump(ast.parse(changed)) == ast.dump(ast.parse(text))
        compile(changed or "", "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return None
    return None if same else str(changed)


def _operator(name: str) -> Any:
    return require_module("cosmic_ray.operators.provider", *NEEDED).OperatorProvider()[name]()


def _is_of_signature(node: Any) -> bool:
    """Whether a node is the ``*`` or ``/`` between the parameters of a function."""
    return node.type == "operator" and node.parent.type in {"parameters", "lambdef"}


def _is_in(place: Place, ranges: list[tuple[Place, Place]]) -> bool:
    return any(start <= place < end for start, end in ranges)
