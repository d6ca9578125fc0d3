"""Two versions of a golden file -> the arrays, metrics and other values that differ."""

from __future__ import annotations

import math
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.core.baselines.array_tolerances import read_tolerance_document
from harness.core.baselines.baseline import read_baseline
from harness.core.errors import HarnessError
from harness.core.fixtures.compare import Aspect, compare_arrays
from harness.core.fixtures.difference_text import largest_difference
from harness.core.fixtures.manifest import manifest_values, read_manifest
from harness.core.fixtures.tolerance import Tolerance
from harness.core.recording.distance import metric_distance
from harness.core.revisions.values import Limit, Subject, ValueChange
from harness.core.storage.npz import Arrays

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from harness.core.baselines.array_tolerances import ArrayTolerance, ToleranceDocument
    from harness.core.baselines.baseline import Baseline, Control, Metric
    from harness.core.fixtures.compare import ArrayDrift, ElementDrift


ARCHIVES = frozenset({"fixture", "result"})
"""Kinds of files that have arrays."""

_ROUNDING = 1e-6
"""Relative difference of two shares that were computed from rounded values."""


class ArrayOptions(NamedTuple):
    """How arrays are compared.

    Attributes
    ----------
    tolerance : Tolerance or None
        One for all arrays, in place of those measured and of the default ones.
    shown : int
        How many elements beyond the tolerance to keep of each array.
    look : callable or None
        Called with the path of the file and each array that differs, while both versions of it are there.
    """

    tolerance: Tolerance | None = None
    shown: int = 0
    look: Callable[[str, ArrayDrift, np.ndarray | None, np.ndarray | None], None] | None = None


DEFAULTS = ArrayOptions()


def compare_archives(
    path: str,
    before: Path,
    after: Path,
    measured: Mapping[str, ArrayTolerance],
    options: ArrayOptions = DEFAULTS,
) -> Iterator[ValueChange]:
    """Yield the arrays of two archives that are not the same bit by bit.

    One array is in memory at a time.

    Parameters
    ----------
    path : str
        What the two are versions of.
    before, after : Path
    measured : mapping of str to ArrayTolerance
        Tolerances that were measured for the arrays before.
    options : ArrayOptions, optional
    """
    old, new = Arrays(before), Arrays(after)
    given = options.tolerance
    for name in sorted(old.keys() | new.keys()):
        one, other = old.get(name), new.get(name)
        stored = None if given else measured.get(name)
        drift = compare_arrays(name, one, other, Tolerance(stored.atol, stored.rtol) if stored else given)
        if drift.unequal_bits or not drift.accepted:
            if options.look is not None:
                options.look(path, drift, one, other)
            origin = "given" if given else "measured" if stored else "default"
            reported = stored is not None and stored.kind == "report-only"
            yield _array_change(drift, origin, options.shown, only_reported=reported)


def compare_baselines(before: Path, after: Path) -> Iterator[ValueChange]:
    """Yield the metrics that differ, then their tolerances, then the controls."""
    old, new = read_baseline(before), read_baseline(after)
    for name in sorted(old.metrics.keys() | new.metrics.keys()):
        yield from _metric_changes(name, old.metrics.get(name), new.metrics.get(name))
    controls = _controls(old), _controls(new)
    for name in sorted(controls[0].keys() | controls[1].keys()):
        one, other = (side.get(name) for side in controls)
        if one != other:
            yield ValueChange(Subject.CONTROL, name, _control_text(one), _control_text(other))


def compare_tolerances(before: Path, after: Path) -> Iterator[ValueChange]:
    """Yield the arrays whose measured tolerances differ."""
    old, new = read_tolerance_document(before).arrays, read_tolerance_document(after).arrays
    for name in sorted(old.keys() | new.keys()):
        one, other = (_tolerance_text(side.get(name)) for side in (old, new))
        if one != other:
            yield ValueChange(Subject.TOLERANCE, name, one, other)


def compare_manifests(before: Path, after: Path) -> Iterator[ValueChange]:
    """Yield how a fixture was made otherwise; digests of its arrays are not compared."""
    for key, one, other in manifest_values(read_manifest(before), read_manifest(after)):
        yield ValueChange(Subject.MANIFEST, key, one, other)


def contents(kind: str, file: Path) -> Iterator[tuple[Subject, str, Any]]:
    """Yield the arrays of an archive with their dtypes and shapes, or the metrics of a baseline."""
    if kind == "baseline":
        for name, metric in read_baseline(file).metrics.items():
            yield Subject.METRIC, name, metric.value
    elif kind in ARCHIVES:
        for name, array in Arrays(file).items():
            yield Subject.ARRAY, name, f"{array.dtype.name} {array.shape}"


