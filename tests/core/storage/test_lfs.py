"""Git LFS pointers are recognised, and their digest and size are read."""

from __future__ import annotations

import pytest

from harness.core.storage.lfs import Pointer, read_pointer


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
def test_a_git_lfs_pointer_is_distinguished_from_any_other_file(tmp_path, text, expected):
    """By its first line; a digest or size that it does not have is None."""
    path = tmp_path / "a.npz"
    path.write_bytes(text)
    assert read_pointer(path) == expected
