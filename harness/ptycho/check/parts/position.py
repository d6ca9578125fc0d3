"""The positions: moved together, along the scan or in another frame, rounded, or each by itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction, Size
from harness.ptycho.check.evidence import fit as fit_of
from harness.ptycho.check.evidence import predict
from harness.ptycho.check.parts.positions.fit import displacements, fitted_each, moved
from harness.ptycho.check.parts.positions.frames import FRAMES, Frame, other_frames
from harness.ptycho.check.parts.positions.models import (
    LEAST_SIGNIFICANCE,
    Model,
    Route,
    deviations,
    jitter,
    select,
)
from harness.ptycho.check.parts.positions.search import (
    NEAR,
    best_far,
    best_near,
    best_zoom,
    few_patterns,
    misfit_maps,
    misfit_of,
)
from harness.ptycho.check.parts.positions.units import fitted_unit
from harness.ptycho.check.parts.positions.wording import described, described_jitter, listed_moves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.check.parts.positions.fit import Displacements
    from harness.ptycho.scan.residual import Dataset

PART = "position"

MOST_STEPS = 12
CONVERGED = 0.01
"""A fit ends with a step that moves no position by more than this many pixels."""

LEAST_RMS = 0.04
"""Root mean square move, in pixels, from which on a model matters."""

LEAST_JITTER = 0.12
"""Root mean square of independent errors on each axis, in pixels, from which on they matter."""

LEAST_JITTER_SHARE = 0.5
"""Share of the excess that positions that are each moved by themselves must account for."""

LEAST_SINGLE = 0.5
"""Pixels by which a single position must be off to be named."""

MOST_SINGLE = 0.1
"""Share of the positions that are named singly; if more are off, it is jitter."""

FREE_STEPS = 4
GRIDS = (1.0, 0.5)
"""Multiples, in pixels, that coordinates may have been rounded to."""

MOST_FRAMES = 2
"""Mistakes in the frame that are executed: the likeliest ones."""

FOUND = 0.5
"""A place is found where the misfit of a few patterns, less that of noise, falls below this share."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """The sampled patterns with their route."""

    evidence: Evidence
    route: Route

    @classmethod
    def of(cls, evidence: Evidence) -> Scan:
        """Return the scan of an evidence."""
        return cls(evidence, Route.of(evidence.stored.x, evidence.stored.y))

    @property
    def sampled(self) -> Route:
        """The route at the sampled patterns."""
        return self.route.take(self.evidence.index[self.evidence.sample])


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield the errors that a fit from the stored positions finds: of all together, of a few, of each."""
    scan = Scan.of(evidence)
    found = displacements(evidence.few, evidence.one_photon)
    if select(found, scan.sampled).terms:
        together = list(_converged(scan, np.zeros((len(evidence.sample), 2))))
        yield from together
        if together and not _is_scattered(together[0], scan):
            return
    yield from _single(scan, found)
    yield from _free(scan, found)


def _is_scattered(correction: Correction, scan: Scan) -> bool:
    """Return whether positions are still off by themselves after a *correction*."""
    few = correction.apply(scan.evidence.stored).take(scan.evidence.index[scan.evidence.sample])
    inside = np.flatnonzero(few.inside)
    rms, _, significance = jitter(displacements(few.take(inside), scan.evidence.one_photon))
    return significance >= LEAST_SIGNIFICANCE and rms >= LEAST_JITTER


def slow(evidence: Evidence) -> Iterator[Correction]:
    """Yield mistakes in the frame, or a place far away that a search finds, refined by a fit.

    A step of the search is made only if those before it, which cost less, found nothing.
    """
    few = few_patterns(evidence.few)
    noise = evidence.fit.floor**2
    enough = noise + FOUND * (misfit_of(few, few.x, few.y) - noise)
    frames = sorted(((misfit_of(few, *frame.undo(few)), frame) for frame in other_frames(few)), key=_misfit)
    yield from (_framed(frame) for _, frame in frames[:MOST_FRAMES])
    if frames and frames[0][0] < enough:
        return
    middle = complex(evidence.few.x.mean(), evidence.few.y.mean())
    for search in (best_zoom, best_near, best_far):
        found = search(few, middle)
        if found.misfit < enough:
            yield from _converged(Scan.of(evidence), found.place.moves(evidence.few.x, evidence.few.y))
            return


def _misfit(pair: tuple[float, Frame]) -> float:
    return pair[0]


def blind(stored: Dataset) -> Iterator[Correction]:
    """Yield the mistakes in the frame that put patches outside the object, and another unit."""
    yield from (_framed(frame) for frame in FRAMES)
    if stored.shapes_match and (unit := fitted_unit(stored)) is not None:
        yield Correction(PART, unit.name, unit.remedy, unit.correct, parameters=3)


def _framed(frame: Frame) -> Correction:
    def apply(data: Dataset) -> Dataset:
        x, y = frame.undo(data)
        return replace(data, x=x, y=y)

    return Correction(PART, frame.name, frame.remedy, apply)


def _converged(scan: Scan, start: np.ndarray) -> Iterator[Correction]:
    """Yield the model that a fit finds from moves to *start* with, (n, 2) in pixels."""
    route, moves, model, last = scan.sampled, start, Model(), np.zeros_like(start)
    for _ in range(MOST_STEPS):
        model = _fitted(scan, route, moves)
        step = model.moves(route) - moves
        if not np.isfinite(step).all() or np.hypot(*step.T).max(initial=0.0) < CONVERGED:
            break
        moves = moves + step * _further(step, last)
        last = step
    if model.terms and np.isfinite(model.moves(route)).all():
        yield _modelled(model, scan.route)


