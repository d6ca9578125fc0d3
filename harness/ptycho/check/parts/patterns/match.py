"""Compare patterns with the predictions of other positions than their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.scan.forward import BLOCK, amplitude
from harness.ptycho.scan.mask import masked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset


@dataclass(frozen=True, slots=True, eq=False)
class Match:
    """Squared errors of patterns at positions, in units of the mean pattern's energy.

    Attributes
    ----------
    patterns : (n,) int
        Indices of the patterns.
    errors : (n, N) float
        Error of each pattern at each position.
    values : int
        Amplitudes in one pattern.
    """

    patterns: np.ndarray
    errors: np.ndarray
    values: int

    @property
    def own(self) -> np.ndarray:
        """Error of each pattern at its own position, (n,)."""
        return np.asarray(self.errors[np.arange(len(self.patterns)), self.patterns])

    def at(self, places: np.ndarray) -> np.ndarray:
        """Return the error of each pattern at its place, (n,) int; at its own position where it is -1."""
        places = np.where(places < 0, self.patterns, places)
        return np.asarray(self.errors[np.arange(len(places)), places])

    def deviations(self, places: np.ndarray, trials: float) -> float:
        """Return by how many standard deviations the patterns fit better at *places*.

        Noise is taken to be all that is left there. The best of *trials* readings, a number given by its
        logarithm, is compared with the best of as many that only noise tells apart.
        """
        after = self.at(places)
        return deviations(float(np.sum(self.own - after)), float(after.mean()) / self.values, trials)


def deviations(gain: float, variance: float, trials: float = 0.0) -> float:
    """Return by how many standard deviations a squared error falls, beyond what the best of trials does.

    Parameters
    ----------
    gain : float
        By how much the error falls. If it does because a prediction is exchanged for another, the gain is
        about the squared difference of both, and noise gives it the standard deviation 2 sqrt(gain variance).
    variance : float
        Of one amplitude, in the same units.
    trials : float
        Logarithm of the number of predictions that were tried.

    Examples
    --------
    >>> deviations(4.0, variance=0.01), deviations(4.0, variance=0.01, trials=18.0)
    (10.0, 8.0)
    """
    if gain <= 0:
        return 0.0
    least = float(np.finfo(np.float32).eps) ** 2  # no float32 amplitude is known better
    return float(np.sqrt(max(gain / (4 * max(variance, least)) - 2 * trials, 0.0)))


def compare(data: Dataset, patterns: np.ndarray, unit: float, scale: float) -> Match:
    """Compare *patterns*, (n,) int, with the predictions of all positions.

    Parameters
    ----------
    data : Dataset
        All its patches are inside the object.
    patterns : (n,) int
    unit : float
        Energy of the mean pattern.
    scale : float
        What predictions are multiplied by.
    """
    mine = data.diffraction[patterns].reshape(len(patterns), -1).astype(np.float64)
    counts = _own_masks(data, patterns)
    errors = np.empty((len(patterns), len(data.x)))
    for part, predicted in predictions(data):
        flat = scale * predicted.reshape(len(predicted), -1)
        squares = np.einsum("ik,ik->i", flat, flat) if counts is None else counts @ (flat**2).T
        errors[:, part] = squares - 2 * (mine @ flat.T)
    errors += np.einsum("ik,ik->i", mine, mine)[:, None]
    return Match(patterns, np.maximum(errors, 0.0) / unit, mine.shape[1])


def predictions(data: Dataset) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield what is predicted at all positions, in blocks; a mask that all patterns share is applied."""
    shared = data.mask if data.mask is not None and data.mask.ndim == 2 else None  # noqa: PLR2004 - (H, W)
    for start in range(0, len(data.x), BLOCK):
        part = slice(start, start + BLOCK)
        yield part, masked(amplitude(data.probe, data.object, data.x[part], data.y[part]), shared)


def shifted_errors(data: Dataset, shifts: np.ndarray, unit: float, scale: float) -> np.ndarray:
    """Return the error of each pattern j at each position j + shift, (n, s) float; NaN where there is none.

    Parameters
    ----------
    data : Dataset
        It may hold fewer patterns than positions, or more; all patches are inside the object.
    shifts : (s,) int
    unit, scale : float
        As in :func:`compare`.
    """
    stack = data.diffraction
    errors = np.full((len(stack), len(shifts)), np.nan)
    for part, predicted in predictions(data):
        places = np.arange(part.start, part.start + len(predicted))
        for k, shift in enumerate(shifts):
            there = (places - shift >= 0) & (places - shift < len(stack))
            j = places[there] - shift
            left = scale * masked(predicted[there], _mask_of(data, j)) - stack[j]
            errors[j, k] = np.einsum("nij,nij->n", left, left) / unit
    return errors


def energy_scale(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the median ratio of the norms of measured and predicted patterns; their order does not matter.

    predicted, measured : (n, H, W) real. Dark patterns are left out.
    """
    there, here = (np.sqrt(np.einsum("nij,nij->n", a, a, dtype=np.float64)) for a in (predicted, measured))
    lit = here[here > 0]
    return float(np.median(lit) / max(np.median(there), np.finfo(float).tiny)) if lit.size else 0.0


def suspects(evidence: Evidence, share: float, deviations: float) -> np.ndarray:
    """Return the patterns, indices into ``evidence.data``, that fit badly at their own position.

    Parameters
    ----------
    evidence : Evidence
    share : float
        The error must exceed what noise leaves by this share of that of patterns at random positions.
    deviations : float
        And by this number of standard deviations of what noise leaves.
    """
    fit = evidence.whole
    excess = fit.errors - fit.noise
    return np.flatnonzero(excess > np.maximum(share * mismatch(evidence), deviations * fit.spread))


def mismatch(evidence: Evidence) -> float:
    """Return the excess of patterns at random positions, in units of the mean pattern's energy."""
    rng = np.random.default_rng(0)  # the same positions in every run
    order = rng.permutation(len(evidence.measured))
    left = evidence.fit.scale * evidence.predicted[order] - evidence.measured
    energy = float(np.vdot(evidence.measured, evidence.measured)) or 1.0
    return max(float(np.vdot(left, left)) / energy - float(evidence.fit.noise.mean()), 0.0)


def _own_masks(data: Dataset, patterns: np.ndarray) -> np.ndarray | None:
    """Return which pixels of each pattern count, (n, H W) float; None if all patterns share a mask."""
    own = _mask_of(data, patterns)
    return None if own is None or own.ndim == 2 else own.reshape(len(patterns), -1).astype(np.float64)  # noqa: PLR2004


def _mask_of(data: Dataset, patterns: np.ndarray) -> np.ndarray | None:
    mask = data.mask
    return mask[patterns] if mask is not None and mask.ndim == 3 else None  # noqa: PLR2004 - (N, H, W)
