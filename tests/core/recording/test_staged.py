"""Staged files are kept in the project's workspace, where git ignores them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core.errors import RefusedError, UnwritableError
from harness.core.recording.staged import Staged, directory_in, open_staging, staging_directory


def test_each_caller_gets_a_directory_of_its_own(empty):
    """On the golden files' own file system, so that they can be renamed into place."""
    one, other = staging_directory(empty), staging_directory(empty)
    assert one != other
    for folder in (one, other):
        assert folder.is_dir()
        assert folder.is_relative_to(empty.root / ".harness")
    assert (empty.root / ".harness" / ".gitignore").read_text("utf-8") == "*\n"


def test_staging_that_is_open_gives_any_number_of_directories(empty, monkeypatch):
    """Neither the workspace nor what others left is looked at again."""
    staging = open_staging(empty)
    monkeypatch.setattr("harness.core.recording.staged.make_workspace", None)
    one, other = directory_in(staging), directory_in(staging, os.getppid())
    assert one != other
    assert {one.parent, other.parent} == {staging}
    assert other.name.startswith(f"{os.getppid()}-")


def test_a_directory_that_cannot_be_made_is_an_error(empty):
    staging = open_staging(empty)
    staging.rmdir()
    with pytest.raises(UnwritableError, match="staged"):
        directory_in(staging)


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


def ended_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps it for a day")
def test_what_a_killed_process_left_is_removed(empty):
    """And nothing of a process that is still running."""
    kept, left = staging_directory(empty, os.getppid()), staging_directory(empty, ended_process())
    (left / "golden.npz").touch()
    older = left.parent / "tmp1234"  # as an older version named them
    older.mkdir()
    mine = staging_directory(empty)
    assert sorted(left.parent.iterdir()) == sorted([kept, mine])


def test_what_another_machine_left_is_kept_for_a_day(empty):
    """Containers that share the directory cannot see each other's processes."""
    folder = staging_directory(empty).parent
    new, old = folder / "1-other000-a", folder / "1-other000-b"
    new.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 90000,) * 2)
    staging_directory(empty)
    assert new.exists()
    assert not old.exists()


@pytest.mark.parametrize("inner", ["", "staged", "transaction", "transaction/new", "lock", "other"])
def test_nothing_is_removed_or_written_through_a_link_in_the_workspace(empty, tmp_path, contents, inner):
    """An archive may bring one: what killed processes have left would be cleaned up elsewhere."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "1").mkdir(parents=True)
    (elsewhere / "1" / "precious").write_text("kept")
    link = empty.workspace / inner
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="a symbolic link"):
        staging_directory(empty)
    assert contents(elsewhere) == {"1/precious": b"kept"}
