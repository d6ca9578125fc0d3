"""The assignment of patterns to positions: a known order, frames lost or doubled, or any other order.

Patterns that fit badly at their own position are compared with all positions. Each known order is then one
sum over the same errors, and the best of them is executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.parts.patterns.lost import MOST_CHANGES, Run, described, places_of, runs_of
from harness.ptycho.check.parts.patterns.match import (
    Match,
    compare,
    deviations,
    energy_scale,
    mismatch,
    shifted_errors,
    suspects,
)
from harness.ptycho.check.parts.patterns.orders import named_orders
from harness.ptycho.scan.forward import amplitude
from harness.ptycho.scan.mask import of_positions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "order"
SUSPECT = 0.15
"""A pattern fits badly if it leaves this share of what patterns at random positions leave. Measured scans
reach 0.09."""

LEAST_SUSPECT = 0.02
"""The same for patterns that may exchange their places once others do."""

DEVIATIONS = 8.0
"""Standard deviations of noise by which a single pattern must fit badly, and fit better elsewhere."""

ELSEWHERE = 0.3
"""A pattern belongs to a position at which it leaves at most this share of its excess."""

MOST_COMPARED = 128
"""Suspects, and others beside them, that are compared with all positions."""

MOST_MATCHED = 1024
"""Suspects among which any order is found: the work grows with the third power."""

FARTHEST = 4
"""Frames lost or doubled, in all, up to which the shift is followed along the scan."""

MOST_MISSING = 64
"""Frames missing in any place, up to which the places are found; of more, the first or the last ones."""

FEW = 0.2
MOST_LISTED = 16
"""Up to this share of the patterns, and this number, moved patterns are listed one by one."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the known order, the lost or doubled frames, and the free order that explain most."""
    if len(evidence.data.x) < 2:  # noqa: PLR2004 - a single pattern has one order
        return
    bad = suspects(evidence, SUSPECT, DEVIATIONS)
    if not len(bad):
        return
    scale = energy_scale(evidence.predicted, evidence.measured)
    unit = float(np.vdot(evidence.measured, evidence.measured)) / len(evidence.measured)
    match = compare(evidence.data, _compared(bad, evidence.sample), unit, scale)
    if _fit_elsewhere(match, evidence):
        yield from _known(match, evidence)
        yield from _lost(evidence, unit, scale)
        yield from _free(suspects(evidence, LEAST_SUSPECT, DEVIATIONS), evidence, unit, scale)


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(stored: Dataset) -> Iterator[Correction]:
    """Yield the removal of what has no counterpart, if there are fewer patterns than positions, or more."""
    patterns, positions = len(stored.diffraction), len(stored.x)
    is_usable = stored.diffraction.shape[1:] == stored.probe.shape and bool(stored.inside.all())
    if not is_usable or patterns == positions or min(patterns, positions) < 2:  # noqa: PLR2004 - as above
        return
    few = np.linspace(0, positions - 1, min(MOST_COMPARED, positions)).astype(np.intp)
    scale = energy_scale(
        amplitude(stored.probe, stored.object, stored.x[few], stored.y[few]), stored.diffraction
    )
    unit = float(np.mean(np.einsum("nij,nij->n", stored.diffraction, stored.diffraction, dtype=np.float64)))
    yield from _missing(stored, unit or 1.0, scale)


