"""Arrays by name are checked when they are taken, and what is wrong is named with file and key."""

import numpy as np
import pytest

from harness.core.errors import RefusedError, UnreadableError
from harness.core.storage.npz import write_archive
from harness.ptycho.files.arrays.named import Named, names_in_archive

ARRAYS = {
    "x": np.arange(3.0),
    "nan": np.array([1.0, np.nan]),
    "empty": np.zeros((0, 2)),
    "text": np.array(["a"]),
    "zero": np.array(0.0),
    "one": np.array([4]),
}


@pytest.fixture
def file():
    return Named("a.npz", ARRAYS.keys(), ARRAYS.__getitem__)


@pytest.mark.parametrize(
    ("key", "expected", "message"),
    [
        ("y", {"axes": 1}, "a.npz: y: expected an array, found only empty, nan, one, text, x, zero"),
        ("x", {"axes": 2}, "a.npz: x: expected a non-empty array of 2 axes, found shape (3,)"),
        ("x", {"axes": (2, 3)}, "expected a non-empty array of 2 or 3 axes"),
        ("x", {"axes": 1, "length": 4}, "expected 4 values, found 3 values"),
        ("x", {"axes": 1, "kinds": "iu"}, "expected integers, found dtype float64"),
        ("nan", {"axes": 1}, "1 NaN or infinite value"),
        ("empty", {"axes": 2}, "found shape (0, 2)"),
        ("text", {"axes": 1}, "expected real numbers, found dtype <U1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(file, key, expected, message):
    with pytest.raises((RefusedError, UnreadableError)) as caught:
        file.array(key, **expected)
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["x", "nan", "text", "zero"])
def test_numbers_are_single_finite_and_positive(file, key):
    with pytest.raises(RefusedError, match="a number greater than 0"):
        file.number(key)


def test_numbers_may_be_allowed_to_be_0(file):
    assert file.number("zero", positive=False) == 0
    assert file.number("one") == 4
    assert file.optional("none") is None


def test_what_was_not_taken_is_listed(file):
    file.array("x", axes=1)
    assert file.left_out("why", silent=["nan", "text", "zero"]) == ("empty: why", "one: why")


def test_an_archive_claims_no_more_than_it_can_hold(tmp_path):
    """32 MiB of zeros in a byte each, which take 256 MiB in double precision."""
    write_archive(tmp_path / "b.npz", {"x": np.zeros(1 << 25, np.uint8)}, compress=True)
    with pytest.raises(UnreadableError, match=r"b\.npz: x: .*found 33554432 values in a file of"):
        Named.of_archive(tmp_path / "b.npz").array("x", axes=1)


def test_archives_are_named_by_their_file(tmp_path):
    write_archive(tmp_path / "b.npz", {"x": np.ones(2)})
    file = Named.of_archive(tmp_path / "b.npz")
    assert file.name == "b.npz"
    assert file.array("x", axes=1).flags.owndata
    assert names_in_archive(tmp_path / "b.npz") == {"x"}
    assert names_in_archive(tmp_path / "none.npz") == frozenset()
