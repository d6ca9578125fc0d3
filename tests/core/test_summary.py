"""Summaries of arrays: right numbers for every dtype, and lines that move only with their own array."""

from __future__ import annotations

import numpy as np
import pytest

from harness.core import summary
from harness.core.digest import digest_array
from harness.core.pointer import Pointer, read_pointer
from harness.core.summary import summarise
from harness.report.summary import pointer_lines, summary_lines

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[1.5, -2], [NAN, INF]]), (-2.0, 1.5, -0.25, 1, 1)),
        (np.array([-INF, INF, NAN]), (None, None, None, 1, 2)),
        (np.zeros((0, 3)), (None, None, None, 0, 0)),
        (np.array([3 + 4j, 0, 1j * NAN, complex(INF, NAN)], np.complex64), (0.0, 5.0, 2.5, 2, 0)),
        (np.array([complex(INF, 1)]), (None, None, None, 0, 1)),
        (np.array([True, False, False, False]), (0, 1, 0.25, 0, 0)),
        (np.array([2**63, 2**64 - 1], np.uint64), (2**63, 2**64 - 1, 1.38350581e19, 0, 0)),
        (np.array([-(2**63), 2**63 - 1]), (-(2**63), 2**63 - 1, 0.0, 0, 0)),
        (np.array(0.1, np.float32), (0.1, 0.1, 0.100000001, 0, 0)),
        (np.array([60000, 60000], np.float16), (60000.0, 60000.0, 60000.0, 0, 0)),
        (np.full(4, 1.7e308), (1.7e308, 1.7e308, 1.7e308, 0, 0)),
        (np.array(["2024-02-01", "2023-01-01", "NaT"], "M8[D]"), ("2023-01-01", "2024-02-01", None, 1, 0)),
        (np.array(["b", "a"]), (None, None, None, 0, 0)),
    ],
)
def test_range_is_of_the_finite_elements(array, expected):
    """Least, greatest and mean of what is finite, without overflow, and counts of what is not."""
    (found,) = summarise({"x": array})
    assert (found.minimum, found.maximum, found.mean, found.nan, found.infinite) == expected
    assert (found.shape, found.dtype, found.digest) == (array.shape, array.dtype.name, digest_array(array))
    assert found.magnitude == (array.dtype.kind == "c")


def test_magnitude_beyond_the_dtype_is_no_warning():
    """A finite complex number whose magnitude overflows has an infinite one."""
    (found,) = summarise({"x": np.array([complex(1.5e308, 1.5e308)])})
    assert (found.maximum, found.infinite) == (INF, 0)


def test_largest_numbers_have_a_mean(monkeypatch):
    """Rounding beyond the largest number ends in infinity, not in an error."""
    monkeypatch.setattr(summary, "_BLOCK_ELEMENTS", 1)
    (found,) = summarise({"x": np.full(3, np.finfo(float).max)})
    assert found.mean == INF


def test_blocks_do_not_show(monkeypatch):
    """An array that is walked in blocks has the summary of the whole, in either memory order."""
    array = np.random.default_rng(0).normal(size=(7, 11))
    array[3, 4] = NAN
    whole = summarise({"x": array})
    monkeypatch.setattr(summary, "_BLOCK_ELEMENTS", 10)
    assert summarise({"x": array}) == whole == summarise({"x": np.asfortranarray(array)})


def test_no_minus_zero():
    """Which of two zeros is the least is not defined; the digest tells them apart."""
    one, other = summarise({"x": np.array([-0.0, 0.0]), "y": np.array([0.0, 0.0])})
    assert str(one.minimum) == str(other.minimum) == "0.0"
    assert str(one.mean) == "0.0"
    assert one.digest != other.digest


def test_one_line_an_array_sorted_by_name():
    """Name, dtype, shape, range and digest stand on the array's own line."""
    arrays = {"phase": np.array([3 + 4j, NAN]), "image": np.arange(6, dtype=np.float32).reshape(2, 3)}
    image, phase = summary_lines(summarise(arrays))
    assert image.split() == [
        *("image", "float32", "(2,", "3)", "min", "0.0", "max", "5.0", "mean", "2.5"),
        digest_array(arrays["image"]),
    ]
    assert phase.startswith("phase ")
    assert phase.endswith(f"{digest_array(arrays['phase'])}  of magnitude  1 NaN")
    assert summary_lines(()) == ["no arrays"]


def test_a_change_moves_no_other_line():
    """A longer name, shape or number of one array leaves the lines of the others as they were."""
    before = summary_lines(summarise({"a": np.zeros(3), "b": np.ones(3)}))
    after = summary_lines(
        summarise({"a": np.full((10, 20, 30, 40), -1.2345678901e-300), "b": np.ones(3), "c" * 60: np.ones(1)})
    )
    assert before[1] == after[1]
    assert before[0] != after[0]


def test_names_cannot_forge_lines():
    """Line breaks and terminal codes in a name are shown as escapes."""
    (line,) = summary_lines(summarise({"x\n\x1b[31my": np.zeros(1)}))
    assert line.startswith("x\\n\\x1b[31my ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0af\nsize 12\n", Pointer("sha256:0af", 12)),
        (b"version https://git-lfs.github.com/spec/v1\n", Pointer(None, None)),
        (b"version https://git-lfs\noid sha256:\xff\nsize " + b"9" * 2000, Pointer(None, None)),
        (b"", None),
        (b"PK\x03\x04", None),
    ],
)
def test_pointer_is_told_from_a_file(tmp_path, text, expected):
    """A Git LFS pointer is known by its first line; what it does not tell is unknown."""
    path = tmp_path / "a.npz"
    path.write_bytes(text)
    assert read_pointer(path) == expected


def test_pointer_names_the_command_that_mends_it():
    """``git lfs pull``; digest and size on lines of their own, so that two pointers differ in a diff."""
    first, *others = pointer_lines(Pointer("sha256:0af", 12))
    assert "`git lfs pull`" in first
    assert others == ["digest sha256:0af", "size 12 bytes"]
    assert pointer_lines(Pointer(None, None))[1:] == ["digest unknown", "size unknown"]
