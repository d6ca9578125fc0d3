"""Lists of Python objects: dates, and values of which some are missing."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest

from harness.core.containers.nodes import Part
from harness.core.containers.object_values import dates, is_date, labels, masked, with_missing
from harness.core.errors import UsageError


def named(value):
    """Name a case by its value, without addresses, which differ between pytest-xdist's workers."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


DAY = dt.date(2020, 1, 1)


class NAType:
    """As the missing value of pandas, whose comparison raises."""

    def __ne__(self, other):
        raise TypeError

    __hash__ = None


class Nanoseconds(dt.datetime):
    """As a time stamp of pandas."""

    def to_datetime64(self):
        return np.datetime64("2020-01-01T00:00:00.000000001")


def parts(node) -> dict[str, object]:
    return {key.name: child.array.tolist() for key, child in node.children.items()}


@pytest.mark.parametrize(
    ("values", "array", "mask"),
    [
        (["a", None, "bc"], ["a", "", "bc"], [False, True, False]),
        ([None, 2], [0, 2], [True, False]),
        ([1.5, float("nan")], [1.5, 0.0], [False, True]),
        ([True, NAType()], [True, False], [False, True]),
        ([DAY, None], [DAY, dt.date(1970, 1, 1)], [False, True]),
        ([None, None], [0.0, 0.0], [True, True]),
        (["a", "b"], ["a", "b"], None),
        ([], [], None),
    ],
    ids=named,
)
def test_missing_values_become_zero_and_a_mask(values, array, mask):
    node = with_missing(values, "a")
    assert node.array.tolist() == array
    assert parts(node) == ({} if mask is None else {"mask": mask})


def test_rows_of_arrays_stay_rows():
    node = with_missing([[1, 2], None], "a")
    assert node.array.tolist() == [[1, 2], [0, 0]]


def test_a_node_without_an_array_gets_an_empty_one():
    assert masked(with_missing([], "a"), np.array([True])).array.tolist() == [0.0]


@pytest.mark.parametrize("values", [["a", 1], [object()], [{"a": 1}]], ids=named)
def test_objects_of_several_types_are_refused(values):
    with pytest.raises(UsageError, match="array 'a'"):
        with_missing(values, "a")


def test_labels_of_several_types_keep_their_types():
    node = labels([0, "0", 1.5, None], "a")
    assert node.array.tolist() == ["0", "'0'", "1.5", "None"]
    assert parts(node) == {"types": ["int", "str", "float", "NoneType"]}
    assert parts(labels(["a", "b"], "a")) == {}
    with pytest.raises(UsageError, match="array 'a'"):
        labels([object(), 1], "a")


def test_dates_keep_nanoseconds_and_zones():
    assert str(dates([Nanoseconds(2020, 1, 1)], "a", ()).array).endswith("000000001")
    node = dates([dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)], "a", (1,))
    assert node.children[Part("timezone")].array.tolist() == "UTC"


def test_only_dates_are_dates():
    assert [is_date(each) for each in (DAY, dt.timedelta(1), dt.time(1), 1)] == [True, True, False, False]
