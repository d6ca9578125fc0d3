"""Faults of single patterns: their brightness, their place on the detector, and frames without data."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault, counts_of, with_counts, with_stack


def _scaled(arrays: Arrays, factors: np.ndarray) -> Arrays:
    """Return *arrays* with each pattern's light multiplied by a factor."""
    return with_stack(arrays, arrays["diffraction"] * np.sqrt(factors)[:, None, None])


def _thinned(arrays: Arrays, rng: np.random.Generator, kept: np.ndarray) -> Arrays:
    """Return *arrays* with fewer photons in each pattern: a share *kept* of them was counted."""
    counts, unit = counts_of(arrays)
    if np.all(counts == np.rint(counts)):
        counts = rng.binomial(counts.astype(np.int64), kept[:, None, None]).astype(np.float64)
        return with_counts(arrays, counts, unit)
    return _scaled(arrays, kept)


def beam_current(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """The beam current differs between patterns (standard deviation *size*), and nothing was corrected."""
    factors = np.clip(1 + size * rng.standard_normal(len(arrays["xcoords"])), 0.3, 2)
    return _thinned(arrays, rng, factors / factors.max())


def half_at_half_flux(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """From the middle of the scan on, a filter takes a share *size* of the light."""
    count = len(arrays["xcoords"])
    return _thinned(arrays, rng, np.where(np.arange(count) < count // 2, 1.0, 1 - size))


def decaying_beam(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """The beam decays over the scan, by a share *size* in all."""
    return _thinned(arrays, rng, (1 - size) ** np.linspace(0, 1, len(arrays["xcoords"])))


def normalised_by_maximum(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Each pattern is divided by its own maximum."""
    stack = arrays["diffraction"]
    return with_stack(arrays, stack / stack.max(axis=(1, 2), keepdims=True))


def normalised_by_energy(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Each pattern is divided by the root of its own energy."""
    stack = arrays["diffraction"].astype(np.float64)
    return with_stack(arrays, stack / np.linalg.norm(stack, axis=(1, 2), keepdims=True))


def empty_frames(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """A share *size* of the frames is empty: the shutter was closed, or the file has holes."""
    stack = arrays["diffraction"].copy()
    stack[_some(rng, len(stack), size)] = 0
    return with_stack(arrays, stack)


def cosmic_hits(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """A share *size* of the frames has a bright track of four pixels at a place of its own."""
    stack = arrays["diffraction"].copy()
    bright = 0.8 * stack.max()
    for j in _some(rng, len(stack), size):
        row, column = (rng.integers(n - 4) for n in stack.shape[1:])
        stack[j, row + np.arange(4), column + np.arange(4)] = bright
    return with_stack(arrays, stack)


def double_exposure(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """A share *size* of the frames holds the light of the next position as well."""
    counts, unit = counts_of(arrays)
    added = counts.copy()
    for j in _some(rng, len(counts) - 1, size):
        added[j] += counts[j + 1]
    return with_counts(arrays, added, unit)


def frozen_frames(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """A share *size* of the frames is a copy of the one before."""
    stack = arrays["diffraction"].copy()
    for j in _some(rng, len(stack) - 1, size):
        stack[j + 1] = arrays["diffraction"][j]
    return with_stack(arrays, stack)


def wandering_beam(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """The beam's direction wanders: each pattern lies up to *size* whole pixels off, in both directions."""
    stack, most = arrays["diffraction"], int(size)
    moved = [np.roll(p, rng.integers(-most, most + 1, 2), (0, 1)) for p in stack]
    return with_stack(arrays, np.stack(moved))


def centred_one_by_one(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Each pattern is moved so that its own centre of mass is at the centre, to the nearest pixel."""
    stack = arrays["diffraction"]
    return with_stack(arrays, np.stack([_centred(pattern) for pattern in stack]))


def _centred(pattern: np.ndarray) -> np.ndarray:
    light = pattern.astype(np.float64) ** 2
    off = [
        int(np.rint(n // 2 - np.sum(light * np.expand_dims(np.arange(n), 1 - axis)) / light.sum()))
        for axis, n in enumerate(light.shape)
    ]
    return np.roll(pattern, off, (0, 1))


def _some(rng: np.random.Generator, count: int, share: float) -> np.ndarray:
    return rng.choice(count, max(1, round(share * count)), replace=False)


_BRIGHTNESS = (
    r"bright|flux|beam current|light|factor|normalis|expos|intensity of (each|the) pattern|scale of each"
)
_FRAMES = r"pattern|frame"

FAULTS = (
    ScanFault("the beam current fluctuates", "pattern", beam_current, _BRIGHTNESS, 0.2, "rms"),
    ScanFault("half of the scan at half flux", "pattern", half_at_half_flux, _BRIGHTNESS, 0.5, "less"),
    ScanFault("a decaying beam", "pattern", decaying_beam, _BRIGHTNESS, 0.4, "in all"),
    ScanFault("each pattern normalised by its maximum", "pattern", normalised_by_maximum, _BRIGHTNESS),
    ScanFault("each pattern normalised by its energy", "pattern", normalised_by_energy, _BRIGHTNESS),
    ScanFault("few empty frames", "pattern", empty_frames, r"empty|dead|dark", 0.05, "of the frames"),
    ScanFault("many empty frames", "pattern", empty_frames, r"empty|dead|dark", 0.5, "of the frames"),
    ScanFault("cosmic hits", "pattern", cosmic_hits, r"cosmic|hit|bright|pattern", 0.1, "of the frames"),
    ScanFault("double exposures", "pattern", double_exposure, _FRAMES, 0.06, "of the frames"),
    ScanFault(
        "frozen frames",
        "pattern",
        frozen_frames,
        r"same bytes|copy|copies|identical|pattern|frame",
        0.08,
        "of the frames",
    ),
    ScanFault("a wandering beam", "pattern", wandering_beam, r"shift|moved|centre|wander", 1, "px"),
    ScanFault(
        "patterns centred one by one",
        "pattern",
        centred_one_by_one,
        r"shift|moved|centre",
        needs={"obj": "strong_phase"},
    ),
)
