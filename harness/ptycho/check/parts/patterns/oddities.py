"""Patterns that are explained worse than the others: hit, exposed twice, or of another position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.evidence import predict
from harness.ptycho.check.parts.patterns.match import compare, mismatch
from harness.ptycho.check.parts.patterns.survey import TO_DEVIATION

if TYPE_CHECKING:
    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.check.parts.patterns.survey import Survey

HIT = 5.0
"""Deviations by which a hit pixel is too bright: of its pixel in all patterns and of all in its pattern.
Sound scans reach 3.4, a measured one 2.7."""

LEAST_HIT = 1e-3
"""Share of a pattern's energy that a hit adds at least."""

MOST_HIT = 0.05
"""Share of a pattern's pixels that a cosmic ray hits at most."""

UNEXPLAINED = 0.15
"""Excess over the usual error, as a share of that of a pattern which does not belong. A measured scan's
patterns reach 0.09; a position 2 px off gives 0.2 in the median, 0.003 to 0.6."""

ELSEWHERE = 0.3
"""A pattern belongs to another position if that leaves at most this share of its excess."""

MOST_COMPARED = 256


@dataclass(frozen=True, slots=True, eq=False)
class Oddities:
    """What is wrong with unusual patterns, by their indices into ``evidence.data``.

    Attributes
    ----------
    hits : mapping of int to (H, W) bool
        Pixels that are far too bright in patterns that are explained without them.
    problems : mapping of int to str
        What is wrong with the others.
    significance : float
        Standard deviations by which the least of them is unusual.
    """

    hits: dict[int, np.ndarray]
    problems: dict[int, str]
    significance: float


def find_oddities(unusual: np.ndarray, limit: float, found: Survey, evidence: Evidence) -> Oddities:
    """Return what is wrong with the *unusual* patterns, (n,) int, and which pixels were hit in any.

    *limit* is the largest squared error that a usual pattern has.
    """
    bright = np.flatnonzero((found.outstanding > HIT) & (found.brightest**2 > LEAST_HIT * found.energy))
    some = np.union1d(unusual[:MOST_COMPARED], bright[:MOST_COMPARED])
    data = evidence.data.take(some)
    predicted, measured = predict(data), data.diffraction.astype(np.float64)
    hits: dict[int, np.ndarray] = {}
    for j, p, m in zip(some.tolist(), predicted, measured, strict=True):
        hit, left = _hit(p, m, found)
        if hit.any() and hit.mean() <= MOST_HIT and left <= limit:
            hits[j] = hit
    rest = np.array([j for j in unusual[:MOST_COMPARED].tolist() if j not in hits], dtype=np.intp)
    if not len(rest):
        return Oddities(hits, {}, np.inf)
    return Oddities(hits, _problems(rest, limit, found, evidence), np.inf)


def _hit(predicted: np.ndarray, measured: np.ndarray, found: Survey) -> tuple[np.ndarray, float]:
    """Return the pixels that are far too bright, (H, W) bool, and the squared error without them."""
    hit = np.zeros(measured.shape, dtype=bool)
    left = measured
    for _ in range(2):  # the scale of the prediction follows the hits the first time
        p, m = np.where(hit, 0.0, predicted), np.where(hit, 0.0, measured)
        light = float(np.vdot(p, p)) or 1.0
        left = measured - float(np.vdot(p, m)) / light * predicted
        usual = TO_DEVIATION * (found.left + float(np.abs(left[~hit]).mean()))
        hit = left > HIT * (usual + (found.one_photon or 0.0) / 2)
    return hit, float(np.sum(left[~hit] ** 2))


def _problems(rest: np.ndarray, limit: float, found: Survey, evidence: Evidence) -> dict[int, str]:
    """Return what is wrong with patterns that were not hit, as far as it matters."""
    scale = float(np.median(found.cross[~found.is_empty] / found.predicted[~found.is_empty]))
    unit = float(np.median(found.energy[~found.is_empty]))
    match = compare(evidence.data, rest, unit, scale)
    usual = float(np.median(found.unexplained[~found.is_empty])) / unit
    excess = match.own - usual
    other = match.errors.copy()
    other[np.arange(len(rest)), rest] = np.inf
    best = other.argmin(axis=1)
    left = other[np.arange(len(rest)), best] - usual
    typical = np.median(match.errors, axis=1) - usual
    twice = _exposed_twice(rest, scale, evidence) / unit
    problems = {}
    for k, j in enumerate(rest.tolist()):
        if left[k] < ELSEWHERE * excess[k] and left[k] * unit <= max(limit, 0.0):
            problems[j] = f"belongs to position {evidence.index[best[k]]}"
        elif twice[k] - usual < ELSEWHERE * excess[k]:
            problems[j] = "exposed twice: it holds the light of a neighbouring position as well"
        elif excess[k] > UNEXPLAINED * max(typical[k], mismatch(evidence)):
            problems[j] = "fits no position"
    return problems


def _exposed_twice(rest: np.ndarray, scale: float, evidence: Evidence) -> np.ndarray:
    """Return what is left of patterns as the light of two successive positions, (n,): the least of both."""
    left = np.full(len(rest), np.inf)
    mine = evidence.data.take(rest)
    own = predict(mine)
    for step in (-1, 1):
        there = np.clip(rest + step, 0, len(evidence.data.x) - 1)
        other = predict(evidence.data.take(there))
        both = scale * np.sqrt(own**2 + other**2)
        error = np.einsum("nij,nij->n", both - mine.diffraction, both - mine.diffraction)
        left = np.minimum(left, np.where(there == rest, np.inf, error))
    return left
