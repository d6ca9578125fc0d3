"""Faults of detector pixels, the same in all patterns."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault, counts_of, lit_pixels, with_counts, with_stack


def hot_pixels(arrays: Arrays, rng: np.random.Generator, size: float, number: int = 1) -> Arrays:
    """Pixels at any place read a share *size* of the largest amplitude in every pattern."""
    stack = arrays["diffraction"].copy()
    places = rng.choice(stack[0].size, number, replace=False)
    stack.reshape(len(stack), -1)[:, places] = size * stack.max()
    return with_stack(arrays, stack)


def flickering_pixel(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """A pixel reads a share *size* of the largest amplitude in three patterns of ten."""
    stack = arrays["diffraction"].copy()
    row, column = (rng.integers(n) for n in stack.shape[1:])
    stack[rng.uniform(size=len(stack)) < 0.3, row, column] = size * stack.max()
    return with_stack(arrays, stack)


def dead_rows(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """Two rows in the light read nothing."""
    stack = arrays["diffraction"].copy()
    row = int(rng.choice(lit_pixels(arrays)[:, 0]))
    stack[:, [row, min(row + 1, stack.shape[1] - 1)], :] = 0
    return with_stack(arrays, stack)


def dead_columns(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """One column in the light reads nothing."""
    stack = arrays["diffraction"].copy()
    stack[:, :, int(rng.choice(lit_pixels(arrays)[:, 1]))] = 0
    return with_stack(arrays, stack)


def module_gaps(arrays: Arrays, rng: np.random.Generator, _: float) -> Arrays:
    """A cross between four modules reads nothing, and no mask says so."""
    stack = arrays["diffraction"].copy()
    row, column = lit_pixels(arrays).mean(axis=0) + rng.uniform(-4, 4, 2)
    stack[:, int(row) : int(row) + 2, :] = stack[:, :, int(column) : int(column) + 3] = 0
    return with_stack(arrays, stack)


def beam_stop(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """A disc at the centre reads nothing, and no mask says so."""
    row, column = np.indices(arrays["diffraction"].shape[1:])
    away = np.hypot(row - row.shape[0] // 2, column - row.shape[1] // 2)
    return with_stack(arrays, arrays["diffraction"] * (away > size))


def background(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """Every pixel has the same background, in all a share *size* of the light."""
    counts, unit = counts_of(arrays)
    return with_counts(arrays, counts + rng.poisson(size * counts.mean(), counts.shape), unit)


def background_of_pixels(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """Air scatters around the beam: a background that falls off from the centre, the same in all patterns."""
    counts, unit = counts_of(arrays)
    row, column = np.indices(counts.shape[1:])
    halo = np.exp(-np.hypot(row - row.shape[0] // 2, column - row.shape[1] // 2) / (0.2 * len(row)))
    return with_counts(
        arrays, counts + rng.poisson(size * counts.mean() * halo / halo.mean(), counts.shape), unit
    )


def read_noise(arrays: Arrays, rng: np.random.Generator, size: float) -> Arrays:
    """The electronics add noise of *size* photons (standard deviation); what is negative is stored as 0."""
    counts, unit = counts_of(arrays)
    return with_counts(arrays, counts + rng.normal(0, size, counts.shape), unit)


def uneven_gain(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The left half of the detector counts a share *size* more than the right one: no flat field."""
    stack = arrays["diffraction"].copy()
    stack[:, :, : stack.shape[2] // 2] *= np.float32(np.sqrt(1 + size))
    return with_stack(arrays, stack)


def saturated(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Pixels count no further than a share *size* of the brightest one's light."""
    stack = arrays["diffraction"]
    return with_stack(arrays, np.minimum(stack, np.sqrt(size) * stack.max()))


FAULTS = (
    ScanFault("one hot pixel", "pixel", hot_pixels, r"pixel", 0.3, "of the largest amplitude"),
    ScanFault(
        "twelve hot pixels", "pixel", lambda a, r, s: hot_pixels(a, r, s, 12), r"pixel", 0.3, "of the largest"
    ),
    ScanFault(
        "a flickering pixel", "pixel", flickering_pixel, r"pixel|flicker", 0.5, "of the largest amplitude"
    ),
    ScanFault("dead rows", "pixel", dead_rows, r"row|pixel|dead"),
    ScanFault("a dead column", "pixel", dead_columns, r"column|pixel|dead"),
    ScanFault("gaps without a mask", "pixel", module_gaps, r"gap|mask|row|pixel|dead"),
    ScanFault("a beam stop without a mask", "pixel", beam_stop, r"stop|mask|pixel|dead", 2.5, "px"),
    ScanFault("a constant background", "pixel", background, r"background", 0.1, "of the light"),
    ScanFault(
        "a background of its own for each pixel",
        "pixel",
        background_of_pixels,
        r"background|pixel",
        0.1,
        "of the light",
    ),
    ScanFault(
        "read noise", "pixel", read_noise, r"read.?(out)? noise|noise|background", 3, "photons", mended=False
    ),
    ScanFault("uneven gain", "pixel", uneven_gain, r"gain|flat.?field|pixel|half", 0.2, "of the counts"),
    ScanFault("saturated pixels", "pixel", saturated, r"saturat|clip", 0.2, "of the brightest", mended=False),
)
