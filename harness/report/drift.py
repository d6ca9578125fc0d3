"""Drift of arrays as lines of text: how large it is, and where.

A failing test and `harness diff` print the same block: a table if several arrays differ, then each array that
drifted with its largest difference, in tolerances too, its first elements and, on a terminal, a sketch.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.fixtures.compare import Aspect
from harness.core.fixtures.difference_text import difference_text, incomparable_elements
from harness.core.verdict import Outcome
from harness.report.terminal.screen import COLUMNS, Screen
from harness.report.terminal.sketch import sketch_lines
from harness.report.terminal.table import TextTable, table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from harness.core.fixtures.compare import ArrayDrift, Drift

_SHOWN = 10
_LARGE_ULP = 1_000_000
_INDENT = 2  # of a block in the text of a failing test
_PIPED = Screen()


class ArrayReport(NamedTuple):
    """What is printed about one array, which itself need not be kept.

    ``row`` is its row in the table, empty if it is the same bit by bit; ``lines`` say how it drifted.
    """

    row: tuple[str, ...]
    lines: tuple[str, ...]


def drift_lines(drift: Drift, *, shown: int = _SHOWN, screen: Screen = _PIPED) -> list[str]:
    """Return what drifted, array by array: how far, where, and the first *shown* elements of each.

    Parameters
    ----------
    drift : Drift
    shown : int, optional
    screen : Screen, optional
        Where the lines are shown; with block characters there is a sketch of each array.
    """
    reports = [array_report(array, shown=shown, screen=screen) for array in drift.arrays]
    table = drift_table(reports)
    head = [] if table is None else [*table_lines(table, COLUMNS - _INDENT), ""]
    return [*head, *detail_lines(reports)]


def array_report(array: ArrayDrift, *, shown: int = _SHOWN, screen: Screen = _PIPED) -> ArrayReport:
    """Return what is printed about one array; nothing if it is the same."""
    row = () if array.accepted and not array.unequal_bits else _row(array)
    return ArrayReport(row, () if array.accepted else tuple(_array_lines(array, shown, screen)))


def drift_table(reports: Sequence[ArrayReport]) -> TextTable | None:
    """Return a table of the arrays that are not the same; None if it would repeat what is said about one."""
    rows = tuple(report.row for report in reports if report.row)
    if sum(bool(report.lines) for report in reports) == 0 or len(rows) <= 1:
        return None
    head = ("array", "verdict", "differ", "largest difference", "tolerances", "at")
    return TextTable(head, rows, frozenset({"differ", "tolerances"}))


def detail_lines(reports: Sequence[ArrayReport]) -> list[str]:
    """Return the lines about the arrays that drifted."""
    return [line for report in reports for line in report.lines]


def _row(array: ArrayDrift) -> tuple[str, ...]:
    outcome = (Outcome.TOLERATED if array.accepted else Outcome.DRIFTED).value
    if array.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}:
        return array.name, outcome, "", f"{array.expected} -> {array.found}", "", ""
    count = array.unequal_bits if array.accepted else array.drifted
    dtype = array.dtype
    largest = "" if dtype is None or dtype.kind in "SU" else difference_text(array.max_absolute, dtype)
    if array.incomparable:
        largest = "not finite" if not array.max_absolute else f"{largest}, not finite"
    where = array.worst if array.incomparable or array.farthest is None else array.farthest
    return array.name, outcome, f"{count} of {array.size}", largest, _in_tolerances(array), _index(where)


def _in_tolerances(array: ArrayDrift) -> str:
    """Return the largest difference in tolerances; "exact" where there is no tolerance to divide by."""
    if not math.isfinite(array.in_tolerances):
        return "exact"
    return f"{array.in_tolerances:.3g}" if array.in_tolerances else ""


def _array_lines(array: ArrayDrift, shown: int, screen: Screen) -> Iterator[str]:
    if array.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}:
        yield f"{array.name}: {array.aspect.value}: expected {array.expected}, found {array.found}"
        return
    share = 100 * array.drifted / array.size
    # Positions of NaN and infinity are compared exactly, whatever the tolerance.
    including = f", including {array.aspect.value}" if array.aspect is Aspect.NONFINITE else ""
    yield f"{array.name}: {array.drifted} of {array.size} elements differ ({share:.3g} %){including}"
    yield from (f"  {line}" for line in _size_lines(array))
    yield f"  allowed: {_allowed(array)}"
    yield from _element_lines(array, shown)
    sketch = sketch_lines(array, screen)
    yield from ["  where it differs:"] if sketch else []
    yield from (f"    {line}" for line in sketch)


def _size_lines(array: ArrayDrift) -> Iterator[str]:
    """Yield how far the elements are apart: as far as numbers can say it, and where they cannot."""
    dtype, worst = array.dtype, _index(array.worst)
    if dtype is None or dtype.kind in "SU":
        yield f"first difference at {worst}"
        return
    lines = []
    if array.max_absolute or not array.incomparable:
        lines.append(f"largest difference: {_largest(array, dtype)}")
    if array.incomparable:
        lines.append(incomparable_elements(array))
    yield from lines[:-1]
    yield f"{lines[-1]}; worst at {worst}"
    if array.in_tolerances and math.isfinite(array.in_tolerances):
        yield f"in tolerances: {_in_tolerances(array)} at {_index(array.farthest)}"


def _largest(array: ArrayDrift, dtype: np.dtype) -> str:
    """Return the largest differences in every unit that the dtype has."""
    amount = difference_text(array.max_absolute, dtype)
    if dtype.kind in "mM":
        return amount
    relative = "over 1.8e+308" if math.isinf(array.max_relative) else f"{array.max_relative:.3g}"
    ulp = f", {_ulp(array)} ULP" if dtype.kind in "fc" else ""
    return f"{amount} absolute, {relative} relative{ulp}"


def _allowed(array: ArrayDrift) -> str:
    limits, dtype = array.tolerance, array.dtype
    if dtype is not None and dtype.kind in "SU":
        return "no difference"
    if dtype is not None and dtype.kind in "mM":
        return difference_text(limits.atol, dtype) if limits.atol else "no difference"
    ulp = f", or {limits.ulp} ULP" if limits.ulp else ""
    return f"{limits.atol:.3g} absolute + {limits.rtol:.3g} relative{ulp}"


def _ulp(array: ArrayDrift) -> str:
    """Return the largest distance in ULP; beyond a million it is only an order of magnitude."""
    return str(array.max_ulp) if array.max_ulp < _LARGE_ULP else f"{array.max_ulp:.2g}"


def _element_lines(array: ArrayDrift, shown: int) -> Iterator[str]:
    for count, difference in enumerate(array.drifted_elements()):
        if count == shown:
            yield f"  ... and {array.drifted - shown} more"
            return
        yield f"  {_index(difference.index)}: expected {difference.expected!r}, found {difference.found!r}"


def _index(index: Any) -> str:
    return "-" if index is None else "[" + ", ".join(map(str, index)) + "]"
