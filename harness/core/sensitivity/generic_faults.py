"""Faults that any array or metric of any field can have (G01 to G11), and whether a comparison sees them.

A move that changes nothing, such as zeroing zeros or shuffling equal rows, is harmless and is not tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from harness.core.baselines.baseline import Baseline, all_accepted, judge
from harness.core.fixtures.compare import ArrayDrift, compare_arrays
from harness.core.fixtures.tolerance import Given, Tolerance, read_tolerances, tolerances_of

ArrayMove = Callable[[np.ndarray, Tolerance], Iterator[tuple[str, np.ndarray]]]
MetricMove = Callable[[float, float], float]

_NUMBERS = "iufc"
_HALVES = {"float64": "float32", "float32": "float16"}


@dataclass(frozen=True, slots=True)
class GenericFault:
    """One fault: how it moves an array, and a metric.

    Attributes
    ----------
    id, title : str
    arrays : callable
        ``arrays(array, tolerance)`` yields moved arrays, each with the case, such as ``axis 1``; none if the
        fault does not apply to arrays of that dtype or shape.
    metrics : callable or None
        ``metrics(value, tolerance)`` returns the moved metric; None if metrics cannot have the fault.
    rounding : bool
        Whether it is a rounding, which tolerances are meant to accept.
    """

    id: str
    title: str
    arrays: ArrayMove
    metrics: MetricMove | None = None
    rounding: bool = False


class GoldenMove(msgspec.Struct, frozen=True):
    """One moved array or metric, and whether a test saw it.

    Attributes
    ----------
    file : str
        The golden file, as the registry writes it.
    name : str
        The array or metric.
    fault, case : str
        The fault's id; which of its moves it is, where it has several.
    seen : bool
        Whether the comparison failed, as it should.
    why : str
        If it passed: what lets it pass.
    explained : bool
        Whether the test did not choose that: the values differ by less than the default tolerance of their
        dtype, or the fault is a rounding.
    test : str
        The test whose tolerances were applied; empty for metrics, whose tolerances are in the baseline.
    """

    file: str
    name: str
    fault: str
    case: str
    seen: bool
    why: str = ""
    explained: bool = False
    test: str = ""


def judge_arrays(  # noqa: PLR0913 - what a check knows
    faults: tuple[GenericFault, ...],
    file: str,
    golden: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    *,
    tolerances: Given | None = None,
    test: str = "",
) -> Iterator[GoldenMove]:
    """Move every array that a test has obtained, and compare it with its golden copy as the test does.

    Parameters
    ----------
    faults : tuple of GenericFault
    file : str
        The golden archive, as the registry writes it.
    golden, found : mapping of str to ndarray
        The golden arrays, and those obtained by the test, which were accepted.
    tolerances : mapping, optional
        Those given by the test, as for :func:`~harness.core.fixtures.compare.compare`.
    test : str
        The test's id.
    """
    given = read_tolerances(tolerances, set(found))
    for name, array in found.items():
        tolerance = tolerances_of(name, golden[name], given.get(name))[0][1]
        for fault in faults:
            for case, moved in fault.arrays(np.asarray(array), tolerance):
                if _same(array, moved):
                    continue
                drift = compare_arrays(name, golden[name], moved, given.get(name))
                move = GoldenMove(file, name, fault.id, case, not drift.accepted, test=test)
                if drift.accepted:
                    why = _why_accepted(drift, by_test=name in given)
                    explained = name not in given or fault.rounding
                    move = msgspec.structs.replace(move, why=why, explained=explained)
                yield move


def judge_metrics(faults: tuple[GenericFault, ...], file: str, baseline: Baseline) -> Iterator[GoldenMove]:
    """Move every metric of a baseline, and judge it as every check of metrics does."""
    values = {name: metric.value for name, metric in baseline.metrics.items()}
    for name, metric in baseline.metrics.items():
        for fault in faults:
            if fault.metrics is None:
                continue
            moved = fault.metrics(metric.value, metric.tolerance)
            if moved == metric.value:
                continue
            seen = not all_accepted(judge(baseline, {**values, name: moved}))
            why = "" if seen else f"its tolerance is {metric.tolerance:g}, its value {metric.value:g}"
            yield GoldenMove(file, name, fault.id, "", seen, why)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether a move was harmless; negated zeros are zeros."""
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=one.dtype.kind in "fcmM")


def _why_accepted(drift: ArrayDrift, *, by_test: bool) -> str:
    whose = "the tolerance given by the test" if by_test else f"the default tolerance of {drift.expected}"
    limits = f"atol {drift.tolerance.atol:g}, rtol {drift.tolerance.rtol:g}, ulp {drift.tolerance.ulp}"
    return f"it changes values by at most {float(drift.max_absolute):.3g}, within {whose} ({limits})"


