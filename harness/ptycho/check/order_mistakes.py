"""Patterns in another order than positions: shifted along the scan, reversed, or dealt anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.best_positions import Rivals, affordable, rivals, robust_scale
from harness.ptycho.check.mistakes import Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.scan.residual import Dataset

AGREE = 0.8
"""Share of the patterns that must follow one rule."""


def order_trials(data: Dataset, predicted: np.ndarray) -> Iterator[Trial]:
    """Yield the order that the patterns themselves tell, each compared with all positions."""
    if len(predicted) < 2:  # noqa: PLR2004 - one has no other
        return
    index = affordable(predicted)
    home = homes(rivals(predicted, data.diffraction, robust_scale(predicted, data.diffraction), index))
    if len(np.unique(home)) >= AGREE * len(home) and (home != index).mean() > 1 - AGREE:
        name, remedy = named(index, home, len(predicted))
        yield Trial(name, remedy, index, predicted[home])


def homes(compared: Rivals) -> np.ndarray:
    """Return the position whose prediction each pattern is nearest to, its own included."""
    return np.where(compared.rival < compared.own, compared.best, compared.index)


def named(index: np.ndarray, home: np.ndarray, count: int) -> tuple[str, str]:
    """Name the rule by which pattern ``index`` belongs to position ``home`` of *count*, and its remedy."""
    shift = _commonest((home - index) % count)
    if np.mean((index + shift) % count == home) >= AGREE:
        step = shift if shift <= count // 2 else shift - count
        places = "place" if abs(step) == 1 else "places"
        return (
            f"patterns shifted by {-step} {places} in scan order (pattern j is that of position j{step:+d})",
            f"Store np.roll(diffraction, {step}, axis=0).",
        )
    if np.mean(count - 1 - index == home) >= AGREE:
        return "patterns in reversed scan order", "Store diffraction[::-1]."
    moved = np.flatnonzero(index != home)[:3]
    told = ", ".join(f"pattern {index[j]} is that of position {home[j]}" for j in moved)
    return f"patterns in another order ({told}, ...)", "Take all per-position arrays by one index array."


def _commonest(values: np.ndarray) -> int:
    return int(np.bincount(values).argmax())
