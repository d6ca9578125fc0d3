"""Detector pixels: hot, flickering, dead or covered ones, a background, read noise, and uneven gain.

Each pixel is compared, over all patterns, with what is predicted for it and with pixels that are as bright:
a wrong position or probe spreads over all of them, a broken pixel stands alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.check.correction import Correction, Size
from harness.ptycho.check.parts.pixel_places import described, grown
from harness.ptycho.scan.photons import quantum, root_of_counts
from harness.ptycho.scan.residual import MAD_TO_DEVIATION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.check.evidence import Evidence
    from harness.ptycho.scan.residual import Dataset

PART = "pixel"

LEAST_DEVIATIONS = 7.0
"""Standard deviations at which a pixel is broken: 6.2 is exceeded by one of 4096 pixels in 10^6 scans, and
counts are skewed."""

LEAST_PHOTONS = 25.0
"""Photons by which a broken pixel is off: e^-25 is the chance that a lit one counts none."""

LEAST_FACTOR = 9.0
"""A broken pixel's error, in that of pixels as bright; a merely imperfect model does not reach it."""

LEAST_ERROR = 0.1
"""A broken pixel's squared error, in the mean light of a pixel. Where next to no light falls, two ways to
shift a patch by a fraction of a pixel differ by more than there is."""

MOST_BROKEN = 0.4
"""Share of the light in broken pixels; beyond, it is not the pixels that are wrong."""

LEAST_BACKGROUND = 0.005
"""Share of all light that a background holds, if it matters."""

LEAST_ELSEWHERE = 0.3
"""Share of a background that is in pixels darker than it: 0.68 and more in simulated ones, at most 0.006 in
what a measured scan's reconstruction and partly coherent light leave."""

LEAST_NOISY = 0.3
"""Share of the dark pixels' values that are not 0, if read noise is added to them."""

LEAST_GAIN = 0.04
"""Difference of intensity between two sides of the detector that matters."""

LEAST_STEP = 0.05
"""Share of the residual, photon noise included, that a step of the gain explains if it is worth a trial."""

LEAST_SIDE = 0.05
"""Share of the light on either side of a step of the gain."""

CLASS = 64
"""Pixels of about the same brightness that are compared."""

LOST = 0.5
"""A weak pixel's squared error in its light: 70 % of its amplitude is missing."""

STUCK = 0.05
"""Relative scatter over the patterns below which a pixel reads always the same."""

FEWEST_PATTERNS = 3
FLICKERING = 0.9
"""A hot pixel that is bright in a smaller share of the patterns flickers."""


def quick(evidence: Evidence) -> Iterator[Correction]:
    """Yield masks of broken pixels, and backgrounds, noise and gains that are seen in all patterns."""
    pixels = Pixels.of(evidence)
    if pixels is not None:
        yield from _broken(pixels)
        yield from _backgrounds(pixels)
        yield from _uneven_gain(pixels)


def slow(_: Evidence) -> Iterator[Correction]:
    """Yield nothing: all are quick."""
    return iter(())


def blind(_: Dataset) -> Iterator[Correction]:
    """Yield nothing: the rest of the scan must be explained first."""
    return iter(())


class Level(NamedTuple):
    """A background in units of intensity, its standard error, and its share of all light."""

    value: float
    error: float
    share: float


