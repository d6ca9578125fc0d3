"""Compare every pattern with the predictions of all positions, to find the position it belongs to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LARGEST_WORK = 4e9
"""Products of two amplitudes that are summed at most: 0.3 s on one core."""


@dataclass(frozen=True, slots=True, eq=False)
class PositionErrors:
    """Squared errors of each pattern at several positions, in units of the median pattern's energy.

    Attributes
    ----------
    index : (n,) int
        The patterns that were compared.
    own : (n,) float
        Error against the prediction of the pattern's own position.
    other_position : (n,) int
        The position, apart from its own, whose prediction is nearest.
    other : (n,) float
        Error against that prediction.
    typical : (n,) float
        Median error against the predictions of all positions: that of a pattern which does not belong.
    noise : (n,) float
        Standard deviation of ``own - other`` under noise that in each pixel is as large as the smaller of
        both errors.
    """

    index: np.ndarray
    own: np.ndarray
    other_position: np.ndarray
    other: np.ndarray
    typical: np.ndarray
    noise: np.ndarray

    @property
    def significance(self) -> np.ndarray:
        """By how many standard deviations the other position explains the pattern better, (n,)."""
        return np.asarray((self.own - self.other) / np.maximum(self.noise, np.finfo(float).tiny))

    @property
    def gain(self) -> np.ndarray:
        """Share of the own position's error that the other explains, (n,): at most 1, below 0 if worse."""
        return np.asarray((self.own - self.other) / np.maximum(self.typical - self.other, 1e-12))


def robust_scale(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the median of the patterns' own least-squares scales, so that a few dead ones do not matter."""
    cross = np.einsum("nij,nij->n", predicted, measured)
    energy = np.maximum(np.einsum("nij,nij->n", predicted, predicted), np.finfo(float).tiny)
    return float(np.median(cross / energy))


def own_errors(predicted: np.ndarray, measured: np.ndarray, scale: float) -> np.ndarray:
    """Return each pattern's squared error at its own position, in units of the median pattern's energy."""
    left = scale * predicted - measured
    return np.asarray(np.einsum("nij,nij->n", left, left) / _median_energy(measured))


def position_errors(
    predicted: np.ndarray, measured: np.ndarray, scale: float, index: np.ndarray
) -> PositionErrors:
    """Compare the patterns *index* with the predictions of all positions.

    Parameters
    ----------
    predicted, measured : (N, H, W) float
        Amplitudes; N at least 2.
    scale : float
        What the predictions are multiplied by.
    index : (n,) int
    """
    unit = _median_energy(measured)
    error = _all_errors(scale * predicted, measured[index]) / unit
    column = np.arange(len(index))
    own, typical = error[index, column].copy(), np.median(error, axis=0)
    error[index, column] = np.inf  # so that the minimum is at another position
    best = error.argmin(axis=0)
    return PositionErrors(
        index=index,
        own=own,
        other_position=best,
        other=error[best, column],
        typical=typical,
        noise=_noise(scale * predicted[index], scale * predicted[best], measured[index]) / unit,
    )


def affordable_patterns(predicted: np.ndarray) -> np.ndarray:
    """Return as many patterns, evenly taken, as ``LARGEST_WORK`` allows to compare with all positions.

    predicted : (N, H, W). Returns (n,) int, ascending; all N if there are few.
    """
    count = len(predicted)
    most = int(LARGEST_WORK / predicted.size)
    return np.arange(count) if most >= count else np.linspace(0, count - 1, max(most, 1)).astype(np.intp)


def _all_errors(predicted: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return || p_i - m_j ||^2, (N, n), as p^2 + m^2 - 2 p.m: one product of matrices."""
    p, m = (np.reshape(a, (len(a), -1)).astype(np.float64) for a in (predicted, measured))
    squares = np.einsum("ik,ik->i", p, p)[:, None] + np.einsum("jk,jk->j", m, m)[None]
    return np.asarray(np.maximum(squares - 2 * (p @ m.T), 0.0))


def _noise(own: np.ndarray, other: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the difference of both errors.

    The difference is linear in the measured amplitudes, with slopes 2 (other - own) per pixel.
    """
    variance = np.minimum((own - measured) ** 2, (other - measured) ** 2)
    return np.asarray(2 * np.sqrt(np.einsum("nij,nij->n", (own - other) ** 2, variance)))


def _median_energy(measured: np.ndarray) -> float:
    energy = np.einsum("nij,nij->n", measured, measured, dtype=np.float64)
    return float(np.median(energy)) or 1.0
