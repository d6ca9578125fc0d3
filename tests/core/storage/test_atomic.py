"""Files are replaced whole or not at all, durably, and an error names the file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError, UnwritableError
from harness.core.storage import atomic
from harness.core.storage.atomic import (
    is_absent,
    is_regular,
    make_directory,
    remove,
    remove_drafts,
    replace_file,
    replacing,
    unwritable_on_error,
)


@pytest.fixture
def page(tmp_path) -> Path:
    """A file with the bytes ``old``, alone in its directory."""
    path = tmp_path / "golden" / "page.json"
    path.parent.mkdir()
    path.write_bytes(b"old")
    return path


def test_a_file_is_made_with_its_directories_and_replaced_without_leftovers(tmp_path):
    path = tmp_path / "new" / "deep" / "page.json"
    replace_file(path, b"old")
    replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_an_interrupted_replacement_leaves_the_old_file(page, monkeypatch, step):
    """Even Ctrl-C between the steps: the old bytes stay, and no draft does."""

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(*((os, "fsync", interrupt) if step == "fsync" else (Path, "replace", interrupt)))
    with pytest.raises(KeyboardInterrupt):
        replace_file(page, b"new")
    assert page.read_bytes() == b"old"
    assert list(page.parent.iterdir()) == [page]


def test_the_old_file_is_there_until_the_block_ends(page):
    with replacing(page) as draft:
        draft.write_bytes(b"new")
        assert page.read_bytes() == b"old"
    assert page.read_bytes() == b"new"
    assert not draft.exists()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_replaces_nothing(page, error):
    def fail(draft):
        draft.write_bytes(b"half")
        raise error

    with pytest.raises(error), replacing(page) as draft:
        fail(draft)
    assert page.read_bytes() == b"old"
    assert list(page.parent.iterdir()) == [page]


def test_bytes_and_name_are_flushed_to_the_disk_in_this_order(page, monkeypatch):
    """First the new bytes, then the rename, then the directory that has the new name."""
    steps = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(descriptor):
        steps.append("directory" if not is_regular_descriptor(descriptor) else "bytes")
        fsync(descriptor)

    def watched_replace(source, target):
        steps.append("rename")
        return replace(source, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    with replacing(page) as draft:
        draft.write_bytes(b"new")
    assert steps == ["bytes", "rename", "directory"]


def is_regular_descriptor(descriptor: int) -> bool:
    import stat

    return stat.S_ISREG(os.fstat(descriptor).st_mode)


def test_an_error_names_the_file_and_not_its_draft(page, monkeypatch):
    def full(path, data):
        with unwritable_on_error(path):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write", full)
    with pytest.raises(UnwritableError, match="No space left on device") as caught:
        replace_file(page, b"new")
    assert caught.value.thing == str(page)


def test_an_error_of_another_file_in_the_block_keeps_its_name(page):
    with pytest.raises(UnwritableError) as caught, replacing(page), unwritable_on_error("other"):
        raise OSError(28, "No space left on device")
    assert caught.value.thing == "other"


@pytest.mark.parametrize("change", [lambda path: replace_file(path / "a", b""), make_directory, remove])
def test_what_cannot_be_changed_is_one_error(tmp_path, change):
    """The parent is a file, so that nothing can be made or removed below it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnwritableError, match="Not a directory"):
        change(tmp_path / "file" / "inner")


def test_removing_and_making_twice_is_not_an_error(page):
    for _ in range(2):
        make_directory(page.parent / "deep" / "er")
        remove(page)
    assert [path.name for path in page.parent.iterdir()] == ["deep"]


def test_a_killed_process_leaves_a_draft_that_can_be_removed(page):
    """The draft is hidden; files that only look like one stay."""
    script = (
        "import os, sys\nfrom pathlib import Path\nfrom harness.core.storage.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as draft:\n    draft.write_bytes(b'half')\n    os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", script, str(page)], check=False).returncode == 9
    (draft,) = (path for path in page.parent.iterdir() if path != page)
    assert draft.name.startswith(".")
    kept = [
        page.with_name(name) for name in (".other.json.1.draft", ".page.json.draft", ".page.json.x.draft")
    ]
    for path in kept:
        path.write_bytes(b"")
    remove_drafts([page, page.parent / "none" / "page.json"])
    assert sorted(page.parent.iterdir()) == sorted([page, *kept])
    assert page.read_bytes() == b"old"


def test_only_files_with_an_end_are_regular(tmp_path, page):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(page)
    assert [is_regular(path) for path in (page, tmp_path / "link")] == [True, True]
    assert [is_regular(path) for path in (tmp_path, tmp_path / "pipe", "/dev/null")] == [False] * 3
    with pytest.raises(FileNotFoundError):
        is_regular(tmp_path / "none")


def test_a_file_whose_directory_may_not_be_searched_is_not_absent(tmp_path, page, monkeypatch):
    """Nobody can tell: what is said to be absent would be fetched, or taken for a file of the store."""
    (tmp_path / "link").symlink_to("nowhere")
    assert not any(is_absent(path) for path in (page, tmp_path, tmp_path / "link"))
    assert all(is_absent(path) for path in (tmp_path / "none", page / "below a file", tmp_path / ("n" * 300)))

    def refuse(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "lstat", refuse)
    with pytest.raises(UnreadableError, match="Permission denied"):
        is_absent(page)


def test_many_files_are_worked_on_at_once_and_the_first_error_is_raised(tmp_path):
    paths = [tmp_path / str(number) for number in range(40)]
    atomic.at_once(Path.touch, paths)
    assert all(path.exists() for path in paths)
    atomic.sync_files(paths)
    paths[1].unlink()
    paths[1].mkdir()
    with pytest.raises(UnwritableError) as caught:
        atomic.at_once(atomic.unlink, paths)
    assert caught.value.thing == str(paths[1])
    assert paths[1].is_dir()


def test_an_error_in_a_draft_names_its_target(page, monkeypatch):
    """While it is copied, flushed and renamed."""
    source = page.with_name("source")
    source.write_bytes(b"new")
    atomic.copy_to_draft(source, page)
    atomic.sync_draft(page)
    atomic.rename_draft(page)
    assert page.read_bytes() == b"new"
    for change in (atomic.sync_draft, atomic.rename_draft, lambda path: atomic.copy_to_draft(page, path)):
        with pytest.raises(UnwritableError) as caught:
            change(page.with_name("none") / "page.json")
        assert caught.value.thing == str(page.with_name("none") / "page.json")
    atomic.copy_to_draft(source, page)
    atomic.drop_drafts([page, page.with_name("none") / "page.json"])
    assert sorted(path.name for path in page.parent.iterdir()) == ["page.json", "source"]


def test_a_tree_is_removed_with_all_that_is_in_it(tmp_path):
    inner = tmp_path / "tree" / "a" / "b"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent):
        (folder / "file").touch()
    (inner / "link").symlink_to(tmp_path)
    for _ in range(2):
        atomic.remove_tree(tmp_path / "tree")
        assert list(tmp_path.iterdir()) == []
