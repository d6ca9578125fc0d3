"""Pointers are recognised by their form, whatever else is in the text; a damaged one has no digest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.system.pointers import Pointer, parse_annex_link, parse_annex_pointer, parse_pointer

VERSION = "version https://git-lfs.github.com/spec/v1"
DIGEST = "0f" * 32


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
def test_other_files_are_not_pointers(text):
    assert parse_pointer(text) is None
    assert parse_annex_pointer(text) is None


@pytest.mark.parametrize(
    ("key", "pointer"),
    [
        (f"SHA256E-s12--{DIGEST}.npz", Pointer(f"sha256:{DIGEST}", 12)),
        (f"SHA256E-s12--{DIGEST}.tar.gz", Pointer(f"sha256:{DIGEST}", 12)),
        (f"SHA256-s12-m1700000000--{DIGEST}", Pointer(f"sha256:{DIGEST}", 12)),
        (f"SHA256--{DIGEST}", Pointer(f"sha256:{DIGEST}", None)),
        (f"SHA256E-s12--{DIGEST[:-1]}.npz", Pointer(None, 12)),
        (f"SHA256E-s12--{DIGEST}0.npz", Pointer(None, 12)),
        (f"SHA512E-s12--{DIGEST}{DIGEST}.npz", Pointer(None, 12)),
        (f"XSHA256E-s12--{DIGEST}.npz", Pointer(None, 12)),
        (f"WORM-s12-m1--SHA256E-s12--{DIGEST}", Pointer(None, 12)),
        (f"URL--https&c%%example.org%-s9-{DIGEST}", Pointer(None, None)),
        ("MD5E", Pointer(None, None)),
    ],
)
def test_a_key_of_git_annex_has_a_digest_if_its_backend_is_sha256(key, pointer):
    """In a link from any directory, or in the text of an unlocked file."""
    for up in ("", "../", "../../../"):
        for folders in ("F4/k9", "0a1/b2c"):
            assert parse_annex_link(f"{up}.git/annex/objects/{folders}/{key}/{key}".encode()) == pointer
    for end in ("", "\n", "\nmore"):
        assert parse_annex_pointer(f"/annex/objects/{key}{end}".encode()) == pointer


@pytest.mark.parametrize(
    "target",
    [
        "",
        "text",
        f"SHA256E-s12--{DIGEST}",
        f"annex/objects/a/b/SHA256--{DIGEST}/SHA256--{DIGEST}",
        f"x.git/annex/objects/a/b/SHA256--{DIGEST}/SHA256--{DIGEST}",
        f".git/annex/objects/a/b/c/SHA256--{DIGEST}/SHA256--{DIGEST}/../../x",
        f".git/annex/objects/../../SHA256--{DIGEST}",
        "/annex/objects/",
    ],
)
def test_other_links_are_not_of_git_annex(target):
    assert parse_annex_link(target.encode()) is None
    assert parse_annex_pointer(target.encode()) is None
