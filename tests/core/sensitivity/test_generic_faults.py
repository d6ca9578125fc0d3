"""Faults of any array: what each one changes, that a comparison sees it, and why one passes."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.baseline import Baseline, Metric
from harness.core.baselines.calibrate import certificate
from harness.core.fixtures.tolerance import Tolerance, default_tolerance
from harness.core.sensitivity.generic_faults import (
    GENERIC_FAULTS,
    judge_arrays,
    judge_metrics,
    one_element_moved,
)

EXACT = Tolerance()


def moved(fault: str, array, tolerance=EXACT) -> dict:
    """The moved arrays of one fault, by case."""
    (found,) = [known for known in GENERIC_FAULTS if known.id == fault]
    return dict(found.arrays(np.asarray(array), tolerance))


def judged(arrays, tolerances=None) -> list:
    return list(judge_arrays(GENERIC_FAULTS, "golden/x.npz", arrays, arrays, tolerances=tolerances))


def test_ids_are_in_order_and_titles_differ():
    assert [fault.id for fault in GENERIC_FAULTS] == [f"G{n:02}" for n in range(1, 12)]
    assert len({fault.title for fault in GENERIC_FAULTS}) == 11


@pytest.mark.parametrize(
    ("fault", "array", "expected"),
    [
        ("G01", [1.0, -2.0], [2.0, -4.0]),
        ("G02", [1.0, -2.0], [-1.0, 2.0]),
        ("G03", [True, False], [False, False]),
        ("G07", [[1, 2], [3, 4]], [[1, 3], [2, 4]]),
        ("G08", [1 + 2j], [1 + 0j]),
        ("G09", [1 + 1e-9], [1.0]),
        ("G10", [1, 2, 3], [1, 2]),
        ("G11", [2.5], [2500.0]),
    ],
)
def test_what_a_fault_changes(fault, array, expected):
    found = moved(fault, array)[""]
    assert found.tolist() == expected
    assert found.dtype == np.asarray(array).dtype


@pytest.mark.parametrize(
    ("fault", "array"),
    [
        ("G01", ["a"]),
        ("G02", np.uint8([1])),
        ("G03", ["a"]),
        ("G05", 3.0),
        ("G06", [1.0]),
        ("G07", [[1, 2, 3]]),
        ("G08", [1.0]),
        ("G09", np.float16([1])),
        ("G10", np.empty((0, 2))),
        ("G11", [True]),
    ],
)
def test_a_fault_that_an_array_cannot_have(fault, array):
    assert moved(fault, array) == {}


def test_rows_stay_whole_when_they_are_shuffled():
    rows = np.arange(12).reshape(6, 2)
    found = moved("G05", rows)[""]
    assert not np.array_equal(found, rows)
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, rows.tolist()))


@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_short_arrays_are_shuffled_too(length):
    assert moved("G05", np.arange(length))[""].tolist() != list(range(length))


def test_an_array_is_rolled_along_every_axis():
    assert list(moved("G06", np.arange(6).reshape(2, 3, 1))) == ["axis 0", "axis 1"]


@pytest.mark.parametrize(
    "array",
    [
        np.array([1e-10, 2e-10]),
        np.array([np.finfo("f8").max, 1.0]),
        np.array([np.inf, 3.0, np.nan], "f4"),
        np.array([0.0, 0.0]),
        np.array([2 + 1j], "c8"),
        np.array([1.0], "f2"),
        np.array([0, 255], "u1"),
        np.array([-128], "i1"),
        np.array([True]),
        np.array(["", "x"]),
        np.array([b"ab"]),
        np.array(["NaT", "2020-01-01"], "M8[D]"),
        np.array([3], "m8[2h]"),
        np.array(1.5),
    ],
    ids=str,
)
def test_one_element_is_moved_outside_the_default_tolerance(array):
    """Exactly one element changes, and only the comparison of values sees it."""
    (found,) = one_element_moved(array, default_tolerance(array))
    assert found.dtype == array.dtype
    same = (found == array) | ((found != found) & (array != array))  # noqa: PLR0124 - NaN and NaT
    assert np.count_nonzero(~same) == 1
    moves = [move for move in judged({"x": array}) if move.fault == "G04"]
    assert [move.seen for move in moves] == [True]


@pytest.mark.parametrize("array", [np.empty(0), np.array([np.nan, np.inf]), np.array(["NaT"], "M8[D]")])
def test_an_array_without_a_value_to_change(array):
    assert list(one_element_moved(array, default_tolerance(array))) == []


@pytest.mark.parametrize(("values", "limit"), [([1.0, 8.0], 0.5), ([10, 20], 3)])
def test_one_element_is_moved_by_two_of_the_tests_tolerances(values, limit):
    array = np.asarray(values)
    (found,) = one_element_moved(array, Tolerance(atol=limit))
    assert np.abs(found - array).max() == 2 * limit


def test_an_integer_that_cannot_move_so_far_is_left_out():
    assert list(one_element_moved(np.uint8([100]), Tolerance(atol=200.0))) == []


def test_harmless_moves_are_not_counted():
    """Zeros, equal rows and a real image in a complex array."""
    constant = judged({"x": np.ones((3, 3))})
    assert {move.fault for move in constant} == {"G01", "G02", "G03", "G04", "G10", "G11"}
    assert {move.fault for move in judged({"x": np.zeros(3)})} == {"G04", "G10"}
    assert "G08" not in {move.fault for move in judged({"x": np.ones(2, "c16")})}


@pytest.mark.parametrize("scale", [1e-300, 1e-10, 1.0, 1e300])
def test_the_default_tolerances_see_every_fault_at_every_scale(scale):
    """All but rounding to float32, which is smaller than the tolerance of float64 at a common scale."""
    array = np.random.default_rng(1).uniform(1, 2, (4, 4)) * scale
    passed = [move for move in judged({"x": array}) if not move.seen]
    assert all(move.fault == "G09" and move.explained for move in passed)


def test_a_loose_tolerance_of_a_test_passes_faults_and_is_named():
    array = np.array([1.0, 4 / 3, 2.0])
    found = {move.fault: move for move in judged({"x": array}, {"x": {"atol": 1.0}}) if not move.seen}
    assert set(found) == {"G05", "G06", "G09"}
    assert found["G05"].why == (
        "it changes values by at most 1, within the tolerance given by the test (atol 1, rtol 0, ulp 0)"
    )
    assert not found["G05"].explained


def test_values_that_differ_less_than_their_default_tolerance_are_explained():
    (blind, *others) = [m for m in judged({"x": np.array([1.0, 1 + 1e-12])}) if not m.seen]
    assert (blind.fault, blind.explained) == ("G05", True)
    assert "within the default tolerance of float64" in blind.why
    assert all(move.explained for move in others)


def test_golden_arrays_are_compared_with_what_the_test_obtained():
    """What is moved is what the test has, not the golden copy."""
    golden, found = {"x": np.array([2.0])}, {"x": np.array([1.0])}
    moves = judge_arrays(GENERIC_FAULTS, "f", golden, found, tolerances={"x": {"atol": 1.0}})
    assert [move.seen for move in moves if move.fault == "G01"] == [False]  # 2 * 1.0 is the golden value


def baseline(**metrics: Metric) -> Baseline:
    return Baseline(1, metrics, {}, certificate("by hand", [{}]))


def test_metrics_are_moved():
    moves = list(judge_metrics(GENERIC_FAULTS, "b.json", baseline(ssim=Metric(0.75, 0.01))))
    assert [(m.fault, m.seen) for m in moves] == [(f, True) for f in ("G01", "G02", "G03", "G04", "G11")]


def test_a_metric_with_a_tolerance_larger_than_its_value_is_blind():
    moves = list(judge_metrics(GENERIC_FAULTS, "b.json", baseline(mae=Metric(0.25, 1.0))))
    blind = {m.fault: m for m in moves if not m.seen}
    assert set(blind) == {"G01", "G02", "G03"}
    assert blind["G03"].why == "its tolerance is 1, its value 0.25"
    assert not blind["G03"].explained


def test_a_metric_of_zero_can_only_be_moved_by_tolerances():
    moves = list(judge_metrics(GENERIC_FAULTS, "b.json", baseline(count=Metric(0.0, 0.0))))
    assert [(move.fault, move.seen) for move in moves] == [("G04", True)]
