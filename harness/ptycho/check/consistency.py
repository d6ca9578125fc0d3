"""Does the physics explain the data? No truth is needed, and no golden copy.

The residual alone cannot say: it follows the dose (0.03 at 10^6 photons per pattern, 0.17 at 10^4) and the
quality of a measured scan's reconstruction (0.10). What tells is the *contrast*: how much worse the same data
are explained when the coordinates are dealt to other positions; that another *reading* of the same numbers
explains them better; and single patterns that stand out of the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain.interface import CheckReport, Finding
from harness.core.errors import RefusedError
from harness.ptycho.check.bad_patterns import dark, identical, outliers
from harness.ptycho.check.diagnosis import Diagnosis, diagnose
from harness.ptycho.check.truth_patches import KEY, truth_findings
from harness.ptycho.scan.contract import MOST_MAGNITUDE, RULES, largest, layout_violations
from harness.ptycho.scan.photons import photons_per_pattern, quantum
from harness.ptycho.scan.residual import LEAST_CONTRAST, Consistency, Dataset, compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "LEAST_CONTRAST",
    "Consistency",
    "ConsistencyError",
    "Dataset",
    "check",
    "compare",
    "require_explained",
]

CHECK = "consistency"
NEEDED = ("diffraction", "probeGuess", "objectGuess", "xcoords", "ycoords")
WORDS = {"objectGuess": "no object", "probeGuess": "no probe", "diffraction": "no diffraction"}

PAIRING = (
    "Patterns and positions do not belong together, and none of the usual mistakes explains it. Check that "
    "diffraction and coordinates were taken by one index array, that coordinates are patch centres in object "
    "pixels, and that probe and object belong to these data."
)
TOO_DIM = (
    "Photon noise accounts for all that is left: nothing speaks against these data, and nothing for them. "
    "Take patterns with more photons, or of a stronger object."
)
EXPLAINED = (
    f"a forward residual at least {LEAST_CONTRAST:g} times smaller than with permuted coordinates, "
    "and no other reading that explains the data better"
)
FITTING = "patterns that fit their positions as well as the rest of the scan does"
LISTED = 16
"""Outliers told one by one."""


class ConsistencyError(RefusedError):
    """A dataset that its own physics does not explain; ``findings`` says why."""

    def __init__(self, name: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__(
            name,
            expected="; ".join(f.expected for f in findings),
            found="; ".join(f.found for f in findings),
            remedy=" ".join(f.remedy for f in findings),
        )


NOT_JUDGED = "not judged: the forward model cannot be computed before the contract's findings are mended"


def check(arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Judge a dataset under the contract's keys by its own physics.

    Three things speak against it: a contrast below ``LEAST_CONTRAST`` (photon noise set aside where the data
    tell their dose), another reading of the same numbers that explains them better, and single patterns that
    stand out. The finding names the reading, or the patterns. Without object or probe, physics is not judged
    and a note says so.
    """
    if missing := [key for key in NEEDED if key not in arrays]:
        return _unjudged(arrays, ", ".join(WORDS.get(key, f"no {key}") for key in missing))
    if not is_legible(arrays):
        return CheckReport(CHECK, notes=(NOT_JUDGED,))
    data = Dataset(*(arrays[key] for key in NEEDED))
    truth = None if layout_violations(arrays) else arrays.get(KEY)
    return _judged(data, truth) if data.is_possible else _misfit(data)


