"""Check whether the physics explains the data; neither ground truth nor a golden copy is needed.

The residual alone cannot decide: it follows the dose (0.03 at 10^6 photons per pattern, 0.17 at 10^4) and
the quality of a measured scan's reconstruction (0.10). What decides is what photon noise does not explain,
the *excess*, and where it sits: :mod:`harness.ptycho.check.search` fits one part of the model after the
other. The *contrast* then tells whether patterns and positions belong together at all: how much worse the
same data are explained with the coordinates shuffled among positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.core.domain.interface import CheckReport, Finding
from harness.core.errors import RefusedError
from harness.ptycho.check import budget
from harness.ptycho.check.raw import raw_findings
from harness.ptycho.check.raw_survey import raw_table
from harness.ptycho.check.search import Account, account_for
from harness.ptycho.check.trial import residuals_of
from harness.ptycho.check.truth_patches import KEY, truth_findings
from harness.ptycho.scan.contract import layout_violations, usable_mask, value_problems
from harness.ptycho.scan.photons import photons_per_pattern
from harness.ptycho.scan.residual import Dataset
from harness.ptycho.scan.rules import FORWARD_KEYS, RULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np

    from harness.ptycho.check.evidence import Evidence

CHECK = "consistency"
MISSING = {"objectGuess": "no object", "probeGuess": "no probe"}
"""What a note calls a missing array; others are called by their key."""

UNKNOWN_CAUSE = (
    "Patterns and positions do not belong together, and no part of the model explains why. Check that "
    "diffraction and coordinates were selected with the same index array, that coordinates are patch centres "
    "in object pixels, and that probe and object belong to this scan."
)
TOO_DIM = (
    "too dim to tell: photon noise accounts for the whole residual, so the data neither confirm nor "
    "contradict the positions; record more photons per pattern"
)
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

    What photon noise does not explain is accounted for, part by part. Each part that is found wrong is a
    finding, with its remedy; if none is, and patterns and positions do not belong together, that is the
    finding. Without object or probe, a note says that physics was not checked, and what
    :mod:`harness.ptycho.check.raw` sees and :mod:`harness.ptycho.check.raw_survey` measures is reported.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A dataset under the contract's keys, valid or not.

    Examples
    --------
    >>> from harness.ptycho.scan.simulate import simulate
    >>> arrays = simulate(positions=16, detector=32, step=6.0).arrays()
    >>> swapped = {**arrays, "xcoords": arrays["ycoords"], "ycoords": arrays["xcoords"]}
    >>> len(check(arrays).findings), check(swapped).findings[0].key
    (0, 'xcoords, ycoords')
    """
    if missing := [key for key in FORWARD_KEYS if key not in arrays]:
        note = f"{', '.join(MISSING.get(key, f'no {key}') for key in missing)}: physics not checked"
        table = raw_table(arrays)
        return CheckReport(CHECK, raw_findings(arrays), notes=(note,), tables=(table,) if table else ())
    if not are_usable(arrays):
        return CheckReport(CHECK, notes=(NOT_CHECKED,))
    account = account_for(Dataset.of(arrays))
    if account.evidence is None:
        return _report_blind(account)
    return _report(account, account.evidence, None if layout_violations(arrays) else arrays.get(KEY))


def corrected(arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return a copy of a dataset with every remedy of :func:`check` applied, and the remedies.

    Arrays with one entry for each position are shortened together where patterns are removed.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        A dataset under the contract's keys.

    Returns
    -------
    dict of str to ndarray
        The same arrays, and no remedies, if nothing was found that can be corrected.

    Examples
    --------
    >>> import numpy as np
    >>> from harness.ptycho.scan.simulate import simulate
    >>> arrays = simulate(positions=16, detector=32, step=6.0).arrays()
    >>> squared, remedies = corrected({**arrays, "diffraction": np.square(arrays["diffraction"])})
    >>> remedies, bool(np.allclose(squared["diffraction"], arrays["diffraction"]))
    (('Store the square root of diffraction.',), True)
    """
    if any(key not in arrays for key in FORWARD_KEYS) or not are_usable(arrays):
        return dict(arrays), ()
    findings = account_for(Dataset.of(arrays)).findings
    return budget.with_remedies(arrays, findings), tuple(trial.correction.remedy for trial in findings)


def require_explained(name: str, arrays: Mapping[str, np.ndarray]) -> CheckReport:
    """Return the report of :func:`check`, or raise :class:`ConsistencyError` if it has findings."""
    report = check(arrays)
    if report.findings:
        raise ConsistencyError(name, report.findings)
    return report


def are_usable(arrays: Mapping[str, np.ndarray]) -> bool:
    """Return whether the arrays that physics needs are finite numbers with the right number of axes."""
    masks = {"diffraction": usable_mask(arrays)}
    return all(_is_usable(arrays[key], len(RULES[key].shape), masks.get(key)) for key in FORWARD_KEYS) and (
        arrays["xcoords"].shape == arrays["ycoords"].shape
    )


def _is_usable(array: np.ndarray, axes: int, mask: np.ndarray | None) -> bool:
    numeric = array.dtype.kind in ("fciu" if axes == 2 else "fiu")  # noqa: PLR2004 - probe and object
    if not numeric or array.ndim != axes or not array.size:
        return False
    return not any(value_problems(array, mask))


def _report(account: Account, evidence: Evidence, truth: np.ndarray | None) -> CheckReport:
    """Report on a dataset whose forward model can be computed."""
    residuals = residuals_of(evidence)
    findings = budget.findings(CHECK, account)
    notes = list(_excluded(evidence))
    if not findings and not residuals.is_explained:
        if residuals.is_all_noise:
            notes.append(TOO_DIM)
        else:
            findings = (
                Finding(CHECK, "diffraction", budget.EXPLAINED, budget.as_stored(evidence), UNKNOWN_CAUSE),
            )
    if not findings and truth is not None:
        findings = truth_findings(
            CHECK, truth, evidence.stored.probe, evidence.stored.diffraction, one_photon=evidence.one_photon
        )
    return CheckReport(CHECK, findings, _measures(evidence), tuple(notes), budget.tables(account))


def _report_blind(account: Account) -> CheckReport:
    """Report on a dataset with unfit shapes or positions: only a known mistake can explain it."""
    findings = budget.findings(CHECK, account)
    return CheckReport(CHECK, findings, notes=() if findings else (NOT_CHECKED,))


def _excluded(evidence: Evidence) -> Iterator[str]:
    count, inside = len(evidence.stored.x), len(evidence.index)
    if inside < count:
        yield f"physics judged on the {inside} of {count} patterns whose patch lies inside the object"


def _measures(evidence: Evidence) -> dict[str, float]:
    whole, shuffled = evidence.whole, residuals_of(evidence)
    measures = {
        "forward_residual": whole.residual,
        "permuted_residual": shuffled.permuted,
        "contrast": shuffled.contrast,
    }
    if evidence.one_photon is not None:
        measures["photon_residual"] = whole.floor
        measures["photons_per_pattern"] = photons_per_pattern(evidence.data.diffraction, evidence.one_photon)
    return measures
