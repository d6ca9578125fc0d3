"""Find single patterns that do not fit: dead, of another position, of another brightness, or unexplained.

The statistics are robust: the rest of the scan shows how well a pattern should be explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.best_positions import (
    affordable_patterns,
    own_errors,
    position_errors,
    robust_scale,
)
from harness.ptycho.scan.forward import fitted_scale
from harness.ptycho.scan.residual import MAD_TO_DEVIATION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.ptycho.check.best_positions import PositionErrors

DEVIATIONS = 8.0
"""Robust standard deviations of the root error; valid scans reach 4.8 (a measured one) and 3 (simulated)."""

LEAST_SPREAD = 0.02
"""The spread is taken to be at least this share of the median: noise-free data scatter by rounding alone."""

UNEXPLAINED = 0.15
"""Excess over the median error, as a share of that of a pattern which does not belong. A measured scan's
patterns reach 0.09; a position 2 px off gives 0.2 in the median, 0.003 to 0.6."""

LEAST_GAIN = 0.25
"""Share of its error that another position must explain; 0.03 in a dense measured scan, below 0 elsewhere."""

EQUAL = 1e-6
"""Errors within this share of each other are equal: a noise-free scan may visit one position twice."""

DEAD = 1e-3
"""A pattern with less than this share of the median pattern's energy is dead."""

BRIGHTNESS = 0.25
"""A pattern whose error falls to this share when it gets a scale of its own is only brighter or darker."""


@dataclass(frozen=True, slots=True)
class BadPattern:
    """One pattern that does not fit.

    Attributes
    ----------
    pattern : int
        Its index.
    problem : str
        What is wrong with it: "dead", "belongs to position 23", ...
    before, after : float
        Its relative residual as stored, and after the correction; equal if no correction is known.
    """

    pattern: int
    problem: str
    before: float
    after: float

    def __str__(self) -> str:
        """Return the pattern's index and problem, with its residual before and after the correction."""
        corrected = f", {self.after:.3g} after correction" if self.after < self.before else ""
        return f"pattern {self.pattern}: {self.problem} (residual {self.before:.3g}{corrected})"


def bad_patterns(predicted: np.ndarray, measured: np.ndarray) -> tuple[BadPattern, ...]:
    """List the patterns that do not fit in a scan that is explained otherwise, by index.

    Parameters
    ----------
    predicted, measured : (N, H, W)
        Amplitudes; the global scale is fitted.
    """
    measured = np.asarray(measured, dtype=np.float64)
    if len(measured) < 2:  # noqa: PLR2004 - a single pattern has no rest of the scan to compare with
        return ()
    scale = robust_scale(predicted, measured)
    own, copies = own_errors(predicted, measured, scale), identical_patterns(measured)
    limit, wrong_copies = largest_usual_error(own), worse_copies(copies, own)
    far = np.flatnonzero(own > limit)
    index = np.unique(np.concatenate([affordable_patterns(predicted), far, wrong_copies]))
    errors = position_errors(predicted, measured, scale, index)
    middle = np.median(own)
    # Two kinds: patterns that fit badly, and patterns that another position explains much better.
    odd = np.isin(index, far) & (errors.own - middle > UNEXPLAINED * (errors.typical - middle))
    misplaced = (errors.gain > LEAST_GAIN) & (errors.significance > DEVIATIONS) & (errors.other <= limit)
    # A copy may fit its own position well enough in a dense scan, but noise never repeats itself.
    misplaced |= np.isin(index, wrong_copies)
    return tuple(
        _misplaced(j, errors, copies) if misplaced[j] else _odd(j, errors, predicted, measured, scale)
        for j in np.flatnonzero(odd | misplaced).tolist()
    )


def dead_patterns(measured: np.ndarray) -> np.ndarray:
    """Return the indices of dead patterns; a stack that is dark throughout has none.

    measured : (N, H, W) real.
    """
    energy = np.einsum("nij,nij->n", measured, measured, dtype=np.float64)
    return np.flatnonzero(energy <= DEAD * np.median(energy)) if np.median(energy) > 0 else np.arange(0)


def identical_patterns(measured: np.ndarray) -> Mapping[int, int]:
    """Return a map from each pattern that has the same bytes as another to the other, without dead ones."""
    first: dict[bytes, int] = {}
    copies: dict[int, int] = {}
    for j in np.setdiff1d(np.arange(len(measured)), dead_patterns(measured)):
        other = first.setdefault(measured[j].tobytes(), int(j))
        if other != j:
            copies |= {int(j): other, other: int(j)}
    return copies


def worse_copies(copies: Mapping[int, int], own: np.ndarray) -> np.ndarray:
    """Return the pattern that fits worse of each identical pair; both may be right if they fit equally.

    copies : as :func:`identical_patterns` returns it; own : (N,), each pattern's error at its own position.
    """
    worse = [j for j, other in copies.items() if own[j] > (1 + EQUAL) * own[other]]
    return np.array(sorted(worse), dtype=np.intp)


def largest_usual_error(own: np.ndarray) -> float:
    """Return the largest squared error that a pattern which belongs to the scan may have.

    The errors' square roots are compared: they are nearly normal, squares have a long tail.
    """
    root = np.sqrt(own)
    middle = float(np.median(root))
    spread = max(MAD_TO_DEVIATION * float(np.median(np.abs(root - middle))), LEAST_SPREAD * middle)
    return (middle + DEVIATIONS * spread) ** 2


def _misplaced(j: int, errors: PositionErrors, copies: Mapping[int, int]) -> BadPattern:
    """Describe pattern ``errors.index[j]``, which another position explains."""
    pattern, position = int(errors.index[j]), int(errors.other_position[j])
    copied = f", same bytes as pattern {position}" if copies.get(pattern) == position else ""
    before, after = float(np.sqrt(errors.own[j])), float(np.sqrt(errors.other[j]))
    return BadPattern(pattern, f"belongs to position {position}{copied}", before, after)


def _odd(
    j: int, errors: PositionErrors, predicted: np.ndarray, measured: np.ndarray, scale: float
) -> BadPattern:
    """Describe pattern ``errors.index[j]``, which no position explains."""
    pattern, before = int(errors.index[j]), float(np.sqrt(errors.own[j]))
    if pattern in dead_patterns(measured):
        return BadPattern(pattern, "dead", before, before)
    expected, found = predicted[pattern], measured[pattern]
    factor = fitted_scale(expected, found)
    share = np.sum((factor * expected - found) ** 2) / np.sum((scale * expected - found) ** 2)
    if share > BRIGHTNESS:
        return BadPattern(pattern, "fits no position", before, before)
    problem = f"{factor / scale:.3g} times as bright as predicted"
    return BadPattern(pattern, problem, before, before * float(np.sqrt(share)))
