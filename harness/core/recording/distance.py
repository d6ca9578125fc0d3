"""Two versions of a golden file -> how many tolerances they differ by, and in which metric or array.

Here infinity is what a record writes as null: the difference is not a number of tolerances.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import read_baseline
from harness.core.fixtures.blocks import blocks
from harness.core.fixtures.elementwise import scaled_difference
from harness.core.fixtures.tolerance import default_tolerance
from harness.core.registry.history import Distance
from harness.core.storage.npz import Arrays

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.baselines.baseline import Metric
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.registry.format import Kind

_DIGITS = 6  # so that five changes of 0.4 are 2 in spite of rounding
_GUESSED = 1  # samples behind a tolerance that was not measured yet


def is_measured(kind: Kind) -> bool:
    """Whether files of a kind have tolerances of their own.

    A manifest follows its archive and a result its baseline; other files are only bytes.
    """
    return kind in {"fixture", "baseline"}


def measure_distance(kind: Kind, older: Path, newer: Path) -> Distance:
    """Return the largest distance between two versions of a fixture's archive or of a baseline.

    Raises
    ------
    UnreadableError, StaleFormatError
        If one of them cannot be read.
    """
    between = _between_baselines if kind == "baseline" else _between_archives
    distances = between(older, newer)
    name = max(sorted(distances), key=lambda key: distances[key], default="")
    farthest = distances.get(name, 0.0)
    return Distance(as_number(farthest), name if farthest else "")


def as_number(tolerances: float) -> float | None:
    """Return tolerances as a record has them: rounded, None if they are not a finite number."""
    return float(f"{tolerances:.{_DIGITS}g}") if math.isfinite(tolerances) else None


def array_distance(older: np.ndarray | None, newer: np.ndarray | None) -> float:
    """Return the largest ``|newer - older|`` in default tolerances of the older array.

    Parameters
    ----------
    older, newer : ndarray or None
        Any shape and plain dtype; None if there is no such array. In a dtype without tolerance, such as
        integers, unequal values are infinitely far apart.

    Returns
    -------
    float
        Infinity for another dtype or shape, or other positions of NaN and infinities.
    """
    if older is None or newer is None or older.shape != newer.shape:
        return math.inf
    if older.dtype.newbyteorder("=") != newer.dtype.newbyteorder("="):
        return math.inf
    allowed = default_tolerance(older)
    return max((_farthest(one, other, allowed) for _, one, other in blocks(older, newer)), default=0.0)


def metric_distance(older: Metric | None, newer: Metric | None) -> float:
    """Return ``|newer - older|`` in tolerances of the older baseline; infinity if one metric is None.

    A tolerance from a single run is a guess. If calibration has replaced it since, the measured one counts.
    """
    if older is None or newer is None:
        return math.inf
    away = abs(newer.value - older.value)
    guessed = len(older.samples) == _GUESSED != len(newer.samples)
    allowed = newer.tolerance if guessed else older.tolerance
    if not away:
        return 0.0
    return away / allowed if allowed else math.inf


def _between_archives(older: Path, newer: Path) -> Mapping[str, float]:
    old, new = Arrays(older), Arrays(newer)
    return {name: array_distance(old.get(name), new.get(name)) for name in old.keys() | new.keys()}


def _between_baselines(older: Path, newer: Path) -> Mapping[str, float]:
    old, new = read_baseline(older).metrics, read_baseline(newer).metrics
    return {name: metric_distance(old.get(name), new.get(name)) for name in old.keys() | new.keys()}


def _farthest(older: np.ndarray, newer: np.ndarray, allowed: Tolerance) -> float:
    """Largest distance in one block, in tolerances; NaN is at distance 0 from NaN."""
    away, magnitude, scale = scaled_difference(older, newer)
    if not np.isfinite(away).all():
        return math.inf
    limits = allowed.atol * scale + allowed.rtol * magnitude
    with np.errstate(all="ignore"):  # equal values are not divided, so that a zero limit does not matter
        ratio = np.divide(away, limits, out=np.zeros_like(away), where=away > 0)
    return float(ratio.max(initial=0.0))
