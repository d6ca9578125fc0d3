"""Drift of arrays: what differs, by how much, and where."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.fixtures.compare import compare
from harness.core.fixtures.tolerance import Tolerance
from harness.report.drift import drift_lines
from harness.report.terminal.screen import Screen


def lines(expected, found, tolerance: Tolerance | None = None, **options) -> list[str]:
    """Lines for one array ``a``, None on a side that lacks it."""
    sides = [{} if side is None else {"a": np.asarray(side)} for side in (expected, found)]
    return drift_lines(compare(*sides, {"a": tolerance or Tolerance()}), **options)


def test_values_beyond_the_tolerance():
    """Their number and share, the largest difference, the tolerance, and each element."""
    assert lines([[0.0, 2.0], [3.0, 4.0]], [[0.5, 2.0], [3.0, 5.0]], Tolerance(atol=0.25, rtol=0, ulp=2)) == [
        "a: 2 of 4 elements differ (50 %)",
        "  largest difference: 1 absolute, 0.25 relative, 4.6e+18 ULP; worst at [1, 1]",
        "  in tolerances: 4 at [1, 1]",
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


@pytest.mark.parametrize(
    ("expected", "found", "shown"),
    [
        ([1e308], [-1e308], ["largest difference: 2e+308 absolute, 2 relative, 1.8e+19 ULP; worst at [0]"]),
        (
            [1e-308],
            [1e308],
            ["largest difference: 1e+308 absolute, over 1.8e+308 relative, 9.2e+18 ULP; worst at [0]"],
        ),
        ([np.inf, 1.0], [1.0, 1.0], ["1 element differs by NaN or infinity; worst at [0]"]),
        ([np.inf], [-np.inf], ["1 element differs by NaN or infinity; worst at [0]"]),
        (
            [1.0, np.nan],
            [3.0, 1.0],
            [
                "largest difference: 2 absolute, 2 relative, 6.8e+15 ULP",
                "1 element differs by NaN or infinity; worst at [1]",
            ],
        ),
        (["a", "b"], ["a", "c"], ["first difference at [1]"]),
        ([4], [1], ["largest difference: 3 absolute, 0.75 relative; worst at [0]"]),
    ],
)
def test_the_largest_difference_is_the_true_one(expected, found, shown):
    """Also where it is beyond the range of floats, or not a number at all."""
    body = lines(expected, found)[1:]
    assert body[: len(shown)] == [f"  {line}" for line in shown]
    assert body[len(shown)].startswith("  allowed: ")


def test_dates_are_shown_in_their_unit():
    golden = np.array(["2020-01-01", "2020-01-02"], "M8[ns]")
    assert lines(golden, golden + np.timedelta64(3, "D"), Tolerance(atol=5))[1:5] == [
        "  largest difference: 259200000000000 nanoseconds (3 days); worst at [0]",
        "  in tolerances: 5.18e+13 at [0]",
        "  allowed: 5 nanoseconds",
        "  [0]: expected '2020-01-01T00:00:00.000000000', found '2020-01-04T00:00:00.000000000'",
    ]


def test_dates_without_a_tolerance_allow_no_difference():
    golden = np.array(["2020-01-01", "NaT"], "M8[D]")
    assert lines(golden, golden[::-1]) == [
        "a: 2 of 2 elements differ (100 %), including positions of NaN and infinity",
        "  2 elements differ by NaT; worst at [0]",
        "  allowed: no difference",
        "  [0]: expected '2020-01-01', found 'NaT'",
        "  [1]: expected 'NaT', found '2020-01-01'",
    ]


def test_strings_are_compared_exactly_and_shown():
    assert lines(["a", "b"], ["a", "c"])[2:] == ["  allowed: no difference", "  [1]: expected 'b', found 'c'"]


@pytest.mark.parametrize(("shown", "more"), [(2, ["  ... and 1 more"]), (3, []), (4, [])])
def test_elements_beyond_the_limit_are_counted(shown, more):
    """The limit itself is still shown in full."""
    elements = lines([0, 0, 0], [1, 2, 3], shown=shown)[3:]
    assert elements == [f"  [{i}]: expected 0, found {i + 1}" for i in range(min(shown, 3))] + more


def test_ten_elements_are_shown_by_default():
    """Enough to see a pattern, few enough for a terminal."""
    assert len(lines(np.zeros(20), np.ones(20))) == 3 + 10 + 1


def test_the_largest_difference_in_tolerances_has_its_own_place():
    """Where little is allowed, a small difference counts more than a large one elsewhere."""
    shown = lines([1.0, 1000.0], [1.5, 1010.0], Tolerance(rtol=0.001))
    assert shown[1].endswith("worst at [1]")
    assert shown[2] == "  in tolerances: 500 at [0]"


def test_several_arrays_have_a_table():
    """With those within tolerance, and without those that are the same."""
    golden = {"a": np.zeros(4), "b": np.ones(4), "c": np.ones(4), "d": np.ones(2)}
    found = {"a": np.zeros(4), "b": np.array([1, 1, 3.0, 1]), "c": np.array([1, 1, 1.25, 1]), "e": np.ones(2)}
    limits = {"b": Tolerance(atol=1), "c": Tolerance(atol=1)}
    assert drift_lines(compare(golden, found, limits))[:6] == [
        "array  verdict           differ  largest difference       tolerances  at",
        "b      drifted           1 of 4  2                                 2  [2]",
        "c      within tolerance  1 of 4  0.25                           0.25  [2]",
        "d      drifted                   float64 (2,) -> nothing",
        "e      drifted                   nothing -> float64 (2,)",
        "",
    ]


def test_a_single_array_has_no_table():
    """Its lines have all that a table would have."""
    assert lines([1.0], [2.0])[0] == "a: 1 of 1 elements differ (100 %)"


def test_the_block_of_many_arrays_fits_a_terminal():
    """Also indented, as pytest shows it; a name that is longer has a line of its own."""
    names = [f"detector/module_{n}/{'x' * 20 * n}" for n in range(5)]
    shown = drift_lines(
        compare(dict.fromkeys(names, np.ones(20)), dict.fromkeys(names, np.full(20, 2.0))), shown=1
    )
    long = [line for line in shown if len(line) > 78]
    assert all(line.strip().partition(":")[0] in names for line in long)


def test_a_sketch_where_the_terminal_allows():
    shown = lines(np.zeros(20), np.eye(20)[3], screen=Screen(terminal=True, unicode=True))
    assert shown[-2:] == ["  where it differs:", "    ···█················"]
    assert not any(
        "where" in line for line in lines(np.zeros(20), np.eye(20)[3], screen=Screen(terminal=True))
    )
