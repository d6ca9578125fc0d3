"""Arrays of numpy in any layout, with masks and fields."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.core.containers.flatten import flatten
from harness.core.errors import UsageError
from harness.core.storage.digest import digest_array


def named(value):
    """Name a case by its value, without addresses, which differ between pytest-xdist's workers."""
    return re.sub(" at 0x[0-9a-f]+", "", repr(value))


STRUCTURE = [("i", "<i4"), ("f", [("x", "<f8"), ("y", "<f4", (2,))])]


def stored(data) -> dict[str, object]:
    return {name: array.tolist() for name, array in flatten({"a": data}).arrays.items()}


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(6.0)[::-2],
        np.arange(4, dtype=">f4"),
        np.broadcast_to(np.float32(1.5), (2, 2)),
        np.array(-0.0),
        np.array([np.nan, -np.inf]),
        np.array([0x7FF0000000000001], "u8").view("f8"),
        np.zeros((0, 3), "c8"),
        np.array(["a", "bc"]),
        np.array([b"a"]),
        np.array(["2020", "NaT"], "M8[Y]"),
        np.float16(1.5),
    ],
    ids=named,
)
def test_values_are_kept_bit_by_bit(array):
    (kept,) = flatten({"a": array}).arrays.values()
    assert digest_array(kept) == digest_array(array)


def test_a_mapped_array_stays_mapped(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(3.0))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    assert flatten(mapped).arrays["data"] is mapped


@pytest.mark.filterwarnings("ignore:the matrix subclass", "ignore:The chararray class")
def test_matrices_and_arrays_of_text_lose_their_class_alone():
    flat = flatten({"m": np.matrix([[1, 2]]), "c": np.array(["a "]).view(np.char.chararray)})
    assert {name: array.shape for name, array in flat.arrays.items()} == {"m": (1, 2), "c": (1,)}
    assert {type(array) for array in flat.arrays.values()} == {np.ndarray}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.ma.masked_array([1.0, 2.0], [False, True]), {"a": [1.0, 0.0], "a.mask": [False, True]}),
        (np.ma.zeros(2), {"a": [0.0, 0.0], "a.mask": [False, False]}),
        (np.ma.masked, {"a": 0.0, "a.mask": True}),
        (np.ma.masked_array(["x", "y"], [True, False]), {"a": ["", "y"], "a.mask": [True, False]}),
        (
            np.ma.array([(1, 2.0)], mask=[(False, True)], dtype=[("i", "i4"), ("f", "f8")]),
            {"a.i": [1], "a.i.mask": [False], "a.f": [0.0], "a.f.mask": [True]},
        ),
    ],
    ids=named,
)
def test_masked_elements_are_zero(value, expected):
    assert stored(value) == expected


def test_the_data_below_a_mask_are_not_changed():
    value = np.ma.masked_array([1.0, 2.0], [False, True])
    flatten(value)
    assert value.data.tolist() == [1.0, 2.0]


def test_what_a_mask_hides_does_not_count():
    one, other = (np.ma.masked_array([1.0, hidden], [False, True]) for hidden in (2.0, 3.0))
    assert stored(one) == stored(other)


@pytest.mark.parametrize("number", [0, slice(0, 1), slice(None)], ids=str)
def test_structured_arrays_are_taken_by_field(number):
    array = np.zeros(2, STRUCTURE)[number]
    flat = flatten({"a": array})
    assert list(flat.arrays) == ["a.i", "a.f.x", "a.f.y"]
    assert flat.arrays["a.f.y"].shape == (*array.shape, 2)


def test_records_are_structures():
    assert stored(np.rec.array([(1, "x")], names="n,s")) == {"a.n": [1], "a.s": ["x"]}


class WithGain(np.ndarray):
    """A subclass whose attribute nothing would store."""


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros(2).view(WithGain), "np.asarray(x), and what WithGain adds"),
        (np.array([None]), "found dtype object"),
        (np.ma.masked_array([None, 1], [True, False]), "found dtype object"),
        (np.zeros(2, "V4"), "x.view(np.uint8)"),
        (np.longdouble(1), "the same on every machine"),
        (np.zeros(1, [("o", object)]), "array 'a.o'"),
    ],
    ids=named,
)
def test_what_has_no_plain_dtype_is_refused(value, message):
    with pytest.raises(UsageError) as caught:
        flatten({"a": value})
    assert message in str(caught.value)


def test_small_floats_of_ml_dtypes_become_float32():
    """As jax has them."""
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed")
    flat = flatten({"a": np.array([1.5, -0.0], ml_dtypes.bfloat16), "b": np.ones(1, ml_dtypes.float8_e4m3fn)})
    assert flat.notes == ("a: bfloat16 -> float32", "b: float8_e4m3fn -> float32")
    assert digest_array(flat.arrays["a"]) == digest_array(np.array([1.5, -0.0], "f4"))