@dataclass(frozen=True, eq=False)
class Pixels:
    """What each detector pixel measured and what is predicted for it, over n patterns.

    Attributes
    ----------
    measured, predicted : (n, H, W) float
        Amplitudes; the prediction is scaled by what most of the light agrees on.
    one_photon : float or None
    """

    measured: np.ndarray
    predicted: np.ndarray
    one_photon: float | None

    @classmethod
    def of(cls, evidence: Evidence) -> Pixels | None:
        """Return the pixels of the sampled patterns; None if nothing is predicted or measured."""
        scale = robust_scale(evidence.predicted, evidence.measured)
        if scale <= 0:
            return None
        return cls(evidence.measured, scale * evidence.predicted, evidence.one_photon)

    @cached_property
    def light(self) -> np.ndarray:
        """Mean predicted intensity, (H, W)."""
        return np.asarray(np.mean(self.predicted**2, axis=0))

    @cached_property
    def stored(self) -> np.ndarray:
        """Mean measured intensity, (H, W)."""
        return np.asarray(np.mean(self.measured**2, axis=0))

    @cached_property
    def left(self) -> np.ndarray:
        """Measured minus predicted amplitudes, (n, H, W)."""
        return np.asarray(self.measured - self.predicted)

    @cached_property
    def errors(self) -> np.ndarray:
        """Mean squared error of the amplitude, (H, W)."""
        return np.asarray(np.mean(self.left**2, axis=0))

    @cached_property
    def usual(self) -> np.ndarray:
        """Median error of pixels that are as bright, (H, W)."""
        return _class_median(self.errors, self.light)

    @cached_property
    def deviations(self) -> np.ndarray:
        """By how many standard deviations each pixel's error differs from the usual one, (H, W)."""
        scatter = MAD_TO_DEVIATION * _class_median(np.abs(self.errors - self.usual), self.light)
        noise, spread = self._photon_noise()
        return np.asarray(
            (self.errors - np.maximum(self.usual, noise)) / np.maximum(np.maximum(scatter, spread), 1e-30)
        )

    def _photon_noise(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of the errors that photon noise leaves; 0 if it is unknown."""
        if self.one_photon is None:
            return np.zeros_like(self.light), np.zeros_like(self.light)
        true = self.predicted / self.one_photon
        root, variance = root_of_counts(true)
        noise = variance + (root - true) ** 2
        unit = self.one_photon**2
        # In dark pixels a single photon has an error of 1, however seldom it comes.
        spread = np.sqrt(np.mean(2 * variance**2 + noise * (true < 1), axis=0) / len(true))
        return unit * noise.mean(axis=0), unit * spread


def robust_scale(predicted: np.ndarray, measured: np.ndarray) -> float:
    """Return the scale that half of the predicted light lies below, and half above; 0 if there is none.

    Pixels vote with their light, so that a few hot or covered ones do not matter.
    """
    light = np.einsum("nij,nij->ij", predicted, predicted).ravel()
    if light.sum() == 0:
        return 0.0
    # Of intensities: the mean of the root of few counts lies below the root of their mean.
    squares = np.einsum("nij,nij->ij", measured, measured).ravel() / np.maximum(light, 1e-300)
    order = np.argsort(squares)
    votes = np.cumsum(light[order])
    return float(np.sqrt(squares[order][np.searchsorted(votes, votes[-1] / 2)]))


def _class_median(values: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Return the median of *values* over pixels of about the same *light*, (H, W) each."""
    order = np.argsort(light, axis=None)
    out = np.empty(values.size)
    for some in np.array_split(order, max(1, values.size // CLASS)):
        out[some] = np.median(values.ravel()[some])
    return out.reshape(values.shape)


def excluding(data: Dataset, broken: np.ndarray) -> Dataset:
    """Return *data* with a mask that excludes the pixels *broken*, (H, W) or (N, H, W), as well."""
    counts = ~broken if data.mask is None else data.mask & ~broken
    return replace(data, mask=counts)


def _broken(pixels: Pixels) -> Iterator[Correction]:
    """Yield a mask of the hot and dead pixels."""
    off = _off(pixels)
    dead = grown(off & (pixels.stored == 0), pixels.stored == 0)
    hot = off & ~dead
    broken = dead | hot
    if not broken.any() or pixels.light[broken].sum() > MOST_BROKEN * pixels.light.sum():
        return
    names = [described(dead, "dead")] if dead.any() else []
    if hot.any():
        names.append(described(hot, _kind(pixels, hot)))
    yield Correction(
        PART,
        " and ".join(names) + " without a mask",
        f"Store a mask (H, W) that excludes {'it' if broken.sum() == 1 else 'them'}: "
        f"{int(broken.sum())} of {broken.size} pixels.",
        lambda data: excluding(data, broken),
        parameters=int(broken.sum()),
        significance=float(pixels.deviations[off].max()),
    )


def _off(pixels: Pixels) -> np.ndarray:
    """Return which pixels differ from their prediction more than noise, and than pixels as bright, (H, W)."""
    gone = (pixels.stored == 0) & (pixels.light > LEAST_FACTOR * pixels.usual)
    off = (pixels.deviations > LEAST_DEVIATIONS) & ((pixels.errors > LEAST_FACTOR * pixels.usual) | gone)
    off &= pixels.errors > LEAST_ERROR * pixels.light.mean()
    off &= _is_lasting(pixels)
    if pixels.one_photon is not None:
        off &= len(pixels.measured) * pixels.errors > LEAST_PHOTONS * pixels.one_photon**2
    return np.asarray(off)


def _is_lasting(pixels: Pixels) -> np.ndarray:
    """Return which pixels are hot in several patterns, always read the same, or lost most of their light.

    What happens in one or two patterns is the patterns' fault; what reads part of its light is not broken.
    """
    mean = pixels.left.mean(axis=0)
    bright = np.sum(pixels.left > pixels.left.max(axis=0) / 2, axis=0)
    stuck = pixels.measured.std(axis=0) < STUCK * pixels.measured.mean(axis=0)
    weak = (mean < 0) & (pixels.errors > LOST * pixels.light)
    return np.asarray((mean > 0) & (bright >= FEWEST_PATTERNS) | stuck | weak)


def _kind(pixels: Pixels, hot: np.ndarray) -> str:
    """Return what pixels that are not dead are called."""
    measured = pixels.measured[:, hot]
    if np.all(measured.std(axis=0) < STUCK * measured.mean(axis=0)):
        return "hot" if pixels.left[:, hot].mean() > 0 else "stuck"
    if pixels.left[:, hot].mean() < 0:
        return "weak"
    bright = measured > measured.max(axis=0) / 2
    return "hot" if bright.mean() > FLICKERING else "flickering"


def _backgrounds(pixels: Pixels) -> Iterator[Correction]:
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


def varying_scale(pixels: Pixels) -> float:
    """Return the factor of the predicted light that explains how the measured one varies between patterns.

    A background is the same in all patterns, and takes no part in it.
    """
    light = np.square(pixels.predicted) - pixels.light
    stored = np.square(pixels.measured) - pixels.stored
    return float(np.vdot(light, stored) / max(np.vdot(light, light), 1e-300))


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


def _uneven_gain(pixels: Pixels) -> Iterator[Correction]:
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
