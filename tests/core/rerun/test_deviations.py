"""How far an array is from its golden copy, in figures that are finite for all that can be stored."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.baselines.samples import Spread
from harness.core.rerun.deviations import array_sample, deviation, relative_change

ONES = np.ones(4)


def test_equal_arrays_have_no_spread():
    assert deviation("a", ONES, ONES.copy()).spread == Spread()


def test_the_figures_of_a_difference():
    found = deviation("a", np.array([1.0, -4.0]), np.array([1.0, -4.0 - 2**-50]))
    assert (found.scale, found.shape) == (4.0, (2,))
    assert found.spread == Spread(1, 2**-50, 2**-52, 1, (1,), pytest.approx(2**-50 / np.sqrt(17)))


def test_an_element_whose_golden_value_is_zero_has_no_relative_difference():
    assert deviation("a", np.array([0.0, 1.0]), np.array([1e-20, 1.0])).spread.relative is None


@pytest.mark.parametrize(
    ("golden", "found"),
    [
        (np.array(["a"]), np.array(["b"])),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
        (np.array([1.0, np.inf]), np.array([1.0, -np.inf])),
    ],
)
def test_what_no_tolerance_holds_has_moved(golden, found):
    assert deviation("a", golden, found).spread.moved


@pytest.mark.parametrize("found", [None, np.ones(3), np.ones(4, "f4")])
def test_another_name_dtype_or_shape_cannot_be_measured(found):
    assert deviation("a", ONES, found).unlike
    assert not deviation("a", ONES, found).accepted


@pytest.mark.parametrize(
    ("golden", "found"),
    [
        (np.array([1e308, -1e308]), np.array([-1e308, 1e308])),
        (np.zeros(3), np.full(3, 5e-324)),
        (np.array([2**63 - 1]), np.array([-(2**63)])),
        (np.array([True, False]), np.array([False, True])),
        (np.array([1e300 + 1e300j]), np.array([-1e300 + 1e308j])),
        (np.array(["2020-01-01"], "M8[D]"), np.array(["2020-01-03"], "M8[D]")),
    ],
)
def test_extreme_values_give_finite_figures(golden, found):
    spread = deviation("a", golden, found).spread
    assert spread.differing
    assert np.isfinite([spread.absolute, spread.change, spread.relative or 0.0]).all()


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_a_relative_change_does_not_depend_on_the_unit(scale):
    one, other = scale * np.array([3.0, 4.0]), scale * np.array([3.0, 4.5])
    assert relative_change(one, other) == pytest.approx(0.5 / np.hypot(3, 4.5))


def test_a_sample_names_every_array_and_what_the_check_rejects():
    sample = array_sample(
        "xxh128:0",
        {"a": ONES},
        {"a": ONES, "b": ONES},
        test="test_it",
        dtypes={"a": "bfloat16"},
        rejected=frozenset("a"),
    )
    assert (sample.arrays["a"].dtype, sample.arrays["a"].accepted) == ("bfloat16", False)
    assert sample.arrays["b"].unlike == "expected nothing, found float64 (4,)"
