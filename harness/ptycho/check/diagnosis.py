"""Find the known mistake that explains the data clearly better than they are explained as stored.

Quick candidates are tried on every dataset, because a valid one gains by none of them; slow ones only where
something is wrong. All are compared on the same patterns, by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.mistakes import DATASET_MISTAKES, INTENSITIES, STACK_MISTAKES, Candidate
from harness.ptycho.check.order_mistakes import order_candidates
from harness.ptycho.check.position_mistakes import local_candidates, searched_candidates
from harness.ptycho.scan.forward import residual
from harness.ptycho.scan.photons import quantum
from harness.ptycho.scan.residual import Dataset, Residuals, permuted_residual, residuals, squared_errors
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.mistakes import DatasetMistake

SAMPLED_PATTERNS = 64
"""Patterns that candidates are compared on."""

LEAST_GAIN = 0.02
"""Share of what the pairing explains that a mistake must explain in addition. Noise cancels in it. An
offset of 0.5 px gains 0.015, of 1 px 0.06, of 2 px 0.25, at any dose; valid data lose by every mistake."""

LEAST_T = 4.0
"""Standard errors, over the patterns, by which the gain must differ from zero."""

TIE_FACTOR = 1.03
TIE_RESIDUAL = 0.003
"""A later candidate must beat an earlier, simpler one by this factor and this much of the residual."""

LIT = 0.02
"""Pixels above this share of the brightest give the scale of a stack whose brightest pixels are wrong."""

SCALE_ROUNDS = 5
SATURATED = 0.9
"""Lost pixels that on average hold this share of the largest stored value saturated; others overflowed."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The mistake that explains the data best.

    Attributes
    ----------
    name, remedy : str
        What is wrong, and how to correct it.
    before : float or None
        Residual as stored, on the patterns compared; None if it cannot be computed.
    after : float
        Residual after correction, on the same patterns.
    is_conclusive : bool
        Whether it explains so much that no other candidate need be tried.
    """

    name: str
    remedy: str
    before: float | None
    after: float
    is_conclusive: bool


def diagnose(data: Dataset, predicted: np.ndarray | None, stored: Residuals | None) -> Diagnosis | None:
    """Return the mistake that explains *data* clearly better than they are explained as stored, or None.

    Parameters
    ----------
    data : Dataset
        Its shapes need not match, nor need its positions be inside the object.
    predicted : (N, H, W) float or None
        Amplitudes predicted as stored; None if a patch is not inside the object.
    stored : Residuals or None
        How well the data are explained as stored; None if the shapes do not match.
    """
    judge = Judge(data, predicted, quantum(data.diffraction))
    found = judge.until_conclusive(quick_candidates(data, predicted, judge.one_photon))
    # Slow candidates only where something is wrong: a quick one was accepted, or the data are unexplained.
    if not any(d.is_conclusive for d in found) and (found or stored is None or not stored.is_explained):
        found += judge.until_conclusive(slow_candidates(data, predicted))
    if not found:
        return None
    best = min(d.after for d in found)
    # Of several that explain the data about equally well, the first: candidates come simple ones first.
    return next(d for d in found if d.after <= TIE_FACTOR * best + TIE_RESIDUAL)


def quick_candidates(
    data: Dataset, predicted: np.ndarray | None, one_photon: float | None
) -> Iterator[Iterator[Candidate]]:
    """Yield groups of candidates that cost little: other stacks, overflow, and positions a little off."""
    if predicted is not None:
        yield stack_candidates(data, predicted, are_counts=one_photon is not None)
    if data.is_computable and predicted is not None:
        yield overflow_candidates(data, predicted)
        yield local_candidates(data.take(sample(data)), sample(data))


def slow_candidates(data: Dataset, predicted: np.ndarray | None) -> Iterator[Iterator[Candidate]]:
    """Yield groups of candidates that are tried only where something is wrong, cheap ones first."""
    if not data.shapes_match:
        return
    index = sample(data)
    taken = data.take(index)
    yield (found for mistake in DATASET_MISTAKES for found in dataset_candidates(mistake, taken, index))
    if predicted is not None:
        yield order_candidates(data, predicted)
    yield searched_candidates(taken, index)


def stack_candidates(data: Dataset, predicted: np.ndarray, *, are_counts: bool) -> Iterator[Candidate]:
    """Yield the mistakes of the stack whose axes fit the stored ones.

    With *are_counts*, the stored values are known to be roots of counts, so they are not intensities.
    """
    for mistake in STACK_MISTAKES:
        stack = mistake.make(predicted)
        if stack.shape == data.diffraction.shape and not (are_counts and mistake is INTENSITIES):
            index = _evenly(len(stack))
            yield Candidate(mistake.name, mistake.remedy, index, stack[index])


def dataset_candidates(mistake: DatasetMistake, data: Dataset, index: np.ndarray) -> Iterator[Candidate]:
    """Yield *mistake* as a candidate, on the patterns *index* that *data* holds, if most stay inside."""
    right = mistake.undo(data)
    if right.shapes_match and (keep := right.inside).sum() >= len(keep) / 2:
        predicted = right.take(np.flatnonzero(keep)).predict()
        yield Candidate(mistake.name, mistake.remedy, index[keep], predicted)


def overflow_candidates(data: Dataset, predicted: np.ndarray) -> Iterator[Candidate]:
    """Yield a candidate for bright pixels that saturated or overflowed: predicted above all stored values."""
    index = sample(data)
    some, stored = predicted[index], data.diffraction[index]
    scaled = some * _scale_of_dim_pixels(some, stored)
    lost = scaled > stored.max()
    if not lost.any():
        return
    what = "saturated" if stored[lost].mean() > SATURATED * stored.max() else "overflowed"
    name = f"{what} bright pixels ({lost.mean():.2%} of all)"
    remedy = "Convert counts to floating point before any arithmetic, and mask saturated pixels."
    yield Candidate(name, remedy, index, np.where(lost, stored, scaled))


def _scale_of_dim_pixels(predicted: np.ndarray, stored: np.ndarray) -> float:
    """Return the scale of the pixels that are neither dark nor predicted above all stored values.

    Which pixels these are depends on the scale, so both are found in turn.
    """
    lit = predicted > LIT * predicted.max(initial=0)
    scale = 0.0
    for _ in range(SCALE_ROUNDS):
        if not lit.any():
            break
        scale = float(np.median(stored[lit] / predicted[lit]))
        lit &= scale * predicted <= stored.max()
    return scale


def sample(data: Dataset) -> np.ndarray:
    """Return the positions that candidates are compared on, spread over the scan, (n,) int."""
    count = len(data.x)
    return np.arange(count) if count <= SAMPLED_PATTERNS else stratified(data.x, data.y, SAMPLED_PATTERNS)


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Accepts candidates that explain their patterns, clearly better than these are explained as stored.

    Attributes
    ----------
    data : Dataset
    predicted : (N, H, W) float or None
        Amplitudes predicted as stored, if they can be computed.
    one_photon : float or None
        Amplitude of a single photon, if the data show it.
    """

    data: Dataset
    predicted: np.ndarray | None
    one_photon: float | None

    def until_conclusive(self, groups: Iterator[Iterator[Candidate]]) -> list[Diagnosis]:
        """Return the diagnoses of the groups of candidates, up to the first group with a conclusive one."""
        found: list[Diagnosis] = []
        for candidates in groups:
            found += self.accepted(candidates)
            if any(diagnosis.is_conclusive for diagnosis in found):
                break
        return found

    def accepted(self, candidates: Iterator[Candidate]) -> list[Diagnosis]:
        """Return a diagnosis for each candidate that is accepted."""
        return [diagnosis for one in candidates if (diagnosis := self.diagnosis(one)) is not None]

    def diagnosis(self, candidate: Candidate) -> Diagnosis | None:
        """Return *candidate* as a diagnosis, or None if it is not accepted."""
        measured = self.data.diffraction[candidate.index]
        if candidate.predicted.shape != measured.shape or len(measured) < 2:  # noqa: PLR2004 - none to permute
            return None
        before = self._as_stored(candidate)
        if before is not None and not _gains(before, candidate, measured):
            return None
        found = residuals(candidate.predicted, measured, one_photon=self.one_photon)
        if not found.is_explained:
            return None
        return Diagnosis(
            name=candidate.name,
            remedy=candidate.remedy,
            before=None if before is None else residual(before, measured),
            after=found.residual,
            is_conclusive=found.is_conclusive,
        )

    def _as_stored(self, candidate: Candidate) -> np.ndarray | None:
        """Return the amplitudes predicted as stored for the candidate's patterns, if they are comparable."""
        if self.predicted is None or self.predicted.shape != self.data.diffraction.shape:
            return None
        return np.asarray(self.predicted[candidate.index])


def _gains(before: np.ndarray, candidate: Candidate, measured: np.ndarray) -> bool:
    """Return whether *candidate* explains enough more than *before* does, and beyond chance.

    The gain is a share of what the pairing explains: the difference to the permuted residual.
    """
    stored, other = squared_errors(before, measured), squared_errors(candidate.predicted, measured)
    gained = stored - other
    # A t-test over the patterns: the sum of N gains has the standard error std * sqrt(N).
    if gained.sum() <= LEAST_T * gained.std() * np.sqrt(len(gained)):
        return False
    unpaired = max(permuted_residual(before, measured) ** 2, stored.sum())
    least = LEAST_GAIN if candidate.least_gain is None else candidate.least_gain
    return bool(gained.sum() >= least * (unpaired - other.sum()))


def _evenly(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLED_PATTERNS)).astype(np.intp))
