"""When physics does not explain the data as stored: which of the usual suspects does, and how well.

Quick suspects are tried on every dataset, since an honest one answers none of them; the thorough ones, only
where something is wrong. All are judged on the same patterns, by one rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check import mistakes as readings
from harness.ptycho.check.mistakes import Trial
from harness.ptycho.check.order_mistakes import order_trials
from harness.ptycho.check.position_mistakes import nearby_trials, searched_trials
from harness.ptycho.scan.forward import residual
from harness.ptycho.scan.photons import quantum
from harness.ptycho.scan.residual import Consistency, Dataset, compare, errors, permuted_residual
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLE = 64
"""Patterns that suspects are judged on."""

LEAST_GAIN = 0.02
"""Share of what the pairing explains that another reading must explain in addition. Noise cancels in it. An
offset of 0.5 px gains 0.015, of 1 px 0.06, of 2 px 0.25, at any dose; honest data lose by other readings."""

LEAST_T = 4.0
"""Standard errors, over the patterns, that the gain must be away from nothing."""

TIE = 1.03
NEAR = 0.003
"""A later suspect must beat an earlier, simpler one by this factor and this much of the residual."""


LIT = 0.02
"""Pixels above this share of the brightest tell the scale of a stack whose brightest are wrong."""

ROUNDS = 5
FULL = 0.9
"""Bright pixels at this share of the largest stored value on average were cut there; others overflowed."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The reading that explains the data best.

    Attributes
    ----------
    name, remedy : str
        What the data are, and what to do with them.
    before : float or None
        Residual as stored, on the patterns judged; None where it cannot be computed.
    after : float
        Residual so read, on the same patterns.
    is_full : bool
        Whether it explains so much that no other need be tried.
    """

    name: str
    remedy: str
    before: float | None
    after: float
    is_full: bool


def diagnose(data: Dataset, predicted: np.ndarray | None, stored: Consistency | None) -> Diagnosis | None:
    """Return the reading that explains *data* clearly better than as stored, or None.

    Parameters
    ----------
    data : Dataset
        Its patterns need not fit its positions, nor its positions the object.
    predicted : (N, H, W) float or None
        What it predicts as stored; None where a patch leaves the object.
    stored : Consistency or None
        How well it is explained as stored; None where its shapes do not fit.
    """
    judge = Judge(data, predicted, quantum(data.diffraction))
    found = judge.first_full(quick_trials(data, predicted, judge.one))
    if not any(d.is_full for d in found) and (found or stored is None or not stored.is_explained):
        found += judge.first_full(thorough_trials(data, predicted))
    if not found:
        return None
    best = min(d.after for d in found)
    return next(d for d in found if d.after <= TIE * best + NEAR)


def quick_trials(data: Dataset, predicted: np.ndarray | None, one: float | None) -> Iterator[Iterator[Trial]]:
    """Yield the suspects that cost little: other stacks, overflow, and positions a little off."""
    if predicted is not None:
        yield stack_trials(data, predicted, counted=one is not None)
    if data.is_possible and predicted is not None:
        yield overflow_trials(data, predicted)
        yield nearby_trials(data.take(sample(data)), sample(data))


def thorough_trials(data: Dataset, predicted: np.ndarray | None) -> Iterator[Iterator[Trial]]:
    """Yield the suspects that are worth their time only where something is wrong, cheap ones first."""
    if not data.fits:
        return
    index = sample(data)
    taken = data.take(index)
    yield (trial for reading in readings.WAVES for trial in wave_trials(reading, taken, index))
    if predicted is not None:
        yield order_trials(data, predicted)
    yield searched_trials(taken, index)


def stack_trials(data: Dataset, predicted: np.ndarray, *, counted: bool) -> Iterator[Trial]:
    """Yield other meanings of the stack, whose axes may be any; roots of counts are no intensities."""
    for reading in readings.STACKS:
        other = reading.predict(predicted)
        if other.shape == data.diffraction.shape and not (counted and reading is readings.COUNTS):
            index = _evenly(len(other))
            yield Trial(reading.name, reading.remedy, index, other[index])


def wave_trials(reading: readings.WaveReading, data: Dataset, index: np.ndarray) -> Iterator[Trial]:
    """Yield the trial of another probe, object or frame, on the patterns *index* that *data* holds."""
    meant = reading.restore(data)
    if meant.fits and (keep := meant.inside).sum() >= len(keep) / 2:
        yield Trial(reading.name, reading.remedy, index[keep], meant.take(np.flatnonzero(keep)).predict())


def overflow_trials(data: Dataset, predicted: np.ndarray) -> Iterator[Trial]:
    """Yield the trial of bright pixels that were cut or wrapped: those predicted above all that is stored."""
    index = sample(data)
    some, stored = predicted[index], data.diffraction[index]
    scaled = some * _dim_scale(some, stored)
    lost = scaled > stored.max()
    if not lost.any():
        return
    cut = "saturated" if stored[lost].mean() > FULL * stored.max() else "overflowed"
    name = f"{cut} bright pixels ({lost.mean():.2%} of all)"
    remedy = "Convert counts to floating point before any arithmetic, and mask pixels that saturate."
    yield Trial(name, remedy, index, np.where(lost, stored, scaled))


def _dim_scale(predicted: np.ndarray, stored: np.ndarray) -> float:
    """Return the scale that pixels tell which are neither dark nor predicted above all that is stored."""
    lit = predicted > LIT * predicted.max(initial=0)
    scale = 0.0
    for _ in range(ROUNDS):
        if not lit.any():
            break
        scale = float(np.median(stored[lit] / predicted[lit]))
        lit &= scale * predicted <= stored.max()
    return scale


def sample(data: Dataset) -> np.ndarray:
    """Return the positions that suspects are judged on, spread over the scan."""
    count = len(data.x)
    return np.arange(count) if count <= SAMPLE else stratified(data.x, data.y, SAMPLE)


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Accepts trials that explain their patterns, and clearly better than as stored.

    Attributes
    ----------
    data : Dataset
    predicted : (N, H, W) float or None
        What it predicts as stored, where that can be computed.
    one : float or None
        Amplitude of a single photon, where the data tell it.
    """

    data: Dataset
    predicted: np.ndarray | None
    one: float | None

    def first_full(self, groups: Iterator[Iterator[Trial]]) -> list[Diagnosis]:
        """Return the diagnoses of the groups of trials, up to the first group with a full explanation."""
        found: list[Diagnosis] = []
        for trials in groups:
            found += self.accepted(trials)
            if any(diagnosis.is_full for diagnosis in found):
                break
        return found

    def accepted(self, trials: Iterator[Trial]) -> list[Diagnosis]:
        """Return a diagnosis for each trial that holds."""
        return [diagnosis for trial in trials if (diagnosis := self.judged(trial)) is not None]

    def judged(self, trial: Trial) -> Diagnosis | None:
        """Return the diagnosis that *trial* is, or None."""
        measured = self.data.diffraction[trial.index]
        if trial.predicted.shape != measured.shape or len(measured) < 2:  # noqa: PLR2004 - none to permute
            return None
        before = self._before(trial)
        if before is not None and not _gains(before, trial, measured):
            return None
        found = compare(trial.predicted, measured, one=self.one)
        if not found.is_explained:
            return None
        as_stored = None if before is None else residual(before, measured)
        return Diagnosis(trial.name, trial.remedy, as_stored, found.residual, is_full=found.is_clear)

    def _before(self, trial: Trial) -> np.ndarray | None:
        """Return what the data predict as stored of the trial's patterns, where it can be compared."""
        if self.predicted is None or self.predicted.shape != self.data.diffraction.shape:
            return None
        return np.asarray(self.predicted[trial.index])


def _gains(before: np.ndarray, trial: Trial, measured: np.ndarray) -> bool:
    """Say whether *trial* explains enough more than *before* does, and beyond chance."""
    stored, other = errors(before, measured), errors(trial.predicted, measured)
    won = stored - other
    if won.sum() <= LEAST_T * won.std() * np.sqrt(len(won)):
        return False
    pairless = max(permuted_residual(before, measured) ** 2, stored.sum())
    least = LEAST_GAIN if trial.least_gain is None else trial.least_gain
    return bool(won.sum() >= least * (pairless - other.sum()))


def _evenly(count: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, SAMPLE)).astype(np.intp))
