"""Faults of the values: another power of the light, numbers that wrap around, lost precision."""

from __future__ import annotations

import numpy as np

from second_simulator.faults.fault import Arrays, ScanFault, counts_of, with_counts, with_stack


def intensity(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Intensity is stored where amplitude is expected."""
    return with_stack(arrays, arrays["diffraction"].astype(np.float64) ** 2)


def root_twice(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The root was taken of what was an amplitude already."""
    return with_stack(arrays, np.sqrt(arrays["diffraction"].astype(np.float64)))


def power(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The amplitude is stored to a power, as for a picture."""
    stack = arrays["diffraction"].astype(np.float64)
    return with_stack(arrays, stack.max() * (stack / stack.max()) ** size)


def logarithm(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """The logarithm of the counts is stored, with 0 where there is none."""
    counts, _ = counts_of(arrays)
    return with_stack(arrays, np.log(np.maximum(counts, 1)))


def log1p(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """log(1 + counts) is stored."""
    counts, _ = counts_of(arrays)
    return with_stack(arrays, np.log1p(counts))


def decibels(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """log10(1 + counts) was taken for a figure, and its root stored as if it were counts."""
    counts, _ = counts_of(arrays)
    return with_stack(arrays, np.sqrt(np.log10(1 + counts)))


def wrapped(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Counts wrapped around at 2 to the *size*: the brightest pixel was at least five times as bright."""
    counts, unit = counts_of(arrays)
    scale = max(1.0, 5 * 2**size / counts.max())
    return with_counts(arrays, np.rint(counts * scale) % 2**size, unit / np.sqrt(scale))


def squares_wrapped(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Amplitudes in whole numbers up to 600 were squared in uint16, and the root was taken."""
    stack = arrays["diffraction"].astype(np.float64)
    whole = np.rint(stack * 600 / stack.max())
    return with_stack(arrays, np.sqrt(whole**2 % 2**16) * stack.max() / 600)


def signed_wrapped(arrays: Arrays, _: np.random.Generator, __: float) -> Arrays:
    """Counts above 2^15 became negative in int16, and were set to zero."""
    counts, unit = counts_of(arrays)
    scale = 1.6 * 2**15 / counts.max()
    large = np.rint(counts * scale)
    return with_counts(arrays, np.where(large < 2**15, large, 0), unit / np.sqrt(scale))


def clipped(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Amplitudes are clipped at a share *size* of the largest."""
    stack = arrays["diffraction"]
    return with_stack(arrays, np.minimum(stack, size * stack.max()))


def few_levels(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Amplitudes are stored in *size* whole levels, as in a picture of 8 bits or fewer."""
    stack = arrays["diffraction"].astype(np.float64)
    return with_stack(arrays, np.rint(stack * size / stack.max()) * stack.max() / size)


def thresholded(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """Counts of up to *size* are set to zero, to suppress noise."""
    counts, unit = counts_of(arrays)
    return with_counts(arrays, np.where(counts > size, counts, 0), unit)


def offset_left_in(arrays: Arrays, _: np.random.Generator, size: float) -> Arrays:
    """The amplitude has an offset: a share *size* of the largest."""
    stack = arrays["diffraction"]
    return with_stack(arrays, stack + size * stack.max())


_POWER = r"intensit|power|root|exponent|square"
_LOG = r"log"
_WRAP = r"wrap|overflow"

FAULTS = (
    ScanFault("intensity stored", "value", intensity, r"intensit|square"),
    ScanFault("the root taken twice", "value", root_twice, r"root|power|exponent"),
    ScanFault("amplitude to a power", "value", power, _POWER + "|gamma", 0.7),
    ScanFault("logarithm of counts", "value", logarithm, _LOG),
    ScanFault("log1p of counts", "value", log1p, _LOG),
    ScanFault("root of log10", "value", decibels, _LOG + "|power|root"),
    ScanFault("counts wrapped around at 2^16", "value", lambda a, r, _: wrapped(a, r, 16), _WRAP),
    ScanFault("counts wrapped around at 2^8", "value", lambda a, r, _: wrapped(a, r, 8), _WRAP),
    ScanFault("squares wrapped around in uint16", "value", squares_wrapped, _WRAP),
    ScanFault(
        "bright counts negative in int16",
        "value",
        signed_wrapped,
        _WRAP + r"|bright|saturat|clip",
        mended=False,
    ),
    ScanFault("amplitudes clipped", "value", clipped, r"clip|saturat", 0.5, "of the largest", mended=False),
    ScanFault(
        "few levels",
        "value",
        few_levels,
        r"level|quanti|round|precision|bits|threshold",
        32,
        "levels",
        mended=False,
    ),
    ScanFault(
        "faint counts cut off",
        "value",
        thresholded,
        r"threshold|faint|cut off|dark|low counts|background",
        4,
        "photons",
        mended=False,
    ),
    ScanFault(
        "an offset left in", "value", offset_left_in, r"offset|background|constant", 0.05, "of the largest"
    ),
)
