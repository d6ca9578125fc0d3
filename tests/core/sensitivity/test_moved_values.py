"""Every golden value passes when moved by half a tolerance, and fails when moved by two."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.baseline import Baseline, Metric
from harness.core.baselines.calibrate import certificate
from harness.core.sensitivity import moved_values
from harness.core.sensitivity.moved_values import move_arrays, move_metrics


def baseline(**metrics: Metric) -> Baseline:
    return Baseline(1, metrics, {}, certificate("by hand", [{}]))


def test_every_metric_is_moved_up_and_down_inside_and_outside():
    moved = list(move_metrics(baseline(mae=Metric(0.25, 0.125), ssim=Metric(0.75, 0.01))))
    assert [(m.name, m.tolerances, m.accepted) for m in moved[:4]] == [
        ("mae", 0.5, True),
        ("mae", 0.5, True),
        ("mae", 2.0, False),
        ("mae", 2.0, False),
    ]
    assert len(moved) == 8
    assert all(value.correct for value in moved)


def test_a_metric_with_zero_tolerance_is_moved_by_one_ulp():
    moved = list(move_metrics(baseline(count=Metric(3.0, 0.0))))
    assert [value.accepted for value in moved] == [True, True, False, False]


def test_every_array_is_moved(arrays):
    """Floating ones inside and outside; integers, which are compared exactly, outside alone."""
    moved = list(move_arrays(arrays))
    assert sorted((m.name, m.tolerances) for m in moved) == [
        ("image", 0.5),
        ("image", 2.0),
        ("index", 2.0),
        ("phase", 0.5),
        ("phase", 2.0),
    ]
    assert all(value.correct for value in moved)


def test_golden_arrays_stay_as_they_are(arrays):
    before = {name: array.copy() for name, array in arrays.items()}
    list(move_arrays(arrays))
    assert all(np.array_equal(before[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize(("factor", "wrong"), [(1e3, 0.5), (1e-3, 2.0)])
def test_a_comparison_with_other_tolerances_is_reported(arrays, monkeypatch, factor, wrong):
    """Moved by thousand times too much, half a tolerance fails; by a thousandth, two tolerances pass."""
    real = moved_values.default_tolerance

    def other(golden):
        tolerance = real(golden)
        return moved_values.Tolerance(atol=tolerance.atol * factor, rtol=tolerance.rtol * factor)

    monkeypatch.setattr(moved_values, "Tolerance", type(real(np.zeros(1))), raising=False)
    monkeypatch.setattr(moved_values, "default_tolerance", other)
    moved = [value for value in move_arrays(arrays) if value.name != "index"]
    assert {m.tolerances for m in moved if not m.correct} == {wrong}


@pytest.mark.parametrize(
    "array",
    [
        np.array(["a", ""]),
        np.array(["2020-01-01", "NaT"], "M8[D]"),
        np.array([True, True]),
        np.uint8([255, 255]),
        np.array([np.nan, np.inf, -np.inf, 2.0]),
        np.float32([3e38, -3e38]),
        np.zeros(3),
    ],
    ids=str,
)
def test_arrays_of_any_field_are_moved(array):
    """Strings, dates, booleans, numbers at the end of their range, and values that are not finite."""
    found = list(move_arrays({"x": array}))
    assert found
    assert all(value.correct for value in found)


def test_arrays_without_a_value_to_change_are_left_out():
    assert list(move_arrays({"x": np.empty(0), "y": np.array([np.nan])})) == []
