"""``harness diff``: compare two .npz files array by array."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands.group import verb
from harness.commands.options import emit, json_option

if TYPE_CHECKING:
    from harness.core.fixtures.compare import Drift
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
    from harness.core.fixtures.compare import compare
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.storage.npz import map_archive

    one, other = map_archive(expected), map_archive(found)
    chosen = exact or atol is not None or rtol is not None
    limits = {name: Tolerance(atol or 0, rtol or 0) for name in one.keys() | other.keys()} if chosen else None
    drift = compare(one, other, limits)
    emit(_summary(drift), as_json=as_json, render=lambda: _show(drift, shown))
    return 0 if drift.accepted else 1


def _show(drift: Drift, shown: int) -> None:
    from harness.report.drift import drift_lines

    for line in drift_lines(drift, shown=shown):
        click.echo(line)
    arrays = _count(len(drift.arrays), "array")
    unequal = _count(sum(array.unequal_bits for array in drift.arrays), "element")
    if drift.identical:
        click.echo(f"{arrays}, all bits equal.")
    elif drift.accepted:
        click.echo(f"{arrays}, within tolerance; {unequal} not equal.")


def _summary(drift: Drift) -> dict[str, object]:
    """Return *drift* for JSON: all figures, without the single elements."""
    from harness.core.fixtures.difference_text import largest_difference

    return {
        "accepted": drift.accepted,
        "identical": drift.identical,
        "arrays": [
            {
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
            for array in drift.arrays
        ],
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _limits(tolerance: Tolerance) -> dict[str, float]:
    return {"atol": tolerance.atol, "rtol": tolerance.rtol, "ulp": tolerance.ulp}
