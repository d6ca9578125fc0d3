"""Element-wise distances that neither wrap around nor round away."""

from __future__ import annotations

import numpy as np

_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


def absolute_difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``|one - other|`` as float64, never NaN.

    Integers are subtracted the larger minus the smaller, modulo their width, so that uint8 4 - 5 is 1 and
    int64 extremes do not overflow. NaN is at distance 0 from NaN, an infinity from itself, and at infinite
    distance from all else; complex parts are taken one by one. Dates and durations are as far apart as their
    counts, NaT at 0 from NaT and far from all else. Unequal strings are at infinite distance.
    """
    kind = one.dtype.kind
    with np.errstate(all="ignore"):
        if kind in "biumM":
            return _integer_difference(_counts(one), _counts(other)).astype(np.float64)
        if kind == "c":
            return np.asarray(
                np.hypot(_float_difference(one.real, other.real), _float_difference(one.imag, other.imag))
            )
        if kind == "f":
            return _float_difference(one, other)
    return np.where(one == other, 0.0, np.inf)


def _float_difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    distance: np.ndarray = np.abs(one.astype(np.float64) - other.astype(np.float64))
    alike = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.asarray(np.where(alike, 0.0, np.where(np.isnan(distance), np.inf, distance)))


def ulp_distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Count of representable numbers between two floats, uint64; of the worse part where complex.

    Zero for dtypes without ULPs. -0.0 and 0.0 are at distance 0, and so are NaNs; where one side alone is
    NaN the count means nothing.
    """
    if one.dtype.kind == "c":
        worse: np.ndarray = np.maximum(ulp_distance(one.real, other.real), ulp_distance(one.imag, other.imag))
        return worse
    if one.dtype.kind != "f":
        return np.zeros(one.shape, np.uint64)
    a, b = _ordered(one), _ordered(other)
    with np.errstate(over="ignore"):
        distance: np.ndarray = np.where(a > b, a - b, b - a).astype(np.uint64)
    distance[np.isnan(one) & np.isnan(other)] = 0
    return distance


def bits_differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two arrays of one dtype and shape are not the same bit by bit."""
    if one.dtype.kind == "c":
        return np.asarray(bits_differ(one.real, other.real) | bits_differ(one.imag, other.imag))
    if one.dtype.kind == "f":
        return np.asarray(_bits(one) != _bits(other))
    return np.asarray(_counts(one) != _counts(other))


def _integer_difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    unsigned = _UNSIGNED[one.dtype.itemsize]
    a, b = _native(one).view(unsigned), _native(other).view(unsigned)
    return np.asarray(np.where(one > other, a - b, b - a))


def _counts(values: np.ndarray) -> np.ndarray:
    """Dates and durations as the integers that they are, all else as it is: NaT must equal NaT."""
    if values.dtype.kind not in "mM":
        return values
    return values.view(np.dtype(np.int64).newbyteorder(values.dtype.byteorder))


def _ordered(values: np.ndarray) -> np.ndarray:
    """Unsigned integers in the floats' own order, with both zeros at the middle."""
    bits = _bits(values)
    middle = bits.dtype.type(1 << (8 * bits.dtype.itemsize - 1))
    magnitude = bits & (middle - bits.dtype.type(1))
    return np.asarray(np.where(bits & middle, middle - magnitude, middle + magnitude))


def _bits(values: np.ndarray) -> np.ndarray:
    return np.asarray(_native(values).view(_UNSIGNED[values.dtype.itemsize]))


def _native(values: np.ndarray) -> np.ndarray:
    """Contiguous copy in the machine's byte order, moved as bytes so that NaN payloads stay."""
    values = np.ascontiguousarray(values)
    if not values.dtype.isnative:
        values = values.byteswap().view(values.dtype.newbyteorder("="))
    return values
