"""Candidates for patterns in another order than the positions: shifted along the scan, reversed, shuffled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.best_positions import (
    PositionErrors,
    affordable_patterns,
    position_errors,
    robust_scale,
)
from harness.ptycho.check.mistakes import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.scan.residual import Dataset

AGREEMENT = 0.8
"""Share of the patterns that must follow one rule."""


def order_candidates(data: Dataset, predicted: np.ndarray) -> Iterator[Candidate]:
    """Yield the order that results when each pattern is matched with the position that explains it best.

    Nothing is yielded if many patterns share a position, or if most already are at their own.

    Parameters
    ----------
    data : Dataset
    predicted : (N, H, W) float
        Amplitudes predicted as stored.
    """
    if len(predicted) < 2:  # noqa: PLR2004 - a single pattern has one order
        return
    index = affordable_patterns(predicted)
    scale = robust_scale(predicted, data.diffraction)
    nearest = nearest_positions(position_errors(predicted, data.diffraction, scale, index))
    if len(np.unique(nearest)) >= AGREEMENT * len(nearest) and (nearest != index).mean() > 1 - AGREEMENT:
        name, remedy = describe_order(index, nearest, len(predicted))
        yield Candidate(name, remedy, index, predicted[nearest])


def nearest_positions(errors: PositionErrors) -> np.ndarray:
    """Return the position whose prediction each pattern is nearest to, its own included, (n,) int."""
    return np.where(errors.other < errors.own, errors.other_position, errors.index)


def describe_order(index: np.ndarray, nearest: np.ndarray, count: int) -> tuple[str, str]:
    """Return name and remedy of the rule by which pattern ``index[i]`` belongs to position ``nearest[i]``.

    Parameters
    ----------
    index, nearest : (n,) int
    count : int
        Number of positions, N.

    Examples
    --------
    >>> pattern = np.arange(8)
    >>> describe_order(pattern, pattern[::-1], 8)
    ('patterns in reversed scan order', 'Store diffraction[::-1].')
    """
    shift = _most_frequent((nearest - index) % count)
    if np.mean((index + shift) % count == nearest) >= AGREEMENT:
        step = shift if shift <= count // 2 else shift - count
        noun = "position" if abs(step) == 1 else "positions"
        return (
            f"patterns shifted by {-step} {noun} in scan order (pattern j belongs to position j{step:+d})",
            f"Store np.roll(diffraction, {step}, axis=0).",
        )
    if np.mean(count - 1 - index == nearest) >= AGREEMENT:
        return "patterns in reversed scan order", "Store diffraction[::-1]."
    moved = np.flatnonzero(index != nearest)[:3]
    examples = ", ".join(f"pattern {index[j]} belongs to position {nearest[j]}" for j in moved)
    return (
        f"patterns in a different order ({examples}, ...)",
        "Select all per-position arrays with the same index array.",
    )


def _most_frequent(values: np.ndarray) -> int:
    return int(np.bincount(values).argmax())
