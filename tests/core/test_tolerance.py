"""Tolerances: torch's by default, a user's own where they are spelled right."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core.errors import UsageError
from harness.core.tolerance import Tolerance, default_tolerance, read_tolerances


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "complex64", "complex128", "int32", "bool"]
)
def test_defaults_are_those_of_torch_testing(dtype):
    """Asked of torch itself: a difference is accepted here where assert_close accepts it."""
    torch = pytest.importorskip("torch", reason="its defaults are asked of torch")
    from torch.testing._comparison import default_tolerances

    rtol, atol = default_tolerances(getattr(torch, dtype))
    assert default_tolerance(np.dtype(dtype)) == Tolerance(atol=atol, rtol=rtol)


def test_defaults_as_they_are_documented():
    assert default_tolerance(np.dtype("f4")) == Tolerance(atol=1e-5, rtol=1.3e-6)
    assert default_tolerance(np.dtype(">f8")) == Tolerance(atol=1e-7, rtol=1e-7)
    assert default_tolerance(np.dtype("i8")) == default_tolerance(np.dtype("U3")) == Tolerance()


@pytest.mark.parametrize("field", ["atol", "rtol", "ulp"])
@pytest.mark.parametrize("value", [-1e-9, float("nan"), float("inf"), "1e-3", None, True])
def test_what_is_no_distance_is_refused(field, value):
    with pytest.raises(UsageError, match="a finite number, 0 or more") as caught:
        Tolerance(**{field: value})
    assert field in caught.value.thing


def test_tolerances_are_read_from_mappings_or_taken_as_they_are():
    given = {"image": {"atol": 1e-3}, "phase": Tolerance(rtol=1e-2)}
    expected = {"image": Tolerance(atol=1e-3), "phase": Tolerance(rtol=1e-2)}
    assert read_tolerances(given, {"image", "phase", "index"}) == expected
    assert read_tolerances(None, {"image"}) == {}


def test_a_tolerance_for_no_array_is_refused():
    """A name with a typing error must not leave an array at its default unnoticed."""
    with pytest.raises(UsageError, match="one of the arrays image, index") as caught:
        read_tolerances({"imgae": {"atol": 1}}, {"index", "image"})
    assert "imgae" in caught.value.thing


@pytest.mark.parametrize("value", [{"atoll": 1}, {"atol": 1, "rel": 2}, 1e-3, [1e-3]])
def test_an_unknown_key_is_refused(value):
    with pytest.raises(UsageError, match="keys among atol, rtol, ulp") as caught:
        read_tolerances({"image": value}, {"image"})
    assert caught.value.thing == "tolerance for image"
