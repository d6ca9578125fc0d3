"""Two versions of a golden file -> how many tolerances lie between them, and in which metric or array.

Here infinity is what a registry writes as null: no number of tolerances leads from one to the other.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from harness.core.baselines.baseline import read_baseline
from harness.core.fixtures.compare import blocks
from harness.core.fixtures.elementwise import absolute_difference
from harness.core.fixtures.tolerance import default_tolerance
from harness.core.registry.registry import Distance
from harness.core.storage.npz import map_archive

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from harness.core.baselines.baseline import Metric
    from harness.core.fixtures.tolerance import Tolerance
    from harness.core.registry.registry import Kind

_DIGITS = 6  # so that five steps of 0.4 are 2, whatever the last bits of the values say
_GUESSED = 1  # samples behind a tolerance that nobody has measured yet


def is_measured(kind: Kind) -> bool:
    """Whether files of a kind have tolerances of their own.

    A manifest follows its archive and a result its baseline; of other files nothing but the bytes is known.
    """
    return kind in {"fixture", "baseline"}


def measure_distance(kind: Kind, older: Path, newer: Path) -> Distance:
    """Distance between two versions of a fixture's archive or of a baseline, that of what is farthest.

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
    """Tolerances as a record has them: as many digits as mean something, None if there is no number."""
    return float(f"{tolerances:.{_DIGITS}g}") if math.isfinite(tolerances) else None


def array_distance(older: np.ndarray | None, newer: np.ndarray | None) -> float:
    """Largest ``|newer - older|`` in tolerances of the older array's dtype; None is an array not there.

    Parameters
    ----------
    older, newer : ndarray or None
        Any shape and plain dtype. Where a dtype has no tolerance, as integers, equal or at infinity.

    Returns
    -------
    float
        Infinity for another dtype or shape, or other positions of NaN and infinities.
    """
    if older is None or newer is None or older.shape != newer.shape:
        return math.inf
    if older.dtype.newbyteorder("=") != newer.dtype.newbyteorder("="):
        return math.inf
    allowed = default_tolerance(older.dtype)
    return max((_farthest(one, other, allowed) for _, one, other in blocks(older, newer)), default=0.0)


def metric_distance(older: Metric | None, newer: Metric | None) -> float:
    """``|newer - older|`` in tolerances of the older baseline; None is a metric not there.

    A tolerance that came from a single run is a guess: where calibration has replaced it since, that counts.
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
    old, new = map_archive(older), map_archive(newer)
    return {name: array_distance(old.get(name), new.get(name)) for name in old.keys() | new.keys()}


def _between_baselines(older: Path, newer: Path) -> Mapping[str, float]:
    old, new = read_baseline(older).metrics, read_baseline(newer).metrics
    return {name: metric_distance(old.get(name), new.get(name)) for name in old.keys() | new.keys()}


def _farthest(older: np.ndarray, newer: np.ndarray, allowed: Tolerance) -> float:
    """Largest distance in one block, in tolerances; NaN is at distance 0 from NaN."""
    away = absolute_difference(older, newer)
    if not np.isfinite(away).all():
        return math.inf
    with np.errstate(all="ignore"):  # where nothing moved, what it is divided by does not count
        ratio = np.divide(away, _limits(older, allowed), out=np.zeros_like(away), where=away > 0)
    return float(ratio.max(initial=0.0))


def _limits(values: np.ndarray, allowed: Tolerance) -> np.ndarray:
    if values.dtype.kind not in "fc":
        return np.zeros(values.shape)
    wide = np.complex128 if values.dtype.kind == "c" else np.float64
    return np.asarray(allowed.atol + allowed.rtol * np.abs(values.astype(wide)))
