"""A tolerance reaches the arrays that its key means, and no others."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.containers.flatten import Flattened, flatten
from harness.core.containers.tolerances import tolerances_by_array
from harness.core.errors import UsageError

FLAT = flatten(
    {
        "fit": {"slope [m/s]": 2.5, "steps": 3, "more": {"a": 1.0, "b": 1j}},
        "t": 1.0,
        "T": 2.0,
        0: 1.0,
        "labels": ["a", "b"],
        "masked": np.ma.zeros(2),
        "counts": {"a": 1},
    }
)
TABLE = Flattened(
    {"run.x": np.zeros(2), "run.index.0": np.zeros(2), "run.columns": np.array(["x"])},
    (),
    {name: name for name in ("run", "run.x", "run.index", "run.index.0", "run.columns")},
    frozenset({"run.index", "run.index.0", "run.columns"}),
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"fit.slope [m/s]": 1}, {"fit.slope [m%2Fs]": 1}),
        ({"fit.slope [m%2Fs]": 1}, {"fit.slope [m%2Fs]": 1}),
        ({"T": 1, "t": 2}, {"%54": 1, "t": 2}),
        ({0: 1}, {"0": 1}),
        ({("fit", "more", "a"): 1}, {"fit.more.a": 1}),
        ({"labels": 1}, {"labels": 1}),
        ({"masked": 1}, {"masked": 1}),
        ({"fit.steps": 1}, {"fit.steps": 1}),
        ({}, {}),
    ],
    ids=str,
)
def test_a_key_of_an_array_means_this_array(given, expected):
    assert tolerances_by_array(given, FLAT) == expected


def test_a_container_means_its_floating_point_arrays():
    found = tolerances_by_array({"fit": 1}, FLAT)
    assert found == {"fit.slope [m%2Fs]": 1, "fit.more.a": 1, "fit.more.b": 1}


@pytest.mark.parametrize("order", [1, -1])
def test_the_longer_path_wins(order):
    given = dict([("fit", 1), ("fit.more", 2), ("fit.more.a", 3)][::order])
    found = tolerances_by_array(given, FLAT)
    assert found == {"fit.slope [m%2Fs]": 1, "fit.more.a": 3, "fit.more.b": 2}


def test_an_index_is_exact_unless_it_is_meant():
    assert tolerances_by_array({"run": 1}, TABLE) == {"run.x": 1}
    assert tolerances_by_array({"run.index": 1}, TABLE) == {"run.index.0": 1}
    assert tolerances_by_array({"run.index.0": 1}, TABLE) == {"run.index.0": 1}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"slopee": 1}, "tolerance for 'slopee': expected one of the arrays %54, 0, "),
        ({"fit.step": 1}, "Did you mean 'fit.steps'?"),
        ({"counts": 1}, "expected a container with floating-point arrays, found none in it"),
        ({"T": 1, "%54": 2}, "two tolerances are given for '%54', one of them as '%54'"),
        ({"": 1}, "found no array of that name"),
    ],
    ids=str,
)
def test_what_means_nothing_is_refused(given, message):
    """A typing error must not loosen a test."""
    with pytest.raises(UsageError) as caught:
        tolerances_by_array(given, FLAT)
    assert message in str(caught.value)


def test_what_could_mean_two_arrays_is_refused():
    both = flatten({"a.b": 1.0, "a": {"b": 2.0}})
    with pytest.raises(UsageError, match="or more than one"):
        tolerances_by_array({"a.b": 1}, both)
    assert tolerances_by_array({"a%2Eb": 1, "a": 2}, both) == {"a%2Eb": 1, "a.b": 2}
