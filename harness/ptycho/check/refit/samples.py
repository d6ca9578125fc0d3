"""The patterns that probe and object are fitted to: few enough for a second's work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

MOST_VALUES = 64 * 64 * 64
"""Measured values in a fit, more only if fewer than the fewest patterns had as many."""

FEWEST_PATTERNS = 24
FEW_PATTERNS = 12
FEW_VALUES = FEW_PATTERNS * 64 * 64
"""Likewise where many mistakes are compared."""

MOST_FITTED = 256
"""Patterns that a whole object is fitted to."""


def spread(evidence: Evidence, values: int = MOST_VALUES, fewest: int = FEWEST_PATTERNS) -> Dataset:
    """Return patterns spread over the scan: a probe is the same everywhere."""
    data = evidence.few
    count = _count(data, values, fewest)
    if count == len(data.x):
        return data
    return data.take(np.linspace(0, len(data.x) - 1, count).astype(np.intp))


def few(evidence: Evidence) -> Dataset:
    """Return the few patterns that many mistakes are compared on, spread over the scan."""
    return spread(evidence, FEW_VALUES, FEW_PATTERNS)


def compact(evidence: Evidence, values: int = MOST_VALUES) -> Dataset:
    """Return neighbouring patterns around the middle of the scan: an object is fitted where they overlap."""
    data = evidence.data
    count = _count(data, values, FEWEST_PATTERNS)
    if count == len(data.x):
        return data
    away = np.hypot(data.x - np.median(data.x), data.y - np.median(data.y))
    return data.take(np.sort(np.argsort(away, kind="stable")[:count]))


def whole(evidence: Evidence) -> Dataset:
    """Return all patterns, or as many as a fit of the whole object can take, spread over the scan."""
    data = evidence.data
    if len(data.x) <= MOST_FITTED:
        return data
    return data.take(stratified(data.x, data.y, MOST_FITTED))


def _count(data: Dataset, values: int, fewest: int) -> int:
    return min(len(data.x), max(fewest, values // data.probe.size))
