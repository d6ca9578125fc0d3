"""What a fault of a scan is, and what its functions share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from second_simulator.sound import Variant

Arrays = dict[str, np.ndarray]
Part = Literal["pixel", "pattern", "order", "detector", "value", "position", "probe", "object", "contract"]

DOSES = (1e6, 1e4)
"""Photons per pattern at which a fault is asked for."""


MOST_COUNTS = 1e8
"""In one pixel; where more seem to be, the smallest value is not that of a photon."""


@dataclass(frozen=True, slots=True)
class ScanFault:
    """One fault of a scan, as a pure function of a sound one.

    Attributes
    ----------
    name : str
        What is wrong, in a few words.
    part : str
        The part of the model whose fit should account for it.
    inject : callable
        Takes sound arrays, a random generator and the size; returns faulty arrays, and changes nothing.
    says : str
        A regular expression that the finding's text must match, in any case: the name of the fault.
    size : float
        How large it is, in ``unit``; 0 if it has no size.
    needs : mapping
        Attributes of the variant that the fault needs, such as a route of lines.
    hidden : str
        The physical reason why it cannot be seen at any dose; empty if it can.
    mended : bool
        Whether its remedy, executed, brings the excess near the noise: not where data are lost.
    light : float
        Photons of the faulty scan, in those of the sound one; more photons mean less noise.
    """

    name: str
    part: Part
    inject: Callable[[Arrays, np.random.Generator, float], Arrays] = field(compare=False)
    says: str
    size: float = 0.0
    unit: str = ""
    needs: Mapping[str, Any] = field(default_factory=dict)
    hidden: str = ""
    mended: bool = True
    light: float = 1.0

    @property
    def label(self) -> str:
        """The name with its size."""
        return f"{self.name}, {self.size:g} {self.unit}".strip() if self.size else self.name

    def variant(self, base: Variant) -> Variant:
        """Return *base* with what the fault needs."""
        return replace(base, **self.needs)

    def of(self, arrays: Arrays, seed: int, size: float | None = None) -> Arrays:
        """Return a faulty copy of sound *arrays*."""
        rng = np.random.default_rng([seed, *self.name.encode()])
        return self.inject(dict(arrays), rng, self.size if size is None else size)


def counts_of(arrays: Arrays) -> tuple[np.ndarray, float]:
    """Return counts, (N, H, W) float64, and the amplitude of one photon.

    Noise-free patterns have no smallest count; they are taken to hold 10^6 photons each.
    """
    light = arrays["diffraction"].astype(np.float64) ** 2
    unit = float(light[light > 0].min())
    counts = light / unit
    is_whole = np.abs(counts - np.rint(counts)).max() < 1e-3 * np.sqrt(counts.max())
    if is_whole and counts.max() < MOST_COUNTS:
        return np.rint(counts), float(np.sqrt(unit))
    unit = float(light.sum(axis=(1, 2)).mean()) / 1e6
    return light / unit, float(np.sqrt(unit))


def with_counts(arrays: Arrays, counts: np.ndarray, unit: float) -> Arrays:
    """Return *arrays* with the amplitudes of *counts*, whose single photon has the amplitude *unit*."""
    return with_stack(arrays, np.sqrt(np.maximum(counts, 0)) * unit)


def with_stack(arrays: Arrays, stack: np.ndarray) -> Arrays:
    """Return *arrays* with another stack, scaled below the contract's limit if it is not.

    The probe is scaled by as much, so that the scale alone says nothing.
    """
    most = float(stack.max())
    scale = min(1.0, 9.0 / most) if most > 0 else 1.0
    probe = (arrays["probeGuess"] * np.float32(scale)).astype(np.complex64)
    stored = np.ascontiguousarray(stack * scale, dtype=np.float32)
    return {**arrays, "diffraction": stored, "probeGuess": probe}


def lit_pixels(arrays: Arrays) -> np.ndarray:
    """Return the (rows, columns) of pixels with at least a hundredth of the brightest one's light, (n, 2)."""
    light = np.mean(arrays["diffraction"].astype(np.float64) ** 2, axis=0)
    return np.argwhere(light > light.max() / 100)
