"""What differs between a golden file and the one that replaces it, one line for each array or metric."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.baselines.array_tolerances import read_tolerance_document
from harness.core.baselines.baseline import read_baseline
from harness.core.errors import HarnessError, StaleFormatError, printable
from harness.core.fixtures.compare import Aspect, compare_arrays
from harness.core.fixtures.difference_text import largest_difference
from harness.core.fixtures.manifest import manifest_differences, read_manifest
from harness.core.fixtures.tolerance import Tolerance
from harness.core.storage.npz import Arrays

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.core.baselines.array_tolerances import ArrayTolerance
    from harness.core.fixtures.compare import ArrayDrift
    from harness.core.registry.format import Kind


def differences(kind: Kind, before: Path | None, after: Path) -> tuple[str, ...]:
    """Return the differences between a golden file and the one that replaces it; none for a new file.

    An old file that cannot be read is reported as unreadable, which does not prevent replacing it.
    """
    readers = {
        "fixture": _array_differences,
        "manifest": _manifest_keys,
        "baseline": _metric_differences,
        "tolerances": _tolerance_differences,
    }
    if before is None or kind not in readers:
        return ()
    try:
        return tuple(readers[kind](before, after))
    except StaleFormatError as error:
        return (f"the old file has another format: {printable(error.found)}",)
    except HarnessError as error:
        return (f"the old file was unreadable: {printable(error.found)}",)


def _array_differences(before: Path, after: Path) -> Iterator[str]:
    old, new = Arrays(before), Arrays(after)
    for name in sorted(old.keys() | new.keys()):
        array = compare_arrays(name, old.get(name), new.get(name), Tolerance())
        if array.unequal_bits or not array.accepted:
            yield _describe(array)


def _describe(array: ArrayDrift) -> str:
    if array.aspect in {Aspect.NAME, Aspect.DTYPE, Aspect.SHAPE}:
        return f"{array.name}: {array.expected} -> {array.found}"
    where = list(array.worst) if array.worst else []
    return (
        f"{array.name}: {array.unequal_bits} of {array.size} elements, {largest_difference(array)} at {where}"
    )


def _manifest_keys(before: Path, after: Path) -> Iterator[str]:
    yield from manifest_differences(read_manifest(before), read_manifest(after))


def _metric_differences(before: Path, after: Path) -> Iterator[str]:
    old, new = read_baseline(before).metrics, read_baseline(after).metrics
    for name in sorted(old.keys() | new.keys()):
        values = [side[name].value if name in side else None for side in (old, new)]
        if values[0] != values[1]:
            yield f"{name}: " + " -> ".join("none" if v is None else f"{v:.6g}" for v in values)


def _tolerance_differences(before: Path, after: Path) -> Iterator[str]:
    old, new = read_tolerance_document(before).arrays, read_tolerance_document(after).arrays
    for name in sorted(old.keys() | new.keys()):
        both = [_tolerance_text(side.get(name)) for side in (old, new)]
        if both[0] != both[1]:
            yield f"{name}: {' -> '.join(both)}"


def _tolerance_text(tolerance: ArrayTolerance | None) -> str:
    if tolerance is None:
        return "none"
    return f"{tolerance.kind}, atol {tolerance.atol:.3g}, rtol {tolerance.rtol:.3g}"
