"""Execute a correction, and measure how much of the excess it accounts for.

Nothing is predicted *as if* a mistake had been made: the remedy is applied to the stored arrays, and what is
left is the excess of the corrected dataset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.evidence import LEAST_EXCESS, Evidence, Fit, fit
from harness.ptycho.scan.mask import masked
from harness.ptycho.scan.photons import usual_quantum
from harness.ptycho.scan.residual import MAD_TO_DEVIATION, Residuals, permuted_residual

if TYPE_CHECKING:
    from harness.ptycho.check.correction import Correction
    from harness.ptycho.scan.residual import Dataset

LEAST_SIGNIFICANCE = 5.0
"""Standard errors, over the patterns, by which a gain must differ from what chance gives."""

LEAST_SHARE = 0.1
"""Share of the excess that a correction must account for, unless its size matters by itself."""

SEARCHED_CONTRAST = 4.0
"""Below this contrast, with photon noise subtracted, slow corrections are tried."""

FEWEST_PATTERNS = 4
"""Patterns that must be inside the object, before and after, for a correction to be judged."""

OWN_SCALE = ("value", "pattern", "pixel")
"""Parts that change the patterns' numbers, and with them the amplitude of a single photon."""


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A correction that was executed.

    Attributes
    ----------
    correction : Correction
    before, after : Fit
        Of the same patterns, as stored and corrected. *before* is None if it cannot be computed.
    corrected : Evidence
        The corrected dataset.
    """

    correction: Correction
    before: Fit | None
    after: Fit
    corrected: Evidence

    @property
    def share(self) -> float:
        """Share of the excess that the correction accounts for, at most 1; below 0 if it makes it worse.

        Where many numbers were fitted, it is at most the share in patterns that they were not fitted to.
        """
        if self.before is None:
            return 1.0
        excess = self.before.excess
        share = float((excess - max(self.after.excess, 0.0)) / excess) if excess > 0 else 0.0
        held_out = self.correction.held_out
        return share if held_out is None else min(share, held_out)

    @property
    def numbers(self) -> int:
        """How many numbers were chosen after the data: fitted ones, and all values of removed patterns."""
        removed = 0 if self.before is None else len(self.before.errors) - len(self.after.errors)
        kept = self.corrected.data.diffraction
        return self.correction.parameters + max(removed, 0) * int(np.prod(kept.shape[1:]))

    @property
    def is_negligible(self) -> bool:
        """Whether, without photon noise, less is unexplained than the arithmetic of a model leaves."""
        return self.before is not None and not self.before.noise.any() and self.before.excess <= LEAST_EXCESS

    @property
    def is_better(self) -> bool:
        """Whether the patterns are explained better than as stored, however small their excess is.

        A mask of the brightest pixels leaves less light, in which noise is more: there the excess decides.
        """
        if self.before is None or bool(self.after.errors.mean() < self.before.errors.mean()):
            return True
        return self.correction.significance is not None and self.share > 0

    @property
    def significance(self) -> float:
        """By how many standard errors the gain differs from what as many fitted numbers gain by chance."""
        if self.correction.significance is not None:
            return self.correction.significance
        if self.before is None:
            return np.inf
        if len(self.before.errors) != len(self.after.errors):
            return 0.0
        gain = self.before.errors - self.after.errors
        values = self.corrected.few.diffraction[0].size * len(gain)
        chance = self.correction.parameters * float(self.after.errors.sum()) / values
        error = float(gain.std()) * np.sqrt(len(gain))
        gained = float(gain.sum()) - chance
        return gained / error if error > 0 else float(np.copysign(np.inf, gained))

    @property
    def is_accepted(self) -> bool:
        """Whether it explains more than chance does, enough of it, and the data are explained with it."""
        if self.is_negligible or self.significance < LEAST_SIGNIFICANCE or not self.is_better:
            return False
        matters = self.correction.is_material
        if matters is None:
            matters = self.share >= LEAST_SHARE
        return bool(matters and residuals_of(self.corrected).is_explained)


def execute(correction: Correction, evidence: Evidence) -> Trial | None:
    """Return the trial of *correction*, or None if the model cannot be computed for the corrected dataset."""
    corrected = correction.apply(evidence.stored)
    if not corrected.shapes_match:
        return None
    if correction.changed is not None:
        evidence = evidence.including(correction.changed)
    index = evidence.index[evidence.sample]
    places = index if correction.kept is None else np.flatnonzero(np.isin(correction.kept, index))
    after = _evidence(corrected, places, correction, evidence)
    if len(after.data.x) < max(FEWEST_PATTERNS, len(places) / 2):
        return None
    return Trial(correction, _before(evidence, correction, after.index), after.fit, after)


def execute_blindly(correction: Correction, stored: Dataset) -> Trial | None:
    """Return the trial of *correction* to a dataset whose own prediction cannot be computed."""
    corrected = correction.apply(stored)
    if not corrected.shapes_match:
        return None
    after = Evidence.of(corrected)
    if len(after.data.x) < max(FEWEST_PATTERNS, len(corrected.x) / 2):
        return None
    return Trial(correction, None, after.fit, after)


def residuals_of(evidence: Evidence) -> Residuals:
    """Return how well the sampled patterns are explained, as stored and with positions shuffled."""
    found = evidence.fit
    return Residuals(
        residual=found.residual,
        permuted=permuted_residual(evidence.predicted, evidence.measured),
        photon=found.floor,
        spread=standard_error(found.errors),
    )


def needs_search(evidence: Evidence) -> bool:
    """Return whether so much is unexplained that a known mistake of a slow kind may have been made."""
    return evidence.has_excess and residuals_of(evidence).noise_free_contrast < SEARCHED_CONTRAST


def standard_error(errors: np.ndarray) -> float:
    """Return the standard error of the mean of *errors*, (n,), from their robust scatter."""
    return float(MAD_TO_DEVIATION * np.median(np.abs(errors - np.median(errors))) / np.sqrt(len(errors)))


def _evidence(corrected: Dataset, places: np.ndarray, correction: Correction, evidence: Evidence) -> Evidence:
    """Return the evidence of the corrected patterns at *places*."""
    some = corrected.take(places)
    one_photon = correction.one_photon or evidence.one_photon
    if correction.part in OWN_SCALE and correction.one_photon is None:
        one_photon = usual_quantum(masked(some.diffraction, some.mask))
    known = evidence.predicted if correction.kept is None and _predicts_alike(corrected, evidence) else None
    return Evidence.of(some, one_photon, known=known)


def _predicts_alike(corrected: Dataset, evidence: Evidence) -> bool:
    """Return whether probe, object and positions are still the stored ones."""
    return all(
        getattr(corrected, name) is getattr(evidence.stored, name) for name in ("probe", "object", "x", "y")
    )


def _before(evidence: Evidence, correction: Correction, inside: np.ndarray) -> Fit:
    """Return how the patterns that are compared are explained as stored."""
    if correction.kept is not None or len(inside) == len(evidence.sample):
        return evidence.fit
    return fit(evidence.predicted[inside], evidence.measured[inside], evidence.one_photon)