def _compared(bad: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Return the patterns that are compared with all positions: suspects, and others of the scan."""
    some = bad[np.linspace(0, len(bad) - 1, min(MOST_COMPARED, len(bad))).astype(np.intp)]
    return np.union1d(some, sample)


def _fit_elsewhere(match: Match, evidence: Evidence) -> bool:
    """Return whether a pattern fits clearly better at another position than its own."""
    best = match.errors.min(axis=1)
    noise = evidence.whole.noise[match.patterns]
    gained = best - noise < ELSEWHERE * (match.own - noise)
    return bool(np.any(gained & (match.own - noise > SUSPECT * mismatch(evidence))))


def _known(match: Match, evidence: Evidence) -> Iterator[Correction]:
    """Yield the known order that leaves the least error."""
    count = len(evidence.stored.x)
    inside = np.full(count, -1)
    inside[evidence.index] = np.arange(len(evidence.index))
    stored = evidence.index[match.patterns]
    orders = list(named_orders(count))
    left = [float(match.at(inside[order.places(stored)]).sum()) for order in orders]
    if min(left) >= match.own.sum():
        return
    best = orders[int(np.argmin(left))]
    places = best.places(np.arange(count))
    found = match.deviations(inside[places[stored]], float(np.log(len(orders))))
    source = np.argsort(places)
    yield Correction(PART, best.name, best.remedy, lambda data: _reordered(data, source), significance=found)


def _reordered(data: Dataset, source: np.ndarray) -> Dataset:
    """Return *data* with pattern ``source[i]`` at position i."""
    return replace(data, diffraction=data.diffraction[source], mask=of_positions(data.mask, source))


def _lost(evidence: Evidence, unit: float, scale: float) -> Iterator[Correction]:
    """Yield the removal of what has no counterpart, where frames were lost or doubled along the scan."""
    count = len(evidence.stored.x)
    if len(evidence.index) != count:
        return
    shifts = np.arange(-FARTHEST, FARTHEST + 1)
    errors = shifted_errors(evidence.data, shifts, unit, scale)
    own = errors[:, FARTHEST]
    # A pattern without a position is removed: that gains no more than its best position does.
    errors = np.where(np.isnan(errors), np.nanmin(errors, axis=1)[:, None], errors)
    variance = float(np.median(errors.min(axis=1))) / evidence.data.diffraction[0].size
    runs = runs_of(errors, shifts, _price(variance, errors.size))
    if runs == (Run(0, 0),) or len(runs) > MOST_CHANGES:
        return
    places = places_of(runs, count)
    left = errors[np.arange(count), places - np.arange(count) + FARTHEST]
    pairs = _pairs(places, left, count)
    found = deviations(float((own - left).sum()), float(left.mean()) / evidence.data.diffraction[0].size)
    yield _kept_pairs(described(runs, count, count), pairs, found, 2 * len(runs))


def _missing(stored: Dataset, unit: float, scale: float) -> Iterator[Correction]:
    """Yield the removal of positions without a pattern, or of patterns without a position."""
    patterns, positions = len(stored.diffraction), len(stored.x)
    more = positions - patterns
    span = np.arange(abs(more) + 1) if abs(more) <= MOST_MISSING else np.array([0, abs(more)])
    shifts = span if more > 0 else -span
    errors = shifted_errors(stored, shifts, unit, scale)
    # A pattern without a position is removed: it costs as much as one that fits like the others.
    usual = float(np.nanmedian(np.nanmin(np.where(np.isnan(errors), np.inf, errors), axis=1)))
    errors = np.where(np.isnan(errors), usual, errors)
    runs = runs_of(errors, shifts, _price(usual / stored.diffraction[0].size, errors.size))
    places = places_of(runs, patterns)
    left = errors[np.arange(patterns), np.searchsorted(span, np.abs(places - np.arange(patterns)))]
    pairs = _pairs(places, left, positions)
    name = described(runs, patterns, positions)
    yield _kept_pairs(name, pairs, np.inf, len(runs))


def _price(variance: float, trials: int) -> float:
    """Return the error that a change of the shift must save to be more than noise."""
    return float(4 * variance * (DEVIATIONS**2 + 2 * np.log(trials)))


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Patterns and the positions that they belong to; the others have no counterpart.

    Attributes
    ----------
    patterns, positions : (n,) int
        Their indices; positions are ascending.
    counts : (int, int)
        How many patterns and positions are stored.
    """

    patterns: np.ndarray
    positions: np.ndarray
    counts: tuple[int, int]


def _pairs(places: np.ndarray, left: np.ndarray, positions: int) -> Pairs:
    """Return each position with the pattern that fits it best, of those that belong there."""
    order = np.lexsort((left, places))
    first = order[np.unique(places[order], return_index=True)[1]]
    kept = first[(places[first] >= 0) & (places[first] < positions)]
    return Pairs(kept, places[kept], (len(places), positions))


def _kept_pairs(name: str, pairs: Pairs, found: float, parameters: int) -> Correction:
    """Return the correction that keeps *pairs* alone."""
    patterns, positions = pairs.counts
    without = [
        f"{noun} {_listed(np.setdiff1d(np.arange(count), kept))}, which {verb} no {other}"
        for noun, verb, other, count, kept in (
            ("position", "has", "pattern", positions, pairs.positions),
            ("pattern", "has", "position", patterns, pairs.patterns),
        )
        if len(kept) < count
    ]

    def apply(data: Dataset) -> Dataset:
        stack, mask = data.diffraction[pairs.patterns], of_positions(data.mask, pairs.patterns)
        return replace(
            data, diffraction=stack, mask=mask, x=data.x[pairs.positions], y=data.y[pairs.positions]
        )

    return Correction(
        PART,
        name,
        f"Remove {' and '.join(without)}; the rest is in order then.",
        apply,
        parameters=parameters,
        significance=found,
        kept=pairs.patterns,
    )


def _listed(numbers: np.ndarray) -> str:
    """Return numbers as text, runs of them as first to last."""
    runs = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    texts = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs[:MOST_LISTED]]
    return ", ".join(texts) + (", ..." if len(runs) > MOST_LISTED else "")


