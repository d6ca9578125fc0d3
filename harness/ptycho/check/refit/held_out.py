"""Refit probe or object to two thirds of the patterns, and judge it by the others.

An object has so many pixels that it follows any patterns, those of other positions too. What it then predicts
for a pattern that it was not fitted to is worse than before.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.evidence import fit
from harness.ptycho.check.refit.solver import descend
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from harness.ptycho.check.refit.waves import Target, Waves

HELD_OUT = 3
"""One of so many patterns is held out."""

CHECKED_STEPS = (1, 2, 4, 8, 12, 16, 24, 32, 48, 64, 96)
"""Steps of the fit after which it is judged."""

HOPELESS_STEPS = 4
HOPELESS_SHARE = 0.25
"""A fit that explains less after so many steps is not continued."""

LEAST_PROGRESS = 0.005
LEAST_DROP = 0.2
"""Nor one that since it was last judged explained hardly more: this share of the excess as stored, and of
what was left."""

FINAL_STEPS = 6
MOST_FINAL_STEPS = 48
"""Steps with all patterns, six at a time."""


class Refit(NamedTuple):
    """One factor, fitted.

    Attributes
    ----------
    value : ndarray of complex64
        The probe, (H, W), or the object, (M, M').
    share : float
        Share of the excess that it explains in patterns that it was not fitted to; at most 1, below 0 if it
        explains them worse.
    parameters : int
    """

    value: np.ndarray
    share: float
    parameters: int


def refit(waves: Waves, target: Target, start: np.ndarray | None = None) -> Refit:
    """Return the factor of *waves*, fitted until held-out patterns are explained no better.

    Parameters
    ----------
    waves : Waves
    target : Target
        The same patterns.
    start : complex64, optional
        Where the fit begins, if not at the stored factor.
    """
    fitted, judged = split(len(target.amplitude))
    some, others = (waves.take(fitted), target.take(fitted)), (waves.take(judged), target.take(judged))
    stored = excess_of(waves.start, *others)
    best, least, last = waves.start, stored, stored
    steps = descend(some[0], waves.start if start is None else start, some[1])
    for count, value in enumerate(islice(steps, CHECKED_STEPS[-1]), 1):
        if count not in CHECKED_STEPS:
            continue
        found = excess_of(value, *others)
        if found < least:
            best, least = value, found
        if count >= HOPELESS_STEPS and _is_finished(stored, last, found, is_first=count == HOPELESS_STEPS):
            break
        last = found
    return Refit(best, _share(stored, least), waves.parameters)


def finished(waves: Waves, target: Target, found: Refit) -> Refit:
    """Return *found* with more steps that fit all patterns, until they hardly explain more."""
    value, left = found.value, excess_of(found.value, waves, target)
    steps = descend(waves, found.value, target)
    for _ in range(MOST_FINAL_STEPS // FINAL_STEPS):
        value, last = next(islice(steps, FINAL_STEPS - 1, None)), left
        left = excess_of(value, waves, target)
        if left <= 0 or last - left < LEAST_DROP * last:
            break
    return found._replace(value=value)


def split(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which of *count* patterns are fitted, and which are held out, the same in every run."""
    order = np.random.default_rng(0).permutation(count)
    return np.sort(order[count // HELD_OUT :]), np.sort(order[: count // HELD_OUT])


def excess_of(value: np.ndarray, waves: Waves, target: Target) -> float:
    """Return the excess that is left with *value* as the factor of *waves*."""
    predicted = masked(np.abs(waves.fields(value)).astype(np.float64), target.mask)
    return fit(predicted, target.amplitude.astype(np.float64), target.one_photon).excess


def _is_finished(stored: float, last: float, found: float, *, is_first: bool) -> bool:
    """Return whether more steps are not worth while: excess as stored, when last judged, and now."""
    if _share(stored, found) < HOPELESS_SHARE:
        return True
    gain = last - found
    return not is_first and gain < LEAST_PROGRESS * stored and gain < LEAST_DROP * last


def _share(stored: float, left: float) -> float:
    return 1 - max(left, 0.0) / stored if stored > 0 else 0.0
