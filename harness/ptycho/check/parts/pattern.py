"""Single patterns: empty, copied, of another brightness, moved on the detector, hit, or explained by nothing.

Every pattern is compared with its own prediction, with a scale of its own. The statistics are robust: the
rest of the scan shows how well a pattern should be explained, and the number of patterns is counted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.parts.patterns.brightness import Brightness, descriptions, normalised_by
from harness.ptycho.check.parts.patterns.match import deviations
from harness.ptycho.check.parts.patterns.oddities import Oddities, find_oddities
from harness.ptycho.check.parts.patterns.survey import Survey, largest_usual, survey
from harness.ptycho.scan.contract import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "pattern"
DEVIATIONS = 8.0
"""Standard deviations beyond which a pattern is unusual; valid scans reach 4.8 (a measured one) and 3."""

LEAST_SPREAD = 0.02
"""The usual spread is taken to be at least this share of the median: noise-free data scatter by rounding."""

LEAST_VARIATION = 0.04
"""Spread of the beam's brightness (rms) that matters; 0.02 in a measured star, 0.01 in sound scans."""

LEAST_NORMALISED = 0.003
"""The same where all maxima or all energies are equal: no beam makes them so."""

LEAST_FACTOR = 0.15
"""A single pattern is brighter or darker if its light differs from the prediction by this share."""

FEW = 0.1
"""Up to this share of the patterns, unusual ones are listed one by one."""

MOST_ODD = 0.4
"""With more patterns than this share unusual, nothing shows what is usual."""

MOST_LISTED = 16
COUNTED_PHOTONS = 50
"""A pattern of more photons never repeats by chance."""

