"""How the brightness of patterns differs from what is predicted: in steps, along the scan, or one by one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FOLLOWED = 0.8
"""Share of the variation that a step or a decay must describe to be called one."""

SAME = 1e-5
"""Maxima or energies of all patterns that differ by less are normalised: float32 keeps 7 digits."""

NORMALISED = 0.95
"""Share of the patterns that must have the same."""


@dataclass(frozen=True, slots=True, eq=False)
class Brightness:
    """A description of how bright patterns are.

    Attributes
    ----------
    name, remedy : str
    factors : (N,) float
        What the light of each pattern is to be divided by.
    parameters : int
        Numbers that were fitted.
    """

    name: str
    remedy: str
    factors: np.ndarray
    parameters: int


def descriptions(
    brightness: np.ndarray, variance: np.ndarray, counts: np.ndarray, normalised: str
) -> list[Brightness]:
    """Return how *brightness* varies, in the fewest numbers first.

    Parameters
    ----------
    brightness : (N,) float
        Light of each pattern in that of its prediction; 1 is usual.
    variance : (N,) float
        What noise gives to it.
    counts : (N,) bool
        Which patterns are lit.
    normalised : str
        What is the same in all patterns, "maximum" or "energy"; empty if nothing is.

    Examples
    --------
    >>> beam = np.where(np.arange(16) < 8, 1.0, 0.5)
    >>> [one.name for one in descriptions(beam, np.zeros(16), beam > 0, "")][0]
    'a beam of other brightness from pattern 8 on: 0.5 times as bright'
    """
    free = _free(np.where(counts, brightness, 1.0), counts, normalised)
    if normalised:
        return [free]
    log, place = np.log(brightness[counts]), np.flatnonzero(counts)
    noise = float(np.mean(variance[counts] / brightness[counts] ** 2))
    all_of_it = float(log.var()) - noise
    followed = [
        one
        for one, left in (_step(log, place, len(counts)), _decay(log, place, len(counts)))
        if left - noise <= (1 - FOLLOWED) * all_of_it
    ]
    return [*followed, free]


def normalised_by(stack: np.ndarray, counts: np.ndarray) -> str:
    """Return what is the same in all patterns that count: "maximum", "energy", or "" if nothing is.

    stack : (N, H, W) real; counts : (N,) bool.
    """
    lit = stack[counts]
    for name, values in (
        ("maximum", lit.max(axis=(1, 2))),
        ("energy", np.sqrt(np.einsum("nij,nij->n", lit, lit, dtype=np.float64))),
    ):
        usual = float(np.median(values))
        if np.mean(np.abs(values - usual) <= SAME * usual) >= NORMALISED:
            return name
    return ""


def _step(log: np.ndarray, place: np.ndarray, count: int) -> tuple[Brightness, float]:
    """Return the best single step, and the variance that it leaves."""
    n, total = len(log), np.cumsum(log)
    before = np.arange(1, n)
    gain = total[:-1] ** 2 / before + (total[-1] - total[:-1]) ** 2 / (n - before)
    k = int(gain.argmax()) + 1
    left = float(np.sum(log**2) - gain.max()) / n
    first, rest = float(np.exp(log[:k].mean())), float(np.exp(log[k:].mean()))
    start = int(place[k])
    factors = np.where(np.arange(count) < start, first, rest)
    name = f"a beam of other brightness from pattern {start} on: {rest / first:.3g} times as bright"
    remedy = f"Divide the amplitudes of patterns {start} and later by {np.sqrt(rest / first):.4g}."
    return Brightness(name, remedy, factors / first, 2), left


def _decay(log: np.ndarray, place: np.ndarray, count: int) -> tuple[Brightness, float]:
    """Return the best exponential decay along the scan, and the variance that it leaves."""
    slope, start = np.polyfit(place, log, 1)
    left = float(np.mean((log - start - slope * place) ** 2))
    index = np.arange(count)
    change = float(np.exp(slope * (count - 1)))
    verb = "decays" if slope < 0 else "grows"
    name = f"a beam whose brightness {verb} along the scan, to {change:.3g} times that of the first pattern"
    remedy = f"Divide the amplitude of pattern j by np.exp({slope / 2:.4g} * j)."
    return Brightness(name, remedy, np.exp(slope * index), 2), left


def _free(brightness: np.ndarray, counts: np.ndarray, normalised: str) -> Brightness:
    spread = float(brightness[counts].std())
    if normalised:
        name = (
            f"each pattern normalised by its own {normalised}: its brightness differs by {spread:.1%} (rms)"
        )
        remedy = (
            "Store patterns that share one scale; until then, divide each by its own factor, as predicted by "
            "probe, object and position."
        )
    else:
        name = f"a beam whose brightness varies by {spread:.1%} (rms) between patterns"
        remedy = (
            "Divide each pattern by the root of its beam current, or by its own factor, as predicted by "
            "probe, object and position."
        )
    return Brightness(name, remedy, brightness, int(counts.sum()))
