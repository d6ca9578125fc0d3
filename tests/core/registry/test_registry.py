"""registry.json as a file, and entries of files on disk."""

from __future__ import annotations

import os
import time

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.core.registry.format import Entry, Registry, encode_registry
from harness.core.registry.registry import (
    UNRECORDED,
    WatchedRegistry,
    describe_file,
    history_path,
    read_registry,
    with_entries,
)
from harness.core.storage.digest import digest_file, sha256_file

ENTRY = Entry("file", 3, f"xxh128:{'0' * 32}", f"sha256:{'1' * 64}", f"sha256:{'2' * 64}")


def test_a_registry_is_read_from_its_file(tmp_path):
    path = tmp_path / "registry.json"
    path.write_bytes(encode_registry(Registry({"golden/a": ENTRY})))
    assert read_registry(path).entries == {"golden/a": ENTRY}


def test_no_file_is_an_empty_registry(tmp_path):
    assert read_registry(tmp_path / "registry.json") == Registry({})


@pytest.mark.parametrize("make", ["directory", "dangling link", "garbage"])
def test_what_is_not_a_registry_is_refused_by_its_path(tmp_path, make):
    """A link that leads nowhere is not taken for a registry that was never there."""
    path = tmp_path / "registry.json"
    if make == "directory":
        path.mkdir()
    elif make == "garbage":
        path.write_bytes(b"{")
    else:
        path.symlink_to(tmp_path / "none")
    with pytest.raises(UnreadableError) as caught:
        read_registry(path)
    assert caught.value.thing == str(path)
    assert caught.value.remedy == "Restore it from a copy."


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "registry.json")
    with pytest.raises(UnreadableError, match="other than a regular file"):
        read_registry(tmp_path / "registry.json")


def test_a_file_is_described_as_it_is_on_disk(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    described = describe_file(path, "file", ENTRY.record)
    assert described == Entry("file", 3, digest_file(path), sha256_file(path), ENTRY.record)


def test_an_entry_cannot_be_written_before_it_is_recorded(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    described = describe_file(path, "file")
    assert described.record == UNRECORDED
    with pytest.raises(UsageError):
        encode_registry(Registry({"golden/a": described}))


def test_entries_are_added_and_replaced_and_others_kept():
    before = Registry({"golden/a": ENTRY, "golden/c": ENTRY})
    changed = ENTRY._replace(size=4)
    after = with_entries(before, {"golden/b": changed, "golden/c": changed})
    assert after.entries == {"golden/a": ENTRY, "golden/b": changed, "golden/c": changed}
    assert before.entries == {"golden/a": ENTRY, "golden/c": ENTRY}


def test_the_history_is_beside_the_golden_files(empty):
    assert history_path(empty) == empty.root / "golden" / "history.jsonl"


def encoded(*paths: str) -> bytes:
    return encode_registry(Registry(dict.fromkeys(paths, ENTRY)))


def test_a_watched_registry_is_read_again_only_if_the_file_has_changed(tmp_path, monkeypatch):
    path = tmp_path / "registry.json"
    watched = WatchedRegistry(path)
    assert watched.read().entries == {}
    path.write_bytes(encoded("golden/a"))
    monkeypatch.setattr(time, "time_ns", lambda: path.stat().st_ctime_ns + 10**10)
    first = watched.read()
    assert first.entries == {"golden/a": ENTRY}
    with monkeypatch.context() as patch:
        patch.setattr("harness.core.registry.registry.read_registry_text", None)
        assert watched.read() is first
    path.write_bytes(encoded("golden/a", "golden/b"))
    assert set(watched.read().entries) == {"golden/a", "golden/b"}
    path.unlink()
    assert watched.read().entries == {}


def test_a_change_that_the_times_do_not_show_is_seen(tmp_path):
    """Twice within one step of the file system's clock, with the same size."""
    path = tmp_path / "registry.json"
    path.write_bytes(encoded("golden/a"))
    watched = WatchedRegistry(path)
    watched.read()
    before = path.stat()
    path.write_bytes(encoded("golden/b"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert set(watched.read().entries) == {"golden/b"}


@pytest.mark.parametrize("make", ["directory", "garbage"])
def test_a_watched_registry_that_is_damaged_is_refused_each_time(tmp_path, monkeypatch, make):
    path = tmp_path / "registry.json"
    path.write_bytes(encoded("golden/a"))
    watched = WatchedRegistry(path)
    watched.read()
    path.unlink()
    path.mkdir() if make == "directory" else path.write_bytes(b"{")
    monkeypatch.setattr(time, "time_ns", lambda: path.stat().st_ctime_ns + 10**10)
    for _ in range(2):
        with pytest.raises(UnreadableError):
            watched.read()