def measured_tolerances(document: Path, manifest: Path) -> Mapping[str, ArrayTolerance]:
    """Return the measured tolerances of the arrays of a manifest; none if they are of other arrays.

    Files that cannot be read give none either: that is reported where they are compared themselves.
    """
    try:
        found: ToleranceDocument = read_tolerance_document(document)
        return found.arrays if found.golden == read_manifest(manifest).digest else {}
    except HarnessError:
        return {}


def _array_change(drift: ArrayDrift, origin: str, shown: int, *, only_reported: bool) -> ValueChange:
    named = drift.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}
    values = (drift.expected, drift.found) if named else _elements(drift)
    return ValueChange(
        subject=Subject.ARRAY,
        name=drift.name,
        before=None if drift.expected == "nothing" else values[0],
        after=None if drift.found == "nothing" else values[1],
        tolerances=None if named or drift.incomparable else _number(drift.in_tolerances),
        accepted=drift.accepted or (only_reported and not named),
        limit=None if named else Limit(_limit_text(drift.tolerance, only_reported=only_reported), origin),
        where=_place(drift),
        differing=drift.unequal_bits,
        size=drift.size,
        largest="" if named else largest_difference(drift),
        elements=() if named else _first_elements(drift, shown),
    )


def _first_elements(drift: ArrayDrift, shown: int) -> tuple[ElementDrift, ...]:
    """Return the first elements beyond the tolerance, without reading what is behind the last of them."""
    return tuple(islice(drift.drifted_elements(), min(shown, drift.drifted)))


def _elements(drift: ArrayDrift) -> tuple[Any, Any]:
    """Both values of the element that differs most."""
    place = _place(drift)
    if place is None:
        return drift.expected, drift.found
    element = drift.element(place)
    return element.expected, element.found


def _place(drift: ArrayDrift) -> tuple[int, ...] | None:
    """Index of the element that is farthest away in tolerances; NaN and infinities are farther than any."""
    return drift.worst if drift.incomparable or drift.farthest is None else drift.farthest


def _number(tolerances: float) -> float | None:
    return tolerances if math.isfinite(tolerances) else None


def _limit_text(tolerance: Tolerance, *, only_reported: bool) -> str:
    if only_reported:
        return "any change: this array is only reported"
    if not (tolerance.atol or tolerance.rtol or tolerance.ulp):
        return "no difference"
    parts = [f"{tolerance.atol:.3g}"] if tolerance.atol else []
    parts += [f"{tolerance.rtol:.3g} relative"] if tolerance.rtol else []
    return " + ".join(parts) + (f", or {tolerance.ulp} ULP" if tolerance.ulp else "")


def _metric_changes(name: str, old: Metric | None, new: Metric | None) -> Iterator[ValueChange]:
    one, other = (None if side is None else side.value for side in (old, new))
    if one != other:
        change = partial(ValueChange, Subject.METRIC, name, one, other)
        if old is None or new is None:
            yield change()
        else:
            away = metric_distance(old, new)
            limit = Limit(f"{old.tolerance:.3g}" if old.tolerance else "no difference", "baseline")
            yield change(tolerances=_number(away), accepted=away <= 1, limit=limit)
    if old is not None and new is not None and not _is_as_wide(old, new):
        yield ValueChange(Subject.TOLERANCE, name, old.tolerance, new.tolerance)


def _is_as_wide(old: Metric, new: Metric) -> bool:
    """Whether two tolerances are the same, or the same part of their metric's value."""
    if old.tolerance == new.tolerance:
        return True
    shares = [metric.tolerance / abs(metric.value) if metric.value else math.inf for metric in (old, new)]
    return math.isfinite(sum(shares)) and math.isclose(*shares, rel_tol=_ROUNDING)


def _controls(baseline: Baseline) -> dict[str, Control]:
    return {
        f"{metric}, {control}": value
        for control, metrics in baseline.controls.items()
        for metric, value in metrics.items()
    }


def _control_text(control: Control | None) -> str | None:
    return None if control is None else f"{control.value:.6g}, to beat by {abs(control.margin):.3g}"


def _tolerance_text(tolerance: ArrayTolerance | None) -> str | None:
    if tolerance is None:
        return None
    return f"{tolerance.kind}, atol {tolerance.atol:.3g}, rtol {tolerance.rtol:.3g}"
