"""What stands for content that is not here is recognised, with the command that fetches it."""

from __future__ import annotations

import os

import pytest

from harness.core.storage.lfs import absent_content, read_pointer
from harness.core.system.pointers import Pointer

DIGEST = "0f" * 32
KEY = f"SHA256E-s12--{DIGEST}.npz"
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize 12\n"
POINTER = Pointer(f"sha256:{DIGEST}", 12)
OBJECT = f".git/annex/objects/F4/k9/{KEY}/{KEY}"


def test_a_pointer_is_read_from_a_file_but_not_from_a_pipe_or_directory(tmp_path):
    """A read of a pipe without a writer would wait for ever."""
    (tmp_path / "a.npz").write_bytes(LFS.encode())
    os.mkfifo(tmp_path / "pipe")
    assert read_pointer(tmp_path / "a.npz") == POINTER
    assert read_pointer(tmp_path / "pipe") is None
    assert read_pointer(tmp_path) is None


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_pointer(tmp_path / "none")


def test_a_link_of_git_annex_is_absent_content_until_its_object_is_there(tmp_path):
    """The object may have any bytes: they are compared with the registry, not here."""
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a b.npz").symlink_to(f"../{OBJECT}")
    found = absent_content(tmp_path, "golden/a b.npz", POINTER.digest)
    assert (found.pointer, found.found) == (POINTER, "a link of git-annex")
    assert found.command == "git annex get 'golden/a b.npz'"
    (tmp_path / OBJECT).parent.mkdir(parents=True)
    (tmp_path / OBJECT).write_bytes(b"PK")
    assert absent_content(tmp_path, "golden/a b.npz", POINTER.digest) is None


def test_the_command_names_the_link_of_git_annex_itself(tmp_path):
    """Git refuses a path through a linked directory, and git-annex ignores links to links."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.npz").symlink_to(f"../{OBJECT}")
    (tmp_path / "golden").symlink_to("store")
    (tmp_path / "b.npz").symlink_to("golden/a.npz")
    for name in ("golden/a.npz", "b.npz"):
        assert absent_content(tmp_path, name, POINTER.digest).command == "git annex get store/a.npz"


@pytest.mark.parametrize(
    ("text", "found", "command"),
    [
        (LFS, "a pointer of Git LFS", "git lfs pull"),
        (f"/annex/objects/{KEY}\n", "a pointer of git-annex", "git annex get a.npz"),
    ],
)
def test_a_pointer_in_place_of_a_file_is_absent_content(tmp_path, text, found, command):
    (tmp_path / "a.npz").write_text(text)
    absent = absent_content(tmp_path, "a.npz", POINTER.digest)
    assert (absent.pointer, absent.found, absent.command) == (POINTER, found, command)


def test_other_things_are_not_absent_content(tmp_path):
    """Nothing at all, links to nothing or to themselves, and what is not a file."""
    (tmp_path / "gone").symlink_to("none")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "text").write_text("text")
    (tmp_path / "link").symlink_to("text")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "damaged").write_text("version https://git-lfs.github.com/spec/v1\n")
    for name in ("damaged", "none", "gone", "loop", "text", "link", "pipe", "text/below", "."):
        assert absent_content(tmp_path, name, POINTER.digest) is None
