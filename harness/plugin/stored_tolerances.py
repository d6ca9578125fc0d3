"""Measured tolerances of golden arrays, as a check applies them; those that a test gives come first."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.core.baselines.array_tolerances import explaining, read_tolerance_document
from harness.core.baselines.platforms import platform_of
from harness.core.baselines.samples import Spread
from harness.core.errors import HarnessError, UsageError
from harness.core.fixtures.compare import Aspect, Drift, compare
from harness.core.fixtures.manifest import read_manifest
from harness.core.fixtures.tolerance import DefaultTolerance, Tolerance, default_tolerance, read_tolerances
from harness.core.registry.golden_names import manifest_of, tolerances_of
from harness.core.rerun.deviations import deviation
from harness.core.system.environment import fingerprint

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy as np

    from harness.core.baselines.array_tolerances import ToleranceDocument
    from harness.core.baselines.baseline import Baseline
    from harness.core.fixtures.compare import ArrayDrift
    from harness.core.fixtures.tolerance import AnyTolerance, Given

_VALUES = frozenset({Aspect.VALUES, Aspect.NONFINITE})
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Applied:
    """The tolerances of one check.

    Attributes
    ----------
    given : mapping
        By array, as for :func:`~harness.core.fixtures.compare.compare`.
    report_only : frozenset of str
        Arrays whose values do not fail the test.
    document : ToleranceDocument or None
        The measured tolerances; None if there are none of these golden arrays.
    stale : bool
        Whether there are measured tolerances, but of other golden arrays.
    defaults : mapping
        Arrays whose tolerance is at least the default one, because nothing was measured on this platform,
        with what the test says of the default, such as a dtype. A class that somebody chose is kept.
    """

    given: Given | None
    report_only: frozenset[str] = frozenset()
    document: ToleranceDocument | None = None
    stale: bool = False
    defaults: Mapping[str, DefaultTolerance] = field(default_factory=dict)

    def compare(self, golden: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]) -> Drift:
        """Compare two sets of arrays; values of an array that is only reported are accepted."""
        given = dict(self.given or {})
        for name in self.defaults.keys() & golden.keys() & found.keys():
            given[name] = _wider(given[name], default_tolerance(golden[name], self.defaults[name].dtype))
        drift = compare(golden, found, given or None)
        return Drift(tuple(self._accepted(array) for array in drift.arrays))

    def reported(self, drift: Drift) -> Iterator[ArrayDrift]:
        """Yield the arrays of a comparison that differ and are only reported."""
        return (a for a in drift.arrays if a.name in self.report_only and a.accepted and a.unequal_bits)

    def explanations(
        self, drift: Drift, golden: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
    ) -> Iterator[str]:
        """Yield a line for each array that drifted, but by no more than was measured on another platform.

        If nothing was measured on this platform, a last line says so.
        """
        drifted = [array.name for array in drift.arrays if array.aspect in _VALUES]
        if self.document is None or not drifted:
            return
        here = platform_of(fingerprint())
        for name in drifted:
            spread = deviation(name, golden[name], found[name]).spread
            other = explaining(self.document, name, spread, here)
            if other is not None:
                yield f"{name}: a difference of this size was recorded on another platform, {other}"
        if here.digest not in self.document.platforms:
            yield (
                f"tolerances were not measured on this platform, {here}; if the difference is rounding, run "
                '`pytest --golden-samples FILE`, then `harness calibrate --samples FILE --reason "..."`'
            )

    def elsewhere(
        self, drift: Drift, golden: Mapping[str, np.ndarray], found: Mapping[str, np.ndarray]
    ) -> Iterator[str]:
        """Yield a line for each accepted array that differs by more than on this platform before."""
        here = platform_of(fingerprint())
        if self.document is None or here.digest not in self.document.platforms:
            return
        for array in drift.arrays:
            if not (array.accepted and array.unequal_bits) or array.name in self.report_only:
                continue
            spread = deviation(array.name, golden[array.name], found[array.name]).spread
            other = explaining(self.document, array.name, spread, here)
            if other is not None:
                yield (
                    f"{array.name} differs by more than was recorded on this platform, {here}, "
                    f"but no more than on {other}"
                )

    def _accepted(self, array: ArrayDrift) -> ArrayDrift:
        only_reported = array.name in self.report_only and array.aspect in _VALUES
        return replace(array, aspect=None) if only_reported else array


def applied(archive: Path, tolerances: Given | None) -> Applied:
    """Return the tolerances of a check against a golden archive: those given, else those measured.

    Raises
    ------
    UnreadableError, StaleFormatError
        If there are measured tolerances that cannot be read.
    """
    file = tolerances_of(archive)
    if not file.is_file():
        return Applied(tolerances)
    document = read_tolerance_document(file)
    try:
        manifest = read_manifest(manifest_of(archive))
    except HarnessError:
        return Applied(tolerances)  # which the check reports
    if document.golden != manifest.digest:
        return Applied(tolerances, stale=True)
    chosen = {name for name, given in (tolerances or {}).items() if _is_chosen(given)}
    stored = {
        name: tolerance
        for name, tolerance in document.arrays.items()
        if name in manifest.arrays and name not in chosen
    }
    measured = {name: Tolerance(one.atol, one.rtol) for name, one in stored.items()}
    defaults = {}
    if platform_of(fingerprint()).digest not in document.platforms:
        by_dtype = {
            name: one for name, one in (tolerances or {}).items() if isinstance(one, DefaultTolerance)
        }
        defaults = {
            name: by_dtype.get(name, DefaultTolerance()) for name, one in stored.items() if not one.reason
        }
    reported = frozenset(name for name, one in stored.items() if one.kind == "report-only")
    return Applied({**(tolerances or {}), **measured}, reported, document, defaults=defaults)


def require_wide_enough(
    check: str, tolerances: Given | None, golden: Mapping[str, np.ndarray], document: ToleranceDocument | None
) -> None:
    """Raise if a test gives an array a tolerance that a platform is known to exceed.

    Parameters
    ----------
    check : str
        What is checked, for the error.
    tolerances : mapping, optional
        Those that the test gives.
    golden : mapping of str to ndarray
    document : ToleranceDocument or None

    Raises
    ------
    UsageError
        With the array, the tolerance, the spread and the platform.
    """
    if document is None or not tolerances:
        return
    known = {name: given for name, given in tolerances.items() if name in golden}
    for name, tolerance in read_tolerances(known, set(golden)).items():
        if not isinstance(tolerance, Tolerance):
            continue
        rows = [row for row in document.platforms.values() if name in row.arrays]
        row = max(rows, key=lambda each: each.arrays[name].absolute, default=None)
        spread = Spread() if row is None else row.arrays[name]
        if row is None or spread.index is None or spread.moved or 0 < spread.ulp <= tolerance.ulp:
            continue
        value = golden[name][spread.index] if golden[name].dtype.kind in "biufc" else 0
        allowed = tolerance.atol + tolerance.rtol * float(abs(value))
        if spread.absolute > allowed * (1 + _ROUNDING):
            thing = f"{check}, array {name!r}"
            raise _too_tight(thing, _text(tolerance), f"{spread.absolute:.3g}", str(row.platform))


def require_wide_enough_metrics(
    check: str, tolerances: Mapping[str, AnyTolerance], baseline: Baseline
) -> None:
    """Raise if a test gives a metric a tolerance that one of its samples exceeds."""
    for name, tolerance in tolerances.items():
        metric = baseline.metrics.get(name)
        if metric is None or not metric.samples or not isinstance(tolerance, Tolerance):
            continue
        number, farthest = max(enumerate(metric.samples), key=lambda pair: abs(pair[1] - metric.value))
        spread = abs(farthest - metric.value)
        if spread > (tolerance.atol + tolerance.rtol * abs(metric.value)) * (1 + _ROUNDING):
            runs = baseline.certificate.perturbations
            where = runs[number].get("platform", "") if number < len(runs) else ""
            raise _too_tight(f"{check}, metric {name!r}", _text(tolerance), f"{spread:.3g}", where)


def _wider(one: AnyTolerance | Mapping[str, float], other: Tolerance) -> Tolerance:
    """The larger of each part of a measured tolerance and the default one."""
    if not isinstance(one, Tolerance):
        return other
    return Tolerance(max(one.atol, other.atol), max(one.rtol, other.rtol))


def _is_chosen(given: AnyTolerance | Mapping[str, float]) -> bool:
    """Whether a tolerance was given by the test, as a number or as a scale, and not by the array's dtype."""
    return not isinstance(given, DefaultTolerance) or given.axis is not None


def _text(tolerance: Tolerance) -> str:
    parts = [
        f"{key} {getattr(tolerance, key):.3g}" for key in ("atol", "rtol", "ulp") if getattr(tolerance, key)
    ]
    return ", ".join(parts) or "0"


def _too_tight(thing: str, tolerance: str, spread: str, platform: str) -> UsageError:
    where = f" on {platform}" if platform else ""
    return UsageError(
        thing,
        expected=f"a tolerance of at least the recorded spread, {spread}{where}",
        found=tolerance,
        message=f"{thing}: its tolerance is {tolerance}, but it was found to differ by {spread}{where}",
        remedy="Leave the tolerance out, so that the measured one applies, or widen it.",
    )
