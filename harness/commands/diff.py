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
    emit(_summary(results), as_json=as_json, render=lambda: _show(results))
    return 0 if all(result.accepted for result in results) else 1


@dataclass(frozen=True, slots=True)
class _Result:
    """What is printed about one array, which itself is not kept."""

    accepted: bool
    unequal_bits: int
    lines: list[str]
    figures: dict[str, object]


def _compare(
    name: str,
    one: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    limit: Tolerance | None,
    shown: int,
) -> _Result:
    from harness.core.fixtures.compare import Drift, compare_arrays
    from harness.report.drift import drift_lines

    array = compare_arrays(name, one.get(name), other.get(name), limit)
    lines = drift_lines(Drift((array,)), shown=shown)
    return _Result(array.accepted, array.unequal_bits, lines, _figures(array))


def _show(results: list[_Result]) -> None:
    for line in (line for result in results for line in result.lines):
        click.echo(line)
    arrays = _count(len(results), "array")
    unequal = _count(sum(result.unequal_bits for result in results), "element")
    if _identical(results):
        click.echo(f"{arrays}, all bits equal.")
    elif all(result.accepted for result in results):
        click.echo(f"{arrays}, within tolerance; {unequal} not equal.")


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
