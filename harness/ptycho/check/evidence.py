"""What the parts of the budget are fitted to: patterns, their predictions, and what photon noise leaves.

A masked pixel is zero in the measured and in the predicted stack, so it adds nothing to any sum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from harness.ptycho.scan.forward import BLOCK, amplitude, fitted_scale
from harness.ptycho.scan.mask import masked
from harness.ptycho.scan.photons import root_of_counts, usual_quantum
from harness.ptycho.scan.select import stratified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.ptycho.scan.residual import Dataset

SAMPLED_PATTERNS = 128
"""Patterns that parts of the whole scan are fitted to; they are spread over its area."""

LEAST_DEVIATIONS = 3.0
"""Standard deviations of photon noise; an excess below is none."""

LEAST_EXCESS = 1e-6
"""An excess below is none: 0.1 % of the amplitude. Two ways to shift a patch by a fraction of a pixel differ
by less."""


class Fit(NamedTuple):
    """How well predictions explain patterns, in units of the patterns' mean energy.

    Attributes
    ----------
    errors : (n,) float
        Squared difference of each pattern and its prediction; one scale is fitted to all.
    noise : (n,) float
        What photon noise would leave of it on average; 0 if the dose is unknown.
    spread : (n,) float
        Standard deviation of what photon noise leaves; 0 if the dose is unknown.
    scale : float
        What predictions are multiplied by.
    """

    errors: np.ndarray
    noise: np.ndarray
    spread: np.ndarray
    scale: float

    @property
    def residual(self) -> float:
        """The forward residual, 0 to 1."""
        return float(np.sqrt(self.errors.mean()))

    @property
    def floor(self) -> float:
        """The forward residual that photon noise alone would leave; 0 if the dose is unknown."""
        return float(np.sqrt(self.noise.mean()))

    @property
    def excess(self) -> float:
        """What photon noise does not explain: the squared residual beyond the squared floor."""
        return float(np.mean(self.errors - self.noise))

    @property
    def deviation(self) -> float:
        """Standard deviation that photon noise gives to the excess; 0 if the dose is unknown."""
        return float(np.sqrt(np.sum(self.spread**2))) / len(self.spread)

    @property
    def significance(self) -> float:
        """By how many standard deviations the excess differs from zero; infinite if the dose is unknown."""
        return self.excess / self.deviation if self.deviation else np.inf


def fit(predicted: np.ndarray, measured: np.ndarray, one_photon: float | None) -> Fit:
    """Compare predicted with measured amplitudes, (n, H, W) each, masked pixels zero in both.

    Parameters
    ----------
    predicted, measured : (n, H, W) float
    one_photon : float or None
        Amplitude of a single photon in *measured*, if it is known.

    Examples
    --------
    >>> stack = np.ones((2, 4, 4))
    >>> fit(stack, 3 * stack, one_photon=None).residual
    0.0
    """
    energy, nothing = float(np.vdot(measured, measured)) / len(measured), np.zeros(len(measured))
    if energy == 0:
        return Fit(np.ones(len(measured)), nothing, nothing, 0.0)
    scale = fitted_scale(predicted, measured)
    errors = _per_pattern((scale * predicted - measured) ** 2) / energy
    if one_photon is None:
        return Fit(errors, nothing, nothing, scale)
    noise, spread = _photon_noise(predicted, float(np.vdot(measured, measured)), one_photon)
    unit = one_photon**2 / energy
    return Fit(errors, noise * unit, spread * unit, scale)


def _photon_noise(predicted: np.ndarray, energy: float, one_photon: float) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of each pattern's squared error under photon noise, in photons.

    As if *predicted* were the truth, whatever was measured: a wrong prediction does not raise the noise.
    """
    total = float(np.vdot(predicted, predicted))
    if total == 0:
        return np.zeros(len(predicted)), np.zeros(len(predicted))
    true = predicted * (np.sqrt(energy / total) / one_photon)
    root, variance = root_of_counts(true)
    # A fitted scale follows the roots' mean, which lies below the root of the mean where it is dark.
    bias = root - fitted_scale(true, root) * true
    # As for a normal distribution: the square has the variance 2 v^2 + 4 v b^2.
    return _per_pattern(variance + bias**2), np.sqrt(_per_pattern(2 * variance**2 + 4 * variance * bias**2))


