"""Check whether the physics explains the data; neither ground truth nor a golden copy is needed.

The residual alone cannot decide: it follows the dose (0.03 at 10^6 photons per pattern, 0.17 at 10^4) and
the quality of a measured scan's reconstruction (0.10). Three other things decide: the *contrast*, how much
worse the same data are explained with the coordinates shuffled among positions; whether a known *mistake*
explains the same numbers better; and single patterns that fit worse than the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.core.domain.interface import CheckReport, Finding
from harness.core.errors import RefusedError
from harness.ptycho.check.bad_patterns import bad_patterns, dead_patterns, identical_patterns
from harness.ptycho.check.diagnosis import Diagnosis, diagnose
from harness.ptycho.check.truth_patches import KEY, truth_findings
from harness.ptycho.scan.contract import (
    FORWARD_KEYS,
    LARGEST_MAGNITUDE,
    RULES,
    counted,
    largest,
    layout_violations,
)
from harness.ptycho.scan.photons import photons_per_pattern, quantum
from harness.ptycho.scan.residual import LEAST_CONTRAST, Dataset, Residuals, residuals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CHECK = "consistency"
MISSING = {"objectGuess": "no object", "probeGuess": "no probe"}
"""What a note calls a missing array; others are called by their key."""

UNKNOWN_CAUSE = (
    "Patterns and positions do not belong together, and none of the known mistakes explains why. Check that "
    "diffraction and coordinates were selected with the same index array, that coordinates are patch centres "
    "in object pixels, and that probe and object belong to this scan."
)
TOO_DIM = (
    "Photon noise accounts for the whole residual, so the data neither confirm nor contradict the positions. "
    "Record more photons per pattern, or an object with stronger contrast."
)
EXPLAINED = (
    f"a forward residual at least {LEAST_CONTRAST:g} times smaller than with the coordinates shuffled among "
    "positions, and no known mistake that explains the data better"
)
ALL_FIT = "patterns that all fit their positions equally well"
MOST_LISTED = 16
"""Bad patterns that are listed one by one."""

NOT_CHECKED = (
    "physics not checked: the forward model cannot be computed until the contract's findings are fixed"
)


class ConsistencyError(RefusedError):
    """The stored physics does not explain the dataset; ``findings`` says why."""

    def __init__(self, name: str, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        super().__init__(
            name,
            expected="; ".join(f.expected for f in findings),
            found="; ".join(f.found for f in findings),
            remedy=" ".join(f.remedy for f in findings),
        )


def check(arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Check a dataset by its own physics.

    A finding is reported if the contrast is below ``LEAST_CONTRAST`` (photon noise is subtracted where the
    dose is known), if a known mistake explains the data better, or if single patterns do not fit. It names
    the mistake, or the patterns. Without object or probe, a note says that physics was not checked.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A dataset under the contract's keys, valid or not.
    """
    if missing := [key for key in FORWARD_KEYS if key not in arrays]:
        return _check_patterns_alone(arrays, ", ".join(MISSING.get(key, f"no {key}") for key in missing))
    if not are_usable(arrays):
        return CheckReport(CHECK, notes=(NOT_CHECKED,))
    data = Dataset(*(arrays[key] for key in FORWARD_KEYS))
    truth = None if layout_violations(arrays) else arrays.get(KEY)
    return _check_computable(data, truth) if data.is_computable else _check_not_computable(data)