def require_explained(name: str, arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Return the report of :func:`check`, or raise :class:`ConsistencyError` where it has findings."""
    report = check(arrays)
    if report.findings:
        raise ConsistencyError(name, report.findings)
    return report


def is_legible(arrays: Mapping[str, np.ndarray]) -> bool:
    """Say whether the arrays that physics needs are numbers to compute with, of the right rank."""
    return all(_is_legible(arrays[key], len(RULES[key].shape)) for key in NEEDED) and (
        arrays["xcoords"].shape == arrays["ycoords"].shape
    )


def _is_legible(array: np.ndarray, rank: int) -> bool:
    numeric = array.dtype.kind in ("fciu" if rank == 2 else "fiu")  # noqa: PLR2004 - probe and object
    if not numeric or array.ndim != rank or not array.size:
        return False
    return bool(np.isfinite(array).all()) and largest(array) <= MOST_MAGNITUDE


def _judged(data: Dataset, truth: np.ndarray | None) -> CheckReport:
    """Report on a dataset whose forward model can be computed: as a whole, then in its parts."""
    predicted, one = data.predict(), quantum(data.diffraction)
    found = compare(predicted, data.diffraction, one=one)
    measures = _measures(data, found, one)
    diagnosis = diagnose(data, predicted, found)
    if diagnosis is not None or not found.is_explained:
        return CheckReport(CHECK, (_finding(found, diagnosis),), measures)
    findings = tuple(_outliers(predicted, data.diffraction))
    if truth is not None:
        findings += truth_findings(CHECK, truth, data.probe, data.diffraction, one=one)
    return CheckReport(CHECK, findings, measures)


def _misfit(data: Dataset) -> CheckReport:
    """Report on a dataset whose shapes or places do not fit: only a reading can explain it."""
    predicted = data.predict() if data.inside.all() else None
    diagnosis = diagnose(data, predicted, None)
    if diagnosis is None:
        return CheckReport(CHECK, notes=(NOT_JUDGED,))
    return CheckReport(CHECK, (_finding(None, diagnosis),))


def _unjudged(arrays: Mapping[str, np.ndarray], missing: str) -> CheckReport:
    """Report on a dataset without all that physics needs: on what the patterns alone tell."""
    note = f"{missing}: physics not checked"
    stack = arrays.get("diffraction")
    if stack is None or not _is_legible(stack, 3):
        return CheckReport(CHECK, notes=(note,))
    return CheckReport(CHECK, tuple(_alone(stack)), notes=(note,))


def _alone(stack: np.ndarray) -> Iterator[Finding]:
    """Judge patterns without any physics: dead ones, and copies of one another."""
    told = [f"pattern {j} is dead" for j in dark(stack)]
    twins = identical(stack)
    told += [
        f"patterns {j} and {twins[j]} are the same, byte for byte" for j in sorted(twins) if twins[j] > j
    ]
    if told:
        remedy = "Take these patterns and their positions out, or store the right ones."
        yield Finding(CHECK, "diffraction", "patterns that differ and are not dark", _listed(told), remedy)


def _outliers(predicted: np.ndarray, measured: np.ndarray) -> Iterator[Finding]:
    found = outliers(predicted, measured)
    if found:
        remedy = "Store the right patterns at these positions, or take both out."
        yield Finding(CHECK, "diffraction", FITTING, _listed([str(outlier) for outlier in found]), remedy)


def _listed(told: list[str]) -> str:
    more = f"; and {len(told) - LISTED} more" if len(told) > LISTED else ""
    return "; ".join(told[:LISTED]) + more


def _measures(data: Dataset, found: Consistency, one: float | None) -> dict[str, float]:
    measures = {
        "forward_residual": found.residual,
        "permuted_residual": found.permuted,
        "contrast": found.contrast,
    }
    if one is not None:
        measures["photon_residual"] = found.photon
        measures["photons_per_pattern"] = photons_per_pattern(data.diffraction, one)
    return measures


def _finding(found: Consistency | None, diagnosis: Diagnosis | None) -> Finding:
    """Say what is wrong: the diagnosis with its residual before and after, or that there is none."""
    told = "" if found is None else _stored(found)
    if diagnosis is None:
        is_dim = found is not None and found.is_all_noise
        return Finding(CHECK, "diffraction", EXPLAINED, told, TOO_DIM if is_dim else PAIRING)
    before = "not computable" if diagnosis.before is None else f"{diagnosis.before:.3g}"
    return Finding(
        CHECK,
        "diffraction",
        EXPLAINED,
        "; ".join(filter(None, [told, f"best explained as {diagnosis.name}"])),
        f"{diagnosis.remedy} Residual {before} as stored, {diagnosis.after:.3g} so read.",
    )


def _stored(found: Consistency) -> str:
    return f"{found.residual:.3g} as stored, {found.permuted:.3g} permuted (contrast {found.contrast:.2f})"