def _doubled(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind in _NUMBERS:
        yield "", _times(array, 2)


def _negated(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind in "ifc":
        yield "", _times(array, -1)


def _zeroed(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind in f"b{_NUMBERS}":
        yield "", np.zeros_like(array)


def _thousandfold(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind in _NUMBERS:
        yield "", _times(array, 1000)


def _times(array: np.ndarray, factor: int) -> np.ndarray:
    """The product in the array's own dtype; integers wrap around, as they would in a program."""
    with np.errstate(all="ignore"):
        return np.asarray(array * np.asarray(factor).astype(array.dtype))


def one_element_moved(array: np.ndarray, tolerance: Tolerance) -> Iterator[np.ndarray]:
    """Yield the array with one element changed by two tolerances.

    What is compared exactly is changed by the least there is. Of floats, it is the finite element with the
    largest magnitude. Nothing is yielded if no element can be changed so: the array is empty, holds no finite
    number, or has an infinite tolerance.
    """
    index = _index_to_change(array)
    if index is None:
        return
    other = _other_value(array[index], tolerance)
    if other is not None:
        moved = array.copy()
        moved[index] = other
        yield moved


def _index_to_change(array: np.ndarray) -> tuple[Any, ...] | None:
    usable = np.ones(array.shape, dtype=bool)
    if array.dtype.kind in "fc":
        usable = np.isfinite(array)
    elif array.dtype.kind in "mM":
        usable = ~np.isnat(array)
    if not usable.any():
        return None
    if array.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            return np.unravel_index(int(np.argmax(np.where(usable, np.abs(array), -1))), array.shape)
    return np.unravel_index(int(np.argmax(usable)), array.shape)


def _other_value(value: Any, tolerance: Tolerance) -> Any:
    """Another value, two tolerances away; None if the dtype has none."""
    kind = value.dtype.kind
    if kind in "fc":
        step = _two_tolerances(value, tolerance)
        sign = -1 if value.real > 0 else 1  # towards zero, so that nothing overflows
        with np.errstate(all="ignore"):
            return value + value.dtype.type(sign * step) if np.isfinite(step) else None
    if kind == "b":
        return ~value
    if kind in "iu":
        return _other_integer(value, tolerance)
    if kind in "mM":
        steps = max(1, int(min(2 * tolerance.atol, 2**31)))
        unit = value.dtype.str.replace("M8", "m8")
        return value - np.asarray(steps, "int64").astype(unit)
    return type(value)() if value else type(value)("x" if kind == "U" else b"x")


def _other_integer(value: np.integer[Any], tolerance: Tolerance) -> int | None:
    limits = np.iinfo(value.dtype)
    allowed = 2 * (tolerance.atol + tolerance.rtol * abs(float(value)))
    if allowed > float(limits.max):
        return None
    step = max(int(np.ceil(allowed)), 2 * tolerance.ulp, 1)
    others = (int(value) - step, int(value) + step)
    return next((other for other in others if limits.min <= other <= limits.max), None)


def _one_element(array: np.ndarray, tolerance: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    yield from (("", moved) for moved in one_element_moved(array, tolerance))


def _two_tolerances(value: np.inexact[Any], tolerance: Tolerance) -> float:
    size = np.abs(value)
    spacing = float(
        np.spacing(np.nextafter(size, size.dtype.type(0)))
    )  # above the largest float there is none
    limit = tolerance.atol + tolerance.rtol * float(size)
    return max(2 * limit, 2 * tolerance.ulp * spacing, 2 * spacing)


def _shuffled(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.ndim and len(array) > 1:
        order = np.random.default_rng(0).permutation(len(array))
        yield "", array[::-1] if (order == np.arange(len(array))).all() else array[order]


def _rolled(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    for axis, length in enumerate(array.shape):
        if length > 1:
            yield f"axis {axis}", np.roll(array, 1, axis)


def _transposed(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.ndim > 1 and array.shape[-1] == array.shape[-2]:
        yield "", np.swapaxes(array, -1, -2)


def _real_part(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.dtype.kind == "c":
        yield "", array.real.astype(array.dtype)


def _halved_precision(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    """The values as they are after a round trip through half the bits, in the dtype that they had."""
    parts = array.real.dtype if array.dtype.kind == "c" else array.dtype
    half = _HALVES.get(parts.name)
    if half is None:
        return
    with np.errstate(all="ignore"):
        moved = np.empty_like(array)
        if array.dtype.kind == "c":
            moved.real, moved.imag = array.real.astype(half), array.imag.astype(half)
        else:
            moved[...] = array.astype(half)
    yield "", moved


def _last_row_dropped(array: np.ndarray, _: Tolerance) -> Iterator[tuple[str, np.ndarray]]:
    if array.ndim and len(array):
        yield "", array[:-1]


def _metric_moved(value: float, tolerance: float) -> float:
    moved = value + 2 * tolerance
    return moved if moved != value else float(np.nextafter(value, np.inf))


GENERIC_FAULTS = (
    GenericFault("G01", "every value doubled", _doubled, lambda value, _: 2 * value),
    GenericFault("G02", "every value negated", _negated, lambda value, _: -value),
    GenericFault("G03", "every value zero", _zeroed, lambda _value, _tolerance: 0.0),
    GenericFault("G04", "one value changed by two tolerances", _one_element, _metric_moved),
    GenericFault("G05", "rows shuffled", _shuffled),
    GenericFault("G06", "rolled by one along an axis", _rolled),
    GenericFault("G07", "the last two axes swapped, where square", _transposed),
    GenericFault("G08", "imaginary part lost", _real_part),
    GenericFault("G09", "values rounded to half the precision", _halved_precision, rounding=True),
    GenericFault("G10", "last row missing", _last_row_dropped),
    GenericFault("G11", "off by one unit prefix: times 1000", _thousandfold, lambda value, _: 1000 * value),
)
"""All generic faults, sorted by id."""