def require_explained(name: str, arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Return the report of :func:`check`, or raise :class:`ConsistencyError` if it has findings."""
    report = check(arrays)
    if report.findings:
        raise ConsistencyError(name, report.findings)
    return report


def are_usable(arrays: Mapping[str, np.ndarray]) -> bool:
    """Return whether the arrays that physics needs are finite numbers with the right number of axes."""
    return all(_is_usable(arrays[key], len(RULES[key].shape)) for key in FORWARD_KEYS) and (
        arrays["xcoords"].shape == arrays["ycoords"].shape
    )


def _is_usable(array: np.ndarray, axes: int) -> bool:
    numeric = array.dtype.kind in ("fciu" if axes == 2 else "fiu")  # noqa: PLR2004 - probe and object
    if not numeric or array.ndim != axes or not array.size:
        return False
    return bool(np.isfinite(array).all()) and largest(array) <= LARGEST_MAGNITUDE


def _check_computable(data: Dataset, truth: np.ndarray | None) -> CheckReport:
    """Report on a dataset whose forward model can be computed: as a whole, then pattern by pattern."""
    predicted, one_photon = data.predict(), quantum(data.diffraction)
    found = residuals(predicted, data.diffraction, one_photon=one_photon)
    measures = _measures(data, found, one_photon)
    diagnosis = diagnose(data, predicted, found)
    if diagnosis is not None or not found.is_explained:
        return CheckReport(CHECK, (_finding(found, diagnosis),), measures)
    findings = tuple(_bad_patterns(predicted, data.diffraction))
    if truth is not None:
        findings += truth_findings(CHECK, truth, data.probe, data.diffraction, one_photon=one_photon)
    return CheckReport(CHECK, findings, measures)


def _check_not_computable(data: Dataset) -> CheckReport:
    """Report on a dataset with unfit shapes or positions: only a known mistake can explain it."""
    predicted = data.predict() if data.inside.all() else None
    diagnosis = diagnose(data, predicted, None)
    if diagnosis is None:
        return CheckReport(CHECK, notes=(NOT_CHECKED,))
    return CheckReport(CHECK, (_finding(None, diagnosis),))


def _check_patterns_alone(arrays: Mapping[str, np.ndarray], missing: str) -> CheckReport:
    """Report on a dataset without all arrays that physics needs: dead patterns and copies."""
    note = f"{missing}: physics not checked"
    stack = arrays.get("diffraction")
    if stack is None or not _is_usable(stack, 3):
        return CheckReport(CHECK, notes=(note,))
    return CheckReport(CHECK, tuple(_dead_or_identical(stack)), notes=(note,))


def _dead_or_identical(stack: np.ndarray) -> Iterator[Finding]:
    problems = [f"pattern {j}: dead" for j in dead_patterns(stack)]
    copies = identical_patterns(stack)
    problems += [f"patterns {j} and {copies[j]}: same bytes" for j in sorted(copies) if copies[j] > j]
    if problems:
        remedy = "Store the right patterns, or remove these patterns and their positions."
        yield Finding(
            CHECK, "diffraction", "patterns that are all lit and all different", _listed(problems), remedy
        )


def _bad_patterns(predicted: np.ndarray, measured: np.ndarray) -> Iterator[Finding]:
    found = bad_patterns(predicted, measured)
    if found:
        remedy = "Store the right patterns, or remove these patterns and their positions."
        yield Finding(CHECK, "diffraction", ALL_FIT, _listed([str(bad) for bad in found]), remedy)


def _listed(problems: list[str]) -> str:
    more = len(problems) - MOST_LISTED
    return "; ".join(problems[:MOST_LISTED]) + (f"; and {counted(more, 'more problem')}" if more > 0 else "")


def _measures(data: Dataset, found: Residuals, one_photon: float | None) -> dict[str, float]:
    measures = {
        "forward_residual": found.residual,
        "permuted_residual": found.permuted,
        "contrast": found.contrast,
    }
    if one_photon is not None:
        measures["photon_residual"] = found.photon
        measures["photons_per_pattern"] = photons_per_pattern(data.diffraction, one_photon)
    return measures


def _finding(found: Residuals | None, diagnosis: Diagnosis | None) -> Finding:
    """Return the finding: the diagnosis with its residual before and after, or that there is none."""
    if diagnosis is None:
        is_dim = found is not None and found.is_all_noise
        return Finding(
            CHECK, "diffraction", EXPLAINED, _as_stored(found), TOO_DIM if is_dim else UNKNOWN_CAUSE
        )
    before = "not computable" if diagnosis.before is None else f"{diagnosis.before:.3g}"
    return Finding(
        check=CHECK,
        key="diffraction",
        expected=EXPLAINED,
        found=f"{_as_stored(found)}, best explained by {diagnosis.name}",
        remedy=f"{diagnosis.remedy} Residual: {before} as stored, {diagnosis.after:.3g} after correction.",
    )


def _as_stored(found: Residuals | None) -> str:
    if found is None:
        return "data that do not fit together"
    return (
        f"a residual of {found.residual:.3g} as stored and {found.permuted:.3g} shuffled "
        f"(contrast {found.contrast:.2f})"
    )
