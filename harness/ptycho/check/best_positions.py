"""Every pattern against the predictions of every position, to tell whose pattern it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_WORK = 4e9
"""Products of two amplitudes that are summed at most: 0.3 s on one core."""


@dataclass(frozen=True, slots=True, eq=False)
class Rivals:
    """Squared errors of each pattern, in units of the median pattern's energy.

    Attributes
    ----------
    index : (n,) int
        The patterns that were compared.
    own : (n,) float
        Error against the prediction of the pattern's own position.
    best : (n,) int
        The position whose prediction is nearest, another than its own.
    rival : (n,) float
        Error against that prediction.
    typical : (n,) float
        Median error against the predictions of all positions: what a pattern has that does not belong.
    chance : (n,) float
        Standard deviation of ``own - rival`` under noise in each pixel as large as the better of both leaves.
    """

    index: np.ndarray
    own: np.ndarray
    best: np.ndarray
    rival: np.ndarray
    typical: np.ndarray
    chance: np.ndarray

    @property
    def sureness(self) -> np.ndarray:
        """By how many standard deviations the rival explains more than the own position, (n,)."""
        return np.asarray((self.own - self.rival) / np.maximum(self.chance, np.finfo(float).tiny))

    @property
    def gain(self) -> np.ndarray:
        """What the rival explains of what the own position leaves, (n,): 1 is all, below 0 the own wins."""
        return np.asarray((self.own - self.rival) / np.maximum(self.typical - self.rival, 1e-12))


def robust_scale(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the median of the patterns' own least-squares scales: single dead ones do not count."""
    cross = np.einsum("nij,nij->n", predicted, measured)
    energy = np.maximum(np.einsum("nij,nij->n", predicted, predicted), np.finfo(float).tiny)
    return float(np.median(cross / energy))


def own_errors(predicted: np.ndarray, measured: np.ndarray, scale: float) -> np.ndarray:
    """Return each pattern's squared error at its own position, in units of the median pattern's energy."""
    left = scale * predicted - measured
    return np.asarray(np.einsum("nij,nij->n", left, left) / _unit(measured))


def rivals(predicted: np.ndarray, measured: np.ndarray, scale: float, index: np.ndarray) -> Rivals:
    """Compare the patterns *index* with the predictions of all positions.

    predicted, measured : (N, H, W); N at least 2.
    """
    unit = _unit(measured)
    error = _all_errors(scale * predicted, measured[index]) / unit
    column = np.arange(len(index))
    own, typical = error[index, column].copy(), np.median(error, axis=0)
    error[index, column] = np.inf
    best = error.argmin(axis=0)
    chance = _chance(scale * predicted[index], scale * predicted[best], measured[index]) / unit
    return Rivals(index, own, best, error[best, column], typical, chance)


def affordable(predicted: np.ndarray) -> np.ndarray:
    """Return the patterns that can be compared with all positions in a moment: all, or evenly taken."""
    count = len(predicted)
    most = int(MOST_WORK / predicted.size)
    return np.arange(count) if most >= count else np.linspace(0, count - 1, max(most, 1)).astype(np.intp)


def _all_errors(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return || p_i - m_j ||^2, (N, n), by one product of matrices."""
    p, m = (np.reshape(a, (len(a), -1)).astype(np.float64) for a in (predicted, measured))
    squares = np.einsum("ik,ik->i", p, p)[:, None] + np.einsum("jk,jk->j", m, m)[None]
    return np.asarray(np.maximum(squares - 2 * (p @ m.T), 0.0))


def _chance(own: np.ndarray, rival: np.ndarray, measured: np.ndarray) -> np.ndarray:
    noise = np.minimum((own - measured) ** 2, (rival - measured) ** 2)
    return np.asarray(2 * np.sqrt(np.einsum("nij,nij->n", (own - rival) ** 2, noise)))


def _unit(measured: np.ndarray) -> float:
    energy = np.einsum("nij,nij->n", measured, measured, dtype=np.float64)
    return float(np.median(energy)) or 1.0
