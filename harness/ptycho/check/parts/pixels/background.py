"""A background in all patterns, the same for all pixels or one for each, and noise of the electronics."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.correction import Correction, Size
from harness.ptycho.check.parts.pixels.sums import LEAST_DEVIATIONS, PART, Pixels, excluding, varying_scale
from harness.ptycho.scan.residual import MAD_TO_DEVIATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.scan.residual import Dataset

LEAST_BACKGROUND = 0.005
"""Share of all light that a background holds, if it matters."""

LEAST_ELSEWHERE = 0.3
"""Share of a background that is in pixels darker than it: 0.68 and more in simulated ones, at most 0.006 in
what a measured scan's reconstruction and partly coherent light leave."""

LEAST_NOISY = 0.3
"""Share of the dark pixels' values that are not 0, if read noise is added to them."""


class Level(NamedTuple):
    """A background in units of intensity, its standard error, and its share of all light."""

    value: float
    error: float
    share: float


def backgrounds(pixels: Pixels) -> Iterator[Correction]:
    """Yield the subtraction of a constant background, and of one for each pixel."""
    level = dark_level(pixels)
    if level is None:
        return
    if (noise := _read_noise(pixels)) is not None:
        yield noise
        return
    if level.share < LEAST_BACKGROUND:
        return
    constant = np.full(pixels.light.shape, level.value)
    yield _background(pixels, constant, "a constant background", level, parameters=1)
    each = np.maximum(pixels.stored - pixels.light * varying_scale(pixels), 0)
    yield _background(pixels, each, "a background of its own for each pixel", level, parameters=each.size)


def dark_level(pixels: Pixels) -> Level | None:
    """Return what the darkest half of the pixels reads beyond its light; None if it is not significant."""
    dark = pixels.light <= np.median(pixels.light)
    above = pixels.stored[dark] - pixels.light[dark]
    middle = np.median(above)
    # Hot pixels are not a background.
    usual = above[np.abs(above - middle) <= 5 * MAD_TO_DEVIATION * np.median(np.abs(above - middle))]
    value, error = float(usual.mean()), float(usual.std() / np.sqrt(usual.size))
    share = value * pixels.light.size / max(float(pixels.stored.sum()), 1e-300)
    if value < LEAST_DEVIATIONS * error:
        return None
    return Level(value, error, share)


def _background(
    pixels: Pixels, background: np.ndarray, name: str, level: Level, parameters: int
) -> Correction:
    faint = pixels.light * varying_scale(pixels) < background
    # Light that the model lacks, such as that of other modes of the probe, is found where its light is.
    is_elsewhere = background[faint].sum() >= LEAST_ELSEWHERE * background.sum()
    total = float(background.sum() / max(pixels.stored.sum(), 1e-300))

    def apply(data: Dataset) -> Dataset:
        left = np.square(data.diffraction, dtype=np.float64) - background
        stack = np.sqrt(np.maximum(left, 0)).astype(data.diffraction.dtype)
        return excluding(replace(data, diffraction=stack), faint)

    subtract = f"subtract {background.mean():.3g}" + (" on average" if parameters > 1 else "")
    return Correction(
        PART,
        f"{name} ({total:.2g} of all light)",
        f"Before the square root, {subtract} from diffraction ** 2, set what is negative to 0, and store a "
        f"mask (H, W) that excludes the {int(faint.sum())} pixels that are darker than the background.",
        apply,
        parameters=parameters,
        is_material=None if parameters == 1 or is_elsewhere else False,
        sizes=(Size("background", total * 100, total * 100 * level.error / level.value, "% of all light"),),
        one_photon=pixels.one_photon,
    )


def _read_noise(pixels: Pixels) -> Correction | None:
    """Return a mask of the pixels whose light drowns in read noise; None if dark pixels count photons.

    Noise that is negative was stored as 0, and what is left has no value twice.
    """
    dark = np.square(pixels.measured[:, pixels.light <= np.median(pixels.light)])
    above = dark[dark > 0]
    if pixels.one_photon is not None or above.size < LEAST_NOISY * dark.size or _are_repeated(above):
        return None
    if np.median(dark.var(axis=0)) < np.mean(dark) ** 2 / 4:
        return None
    variance = float(np.mean(above**2))  # of a normal distribution: of each half as of both
    left = np.square(pixels.measured) - np.square(pixels.predicted)
    bright = pixels.light > np.sqrt(variance)
    if not bright.any():
        return None
    one_photon2 = float(np.median((left.var(axis=0)[bright] - variance) / pixels.light[bright]))
    if one_photon2 <= 0:
        return None
    deviation = np.sqrt(variance) / one_photon2
    faint = pixels.light < variance / one_photon2
    return Correction(
        PART,
        f"read noise of {deviation:.2g} photons (standard deviation), which is added to every pixel",
        f"It cannot be undone. Store a mask (H, W) that excludes the {int(faint.sum())} pixels whose light "
        "is fainter than it.",
        lambda data: excluding(data, faint),
        parameters=1,
        is_material=True,
        one_photon=float(np.sqrt(one_photon2)),
    )


def _are_repeated(values: np.ndarray) -> bool:
    """Return whether most of *values*, (n,), occur several times, as counts do."""
    some = values[: 1 << 14]
    return len(np.unique(some)) < some.size / 2
