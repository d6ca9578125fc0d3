"""The range of an array, exact for integers, and the scale that arrays share."""

from __future__ import annotations

import numpy as np
import pytest

from harness.report.drawing.colours import Scale
from harness.report.drawing.extent import Extent, extent_of, shared_limits, shared_scale


def test_integers_beyond_floats_are_exact():
    found = extent_of(np.array([2**63 - 1, 2**53 + 1], np.int64))
    assert (found.low, found.high, found.at) == (2**53 + 1, 2**63 - 1, (0,))
    assert found.text == "9007199254740993 to 9223372036854775807"


def test_what_is_not_finite_is_counted_and_left_out():
    found = extent_of(np.array([[1.0, np.nan], [np.inf, -np.inf]]))
    assert found == Extent(1.0, 1.0, (0, 0), 1, 2)
    assert found.not_finite == "1 NaN and 2 infinite"
    assert extent_of(np.full(3, np.nan)).text == "no finite value"
    assert extent_of(np.ones(3)).not_finite == ""


def test_complex_numbers_count_by_amplitude():
    assert extent_of(np.array([3 + 4j, 1j])) == Extent(1.0, 5.0, (0,))


def test_the_index_is_that_in_the_whole_array():
    """The array has several blocks; the largest element is in the last."""
    values = np.zeros((3, 300, 300), np.float32)
    values[2, 299, 7] = 1
    assert extent_of(values).at == (2, 299, 7)


def test_a_scale_is_shared():
    extents = [extent_of(np.array([0.0, 1.0])), extent_of(np.array([5.0])), extent_of(np.array([np.nan]))]
    assert shared_limits(extents) == (0.0, 5.0)
    assert shared_limits([]) == (0.0, 0.0)


@pytest.mark.parametrize(("top", "kind"), [(50.0, "sequential"), (1e6, "log")])
def test_colours_are_logarithmic_where_most_of_a_picture_would_be_dark(top, kind):
    values = np.append(np.linspace(1.0, 2.0, 99), top).reshape(10, 10)
    assert shared_scale([values], (1.0, top)).kind == kind


@pytest.mark.parametrize("dtype", [np.float32, np.complex128])
def test_rounding_has_no_colours(dtype):
    """The amplitude of a phase object is 1, but for its last place."""
    eps = float(np.finfo(dtype).eps)
    noisy, varied = np.array([1 - eps, 1], dtype), np.array([1 - 64 * eps, 1], dtype)
    assert shared_scale([noisy], (1 - eps, 1.0)) == Scale("sequential", 1.0, 1.0)
    assert shared_scale([varied], (1 - 64 * eps, 1.0)) == Scale("sequential", 1 - 64 * eps, 1.0)
    assert shared_scale([np.array([2**53, 2**53 + 1])], (2.0**53, 2.0**53 + 2)).low == 2.0**53


def test_negative_values_are_never_logarithmic():
    values = np.array([[-1.0, 1.0], [1.0, 1e9]])
    assert shared_scale([values], (-1.0, 1e9)).kind == "sequential"
