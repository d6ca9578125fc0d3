"""A Git LFS pointer is recognised by its first line, whatever else is in the file."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.storage.lfs import Pointer, parse_pointer, read_pointer

VERSION = "version https://git-lfs.github.com/spec/v1"


def pointer_text(digest: str, size: int) -> bytes:
    """The text that the specification of Git LFS requires."""
    return f"{VERSION}\noid sha256:{digest}\nsize {size}\n".encode()


@given(st.text("0123456789abcdef", min_size=64, max_size=64), st.integers(0, 10**19 - 1))
def test_digest_and_size_are_read_again(digest, size):
    assert parse_pointer(pointer_text(digest, size)) == Pointer(f"sha256:{digest}", size)


@given(st.binary())
def test_any_bytes_after_the_first_line_give_a_pointer(rest):
    """Damaged pointers are pointers still: the file is not here."""
    assert isinstance(parse_pointer(VERSION.encode() + b"\n" + rest), Pointer)


@pytest.mark.parametrize("rest", ["", "\n", "\noid sha256:xyz\nsize -1\n", "\nsize 12345678901234567890\n"])
def test_what_a_damaged_pointer_does_not_say_is_none(rest):
    assert parse_pointer(f"{VERSION}{rest}".encode()) == Pointer(None, None)


@pytest.mark.parametrize("text", [b"", b"version 1\n", b"PK\x03\x04", b"\n" + VERSION.encode()])
def test_other_files_are_not_pointers(tmp_path, text):
    path = tmp_path / "a.npz"
    path.write_bytes(text)
    assert parse_pointer(text) is None
    assert read_pointer(path) is None


def test_a_pointer_is_read_from_a_file_but_not_from_a_pipe_or_directory(tmp_path):
    """A read of a pipe without a writer would wait for ever."""
    (tmp_path / "a.npz").write_bytes(pointer_text("a" * 64, 12))
    os.mkfifo(tmp_path / "pipe")
    assert read_pointer(tmp_path / "a.npz") == Pointer(f"sha256:{'a' * 64}", 12)
    assert read_pointer(tmp_path / "pipe") is None
    assert read_pointer(tmp_path) is None


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_pointer(tmp_path / "none")
