"""Drift of arrays as lines of text: how large it is, and where."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from harness.core.fixtures.compare import Aspect
from harness.core.fixtures.difference_text import difference_text, incomparable_elements

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from harness.core.fixtures.compare import ArrayDrift, Drift

_SHOWN = 10
_LARGE_ULP = 1_000_000


def drift_lines(drift: Drift, *, shown: int = _SHOWN) -> list[str]:
    """Return what drifted, array by array: how far, where, and the first *shown* elements of each."""
    return [line for array in drift.arrays if not array.accepted for line in _array_lines(array, shown)]


def _array_lines(array: ArrayDrift, shown: int) -> Iterator[str]:
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