def _fitted(scan: Scan, route: Route, moves: np.ndarray) -> Model:
    """Return the model that is fitted to the patterns at *moves*, (n, 2), from the stored positions."""
    at = moved(scan.evidence.few, moves)
    index = np.flatnonzero(at.inside)
    found = displacements(at.take(index), scan.evidence.one_photon)
    return select(found.less(-moves[index]), route.take(index))


def _further(step: np.ndarray, last: np.ndarray) -> float:
    """Return how many times longer a step should be, given the *last* one (Aitken's method).

    Slopes that are predicted from an imperfect object are too steep by their own errors, so that all steps
    are too short by the same share.
    """
    if np.hypot(*step.T).max() > SHORT:
        return 1.0
    along = float(np.vdot(step, last)) / max(float(np.vdot(last, last)), 1e-30)
    return 1 / (1 - min(along, MOST_KEPT)) if along > LEAST_KEPT else 1.0


SHORT = 0.3
"""Longer steps, in pixels, are on their way to the right place, and are not lengthened."""

LEAST_KEPT, MOST_KEPT = 0.2, 0.8
"""A step of this share of the last one is lengthened, and by no more than if it were of that share."""


def _modelled(model: Model, route: Route) -> Correction:
    name, remedy, sizes = described(model, route)
    moves = model.moves(route)
    rms = float(np.sqrt(np.mean(np.sum(moves**2, axis=1))))
    return Correction(
        PART,
        name,
        remedy,
        lambda data: moved(data, moves),
        parameters=model.parameters,
        sizes=sizes,
        significance=model.significance,
        is_material=rms >= LEAST_RMS,
    )


def _single(scan: Scan, found: Displacements) -> Iterator[Correction]:
    """Yield the few positions that are far off while the others are not."""
    chi_squared = found.chi_squared
    scatter = max(float(np.median(chi_squared)) / (2 * np.log(2)), 1.0)
    count = len(chi_squared)
    sure = np.array([deviations(q / 2 / scatter, 2, 2 * count, count) for q in chi_squared])
    off = np.flatnonzero(sure >= LEAST_SIGNIFICANCE)
    if not 0 < len(off) <= max(1, MOST_SINGLE * count):
        return
    moves = _fitted_far(scan.evidence.few.take(off), scan.evidence.one_photon)
    far = np.hypot(*moves.T) >= LEAST_SINGLE
    off, moves = off[far], moves[far]
    if not len(off):
        return
    index = scan.evidence.index[scan.evidence.sample][off]
    every = np.zeros((len(scan.route.x), 2))
    every[index] = moves
    name, remedy = listed_moves(index, moves)
    error = np.sqrt(found.covariance[off].trace(axis1=1, axis2=2) / 2)
    sizes = tuple(
        Size(f"error of position {j}", float(np.hypot(*move)), float(e), "px")
        for j, move, e in zip(index, moves, error, strict=True)
    )
    yield Correction(
        PART,
        name,
        remedy,
        lambda data: moved(data, every),
        parameters=2 * len(off),
        sizes=sizes,
        significance=float(sure[off].min()),  # and whether it matters is decided by its share of the excess
    )


def _fitted_far(data: Dataset, one_photon: float | None) -> np.ndarray:
    """Return the moves of patterns that may be some pixels off, (n, 2): the best of a grid, then a fit."""
    maps = misfit_maps(data, NEAR).reshape(len(data.x), -1)
    start = np.stack(np.divmod(np.argmin(maps, axis=1), len(NEAR)), axis=1)
    return fitted_each(data, one_photon, NEAR[start].astype(float), FREE_STEPS)


def _free(scan: Scan, found: Displacements) -> Iterator[Correction]:
    """Yield the fitted displacement of each position, if they scatter by more than noise."""
    evidence = scan.evidence
    rms, _, significance = jitter(found)
    if significance < LEAST_SIGNIFICANCE or rms < LEAST_JITTER:
        return
    moves = fitted_each(evidence.data, evidence.one_photon, np.zeros((len(evidence.data.x), 2)), FREE_STEPS)
    at = moved(evidence.data, moves)
    inside = np.flatnonzero(at.inside)
    left = displacements(at.take(inside), evidence.one_photon)
    total = left.less(-moves[inside])
    rms, error, significance = jitter(total)
    shrunk = np.linalg.solve(left.precision + np.eye(2) / max(rms, 1e-3) ** 2, total.pull[..., None])[..., 0]
    every = np.zeros((len(scan.route.x), 2))
    every[evidence.index[inside]] = shrunk
    name, remedy = described_jitter(_grid(scan.route), rms)
    yield Correction(
        PART,
        name,
        remedy,
        lambda data: moved(data, every),
        parameters=2 * len(every),
        sizes=(Size("rms error on each axis", rms, error, "px"),),
        significance=significance,
        is_material=rms >= LEAST_JITTER and _share(scan, every) >= LEAST_JITTER_SHARE,
    )


def _share(scan: Scan, moves: np.ndarray) -> float:
    """Return the share of the excess that moves of all stored positions, (N, 2), account for."""
    evidence = scan.evidence
    at = moved(evidence.few, moves[evidence.index[evidence.sample]])
    index = np.flatnonzero(at.inside)
    before = evidence.fit.errors[index]
    after = fit_of(predict(at.take(index)), evidence.measured[index], evidence.one_photon).errors
    return float((before - after).sum() / max((before - evidence.fit.noise[index]).sum(), 1e-30))


def _grid(route: Route) -> float | None:
    """Return the number of pixels that the distances of all positions are multiples of; None if none is."""
    for grid in GRIDS:
        distances = np.concatenate([route.x - route.x[0], route.y - route.y[0]]) / grid
        if np.abs(distances - np.rint(distances)).max() < 1e-3:  # noqa: PLR2004 - of a pixel
            return grid
    return None
