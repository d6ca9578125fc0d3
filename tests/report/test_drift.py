"""Drift of arrays: what differs, by how much, and where."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.fixtures.compare import compare
from harness.core.fixtures.tolerance import Tolerance
from harness.report.drift import drift_lines


def lines(expected, found, tolerance: Tolerance | None = None, **options) -> list[str]:
    """Lines for one array ``a``, None on a side that lacks it."""
    sides = [{} if side is None else {"a": np.asarray(side)} for side in (expected, found)]
    return drift_lines(compare(*sides, {"a": tolerance or Tolerance()}), **options)


def test_values_beyond_the_tolerance():
    """Their number and share, the largest difference, the tolerance, and each element."""
    assert lines([[0.0, 2.0], [3.0, 4.0]], [[0.5, 2.0], [3.0, 5.0]], Tolerance(atol=0.25, rtol=0, ulp=2)) == [
        "a: 2 of 4 elements differ (50 %)",
        "  largest difference: 1 absolute, 0.25 relative, 4.6e+18 ULP; worst at [1, 1]",
        "  allowed: 0.25 absolute + 0 relative, or 2 ULP",
        "  [0, 0]: expected 0.0, found 0.5",
        "  [1, 1]: expected 4.0, found 5.0",
    ]


@pytest.mark.parametrize(("ulp", "text"), [(999_999, "999999 ULP"), (1_000_000, "1e+06 ULP")])
def test_large_distances_in_ulp_are_rounded(ulp, text):
    """Between 0 and a number, nineteen digits would be no help."""
    one = np.float64(1)
    found = (np.array([one]).view(np.int64) + ulp).view(np.float64)
    assert text in lines([1.0], found)[1]


def test_accepted_arrays_have_no_lines():
    """Whether equal, or just within the tolerance; just beyond it they have."""
    assert lines([1.0], [1.0]) == []
    assert lines([1.0], [1.25], Tolerance(atol=0.25, rtol=0)) == []
    assert lines([1.0], [1.2500001], Tolerance(atol=0.25, rtol=0))[0] == "a: 1 of 1 elements differ (100 %)"


@pytest.mark.parametrize(
    ("expected", "found", "line"),
    [
        ([1.0], None, "a: name: expected float64 (1,), found nothing"),
        (None, [1.0], "a: name: expected nothing, found float64 (1,)"),
        ([1.0], np.float32([1]), "a: dtype: expected float64 (1,), found float32 (1,)"),
        ([1.0], [[1.0]], "a: shape: expected float64 (1,), found float64 (1, 1)"),
    ],
)
def test_name_dtype_and_shape_are_one_line(expected, found, line):
    """Values are not compared then."""
    assert lines(expected, found) == [line]


def test_positions_of_nan_are_named():
    """A NaN where there was a number is not a matter of tolerance."""
    first, *_, last = lines([1.0, 2.0], [1.0, np.nan], Tolerance(atol=10, rtol=10))
    assert first == "a: 1 of 2 elements differ (50 %), including positions of NaN and infinity"
    assert last == "  [1]: expected 2.0, found nan"


@pytest.mark.parametrize(("shown", "more"), [(2, ["  ... and 1 more"]), (3, []), (4, [])])
def test_elements_beyond_the_limit_are_counted(shown, more):
    """The limit itself is still shown in full."""
    elements = lines([0, 0, 0], [1, 2, 3], shown=shown)[3:]
    assert elements == [f"  [{i}]: expected 0, found {i + 1}" for i in range(min(shown, 3))] + more


def test_ten_elements_are_shown_by_default():
    """Enough to see a pattern, few enough for a terminal."""
    assert len(lines(np.zeros(20), np.ones(20))) == 3 + 10 + 1
