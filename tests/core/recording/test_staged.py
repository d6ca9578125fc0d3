"""Staged files are kept in the project's workspace, where git ignores them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.core.recording.staged import Staged, staging_directory


def test_each_caller_gets_a_directory_of_its_own(empty):
    """On the golden files' own file system, so that they can be renamed into place."""
    one, other = staging_directory(empty), staging_directory(empty)
    assert one != other
    for folder in (one, other):
        assert folder.is_dir()
        assert folder.is_relative_to(empty.root / ".harness")
    assert (empty.root / ".harness" / ".gitignore").read_text("utf-8") == "*\n"


def test_a_staged_file_is_a_frozen_value():
    item = Staged("golden/a.txt", "file", Path("a.txt"))
    assert item.test == ""
    with pytest.raises(AttributeError):
        item.path = "golden/b.txt"  # type: ignore[misc]


def test_a_file_knows_the_directory_that_was_made_for_it(empty):
    """Also where its name has directories; a file that was staged elsewhere has its own."""
    folder = staging_directory(empty)
    inner = folder / "optics" / "2d"
    inner.mkdir(parents=True)
    for path in (folder / "a.npz", inner / "a.npz"):
        assert Staged("golden/a.npz", "fixture", path).directory == folder
    elsewhere = empty.root / "optics" / "a.npz"
    assert Staged("golden/a.npz", "fixture", elsewhere).directory == elsewhere.parent
