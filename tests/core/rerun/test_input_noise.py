"""Noise moves each number by one ULP or not at all, and keeps its container; a seed gives the same bits."""

from __future__ import annotations

import sys
from collections import OrderedDict, defaultdict
from typing import NamedTuple

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.core.rerun.input_noise import InputNoise


class Pair(NamedTuple):
    """Two parts of an input."""

    x: object
    y: object


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(), (100,), (10, 10)])
def test_every_element_moves_by_at_most_one_ulp(dtype, shape):
    data = np.random.default_rng(0).normal(size=shape).astype(dtype)
    noise = InputNoise(1)
    moved = noise.apply("test", data)
    assert (moved.dtype, moved.shape) == (data.dtype, data.shape)
    for one, other in ((data.real, moved.real), (data.imag, moved.imag)):
        assert (np.abs(other.astype("f8") - one) <= np.abs(np.spacing(one)).astype("f8")).all()
    if shape:
        assert 0 < noise.changes["test"] < np.finfo(data.real.dtype).eps


def test_a_transposed_array_moves_too_and_the_original_stays():
    data = np.arange(1.0, 7).reshape(2, 3).T
    before = data.copy()
    assert not np.array_equal(InputNoise(1).apply("test", data), before)
    assert np.array_equal(data, before)


def test_zeros_infinities_integers_and_text_stay():
    data = {"zero": np.zeros(9), "inf": np.array([np.inf, np.nan]), "n": np.arange(9), "s": "x", "none": None}
    noise = InputNoise(1)
    moved = noise.apply("test", data)
    assert all(np.array_equal(moved[key], data[key], equal_nan=key == "inf") for key in ("zero", "inf", "n"))
    assert (moved["s"], moved["none"], noise.changes) == ("x", None, {})


def test_containers_keep_their_type():
    data = OrderedDict(a=[np.ones(3), 2.5], b=Pair(np.ones(2), (1.5 + 2j,)))
    moved = InputNoise(3).apply("test", data)
    assert (type(moved), type(moved["a"]), type(moved["b"]), type(moved["a"][1])) == (
        OrderedDict,
        list,
        Pair,
        float,
    )
    assert moved["a"][1] == pytest.approx(2.5)


def test_a_defaultdict_keeps_its_default():
    moved = InputNoise(1).apply("test", defaultdict(list, a=np.ones(2)))
    assert moved["b"] == []


def test_the_same_seed_gives_the_same_bits_and_each_call_others():
    one, other = InputNoise(5), InputNoise(5)
    data = np.linspace(1, 2, 50)
    first = one.apply("test", data)
    assert np.array_equal(first, other.apply("test", data))
    assert not np.array_equal(first, one.apply("test", data))
    assert not np.array_equal(first, InputNoise(6).apply("test", data))


def test_without_a_seed_the_data_are_returned_as_they_are():
    data = object()
    assert InputNoise(None).apply("test", data) is data


def test_what_has_no_numbers_is_refused():
    with pytest.raises(UsageError, match="type object"):
        InputNoise(1).apply("test", object())


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "complex64"])
def test_tensors_keep_dtype_device_and_gradient(dtype):
    torch = pytest.importorskip("torch")
    data = torch.linspace(1, 2, 50).to(getattr(torch, dtype)).requires_grad_()
    noise = InputNoise(1)
    moved = noise.apply("test", data)
    assert (moved.dtype, moved.requires_grad, moved.is_leaf) == (data.dtype, True, True)
    assert not torch.equal(moved, data)
    assert 0 < noise.changes["test"] <= 2 * torch.finfo(data.dtype).eps


def test_tables_keep_their_labels():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.5, 2.5], "n": [1, 2], "s": ["a", "b"]}, index=["p", "q"])
    moved = InputNoise(2).apply("test", frame)
    assert list(moved.dtypes) == list(frame.dtypes)
    assert moved.index.equals(frame.index)
    assert moved[["n", "s"]].equals(frame[["n", "s"]])
    assert moved["x"].to_numpy() == pytest.approx(frame["x"].to_numpy())
    assert "pandas" in sys.modules