@dataclass(frozen=True, eq=False)
class Evidence:
    """A dataset as the parts see it: the patterns whose patch lies inside the object.

    Attributes
    ----------
    data : Dataset
        These N patterns; their masked pixels are 0.
    index : (N,) int
        Where they are among the stored patterns.
    stored : Dataset
        The whole dataset, with patterns whose patch is outside.
    one_photon : float or None
        Amplitude of a single photon, if the data show it.
    known : (n, H, W) float or None
        What is predicted for the sampled patterns, if it is known already.
    """

    data: Dataset
    index: np.ndarray
    stored: Dataset
    one_photon: float | None
    known: np.ndarray | None = None

    @classmethod
    def of(
        cls, stored: Dataset, one_photon: float | None = None, *, known: np.ndarray | None = None
    ) -> Evidence:
        """Return the evidence of a stored dataset, whose shapes must match.

        *one_photon* is measured, and *known* predicted, unless they are given.
        """
        index = np.flatnonzero(stored.inside)
        data = _without_masked(stored if len(index) == len(stored.x) else stored.take(index))
        if one_photon is None:
            one_photon = usual_quantum(data.diffraction[sampled(data)])
        return cls(data, index, stored, one_photon, known)

    @cached_property
    def sample(self) -> np.ndarray:
        """Patterns that parts of the whole scan are fitted to, (n,) int ascending, indices into ``data``."""
        return sampled(self.data)

    @cached_property
    def few(self) -> Dataset:
        """The sampled patterns as a dataset."""
        return self.data.take(self.sample)

    @cached_property
    def measured(self) -> np.ndarray:
        """The sampled patterns, (n, H, W) float64."""
        return self.few.diffraction.astype(np.float64)

    @cached_property
    def predicted(self) -> np.ndarray:
        """What the stored probe, object and positions predict for the sampled patterns, (n, H, W)."""
        return predict(self.few) if self.known is None else masked(self.known, self.few.mask)

    @cached_property
    def fit(self) -> Fit:
        """How well the sampled patterns are explained."""
        return fit(self.predicted, self.measured, self.one_photon)

    @property
    def has_excess(self) -> bool:
        """Whether more is unexplained than noise, rounding, and another simulator's arithmetic leave."""
        return self.fit.significance > LEAST_DEVIATIONS and self.fit.excess > LEAST_EXCESS

    @cached_property
    def whole(self) -> Fit:
        """How well all patterns are explained, with the scale that fits the sampled ones."""
        if len(self.sample) == len(self.data.x):
            return self.fit
        energy = float(np.mean(_per_pattern(self.measured**2))) or 1.0
        parts = [self._block(predicted, measured) for _, predicted, measured in self.blocks()]
        errors, noise, spread = (np.concatenate(values) / energy for values in zip(*parts, strict=True))
        return Fit(errors, noise, spread, self.fit.scale)

    def blocks(self) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
        """Yield all patterns in blocks: which ones, what is predicted, what was measured, (b, H, W) float64.

        A large scan's predictions are never in memory at once.
        """
        for start in range(0, len(self.data.x), BLOCK):
            part = slice(start, start + BLOCK)
            some = self.data.take(np.arange(start, min(start + BLOCK, len(self.data.x))))
            yield part, predict(some), some.diffraction.astype(np.float64)

    def including(self, patterns: np.ndarray) -> Evidence:
        """Return the evidence of the stored *patterns*, (n,) int, beside as many sampled ones as have room.

        The patches of these patterns must be inside the object.
        """
        sampled = self.index[self.sample]
        if np.isin(patterns, sampled).all():
            return self
        some = patterns[: SAMPLED_PATTERNS // 2]
        others = np.setdiff1d(sampled, some)
        room = min(SAMPLED_PATTERNS - len(some), len(others))
        index = np.union1d(some, others[np.linspace(0, len(others) - 1, room).astype(np.intp)])
        return Evidence(_without_masked(self.stored.take(index)), index, self.stored, self.one_photon)

    def explained(self, other: Dataset) -> Fit:
        """Return how well the sampled patterns are explained by *other*, which holds the same patterns."""
        return fit(predict(other), self.measured, self.one_photon)

    def _block(
        self, predicted: np.ndarray, measured: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return errors, noise and spread of one block, in the measured amplitudes' own units."""
        errors = _per_pattern((self.fit.scale * predicted - measured) ** 2)
        if self.one_photon is None:
            return errors, np.zeros(len(errors)), np.zeros(len(errors))
        few, energy = self.predicted, float(np.vdot(self.measured, self.measured))
        # The energy that the sample's scale gives to this block's prediction.
        energy *= float(np.vdot(predicted, predicted)) / float(np.vdot(few, few))
        noise, spread = _photon_noise(predicted, energy, self.one_photon)
        return errors, noise * self.one_photon**2, spread * self.one_photon**2


def sampled(data: Dataset) -> np.ndarray:
    """Return at most ``SAMPLED_PATTERNS`` patterns, spread over the scan: (n,) int, ascending."""
    count = len(data.x)
    return np.arange(count) if count <= SAMPLED_PATTERNS else stratified(data.x, data.y, SAMPLED_PATTERNS)


def predict(data: Dataset) -> np.ndarray:
    """Return the amplitudes that *data* predicts for its patterns, (n, H, W) float64; masked pixels are 0."""
    return masked(amplitude(data.probe, data.object, data.x, data.y), data.mask)


def _without_masked(data: Dataset) -> Dataset:
    """Return *data* with 0 in masked pixels, which may hold anything."""
    return data if data.mask is None else replace(data, diffraction=masked(data.diffraction, data.mask))


def _per_pattern(stack: np.ndarray) -> np.ndarray:
    return np.asarray(stack.sum(axis=(1, 2)))
