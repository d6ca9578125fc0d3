"""Values that were clipped, wrapped around, rounded to few levels, or cut off because they were small."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.scan.forward import BLOCK, amplitude

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "value"
LIT = 0.02
"""Pixels above this share of the brightest give the scale of a stack whose brightest pixels are wrong."""

SCALE_ROUNDS = 6
FEWEST_VALUES = 8
"""Values that are clipped, wrapped or cut off, at least."""

EQUAL = 1e-6
BEYOND = 1.05
"""Clipped values are predicted larger, on average, by this factor."""

NEAR = 1.05
"""The largest of many values that wrapped around at a power of two is this near to it."""

LOST = 1.1
"""Values are predicted larger by this factor than all stored ones where they wrapped around."""

TELLING = 0.2
"""Root mean square distance from whole multiples, in multiples, below which the prediction tells them. Chance
gives 0.29."""

EVENLY = 0.02
"""How far, with three standard errors more, the mean of wrapped intensities may be from half a period: they
are spread evenly over it."""

MOST_LEVELS = 300
CUT_PHOTONS = 25.0
"""Values of few photons that are expected, at least, where none is found."""


def limited(evidence: Evidence) -> Iterator[Correction]:
    """Yield masks of clipped, overflowed, and small values, and what wrapped around unwrapped."""
    scale = dim_scale(evidence.predicted, evidence.measured)
    if scale <= 0:
        return
    predicted = scale * evidence.predicted
    yield from _clipped(predicted, evidence.measured)
    yield from _overflowed(predicted, evidence.measured, scale, evidence.one_photon)
    yield from _rounded(evidence.measured, scale)
    yield from _cut_off(predicted, evidence.measured, scale, evidence.one_photon)


def dim_scale(predicted: np.ndarray, stored: np.ndarray) -> float:
    """Return the scale of the pixels that are neither dark nor predicted above all stored values.

    Which pixels these are depends on the scale, so both are found in turn, from the dimmest pixels on.
    """
    lit = predicted > LIT * predicted.max(initial=0)
    if not lit.any():
        return 0.0
    light, values = predicted[lit], stored[lit]
    some = light <= np.quantile(light, 0.25)
    most = float(stored.max())
    for _ in range(SCALE_ROUNDS):
        # Of intensities: the mean of the root of few counts lies below the root of their mean.
        scale = float(np.sqrt(values[some] @ values[some] / (light[some] @ light[some])))
        some = (scale * light <= most / 2) | (light <= np.quantile(light, 0.1))
    return scale


def _excluding(data: Dataset, lost: np.ndarray) -> Dataset:
    return replace(data, mask=~lost if data.mask is None else data.mask & ~lost)


def _clipped(predicted: np.ndarray, measured: np.ndarray) -> Iterator[Correction]:
    """Yield a mask of the values that equal the largest, if they are predicted larger."""
    most = float(measured.max())
    at_most = measured >= most * (1 - EQUAL)
    count = int(at_most.sum())
    if count < FEWEST_VALUES or predicted[at_most].mean() < BEYOND * most:
        return
    yield Correction(
        PART,
        f"saturated pixels: {at_most.mean():.2%} of the values are clipped at {most:.4g}",
        f"Store a mask (N, H, W) that excludes the values of {most * (1 - EQUAL):.6g} and more.",
        lambda data: _excluding(data, data.diffraction >= most * (1 - EQUAL)),
        parameters=1,
        significance=_beyond(predicted[at_most], most),
    )


def _beyond(values: np.ndarray, most: float) -> float:
    """Return by how many standard errors the mean of *values*, (n,), is larger than *most*."""
    return float((values.mean() - most) / max(values.std() / np.sqrt(values.size), 1e-9 * most))


def _overflowed(
    predicted: np.ndarray, measured: np.ndarray, scale: float, one_photon: float | None
) -> Iterator[Correction]:
    """Yield a correction of bright values that wrapped around, or that were stored as 0."""
    most = float(measured.max())
    lost = (predicted > LOST * most) & (measured < (1 - EQUAL) * most)
    gone = (predicted > most) & (measured == 0)
    if not _are_dim_ones_explained(predicted, measured, most):
        return
    if gone.sum() >= FEWEST_VALUES and gone.sum() > np.sum(predicted > most) / 2:
        yield _zeroed(most, scale, float(gone.mean()), _beyond(predicted[gone], most))
        return
    if lost.sum() < FEWEST_VALUES:
        return
    share = float(lost.mean())
    period = _period(most**2, None if one_photon is None else one_photon**2)
    lit = predicted > LIT * predicted.max()
    for _ in range(SCALE_ROUNDS):
        light = np.square(predicted)
        whole = unwrapped(np.square(measured), light, period)
        factor = float(np.sqrt(whole[lit].sum() / light[lit].sum()))
        predicted, scale = factor * predicted, factor * scale
    stored = np.square(measured[lost])
    turns = (np.square(predicted[lost]) - stored) / period
    is_told = bool(np.sqrt(np.mean((turns - np.rint(turns)) ** 2)) < TELLING)
    if is_told or abs(stored.mean() / period - 1 / 2) < EVENLY + 3 / np.sqrt(12 * stored.size):
        yield _wrapped(scale, period, share, is_told=is_told)


def _period(most: float, unit: float | None) -> float:
    """Return the period of intensities of up to *most*: a power of two times the *unit*, if it fits.

    >>> _period(250.0, 1.0), _period(250.0, None), _period(180.0, 1.0)
    (256.0, 250.0, 181.0)
    """
    if unit is None:
        return most
    nearest = float(2 ** np.ceil(np.log2(most / unit + 1 / 2))) * unit
    return nearest if nearest < NEAR * most else most + unit


def unwrapped(stored: np.ndarray, light: np.ndarray, period: float) -> np.ndarray:
    """Return stored intensities plus the multiple of *period* that brings each nearest to its light.

    >>> unwrapped(np.array([3.0, 5.0]), np.array([36.0, 4.0]), 16.0)
    array([35.,  5.])
    """
    added = period * np.maximum(np.rint((light - stored) / period), 0)
    return np.asarray(stored + added)


def _are_dim_ones_explained(predicted: np.ndarray, measured: np.ndarray, most: float) -> bool:
    """Return whether the lit values that no limit affects are explained by half at least."""
    dim = (predicted > LIT * predicted.max()) & (predicted < most / 2) & (measured < most / 2)
    errors = np.sum((measured[dim] - predicted[dim]) ** 2)
    return bool(errors < np.sum(measured[dim] ** 2) / 2)


def _zeroed(most: float, scale: float, share: float, significance: float) -> Correction:
    return Correction(
        PART,
        f"overflowed bright pixels, stored as 0 ({share:.2%} of all values)",
        "Convert counts to an unsigned or floating-point type before any arithmetic. What is lost cannot be "
        "recovered: store a mask (N, H, W) that excludes the values of 0 that are predicted above "
        f"{most / 2:.3g}.",
        lambda data: _excluding(data, (data.diffraction == 0) & (light_of(data, scale) > most**2 / 4)),
        parameters=1,
        significance=significance,
    )


def _wrapped(scale: float, period: float, share: float, *, is_told: bool) -> Correction:
    def apply(data: Dataset) -> Dataset:
        stored = np.square(data.diffraction, dtype=np.float64)
        return replace(data, diffraction=np.sqrt(unwrapped(stored, light_of(data, scale), period)))

    doubt = (
        ""
        if is_told
        else " Photon noise is as large as the multiple, so that single values may be off by one."
    )
    return Correction(
        PART,
        f"overflowed bright pixels ({share:.2%} of all values), whose intensities wrapped around",
        "Convert counts to floating point before any arithmetic. Until then, add the multiple of "
        f"{period:.6g} to diffraction ** 2 that is nearest to the prediction.{doubt}",
        apply,
        parameters=1,
    )


def _rounded(measured: np.ndarray, scale: float) -> Iterator[Correction]:
    """Yield a mask of what is fainter than the step between amplitudes that have few levels."""
    some = np.unique(measured.ravel()[:: max(1, measured.size >> 15)])
    if not FEWEST_VALUES <= len(some) <= MOST_LEVELS:
        return
    step = float(np.diff(some).min())
    if np.abs(some / step - np.rint(some / step)).max() > 1e-3 * len(some):
        return
    yield Correction(
        PART,
        f"amplitudes rounded to about {round(measured.max() / step) + 1} levels",
        "Store what was measured, in float32. What was rounded off cannot be recovered: store a mask "
        f"(N, H, W) that excludes the values predicted below {step:.4g}, one level.",
        lambda data: _excluding(data, light_of(data, scale) < step**2),
        parameters=1,
    )


def _cut_off(
    predicted: np.ndarray, measured: np.ndarray, scale: float, one_photon: float | None
) -> Iterator[Correction]:
    """Yield a mask of the faint values, if none of the fewest photons is found where many are expected."""
    if one_photon is None or not (lit := measured[measured > 0]).size:
        return
    least = round(float(lit.min() / one_photon) ** 2)
    if least < 2 or _expected_below(predicted / one_photon, least) < CUT_PHOTONS:  # noqa: PLR2004 - photons
        return
    threshold = (least + 3 * np.sqrt(least)) * one_photon**2
    yield Correction(
        PART,
        f"faint counts cut off: no value of fewer than {least} photons",
        "Store all counts. What was cut off cannot be recovered: store a mask (N, H, W) that excludes the "
        f"values predicted below {np.sqrt(threshold):.4g}.",
        lambda data: _excluding(data, light_of(data, scale) < threshold),
        parameters=1,
        is_material=True,
    )


def _expected_below(amplitudes: np.ndarray, least: int) -> float:
    """Return how many values of 1 to ``least - 1`` photons are expected, given amplitudes in photons."""
    mean = np.square(amplitudes)
    term, total = np.exp(-mean), 0.0
    for count in range(1, least):
        term = term * mean / count
        total += float(term.sum())
    return total


def light_of(data: Dataset, scale: float) -> np.ndarray:
    """Return the intensities predicted for all patterns, (N, H, W) float32, with a given scale of amplitudes.

    Patterns whose patch is outside the object have none.
    """
    out = np.zeros((len(data.x), *data.probe.shape), dtype=np.float32)
    for index in np.array_split(np.flatnonzero(data.inside), max(1, len(data.x) // BLOCK)):
        predicted = amplitude(data.probe, data.object, data.x[index], data.y[index])
        out[index] = np.square(scale * predicted)
    return out