def _free(bad: np.ndarray, evidence: Evidence, unit: float, scale: float) -> Iterator[Correction]:
    """Yield the order in which the patterns that fit badly fit each other's positions best."""
    if not 2 <= len(bad) <= MOST_MATCHED:  # noqa: PLR2004 - two patterns at least exchange their places
        return
    from scipy.optimize import linear_sum_assignment  # takes 0.2 s, which sound data need not

    some = evidence.data.take(bad)
    match = compare(some, np.arange(len(bad)), unit, scale)
    _, places = linear_sum_assignment(match.errors)
    noise = evidence.whole.noise[bad]
    own, left = match.own, match.at(places)
    fits = (left - noise < ELSEWHERE * (own - noise)) & (places != np.arange(len(bad)))
    if fits.sum() < 2:  # noqa: PLR2004 - as above
        return
    trials = float(fits.sum() * np.log(len(bad)))
    found = deviations(float((own - left)[fits].sum()), float(left[fits].mean()) / match.values, trials)
    if found >= DEVIATIONS:
        yield _moved(evidence.index[bad[fits]], evidence.index[bad[places[fits]]], evidence, found)


def _moved(patterns: np.ndarray, places: np.ndarray, evidence: Evidence, found: float) -> Correction:
    """Return the correction that moves *patterns* to *places*; what another takes the place of is removed."""
    count = len(evidence.stored.x)
    position = np.arange(count)
    position[patterns] = places
    replaced = np.setdiff1d(places, patterns)  # their own patterns fit nowhere
    kept = np.setdiff1d(np.arange(count), replaced)
    pairs = Pairs(kept[np.argsort(position[kept])], np.sort(position[kept]), (count, count))
    moves = ", ".join(
        f"pattern {j} belongs to position {i}"
        for j, i in list(zip(patterns, places, strict=True))[
            : MOST_LISTED if len(patterns) <= FEW * count else 3
        ]
    )
    name = (
        moves
        if len(patterns) <= min(FEW * count, MOST_LISTED)
        else f"patterns in a different order ({moves}, ...)"
    )
    if len(replaced):
        removal = _kept_pairs(name, pairs, found, len(patterns))
        return replace(removal, is_material=True, changed=np.union1d(patterns, replaced))
    return Correction(
        PART,
        name,
        "Store each pattern at its position: select all per-position arrays with the same index array.",
        lambda data: _reordered(data, pairs.patterns),
        parameters=len(patterns),
        significance=found,
        is_material=True,
        changed=patterns,
    )