EQUAL = 1e-6
"""Errors within this share of each other are equal: a noise-free scan may visit one position twice."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield what is wrong with single patterns, kind by kind."""
    if len(evidence.data.x) < 2:  # noqa: PLR2004 - a single pattern has no rest of the scan to compare with
        return
    found = survey(evidence)
    lost = {**_empty(found), **_copied(found, evidence)}
    if lost:
        yield _removal(lost, evidence)
    yield from _brightness(found, evidence)
    moved = _moved(found)
    if len(moved):
        yield _rolled(moved, found, evidence)
    unusual = np.setdiff1d(_unusual(found, evidence), [*lost, *moved])
    if len(unusual) <= MOST_ODD * len(found.energy):
        yield from _odd(find_oddities(unusual, _limit(found), found, evidence), lost, evidence)


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the rest of the scan must be explained first."""
    return iter(())


def _limit(found: Survey) -> float:
    """Return the largest usual error of a pattern whose prediction has its own scale."""
    return largest_usual(found.unexplained[~found.is_empty], DEVIATIONS, LEAST_SPREAD)


def _unusual(found: Survey, evidence: Evidence) -> np.ndarray:
    """Return the patterns that are not explained as well as the others, beyond what noise does."""
    fit = evidence.whole
    unit = float(np.vdot(evidence.measured, evidence.measured)) / len(evidence.measured)
    noise = unit * (fit.noise + DEVIATIONS * fit.spread)
    return np.flatnonzero(~found.is_empty & (found.unexplained > np.maximum(noise, _limit(found))))


def _empty(found: Survey) -> dict[int, str]:
    return {int(j): "empty" for j in np.flatnonzero(found.is_empty)}


def _copied(found: Survey, evidence: Evidence) -> dict[int, str]:
    """Return the patterns with the same bytes as another one that fits its position at least as well.

    With noise, no pattern repeats itself; without, a place that is visited twice may give the same twice.
    """
    first: dict[bytes, int] = {}
    copies: dict[int, str] = {}
    is_counted = evidence.one_photon is not None
    for j in np.flatnonzero(~found.is_empty).tolist():
        other = first.setdefault(evidence.data.diffraction[j].tobytes(), j)
        if other == j:
            continue
        worse, better = (j, other) if found.unexplained[j] >= found.unexplained[other] else (other, j)
        differs = found.unexplained[worse] > (1 + EQUAL) * found.unexplained[better] + EQUAL * found.energy[j]
        if differs or (is_counted and found.energy[j] > COUNTED_PHOTONS * (evidence.one_photon or 0) ** 2):
            copies[worse] = f"same bytes as pattern {evidence.index[better]}"
    return copies


def _removal(lost: dict[int, str], evidence: Evidence, significance: float = np.inf) -> Correction:
    """Return the removal of patterns, indices into ``evidence.data``, with what is wrong with each."""
    index = evidence.index[sorted(lost)]
    kept = np.setdiff1d(np.arange(len(evidence.stored.x)), index)
    return Correction(
        PART,
        _listed({int(evidence.index[j]): lost[j] for j in sorted(lost)}, len(evidence.stored.x)),
        "Store the right patterns, or remove these patterns and their positions.",
        lambda data: data.take(kept),
        significance=significance,
        is_material=True,
        kept=kept,
        changed=index,
    )


def _listed(lost: dict[int, str], count: int) -> str:
    """Return the problems one by one, or as a number if there are many of one kind."""
    kinds: dict[str, list[int]] = {}
    for j, problem in lost.items():
        kinds.setdefault(problem, []).append(j)
    texts = []
    for problem, patterns in kinds.items():
        if len(patterns) <= max(FEW * count, 2) and len(patterns) <= MOST_LISTED:
            texts += [f"pattern {j}: {problem}" for j in patterns]
        else:
            shown = ", ".join(map(str, patterns[:MOST_LISTED])) + (
                ", ..." if len(patterns) > MOST_LISTED else ""
            )
            texts.append(f"{len(patterns)} of {count} patterns {problem} ({shown})")
    more = len(texts) - MOST_LISTED
    return "; ".join(texts[:MOST_LISTED]) + (f"; and {more} more" if more > 0 else "")


def _brightness(found: Survey, evidence: Evidence) -> Iterator[Correction]:
    """Yield how the brightness of the patterns varies, if it does by more than noise and enough to matter."""
    lit = ~found.is_empty & (found.unexplained <= _limit(found))
    light, variance = found.brightness, found.brightness_variance
    apart = lit & (np.abs(light - 1) > np.maximum(LEAST_FACTOR, DEVIATIONS * np.sqrt(variance)))
    if (
        0 < apart.sum() <= max(FEW * len(light), 1)
        and _variation(light, variance, lit & ~apart) < LEAST_VARIATION
    ):
        single = {int(j): f"{light[j]:.3g} times as bright as predicted" for j in np.flatnonzero(apart)}
        yield _divided(_single(single, np.where(apart, found.factor**2, 1.0), evidence), np.inf, evidence)
        return
    normalised = normalised_by(evidence.data.diffraction, ~found.is_empty)
    least = LEAST_NORMALISED if normalised else LEAST_VARIATION
    if lit.sum() < 2 or _variation(light, variance, lit) < least:  # noqa: PLR2004 - one is usual
        return
    significance = _variation_significance(light, variance, lit)
    if significance > DEVIATIONS:
        for one in descriptions(found.factor**2, variance, lit, normalised):
            yield _divided(one, significance, evidence)


def _single(problems: dict[int, str], factors: np.ndarray, evidence: Evidence) -> Brightness:
    index = {int(evidence.index[j]): text for j, text in problems.items()}
    roots = ", ".join(f"{evidence.index[j]} by {np.sqrt(factors[j]):.3g}" for j in problems)
    return Brightness(
        _listed(index, len(evidence.stored.x)),
        f"Divide the amplitudes of these patterns by what they are too bright: pattern {roots}.",
        factors,
        len(problems),
    )


def _variation(light: np.ndarray, variance: np.ndarray, which: np.ndarray) -> float:
    """Return the spread (rms) of the brightness beyond noise, 0 if there is none."""
    if not which.any():
        return 0.0
    return float(np.sqrt(max(np.mean((light[which] - 1) ** 2 - variance[which]), 0.0)))


def _variation_significance(light: np.ndarray, variance: np.ndarray, which: np.ndarray) -> float:
    """Return by how many standard deviations of a chi square the brightness varies more than noise."""
    if not variance[which].all():
        return np.inf
    count = int(which.sum())
    return float((np.sum((light[which] - 1) ** 2 / variance[which]) - count) / np.sqrt(2 * count))


def _divided(one: Brightness, significance: float, evidence: Evidence) -> Correction:
    """Return the division of all patterns by their factors."""
    roots = np.ones(len(evidence.stored.x))
    roots[evidence.index] = np.sqrt(one.factors)

    def apply(data: Dataset) -> Dataset:
        stack = data.diffraction / roots[:, None, None].astype(data.diffraction.dtype)
        return replace(data, diffraction=stack)

    return Correction(
        PART,
        one.name,
        one.remedy,
        apply,
        parameters=one.parameters,
        significance=significance,
        is_material=True,
        changed=evidence.index[one.factors != 1] if one.parameters < FEW * len(roots) else None,
    )


def _moved(found: Survey) -> np.ndarray:
    """Return the patterns that fit clearly better where they lie a few pixels off."""
    candidates = np.flatnonzero(found.shift.any(axis=1) & ~found.is_empty)
    scale = np.maximum(found.unexplained - found.moved, 0.0)
    trials = float(np.log(found.values * len(found.energy)))
    kept = [
        j
        for j in candidates.tolist()
        if found.moved[j] < found.unexplained[j] / 2
        and deviations(float(scale[j]), float(found.moved[j]) / found.values, trials) > DEVIATIONS
    ]
    return np.array(kept, dtype=np.intp)


def _rolled(moved: np.ndarray, found: Survey, evidence: Evidence) -> Correction:
    """Return the correction that rolls each of the *moved* patterns back."""
    index, shift = evidence.index[moved], found.shift[moved]
    count = len(evidence.stored.x)
    if len(moved) <= max(FEW * count, 1):
        name = _listed(
            {
                int(j): f"shifted on the detector by ({dy:+d}, {dx:+d}) px in (rows, columns)"
                for j, (dy, dx) in zip(index, shift.tolist(), strict=True)
            },
            count,
        )
    else:
        size = float(np.sqrt(np.sum(shift**2) / count))
        name = (
            f"{len(moved)} of {count} patterns shifted on the detector, each by itself ({size:.2g} px rms, "
            f"up to {np.abs(shift).max()} px): the beam wanders, or patterns were centred one by one"
        )

    def apply(data: Dataset) -> Dataset:
        stack = data.diffraction.copy()
        mask = None if data.mask is None else np.broadcast_to(data.mask, stack.shape).copy()
        for j, (dy, dx) in zip(index, shift.tolist(), strict=True):
            stack[j] = np.roll(stack[j], (-dy, -dx), axis=(0, 1))
            if mask is not None:
                mask[j] = np.roll(mask[j], (-dy, -dx), axis=(0, 1))
        return replace(data, diffraction=stack, mask=mask)

    listed = "; ".join(
        f"{j}: ({-dy}, {-dx})" for j, (dy, dx) in list(zip(index, shift.tolist(), strict=True))[:MOST_LISTED]
    )
    more = ", ..." if len(index) > MOST_LISTED else ""
    return Correction(
        PART,
        name,
        f"Roll each pattern back, by (rows, columns): {listed}{more}.",
        apply,
        parameters=2 * len(moved),
        significance=np.inf,
        is_material=True,
        changed=index,
    )


def _odd(odd: Oddities, lost: dict[int, str], evidence: Evidence) -> Iterator[Correction]:
    """Yield a mask for pixels that were hit, and the removal of patterns that nothing explains."""
    if odd.hits:
        yield _masked(odd.hits, evidence)
    if odd.problems:
        yield _removal({**lost, **odd.problems}, evidence, odd.significance)


def _masked(hits: dict[int, np.ndarray], evidence: Evidence) -> Correction:
    """Return the mask of single pixels, (H, W) bool for each pattern, that are far too bright."""
    index = {int(evidence.index[j]): hit for j, hit in hits.items()}
    pixels = sum(int(hit.sum()) for hit in hits.values())

    def apply(data: Dataset) -> Dataset:
        mask = np.ones(data.diffraction.shape, dtype=bool)
        if data.mask is not None:
            mask &= data.mask
        for j, hit in index.items():
            mask[j] &= ~hit
        return replace(data, diffraction=np.where(mask, data.diffraction, 0), mask=mask)

    each = {j: f"{counted(int(hit.sum()), 'pixel')} hit by a cosmic ray" for j, hit in index.items()}
    return Correction(
        PART,
        "single pixels far too bright in single patterns: " + _listed(each, len(evidence.stored.x)),
        "Mask these pixels in these patterns (mask of shape (N, H, W), False where a pixel was hit).",
        apply,
        parameters=2 * pixels,
        significance=np.inf,
        is_material=True,
        changed=np.array(sorted(index)),
    )
