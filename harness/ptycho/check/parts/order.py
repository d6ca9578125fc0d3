"""The assignment of patterns to positions: shifted along the scan, reversed, shuffled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.best_positions import position_errors, robust_scale
from harness.ptycho.check.correction import Correction
from harness.ptycho.check.order_mistakes import AGREEMENT, describe_order, nearest_positions
from harness.ptycho.scan.mask import of_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "order"


def quick(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all patterns are compared with all positions."""
    return iter(())


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield the order that results when each pattern is matched with the position that explains it best."""
    count = len(evidence.stored.x)
    if len(evidence.sample) != count or count < 2:  # noqa: PLR2004 - a single pattern has one order
        return
    index = np.arange(count)
    scale = robust_scale(evidence.predicted, evidence.measured)
    nearest = nearest_positions(position_errors(evidence.predicted, evidence.measured, scale, index))
    if len(np.unique(nearest)) >= AGREEMENT * count and (nearest != index).mean() > 1 - AGREEMENT:
        name, remedy = describe_order(index, nearest, count)
        yield Correction(PART, name, remedy, lambda data: _reordered(data, nearest))


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: order does not change shapes."""
    return iter(())


def _reordered(data: Dataset, nearest: np.ndarray) -> Dataset:
    """Return *data* with pattern i at position ``nearest[i]``; of several at one position, the last."""
    source = np.arange(len(nearest))
    source[nearest] = np.arange(len(nearest))
    return replace(data, diffraction=data.diffraction[source], mask=of_positions(data.mask, source))
