"""Which places of a source file may be mutated: in lines that were executed, and in code that does something.

Types and docstrings change no result, and a line with ``# pragma: no mutate`` is left alone, as mutmut and
cosmic-ray leave it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from types import CodeType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Place = tuple[int, int]
"""A line, the first is 1, and a column in characters, the first is 0."""

_EXCLUDED = re.compile(r"#\s*pragma:\s*no\s*mutate", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source file, and who executes which of its lines.

    Attributes
    ----------
    path : str
        Relative to the project, with / between its parts.
    text : str
    tests : mapping of int to frozenset of str
        By executed line: the golden tests that execute it.
    """

    path: str
    text: str
    tests: Mapping[int, frozenset[str]]


def mutable_lines(source: SourceFile) -> dict[int, frozenset[str]]:
    r"""Return the lines that may be mutated, each with the golden tests that execute it.

    A line without code of its own, such as one of a long literal, counts as the first line of its statement.

    Examples
    --------
    >>> text = "def f(x):\n    return (\n        1,\n        2,\n    )\n\ndef g(): return 3\n"
    >>> sorted(mutable_lines(SourceFile("f.py", text, {1: frozenset("t"), 2: frozenset("t")})))
    [1, 2, 3, 4, 5]
    """
    tree = ast.parse(source.text)
    left_out = _left_out(tree) | _marked(source.text)
    coded = set(_lines_with_code(compile(source.text, source.path, "exec", dont_inherit=True)))
    found = {line: source.tests[line] for line in source.tests}
    for first, last in _statements(tree):
        for line in range(first, last + 1):
            if line not in coded and first in source.tests:
                found[line] = found.get(line, frozenset()) | source.tests[first]
    return {line: tests for line, tests in found.items() if line not in left_out}


def lines_of_functions(text: str) -> set[int]:
    r"""Return the lines in bodies of functions; all others run once, when the module is imported.

    >>> lines_of_functions("x = 1\ndef f(y=2):\n    return y\n")
    {3}
    """
    functions = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return {line for node in functions for line in range(node.body[0].lineno, (node.end_lineno or 0) + 1)}


def inert_ranges(text: str) -> list[tuple[Place, Place]]:
    """Return where types and docstrings begin and end: mutants of them change no result.

    >>> inert_ranges('x: int | None = 1')
    [((1, 3), (1, 13))]
    """
    lines = text.splitlines()
    nodes = (node for node in _inert(ast.parse(text)) if isinstance(node, ast.expr | ast.stmt))
    return [(_place(lines, node.lineno, node.col_offset), _end(lines, node)) for node in nodes]


def _inert(tree: ast.AST) -> Iterator[ast.AST | None]:
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg):
            yield node.annotation
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.returns
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node


def _place(lines: list[str], line: int, column: int) -> Place:
    """Return a place of the module ast, whose columns are bytes of UTF-8."""
    return line, len(lines[line - 1].encode()[:column].decode("utf-8", "ignore"))


def _end(lines: list[str], node: ast.expr | ast.stmt) -> Place:
    return _place(lines, node.end_lineno or node.lineno, node.end_col_offset or 0)


def _statements(tree: ast.AST) -> Iterator[tuple[int, int]]:
    """Yield the first and the last line of each statement; of a compound one, those before its body."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(item.lineno for item in decorators)])
            last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno
            yield first, max(first, last or first)


def _lines_with_code(code: CodeType) -> Iterator[int]:
    yield from (line for _, _, line in code.co_lines() if line)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _lines_with_code(constant)


def _left_out(tree: ast.AST) -> set[int]:
    """Lines of imports for type checkers, with their condition: mutants of them only break imports."""
    found: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            found.update(range(node.lineno, (node.body[-1].end_lineno or node.lineno) + 1))
    return found


def _marked(text: str) -> set[int]:
    lines = enumerate(text.splitlines(), start=1)
    return {number for number, line in lines if _EXCLUDED.search(line)}
