"""Arrays that scipy writes are read as it reads them; hostile files are refused."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is not installed")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import (
    arrays,
    complex_number_dtypes,
    floating_dtypes,
    integer_dtypes,
    unsigned_integer_dtypes,
)
from scipy.io import loadmat, savemat
from scipy.io.matlab import MatlabFunction  # noqa: F401 - what a reader may make of a handle

from harness.core.errors import UnreadableError
from harness.ptycho.files.matlab.level5 import is_level5, names_of, read_arrays

DTYPES = st.one_of(
    floating_dtypes(sizes=(32, 64), endianness="="),
    complex_number_dtypes(sizes=(64, 128), endianness="="),
    integer_dtypes(endianness="="),
    unsigned_integer_dtypes(endianness="="),
    st.just(np.dtype(bool)),
)


@given(values=arrays(DTYPES, st.tuples(*[st.integers(1, 4)] * 3)), packed=st.booleans(), inside=st.booleans())
@settings(
    max_examples=60, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
def test_what_scipy_writes_is_read(tmp_path, values, packed, inside):
    """Every type of numbers, packed or not, at the top or in a structure."""
    stored = {"a": {"b": values, "c": "text"}} if inside else {"a": values, "c": "text"}
    savemat(tmp_path / "x.mat", stored, do_compression=packed)
    name = "a.b" if inside else "a"
    found, names = read_arrays(tmp_path / "x.mat", [name])
    again = loadmat(tmp_path / "x.mat")["a"]
    expected = again["b"][0, 0] if inside else again
    # scipy shows logicals as uint8, and their bytes are booleans here.
    assert found[name].dtype == (bool if values.dtype == bool else expected.dtype)
    np.testing.assert_array_equal(found[name], expected)
    assert "a" in names


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data.ljust(-(-len(data) // 8) * 8, b"\0")


def matrix(*, kind: int = 6, shape: tuple[int, ...] = (1, 2), flags: int = 0, rest: bytes = b"") -> bytes:
    head = element(6, struct.pack("<II", kind | flags, 0))
    head += element(5, struct.pack(f"<{len(shape)}i", *shape)) + element(1, b"a")
    return element(14, head + rest)


def file_of(*variables: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + b"".join(variables)


TWO = element(9, struct.pack("<2d", 1.0, 2.0))
BOMB = zlib.compress(bytes(1 << 29))
HOSTILE = {
    "a count of trillions": matrix(shape=(1 << 30, 1 << 30), rest=TWO),
    "a negative side": matrix(shape=(-1, 2), rest=TWO),
    "sixty axes": matrix(shape=(1,) * 60, rest=TWO),
    "too few values": matrix(shape=(3, 2), rest=TWO),
    "no values": matrix(),
    "a lost imaginary part": matrix(flags=0x800, rest=TWO),
    "three parts": matrix(rest=TWO * 3),
    "an unknown type": matrix(rest=element(99, bytes(16))),
    "text for numbers": matrix(rest=element(16, bytes(16))),
    "an element beyond the end": struct.pack("<II", 14, 1 << 31) + bytes(64),
    "an element in an element beyond its end": matrix(rest=struct.pack("<II", 9, 1 << 31) + bytes(16)),
    "a function handle": matrix(kind=16, rest=TWO),
    "an object": matrix(kind=3, rest=TWO),
    "an opaque object": matrix(kind=17, rest=TWO),
    "cells": matrix(kind=1, rest=matrix(rest=TWO)),
    "a sparse array": matrix(kind=5, rest=TWO),
    "a structure": matrix(kind=2, shape=(1, 1), rest=element(5, struct.pack("<i", 0)) + element(1, b"")),
    "half a gigabyte of zeros": struct.pack("<II", 15, len(BOMB)) + BOMB,
    "a packed element that is cut": struct.pack("<II", 15, 9) + zlib.compress(TWO)[:9],
    "a packed element that is not zlib": struct.pack("<II", 15, 8) + bytes(8),
    "a tag that is cut": b"\x0e\0\0",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(tmp_path, name):
    """In one error, before memory is taken."""
    (tmp_path / "x.mat").write_bytes(file_of(HOSTILE[name]))
    with pytest.raises(UnreadableError) as refusal:
        read_arrays(tmp_path / "x.mat", ["a"])
    assert "\n" not in str(refusal.value)
    names_of(tmp_path / "x.mat")


def test_a_sound_file_of_the_same_making_is_read(tmp_path):
    """So that the harms above are what is refused."""
    (tmp_path / "x.mat").write_bytes(file_of(matrix(rest=TWO)))
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.mat", ["a"])[0]["a"], [[1.0, 2.0]])


@pytest.mark.parametrize("kind", [1, 3, 4, 5, 16, 17])
def test_what_is_not_wanted_is_not_built(tmp_path, kind):
    """Cells, objects, text, sparse arrays and function handles are skipped, whatever is in them."""
    other = matrix(kind=kind, shape=(1 << 30, 1 << 30), rest=TWO)
    (tmp_path / "x.mat").write_bytes(file_of(other.replace(b"a\0", b"z\0"), matrix(rest=TWO)))
    found, names = read_arrays(tmp_path / "x.mat", ["a"])
    assert list(found) == ["a"]
    assert names == {"a", "z"}


def test_big_endian_files_are_read(tmp_path):
    values = struct.pack(">2d", 1.0, 2.0)
    head = (
        struct.pack(">IIII", 6, 8, 6, 0)
        + struct.pack(">IIii", 5, 8, 1, 2)
        + struct.pack(">I4s", 0x00010001, b"a")
    )
    body = head + struct.pack(">II", 9, 16) + values
    (tmp_path / "x.mat").write_bytes(
        b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI" + struct.pack(">II", 14, len(body)) + body
    )
    np.testing.assert_array_equal(read_arrays(tmp_path / "x.mat", ["a"])[0]["a"], [[1.0, 2.0]])


def test_other_files_are_not_level_5(tmp_path):
    (tmp_path / "x").write_bytes(b"MATLAB 5.0")
    assert not is_level5(tmp_path / "x")
    assert not is_level5(tmp_path)
    assert names_of(tmp_path / "missing") is None
