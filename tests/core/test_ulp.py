"""Distances between elements: none wraps around, none is lost in a NaN."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.ulp import absolute_difference, bits_differ, ulp_distance

FLOATS = {"f2": "u2", "f4": "u4", "f8": "u8"}


def one(value, code) -> np.ndarray:
    return np.array([value], code)


@pytest.mark.parametrize("code", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
@given(data=st.data())
def test_integers_are_as_far_apart_as_python_says(code, data):
    """Over the whole range of each width, where a subtraction in the dtype would wrap around."""
    limits = np.iinfo(code)
    a, b = (data.draw(st.integers(int(limits.min), int(limits.max))) for _ in "ab")
    assert absolute_difference(one(a, code), one(b, code)) == [float(abs(a - b))]
    assert bits_differ(one(a, code), one(b, code)) == [a != b]


def test_uint8_four_is_one_from_five():
    assert absolute_difference(one(4, "u1"), one(5, "u1")) == [1.0]


def test_int64_extremes_do_not_overflow():
    assert absolute_difference(one(-(2**63), "i8"), one(2**63 - 1, "i8")) == [2.0**64 - 1]


def test_booleans_are_one_apart():
    assert absolute_difference(one(True, "?"), one(False, "?")) == [1.0]
    assert absolute_difference(one(False, "?"), one(True, "?")) == [1.0]


@pytest.mark.parametrize("code", FLOATS)
@given(data=st.data())
def test_ulp_distance_counts_the_steps_of_nextafter(code, data):
    """Walking n times to the next number takes n ULPs, through zero and the subnormal numbers too."""
    bits = np.iinfo(FLOATS[code])
    start = np.array([data.draw(st.integers(0, int(bits.max)))], FLOATS[code]).view(code)
    steps = data.draw(st.integers(0, 20))
    there = start.copy()
    if not np.isfinite(start):
        start = there = one(0.0, code)
    for _ in range(steps):
        there = np.nextafter(there, one(-np.inf, code))
    if np.isfinite(there):
        assert ulp_distance(start, there) == [steps]
        assert ulp_distance(there, start) == [steps]


@pytest.mark.parametrize("code", FLOATS)
def test_ulp_distance_across_zero(code):
    """The two zeros are one number; the smallest numbers on its sides are two steps apart."""
    least = np.nextafter(one(0, code), one(1, code))
    assert ulp_distance(one(-0.0, code), one(0.0, code)) == [0]
    assert ulp_distance(-least, least) == [2]


def test_ulp_distance_does_not_overflow():
    most = np.finfo("f8").max
    assert ulp_distance(one(-most, "f8"), one(most, "f8")) == [2 * 0x7FEFFFFFFFFFFFFF]


@pytest.mark.parametrize("code", ["c8", "c16"])
def test_complex_ulp_distance_is_that_of_the_worse_part(code):
    real = np.zeros(1, code).real.dtype
    step = np.nextafter(real.type(1), real.type(2))
    assert ulp_distance(one(1 + 1j, code), one(complex(step, 1), code)) == [1]
    assert ulp_distance(one(1 + 1j, code), one(complex(step, 1 + 3 * (step - 1)), code)) == [3]


@pytest.mark.parametrize("code", FLOATS)
def test_nan_and_infinity_are_at_zero_from_themselves_and_far_from_all_else(code):
    values = np.array([np.nan, np.inf, -np.inf, 1.0], code)
    distances = absolute_difference(values[:, None], values[None, :])
    assert np.array_equal(distances == 0, np.eye(4, dtype=bool))
    assert np.all(np.isinf(distances[~np.eye(4, dtype=bool)]))


def test_complex_parts_are_taken_one_by_one():
    """NaN in one part of both sides leaves the distance of the other part."""
    a, b = one(complex(np.nan, 3), "c8"), one(complex(np.nan, 7), "c8")
    assert absolute_difference(a, b) == [4.0]
    assert absolute_difference(a, a) == [0.0]
    assert absolute_difference(one(3 + 4j, "c8"), one(0, "c8")) == [5.0]
    assert absolute_difference(a, one(complex(3, np.nan), "c8")) == [np.inf]


def test_float32_is_subtracted_in_double_precision():
    a, b = one(1e8, "f4"), one(0.25, "f4")
    assert absolute_difference(a, b) == [99999999.75]


def test_dates_differ_by_their_counts_and_nat_equals_nat():
    days = np.array(["2020-01-01", "NaT", "NaT"], "M8[D]")
    other = np.array(["2020-01-03", "NaT", "2020-01-01"], "M8[D]")
    distances = absolute_difference(days, other)
    assert distances[:2].tolist() == [2.0, 0.0]
    assert distances[2] > 1e18
    assert bits_differ(days, other).tolist() == [True, False, True]
    swapped = other.byteswap().view(other.dtype.newbyteorder())
    assert np.array_equal(absolute_difference(days, swapped), distances)


def test_text_is_equal_or_infinitely_far():
    assert absolute_difference(np.array(["a", "b"]), np.array(["a", "c"])).tolist() == [0.0, np.inf]
    assert bits_differ(np.array(["a", "b"]), np.array(["a", "c"])).tolist() == [False, True]
    assert ulp_distance(np.array(["a"]), np.array(["c"])) == [0]


@pytest.mark.parametrize("code", [*FLOATS, "c8", "c16"])
def test_bits_see_the_sign_of_zero_and_nan_payloads(code):
    """What no distance sees, in either part, in either byte order."""
    zeros, minus = np.zeros(2, code), -np.zeros(2, code)
    assert bits_differ(zeros, minus).tolist() == [True, True]
    swapped = zeros.byteswap().view(zeros.dtype.newbyteorder())
    assert bits_differ(zeros, swapped).tolist() == [False, False]
    nans = np.full(2, np.nan, code)
    payload = nans.copy()
    payload.view(np.uint8)[0] ^= 1
    assert np.isnan(payload).all()
    assert bits_differ(nans, payload).tolist() == [True, False]


@pytest.mark.parametrize("distance", [absolute_difference, ulp_distance, bits_differ])
@pytest.mark.parametrize("code", ["u1", "i8", "f4", "c16"])
def test_scalars_are_arrays_too(distance, code):
    """A 0-dimensional array wraps around no more than another, and warns of nothing."""
    a, b = np.array(4, code), np.array(5, code)
    assert distance(a, b) == distance(a.reshape(1), b.reshape(1))[0]
