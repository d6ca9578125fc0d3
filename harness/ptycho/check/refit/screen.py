"""Known mistakes in probe or object: the few that may explain the patterns, found on a few patterns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.refit.held_out import excess_of
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from harness.ptycho.check.refit.waves import Target, Waves

MOST_LIKELY = 3
"""Mistakes that are executed on the whole sample."""


@dataclass(frozen=True, slots=True)
class Change:
    """One mistake in a stored array.

    Attributes
    ----------
    name : str
        What is wrong, to continue "best explained by ...".
    remedy : str
        How to correct it.
    undo : callable
        The stored array to the right one.
    """

    name: str
    remedy: str
    undo: Callable[[np.ndarray], np.ndarray]


def most_likely(changes: Sequence[Change], waves: Waves, target: Target) -> list[tuple[float, Change]]:
    """Return the *changes* that explain the patterns better than as stored, at most three, in their order.

    Each with the share of the excess that it leaves. *waves* and *target* are of the same few patterns.
    """
    stored = misfit(waves.start, waves, target)
    misfits = [misfit(change.undo(waves.start), waves, target) for change in changes]
    best = [k for k in np.argsort(misfits, kind="stable")[:MOST_LIKELY] if misfits[k] < stored]
    excess = excess_of(waves.start, waves, target)
    return (
        [(_left(changes[k], waves, target) / excess, changes[k]) for k in sorted(best)] if excess > 0 else []
    )


def misfit(value: np.ndarray, waves: Waves, target: Target) -> float:
    """Return the squared residual with *value* as the factor of *waves*; 1 if it explains nothing.

    Infinite if the value does not hold the patterns' windows.
    """
    value = np.asarray(value, dtype=np.complex64)
    if not waves.holds(value) or not np.isfinite(value).all():
        return np.inf
    predicted = masked(np.abs(waves.fields(value)), target.mask)
    both = float(np.vdot(predicted, predicted)) * float(np.vdot(target.amplitude, target.amplitude))
    return 1 - float(np.vdot(predicted, target.amplitude)) ** 2 / both if both > 0 else 1.0


def _left(change: Change, waves: Waves, target: Target) -> float:
    return excess_of(np.asarray(change.undo(waves.start), dtype=np.complex64), waves, target)
