"""What tests have becomes named arrays: the same ones for the same data, others for other data."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from harness.core.containers.flatten import flatten
from harness.core.containers.tolerances import tolerances_by_array
from harness.core.errors import UsageError
from harness.core.storage.digest import digest_array, digest_arrays, is_plain
from harness.core.storage.names import name_problem, require_distinct


def named(value):
    """Name a case by its value, without addresses, which differ between pytest-xdist's workers."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


KEYS = (
    st.text(st.sampled_from("abAB.%/ 01ß-"), max_size=3)
    | st.integers(-1, 2)
    | st.sampled_from(["mask", "aux", "index", "data", "Mask", "a.mask"])
)
ARRAYS = hnp.arrays(
    st.sampled_from(["<f4", ">f4", "<i2", "?", "<c8", "M8[s]", "<U2"]),
    hnp.array_shapes(min_dims=0, max_side=2),
)
LEAVES = ARRAYS | st.builds(np.ma.masked_array, hnp.arrays("<f4", (2,)), hnp.arrays("?", (2,)))
TREES = st.recursive(LEAVES, lambda below: st.dictionaries(KEYS, below, min_size=1, max_size=3), max_leaves=5)
DATA = st.dictionaries(KEYS, TREES, min_size=1, max_size=4)


def identity(data):
    """What makes two inputs the same, written independently of the names: values, dtypes, keys, nesting."""
    if isinstance(data, dict):
        return {(type(key), key): identity(value) for key, value in data.items()}
    if isinstance(data, np.ma.MaskedArray):
        return ("masked", digest_array(data.filled(0)), digest_array(np.ma.getmaskarray(data)))
    return digest_array(data)


@given(DATA, DATA)
def test_two_inputs_have_the_same_arrays_only_if_they_are_equal(one, other):
    same = identity(one) == identity(other)
    assert (digest_arrays(flatten(one).arrays) == digest_arrays(flatten(other).arrays)) is same


@given(DATA)
def test_a_nested_and_a_joined_key_differ(data):
    joined = {".".join(map(str, path)): value for path, value in leaves(data)}
    same = identity(joined) == identity(data)
    assert (digest_arrays(flatten(joined).arrays) == digest_arrays(flatten(data).arrays)) is same


@given(DATA)
def test_every_name_is_valid_and_every_dtype_is_plain(data):
    arrays = flatten(data).arrays
    assert [name for name in arrays if name_problem(name, suffix=".npy")] == []
    require_distinct("array", arrays)
    assert all(type(array) is np.ndarray and is_plain(array.dtype) for array in arrays.values())


@given(DATA)
def test_the_order_of_keys_has_no_effect(data):
    assert digest_arrays(flatten(turned(data)).arrays) == digest_arrays(flatten(data).arrays)


@given(DATA)
def test_values_are_kept_bit_by_bit(data):
    """Each array is found under its own name, with its own bytes."""
    flat = flatten(data)
    kept = sorted(array.tobytes() for array in flat.arrays.values())
    expected = []
    for _, value in leaves(data):
        masked = isinstance(value, np.ma.MaskedArray)
        expected += [value.filled(0), np.ma.getmaskarray(value)] if masked else [value]
    assert kept == sorted(np.asarray(value).tobytes() for value in expected)


@given(DATA)
def test_every_array_has_a_key_for_a_tolerance(data):
    """Except where the user's spelling and a name mean two of them."""
    flat = flatten(data)
    for name in set(flat.arrays) & set(flat.tolerance_keys):
        assert name in tolerances_by_array({name: 1}, flat)
    for key in data:
        if str(key) in flat.tolerance_keys and not isinstance(data[key], dict):
            assert len(tolerances_by_array({key: 1}, flat)) == 1


def leaves(data, path=()):
    if not isinstance(data, dict):
        yield path, data
        return
    for key, value in data.items():
        yield from leaves(value, (*path, key))


def turned(data):
    if not isinstance(data, dict):
        return data
    return {key: turned(data[key]) for key in reversed(list(data))}


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (np.zeros(2), ["out"]),
        (1.5, ["out"]),
        ("text", ["out"]),
        ([1, 2], ["out"]),
        (dt.date(2020, 1, 1), ["out"]),
        (np.ma.zeros(2), ["out", "out.mask"]),
        (np.zeros(2, [("x", "f4"), ("y", "f4")]), ["out.x", "out.y"]),
        ({"a": 1}, ["a"]),
        ([np.zeros(2), np.zeros(3)], ["0", "1"]),
        ([{"a": 1}, {"a": 2}], ["0.a", "1.a"]),
        ({"m/s": {"a": 1}, "T": 1, "t": 2}, ["m%2Fs.a", "%54", "t"]),
    ],
    ids=named,
)
def test_one_array_has_the_given_name_and_a_container_no_prefix(data, names):
    assert list(flatten(data, name="out").arrays) == names


def test_the_name_is_encoded_like_a_key():
    assert list(flatten(1.5, name="m/s").arrays) == ["m%2Fs"]


def test_arrays_are_not_copied():
    array = np.arange(6.0).reshape(2, 3).T[::-1]
    array.flags.writeable = False
    assert flatten({"a": array}).arrays["a"] is array


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "array 'data': expected a numpy array"),
        ({"a": {"b": None}}, "array 'a.b': expected a numpy array, a tensor, a number, a string"),
        ({"a": object()}, "array 'a'"),
        ({"a": {1, 2}}, "store list(x), in a fixed order"),
        ({"a": len}, "array 'a'"),
        ({"a": (n for n in ())}, "store list(x)"),
        ({"a": [[1, 2], [3]]}, "nested lists of one length at each level"),
        ({"a": [1, "b"]}, "values of one type that numpy keeps exactly"),
        ({"a": np.array([None])}, "found dtype object"),
        ({"a": int}, "found a type"),
        ({}, "'data' is a dict without arrays"),
        ({"a": {"b": {}}}, "'a.b' is a dict without arrays"),
        ({"a": np.zeros(2, [])}, "'a' is a numpy.ndarray without arrays"),
        ({"k" * 300: 1}, "it has 304 bytes, more than 200. Use shorter keys"),
        ({"k" * 60: {"l" * 60: {"m" * 60: {"n" * 60: 1}}}}, "or fewer levels of nesting"),
    ],
    ids=lambda value: named(value)[:40],
)
def test_what_cannot_be_stored_is_refused_by_key(data, message):
    with pytest.raises(UsageError) as caught:
        flatten(data)
    assert message in str(caught.value)


def test_containers_that_contain_themselves_are_refused():
    mapping: dict[str, object] = {"x": 1.0}
    mapping["self"] = [np.zeros(1), mapping]
    sequence: list[object] = [1.0]
    sequence.append(sequence)
    for data in (mapping, {"a": sequence}):
        with pytest.raises(UsageError, match="contains itself"):
            flatten(data)


def test_a_container_that_is_shared_is_taken():
    shared = {"x": 1.0}
    assert list(flatten({"a": shared, "b": [shared, shared]}).arrays) == ["a.x", "b.0.x", "b.1.x"]


@pytest.mark.parametrize("wrap", [lambda x: {"k": x}, lambda x: [x]])
def test_endless_nesting_is_refused(wrap):
    data: object = np.zeros(1)
    for _ in range(5000):
        data = wrap(data)
    with pytest.raises(UsageError, match="more than 64 levels"):
        flatten(data)
