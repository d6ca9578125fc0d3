"""Single patterns that do not fit, by index: dark, of another position, of another brightness, or odd.

Robust statistics find them: the rest of the scan says how well a pattern is explained.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.best_positions import affordable, own_errors, rivals, robust_scale
from harness.ptycho.scan.forward import fitted_scale
from harness.ptycho.scan.residual import NORMAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.ptycho.check.best_positions import Rivals

FAR = 8.0
"""Robust standard deviations of the root error; honest scans reach 4.8 (a measured one), 3 simulated."""

LEAST_SPREAD = 0.02
"""The spread is taken to be at least this share of the median: noise-free data scatter by rounding alone."""

UNEXPLAINED = 0.15
"""Excess over the median error, as a share of that of a pattern which does not belong. A measured scan's
patterns reach 0.09; a position 2 px off gives 0.2 in the median, 0.003 to 0.6."""

CLEARLY = 0.25
"""Share of its error that another position must explain; 0.03 in a dense measured scan, below 0 elsewhere."""

SAME = 1e-6
"""Errors within this share of each other are equal: a scan may visit one position twice, without noise."""

DARK = 1e-3
"""A pattern with less than this share of the median pattern's energy is dead."""

BRIGHTNESS = 0.25
"""A pattern whose error falls to this share when it is scaled by itself is only brighter or darker."""


@dataclass(frozen=True, slots=True)
class Outlier:
    """One pattern that does not fit.

    Attributes
    ----------
    pattern : int
        Its index.
    kind : str
        What it is, in words that continue "pattern 17 is ...".
    before, after : float
        Its relative residual as stored, and as read anew; equal where no reading explains it.
    """

    pattern: int
    kind: str
    before: float
    after: float

    def __str__(self) -> str:
        """Say what the pattern is, with its residual before and after."""
        change = f", {self.after:.3g} so read" if self.after < self.before else ""
        return f"pattern {self.pattern} is {self.kind} (residual {self.before:.3g}{change})"


def outliers(predicted: np.ndarray, measured: np.ndarray) -> tuple[Outlier, ...]:
    """List the patterns that stand out of a scan which is explained otherwise, by index.

    Parameters
    ----------
    predicted, measured : (N, H, W)
        Amplitudes; the global scale is fitted.
    """
    measured = np.asarray(measured, dtype=np.float64)
    if len(measured) < 2:  # noqa: PLR2004 - one has no rest to stand out of
        return ()
    scale = robust_scale(predicted, measured)
    own, twins = own_errors(predicted, measured, scale), identical(measured)
    limit, copied = usual(own), copies(twins, own)
    far = np.flatnonzero(own > limit)
    index = np.unique(np.concatenate([affordable(predicted), far, copied]))
    compared = rivals(predicted, measured, scale, index)
    middle = np.median(own)
    odd = np.isin(index, far) & (compared.own - middle > UNEXPLAINED * (compared.typical - middle))
    moved = (compared.gain > CLEARLY) & (compared.sureness > FAR) & (compared.rival <= limit)
    moved |= np.isin(index, copied)
    lost = frozenset(index[moved].tolist())
    told = [
        _moved(j, compared, twins) if int(index[j]) in lost else _odd(j, compared, predicted, measured, scale)
        for j in np.flatnonzero(odd | moved).tolist()
    ]
    return tuple(told)


def dark(measured: np.ndarray) -> np.ndarray:
    """Return the indices of dead patterns; a stack that is dark throughout has none that stand out."""
    energy = np.einsum("nij,nij->n", measured, measured, dtype=np.float64)
    return np.flatnonzero(energy <= DARK * np.median(energy)) if np.median(energy) > 0 else np.arange(0)


def identical(measured: np.ndarray) -> Mapping[int, int]:
    """Map each pattern that repeats another's bytes to the other; dead patterns are left out."""
    first: dict[bytes, int] = {}
    twins: dict[int, int] = {}
    for j in np.setdiff1d(np.arange(len(measured)), dark(measured)):
        other = first.setdefault(measured[j].tobytes(), int(j))
        if other != j:
            twins |= {int(j): other, other: int(j)}
    return twins


def copies(twins: Mapping[int, int], own: np.ndarray) -> np.ndarray:
    """Return of each two identical patterns the one that fits worse; two that fit alike may both be right."""
    worse = [j for j, other in twins.items() if own[j] > (1 + SAME) * own[other]]
    return np.array(sorted(worse), dtype=np.intp)


def usual(own: np.ndarray) -> float:
    """Return the largest squared error that still belongs to the rest of the scan."""
    root = np.sqrt(own)
    middle = float(np.median(root))
    spread = max(NORMAL * float(np.median(np.abs(root - middle))), LEAST_SPREAD * middle)
    return (middle + FAR * spread) ** 2


def _moved(j: int, compared: Rivals, twins: Mapping[int, int]) -> Outlier:
    """Tell of pattern ``compared.index[j]`` whose it is."""
    pattern, best = int(compared.index[j]), int(compared.best[j])
    same = ", byte for byte" if twins.get(pattern) == best else ""
    before, after = float(np.sqrt(compared.own[j])), float(np.sqrt(compared.rival[j]))
    return Outlier(pattern, f"that of position {best}{same}", before, after)


def _odd(j: int, compared: Rivals, predicted: np.ndarray, measured: np.ndarray, scale: float) -> Outlier:
    """Tell of pattern ``compared.index[j]``, which no position explains, what it is."""
    pattern, before = int(compared.index[j]), float(np.sqrt(compared.own[j]))
    if pattern in dark(measured):
        return Outlier(pattern, "dead", before, before)
    expected, found = predicted[pattern], measured[pattern]
    factor = fitted_scale(expected, found)
    share = np.sum((factor * expected - found) ** 2) / np.sum((scale * expected - found) ** 2)
    if share > BRIGHTNESS:
        return Outlier(pattern, "not explained", before, before)
    kind = f"{factor / scale:.3g} times as bright as predicted"
    return Outlier(pattern, kind, before, before * float(np.sqrt(share)))
