"""Drift of arrays as lines of plain text: how far, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.fixtures.compare import Aspect

if TYPE_CHECKING:
    from harness.core.fixtures.compare import ArrayDrift, Drift

_SHOWN = 10


def drift_lines(drift: Drift, *, shown: int = _SHOWN) -> list[str]:
    """What drifted, array by array: how far, where, and the first *shown* elements of each."""
    return [line for array in drift.arrays if not array.accepted for line in _array_lines(array, shown)]


def _array_lines(array: ArrayDrift, shown: int) -> list[str]:
    if array.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}:
        return [f"{array.name}: {array.aspect.value}: expected {array.expected}, found {array.found}"]
    share, limits = 100 * array.differing / array.size, array.tolerance
    misplaced = f", {Aspect.NONFINITE.value} among them" if array.aspect is Aspect.NONFINITE else ""
    largest = f"{array.max_absolute:.3g} absolute, {array.max_relative:.3g} relative, {array.max_ulp} ULP"
    steps = f", or {limits.ulp} ULP" if limits.ulp else ""
    lines = [
        f"{array.name}: {array.differing} of {array.size} elements differ ({share:.3g} %){misplaced}",
        f"  largest difference: {largest}; worst at {_index(array.worst)}",
        f"  allowed: {limits.atol:.3g} absolute + {limits.rtol:.3g} relative{steps}",
    ]
    for count, difference in enumerate(array.differences()):
        if count == shown:
            lines.append(f"  ... and {array.differing - shown} more")
            break
        lines.append(
            f"  {_index(difference.index)}: expected {difference.expected!r}, found {difference.found!r}"
        )
    return lines


def _index(index: Any) -> str:
    return "-" if index is None else "[" + ", ".join(map(str, index)) + "]"
