"""Find what the excess comes from: fit one part of the model at a time, and the next on top.

Quick corrections are tried on every dataset, because a sound one gains by none of them. Slow ones are tried
only where much is unexplained.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.evidence import LEAST_DEVIATIONS, Evidence
from harness.ptycho.check.parts import detector, order, pattern, pixel, position, probe, stored_object, value
from harness.ptycho.check.trial import Trial, execute, execute_blindly, needs_search, residuals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from harness.ptycho.check.correction import Correction
    from harness.ptycho.scan.residual import Dataset

MOST_PARTS = 3
"""Corrections on top of each other, at most."""

TIE_FACTOR = 1.05
TIE_RESIDUAL = 0.002
"""A correction with more fitted numbers must beat a simpler one by this factor, and by this residual."""

DARK = 1e-60
"""Energy of a stack below which its numbers are zero or denormal."""

MOST_PAIRED = 6
"""Corrections that are tried below another, where none alone explains the data."""


class Part(NamedTuple):
    """One part of the model.

    Attributes
    ----------
    name : str
    quick, slow : callable
        Evidence to corrections.
    blind : callable
        A dataset whose own prediction cannot be computed (shapes do not match, or most patches are outside
        the object) to corrections.
    """

    name: str
    quick: Callable[[Evidence], Iterator[Correction]]
    slow: Callable[[Evidence], Iterator[Correction]]
    blind: Callable[[Dataset], Iterator[Correction]]


PARTS = tuple(
    Part(module.PART, module.quick, module.slow, module.blind)
    for module in (value, detector, order, position, pattern, pixel, probe, stored_object)
)
"""Of two parts that explain the data equally well with as many numbers, the first is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Account:
    """What the excess of a dataset comes from.

    Attributes
    ----------
    evidence : Evidence or None
        The dataset as stored; None if its own prediction cannot be computed.
    findings : tuple of Trial
        What was found wrong, the largest first; each was tried on top of those before.
    best : mapping of str to Trial
        Of each part that was fitted, the trial that accounts for most, accepted or not.
    corrected : Evidence or None
        The dataset with all findings corrected.
    """

    evidence: Evidence | None
    findings: tuple[Trial, ...]
    best: dict[str, Trial]
    corrected: Evidence | None


@np.errstate(all="ignore")  # numbers near the limits of a double become NaN, which is never accepted
def account_for(stored: Dataset) -> Account:
    """Return what the excess of *stored* comes from.

    Parameters
    ----------
    stored : Dataset
        Its shapes need not match, nor its positions be inside the object.
    """
    if not is_computable(stored):
        return _blind_account(stored)
    evidence = Evidence.of(stored)
    if is_dark(evidence):
        return Account(evidence, (), {}, evidence)
    best: dict[str, Trial] = {}
    findings: list[Trial] = []
    current = evidence
    while len(findings) < MOST_PARTS:
        trials = _trials(current, best if not findings else {})
        if (found := chosen(trials)) is None:
            found, *more = _paired(current, trials) or (None,)
            if found is None:
                break
            findings += [found, *more]
        else:
            findings.append(found)
        current = Evidence.of(_corrected(evidence.stored, findings), findings[-1].corrected.one_photon)
    return Account(evidence, tuple(findings), best, current)


def is_dark(evidence: Evidence) -> bool:
    """Return whether measured or predicted patterns have no light: then nothing can be fitted."""
    return any(float(np.vdot(a, a)) <= DARK for a in (evidence.measured, evidence.predicted))


def is_computable(stored: Dataset) -> bool:
    """Return whether the forward model can be computed for at least half of the patterns."""
    return stored.shapes_match and bool(stored.inside.sum() >= max(len(stored.x) / 2, 1))


def chosen(trials: Iterable[Trial]) -> Trial | None:
    """Return the accepted trial that leaves least; of several that leave about as little, the simplest."""
    accepted = [trial for trial in trials if trial.is_accepted]
    if not accepted:
        return None
    best = min(_left(trial) for trial in accepted)
    near = [trial for trial in accepted if _least(trial) <= TIE_FACTOR * best + TIE_RESIDUAL]
    return min(near, key=lambda trial: trial.numbers)  # the first of several


def _left(trial: Trial) -> float:
    """Return the root of the excess that the correction leaves, as a share of the amplitude."""
    return float(max(trial.after.excess, 0.0) ** 0.5)


def _least(trial: Trial) -> float:
    """Return what the correction leaves, less what photon noise may have added to it."""
    excess = trial.after.excess - LEAST_DEVIATIONS * trial.after.deviation
    return float(max(excess, 0.0) ** 0.5)


def _trials(evidence: Evidence, best: dict[str, Trial]) -> list[Trial]:
    """Try all quick corrections, and slow ones where it is needed; note the best of each part in *best*."""
    trials = _fitted((part.quick for part in PARTS), evidence)
    found = chosen(trials)
    # Without most of its patterns, any dataset is explained: another part may explain them all. And another
    # order of a raster is nearly what another frame of its coordinates is. What leaves much may be part of a
    # mistake: without its amplitude, an object is too bright in some patterns.
    is_last_resort = (
        found is None
        or found.correction.kept is not None
        or (found.correction.part == order.PART and found.corrected.has_excess)
        or needs_search(found.corrected)
    )
    if is_last_resort and needs_search(evidence):
        trials += _fitted((part.slow for part in PARTS), evidence)
    for trial in trials:
        known = best.get(trial.correction.part)
        if known is None or trial.share > known.share:
            best[trial.correction.part] = trial
    return trials


def _fitted(offers: Iterable[Callable[[Evidence], Iterator[Correction]]], evidence: Evidence) -> list[Trial]:
    """Execute every correction that the parts offer; a part that cannot be fitted to the numbers has none."""
    trials: list[Trial] = []
    for offer in offers:
        with suppress(np.linalg.LinAlgError):
            trials += [trial for one in offer(evidence) if (trial := execute(one, evidence)) is not None]
    return trials


def _paired(evidence: Evidence, trials: list[Trial]) -> list[Trial]:
    """Return two corrections that explain the data together, where none does alone; empty if none do."""
    if residuals_of(evidence).is_explained:
        return []
    first = sorted((t for t in trials if t.correction.kept is None), key=_left)[:MOST_PAIRED]
    pairs = [(one, second) for one in first if (second := _on_top(evidence, one)) is not None]
    return list(min(pairs, key=lambda pair: _left(pair[1]), default=()))


def _on_top(evidence: Evidence, one: Trial) -> Trial | None:
    """Return the best quick correction on top of *one*."""
    current = Evidence.of(one.correction.apply(evidence.stored))
    return chosen(_fitted((part.quick for part in PARTS), current))


def _corrected(stored: Dataset, findings: list[Trial]) -> Dataset:
    for trial in findings:
        stored = trial.correction.apply(stored)
    return stored


def _blind_account(stored: Dataset) -> Account:
    """Return the correction that makes the data computable and explained, if there is one."""
    corrections = chain.from_iterable(part.blind(stored) for part in PARTS)
    trials = [trial for one in corrections if (trial := execute_blindly(one, stored)) is not None]
    found = chosen(trials)
    if found is None:
        return Account(None, (), {}, None)
    return Account(None, (found,), {found.correction.part: found}, found.corrected)
