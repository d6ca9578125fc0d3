"""``harness diff``: compare two .npz files array by array."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from harness.core.fixtures.compare import ArrayDrift
    from harness.core.fixtures.tolerance import Tolerance
    from harness.report.drift import ArrayReport

_FILE = click.Path(path_type=Path)


@verb("diff")
@click.argument("expected", type=_FILE)
@click.argument("found", type=_FILE)
@click.option("--atol", type=click.FloatRange(min=0), help="Absolute tolerance for every array.")
@click.option("--rtol", type=click.FloatRange(min=0), help="Relative tolerance for every array.")
@click.option(
    "--exact", is_flag=True, help="Allow no difference.  [default: by each array's dtype and scale]"
)
@click.option("--shown", default=10, show_default=True, help="Differing elements to show per array.")
@json_option
def command(  # noqa: PLR0913 - one parameter an option
    expected: Path,
    found: Path,
    atol: float | None,
    rtol: float | None,
    shown: int,
    *,
    exact: bool,
    as_json: bool,
) -> int:
    """Compares names, dtypes, shapes and positions of NaN exactly, then every element.

    Exits with 1 if an array differs by more than its tolerance.

    \b
    Example:
      harness diff golden/minimal_v1.npz /tmp/minimal_v1.npz --rtol 1e-6
    """
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.storage.npz import Arrays

    one, other = Arrays(expected), Arrays(found)
    chosen = exact or atol is not None or rtol is not None
    limit = Tolerance(atol or 0, rtol or 0) if chosen else None
    results = [_compare(name, one, other, limit, shown) for name in sorted(one.keys() | other.keys())]
    emit(_summary(results), as_json=as_json, render=lambda: _show(results, expected))
    return 0 if all(result.accepted for result in results) else 1


@dataclass(frozen=True, slots=True)
class _Result:
    """What is printed about one array, which itself is not kept."""

    accepted: bool
    unequal_bits: int
    report: ArrayReport
    figures: dict[str, object]


def _compare(
    name: str,
    one: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    limit: Tolerance | None,
    shown: int,
) -> _Result:
    from harness.core.fixtures.compare import compare_arrays
    from harness.report.drift import array_report
    from harness.report.terminal.screen import screen_of

    array = compare_arrays(name, one.get(name), other.get(name), limit)
    report = array_report(array, shown=shown, screen=screen_of())
    return _Result(array.accepted, array.unequal_bits, report, _figures(array))


def _show(results: list[_Result], expected: Path) -> None:
    from harness.report.drift import detail_lines, drift_table
    from harness.report.terminal.screen import show_lines
    from harness.report.terminal.table import show_table

    reports = [result.report for result in results]
    table = drift_table(reports)
    if table is not None:
        show_table(table)
        show_lines([""])
    show_lines(detail_lines(reports))
    arrays = _count(len(results), "array")
    unequal = _count(sum(result.unequal_bits for result in results), "element")
    drifted = sum(not result.accepted for result in results)
    if _identical(results):
        show_lines([f"{arrays}, all bits equal."])
    elif not drifted:
        show_lines([f"{arrays}, within tolerance; {unequal} not equal."])
    else:
        show_lines([f"{drifted} of {arrays} drifted.", *_next(expected)])


def _next(expected: Path) -> list[str]:
    """Return the command to type next, if a golden file has drifted."""
    from harness.core.storage.project import nearest_registry

    root = nearest_registry(expected.resolve().parent)
    return ["next: harness report"] if root is not None else []


def _summary(results: list[_Result]) -> dict[str, object]:
    """Return the results for JSON: all figures, without the single elements."""
    return {
        "accepted": all(result.accepted for result in results),
        "identical": _identical(results),
        "arrays": [result.figures for result in results],
    }


def _identical(results: list[_Result]) -> bool:
    return all(result.accepted and not result.unequal_bits for result in results)


def _figures(array: ArrayDrift) -> dict[str, object]:
    from harness.core.fixtures.difference_text import largest_difference

    return {
        "name": array.name,
        "aspect": array.aspect,
        "expected": array.expected,
        "found": array.found,
        "tolerance": _limits(array.tolerance),
        "size": array.size,
        "differing": array.drifted,
        "unequal_bits": array.unequal_bits,
        "incomparable": array.incomparable,
        "largest": largest_difference(array),
        "max_absolute": array.max_absolute,
        "max_relative": array.max_relative,
        "max_ulp": array.max_ulp,
        "worst": array.worst,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _limits(tolerance: Tolerance) -> dict[str, float]:
    return {"atol": tolerance.atol, "rtol": tolerance.rtol, "ulp": tolerance.ulp}
