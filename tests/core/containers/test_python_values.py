"""Python's containers and scalars, whatever class they inherit from."""

from __future__ import annotations

import datetime as dt
import re
from collections import OrderedDict, UserDict, namedtuple
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from types import MappingProxyType, SimpleNamespace
from typing import ClassVar, NamedTuple

import msgspec
import numpy as np
import pytest

from harness.core.containers.flatten import flatten
from harness.core.errors import UsageError


def named(value):
    """Name a case by its value, without addresses, which differ between pytest-xdist's workers."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


def stored(data) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten(data).arrays.items()}


@dataclass
class Fit:
    slope: float
    residuals: object = field(default_factory=lambda: np.zeros(2))
    unit: ClassVar[str] = "m"


class Struct(msgspec.Struct):
    slope: float
    value: int = 1


class Pair(NamedTuple):
    p: object
    q: object


class Colour(Enum):
    RED = 1.5
    TEXT = "x"


class Level(IntEnum):
    HIGH = 3


class Word(str, Enum):
    KEY = "key"


class Attrs:
    """As attrs leaves its classes."""

    __attrs_attrs__ = (SimpleNamespace(name="a"), SimpleNamespace(name="b"))

    def __init__(self):
        self.a, self.b = 1, 2.5


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (Fit(2.0), {"slope": 2.0, "residuals": [0.0, 0.0]}),
        ({"fit": Fit(2.0, {"a": 1})}, {"fit.slope": 2.0, "fit.residuals.a": 1}),
        (Struct(2.0), {"slope": 2.0, "value": 1}),
        (Attrs(), {"a": 1, "b": 2.5}),
        (Pair(1, [Pair(2, 3)]), {"p": 1, "q.0.p": 2, "q.0.q": 3}),
        (namedtuple("P", "x")("a"), {"x": "a"}),  # noqa: PYI024 - the older kind
        (OrderedDict(a=1), {"a": 1}),
        (UserDict(a=1), {"a": 1}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (
            {Word.KEY: 1, np.str_("b"): 2, np.int64(3): 3, Level.HIGH + 1: 4},
            {"key": 1, "b": 2, "3": 3, "4": 4},
        ),
        (Colour.RED, {"data": 1.5}),
        (
            {"c": Colour.TEXT, "l": [Colour.RED, Colour.RED], "i": Level.HIGH},
            {"c": "x", "l": [1.5, 1.5], "i": 3},
        ),
        ([1, [2, np.zeros(1)]], {"0": 1, "1.0": 2, "1.1": [0.0]}),
        ([np.zeros(1), np.zeros(1)], {"0": [0.0], "1": [0.0]}),
        ((np.float32(1), np.float32(2)), {"data": [1.0, 2.0]}),
        ({"e": [], "t": ((1, 2), [3, 4])}, {"e": [], "t": [[1, 2], [3, 4]]}),
        ({"s": "a", "b": b"b", "n": True, "c": 1j}, {"s": "a", "b": b"b", "n": True, "c": 1j}),
        (["a", "bc"], {"data": ["a", "bc"]}),
    ],
    ids=lambda value: named(value)[:40],
)
def test_containers_are_taken_by_key_field_or_index(data, expected):
    assert stored(data) == expected


def test_classes_that_inherit_from_list_are_lists():
    class Numbers(list):
        """A list."""

    assert stored({"n": Numbers([Numbers([1, 2]), (3, 4)])}) == {"n": [[1, 2], [3, 4]]}


def test_the_class_of_a_container_does_not_count():
    as_dict = {"slope": 1.0, "residuals": [1.0, 2.0]}
    assert stored(Fit(1.0, [1.0, 2.0])) == stored(as_dict)


@pytest.mark.parametrize(
    ("value", "dtype", "stored_as"),
    [
        (dt.date(2020, 1, 2), "datetime64[D]", "2020-01-02"),
        (dt.datetime(2020, 1, 2, 3, 4, 5, 6), "datetime64[us]", "2020-01-02T03:04:05.000006"),  # noqa: DTZ001
        ([dt.date(2020, 1, 2)], "datetime64[D]", "['2020-01-02']"),
        ([[dt.date(2020, 1, 2)] * 2] * 2, "datetime64[D]", None),
    ],
    ids=named,
)
def test_dates_are_those_of_numpy(value, dtype, stored_as):
    (array,) = flatten(value).arrays.values()
    assert array.dtype == dtype
    assert array.shape == np.shape(np.array(value, dtype=object))
    assert stored_as is None or str(array) == stored_as


def test_durations_are_those_of_numpy():
    array = flatten({"t": dt.timedelta(seconds=1.5)}).arrays["t"]
    assert array == np.timedelta64(1500, "ms")


def test_a_time_zone_is_kept():
    zone = dt.timezone(dt.timedelta(hours=2))
    value = dt.datetime(2020, 1, 1, 2, tzinfo=zone)
    flat = flatten({"t": value, "l": [value, value]})
    assert str(flat.arrays["t"]) == "2020-01-01T00:00:00.000000"
    assert flat.arrays["l"].shape == (2,)
    assert flat.arrays["t.timezone"].tolist() == flat.arrays["l.timezone"].tolist() == "UTC+02:00"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (Decimal("0.1"), "store float(x)"),
        (Fraction(1, 3), "store float(x)"),
        ([Fraction(1, 3)], "array 'a.0'"),
        ([1.0, None], "array 'a.1'"),
        (range(3), "store list(x)"),
        (dt.time(1), "array 'a'"),
        (2**70, "array 'a'"),
        ("end\0", "array 'a'"),
        ([dt.date(2020, 1, 1), dt.datetime(2020, 1, 1)], "found date and datetime"),  # noqa: DTZ001
        (
            [dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc), dt.datetime(2020, 1, 1)],  # noqa: DTZ001
            "found None and UTC",
        ),
        ([[dt.date(2020, 1, 1)], []], "nested lists of one length"),
        ({(1, 2): 1}, "key of 'a': expected a string or an integer, found (1, 2), a tuple"),
        ({True: 1}, "found True, a bool"),
        ({1.5: 1}, "{str(key): x[key] for key in x}"),
        (SimpleNamespace(a=1), "array 'a'"),
        (Fit, "found a type"),
        (iter([1]), "store list(x)"),
    ],
    ids=lambda value: named(value)[:40],
)
def test_what_is_refused_is_named_with_its_conversion(value, message):
    with pytest.raises(UsageError) as caught:
        flatten({"a": value})
    assert message in str(caught.value)


def test_a_long_list_of_numbers_is_one_array():
    assert flatten(list(range(100_000))).arrays["data"].shape == (100_000,)
