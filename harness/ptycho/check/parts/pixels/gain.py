"""Parts of the detector that count more than others: a flat field that was not corrected."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.ptycho.check.correction import Correction
from harness.ptycho.check.parts.pixels.sums import PART, Pixels
from harness.ptycho.scan.photons import quantum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.scan.residual import Dataset

LEAST_GAIN = 0.04
"""Difference of intensity between two sides of the detector that matters."""

LEAST_STEP = 0.05
"""Share of the residual, photon noise included, that a step of the gain explains if it is worth a trial."""

LEAST_SIDE = 0.05
"""Share of the light on either side of a step of the gain."""


def uneven_gain(pixels: Pixels) -> Iterator[Correction]:
    """Yield the division by another gain on one side of a row or column, and by one for each pixel."""
    cross = np.sum(pixels.measured * pixels.predicted, axis=0)
    energy = np.sum(pixels.predicted**2, axis=0)
    least = LEAST_STEP * float(pixels.errors.sum()) * len(pixels.measured)
    for axis, names in ((1, ("column", "left", "right")), (0, ("row", "upper", "lower"))):
        step = best_step(cross.sum(axis=1 - axis), energy.sum(axis=1 - axis), least)
        if step is not None and (found := _stepped(pixels, axis, names, *step)) is not None:
            yield found


def best_step(cross: np.ndarray, energy: np.ndarray, least: float = 0.0) -> tuple[int, float] | None:
    """Return the place from which on another gain explains most, and the gain before it in that after it.

    cross, energy : (n,) float, sums of measured times predicted and of predicted squared; None if there is no
    step of at least ``LEAST_GAIN`` that explains at least *least* of the measured energy.
    """
    before, after = np.cumsum(cross)[:-1], cross.sum() - np.cumsum(cross)[:-1]
    lit, rest = np.cumsum(energy)[:-1], energy.sum() - np.cumsum(energy)[:-1]
    are_lit = np.minimum(lit, rest) > LEAST_SIDE * energy.sum()
    if not are_lit.any():
        return None
    explained = np.where(
        are_lit, before**2 / np.maximum(lit, 1e-300) + after**2 / np.maximum(rest, 1e-300), 0
    )
    place = int(np.argmax(explained))
    ratio = float(before[place] / lit[place] / (after[place] / rest[place]))
    gained = float(explained[place] - cross.sum() ** 2 / energy.sum())
    return (place + 1, ratio) if abs(ratio**2 - 1) >= LEAST_GAIN and gained >= least else None


def _stepped(
    pixels: Pixels, axis: int, names: tuple[str, str, str], place: int, ratio: float
) -> Correction | None:
    """Return the correction of a step at *place*; None if both sides show photons of the same amplitude."""
    first, rest = (quantum(side) for side in np.split(pixels.measured, [place], axis=axis + 1))
    if first and rest:
        if abs(first / rest / ratio - 1) >= LEAST_GAIN:
            return None
        ratio = first / rest  # exact
    if abs(ratio**2 - 1) < LEAST_GAIN:
        return None
    gain = np.ones(pixels.light.shape, dtype=np.float64)
    np.moveaxis(gain, axis, 0)[:place] = ratio

    def apply(data: Dataset) -> Dataset:
        return replace(data, diffraction=(data.diffraction / gain).astype(data.diffraction.dtype))

    more = f"{abs(ratio**2 - 1):.1%} {'more' if ratio > 1 else 'less'}"
    return Correction(
        PART,
        f"uneven gain: the {names[1]} side, up to {names[0]} {place - 1}, counts {more} than the "
        f"{names[2]} one",
        f"Divide diffraction by {ratio:.6g} in {names[0]}s 0-{place - 1}: the flat field was not corrected.",
        apply,
        parameters=2,
        is_material=True if first and rest else None,
        one_photon=rest,
    )
