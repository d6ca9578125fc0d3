"""Half a tolerance passes and two do not, for every golden value; a comparison that is wrong is told."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.baseline import Baseline, Metric
from harness.core.baselines.calibrate import certificate
from harness.core.sensitivity.moved_values import mutate_arrays, mutate_metrics
from harness.core.sensitivity import moved_values as mutation


def baseline(**metrics: Metric) -> Baseline:
    return Baseline(1, metrics, {}, certificate("by hand", [{}]))


def test_every_metric_is_moved_up_and_down_inside_and_outside():
    mutants = list(mutate_metrics(baseline(mae=Metric(0.25, 0.125), ssim=Metric(0.75, 0.01))))
    assert [(m.name, m.tolerances, m.accepted) for m in mutants[:4]] == [
        ("mae", 0.5, True),
        ("mae", 0.5, True),
        ("mae", 2.0, False),
        ("mae", 2.0, False),
    ]
    assert len(mutants) == 8
    assert all(mutant.right for mutant in mutants)


def test_an_exact_metric_is_moved_by_its_last_bit():
    mutants = list(mutate_metrics(baseline(count=Metric(3.0, 0.0))))
    assert [mutant.accepted for mutant in mutants] == [True, True, False, False]


def test_every_array_is_moved(arrays):
    """Floating ones inside and outside; integers, which are compared exactly, outside alone."""
    mutants = list(mutate_arrays(arrays))
    assert sorted((m.name, m.tolerances) for m in mutants) == [
        ("image", 0.5),
        ("image", 2.0),
        ("index", 2.0),
        ("phase", 0.5),
        ("phase", 2.0),
    ]
    assert all(mutant.right for mutant in mutants)


def test_golden_arrays_stay_as_they_are(arrays):
    before = {name: array.copy() for name, array in arrays.items()}
    list(mutate_arrays(arrays))
    assert all(np.array_equal(before[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize(("factor", "wrong"), [(1e3, 0.5), (1e-3, 2.0)])
def test_a_comparison_with_other_tolerances_is_told(arrays, monkeypatch, factor, wrong):
    """It can fail: a thousandth of the tolerance refuses what is inside, a thousandfold accepts all."""
    real = mutation.default_tolerance

    def other(dtype):
        told = real(dtype)
        return mutation.Tolerance(atol=told.atol * factor, rtol=told.rtol * factor)

    monkeypatch.setattr(mutation, "Tolerance", type(real(np.dtype("f4"))), raising=False)
    monkeypatch.setattr(mutation, "default_tolerance", other)
    mutants = [mutant for mutant in mutate_arrays(arrays) if mutant.name != "index"]
    assert {m.tolerances for m in mutants if not m.right} == {wrong}
