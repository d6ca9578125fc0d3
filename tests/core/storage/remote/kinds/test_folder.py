"""A store in a directory: whole objects under their names, whatever happens to those who write."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys

import pytest

from harness.core.errors import UnreadableError, UnwritableError
from harness.core.storage.remote.names import object_name
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.store import ObjectMissingError
from harness.core.storage.remote.transfer import Local, push_files

PROGRAM = """
import os, sys
from pathlib import Path
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.kinds import folder
store = open_store(sys.argv[1], Path("."), Patience())
if sys.argv[4:]:
    os.link = lambda *_: os.kill(os.getpid(), 9)
store.put(Path(sys.argv[2]), sys.argv[3])
"""


@pytest.fixture
def store(tmp_path):
    return open_store("store", tmp_path, Patience())


def local(path, data):
    path.write_bytes(data)
    return Local(path, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))


def test_objects_lie_by_their_digest(store, tmp_path):
    """And nothing else is in the store."""
    file = local(tmp_path / "a.npz", b"golden")
    assert push_files(store, [file, file]).done == (file.sha256,)
    digits = hashlib.sha256(b"golden").hexdigest()
    found = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert found == [tmp_path / "store/sha256" / digits[:2] / digits[2:]]
    assert found[0].read_bytes() == b"golden"
    assert [(item.sha256, item.size) for item in store.objects()] == [(file.sha256, 6)]


def test_a_push_that_is_killed_before_the_name_leaves_none(store, tmp_path):
    """The next push stores it."""
    file = local(tmp_path / "a.npz", os.urandom(3_000_000))
    call = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), str(file.path), file.sha256]
    assert subprocess.run([*call, "kill"], check=False).returncode == -signal.SIGKILL
    assert list(store.objects()) == []
    assert store.sizes([file.sha256]) == {}
    assert subprocess.run(call, check=False).returncode == 0
    assert b"".join(store.blocks(file.sha256, file.size)) == file.path.read_bytes()


def test_a_draft_that_is_left_behind_is_removed_when_the_object_is_stored(store, tmp_path):
    """The killed push's file has a hidden name; nothing else would ever remove it."""
    file = local(tmp_path / "a.npz", os.urandom(3_000_000))
    call = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), str(file.path), file.sha256, "kill"]
    subprocess.run(call, check=False)
    assert [path.suffix for path in (tmp_path / "store").rglob("*") if path.is_file()] == [".part"]
    assert push_files(store, [file]).done == (file.sha256,)
    assert [path.suffix for path in (tmp_path / "store").rglob("*") if path.is_file()] == [""]


def test_a_process_whose_draft_another_one_removed_has_stored_the_object(store, tmp_path, monkeypatch):
    """The other one had stored it: its own draft is not needed any more."""
    file = local(tmp_path / "a.npz", b"golden")
    link = os.link

    def late(draft, target):
        monkeypatch.setattr(os, "link", link)
        store.access.put(file.path, object_name(file.sha256), file.sha256, lambda _: None)
        assert not draft.exists()
        link(draft, target)

    monkeypatch.setattr(os, "link", late)
    assert push_files(store, [file]).done == (file.sha256,)
    assert store.sizes([file.sha256]) == {file.sha256: 6}


def test_processes_push_the_same_object(store, tmp_path):
    file = local(tmp_path / "a.npz", os.urandom(3_000_000))
    call = [sys.executable, "-c", PROGRAM, str(tmp_path / "store"), str(file.path), file.sha256]
    pushing = [subprocess.Popen(call) for _ in range(3)]
    assert [process.wait() for process in pushing] == [0, 0, 0]
    assert [(item.sha256, item.size) for item in store.objects()] == [(file.sha256, file.size)]


def test_an_object_is_never_written_over(store, tmp_path):
    """Neither by a file of its name, nor by one that has changed."""
    file = local(tmp_path / "a.npz", b"golden")
    store.put(file.path, file.sha256)
    path = next(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    path.write_bytes(b"damaged!")
    with pytest.raises(
        UnwritableError, match="an object of this name with 8 bytes instead of 6; it was not changed"
    ):
        store.put(file.path, file.sha256)
    assert path.read_bytes() == b"damaged!"
    file.path.write_bytes(b"Golden")
    path.unlink()
    with pytest.raises(UnwritableError, match="a file that has changed: its digest is sha256:"):
        store.put(file.path, file.sha256)
    assert list(store.objects()) == []


def test_a_damaged_object_is_named(store, tmp_path):
    """Of the right size or not."""
    file = local(tmp_path / "a.npz", b"golden")
    store.put(file.path, file.sha256)
    path = next(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    path.write_bytes(b"Golden")
    with pytest.raises(UnreadableError, match=r"other bytes, of digest sha256:\w+ \(a file of 6 bytes\)"):
        list(store.blocks(file.sha256, 6))
    path.write_bytes(b"gold")
    with pytest.raises(UnreadableError, match="4 bytes where 6 were expected"):
        list(store.blocks(file.sha256, 6))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of Unix")
def test_a_pipe_is_not_waited_for(store, tmp_path):
    file = local(tmp_path / "a.npz", b"golden")
    store.put(file.path, file.sha256)
    path = next(path for path in (tmp_path / "store").rglob("*") if path.is_file())
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UnreadableError, match="a directory, pipe or device"):
        list(store.blocks(file.sha256, 6))


def test_progress_is_shown_while_bytes_are_copied(store, tmp_path):
    file = local(tmp_path / "a.npz", bytes(3 << 20))
    seen = []
    store.put(file.path, file.sha256, on_bytes=seen.append)
    assert seen[:3] == [1 << 20] * 3
    assert sum(seen) == file.size
    store.put(file.path, file.sha256, on_bytes=seen.append)
    assert sum(seen) == 2 * file.size


def test_an_absent_directory_is_not_an_empty_store(store, tmp_path):
    """It may be on a disk that is not there now. A push makes it."""
    sha256 = "sha256:" + "0" * 64
    for call in (
        lambda: store.sizes([sha256]),
        lambda: list(store.objects()),
        lambda: list(store.blocks(sha256, 1)),
    ):
        with pytest.raises(UnreadableError, match=f"no directory {tmp_path}/store") as caught:
            call()
        assert not isinstance(caught.value, ObjectMissingError)
    store.prepare()
    assert store.sizes([sha256]) == {}
    with pytest.raises(ObjectMissingError):
        list(store.blocks(sha256, 1))


def test_other_files_are_left_out(store, tmp_path):
    """Hidden ones, links out of the store, names that are too short."""
    store.prepare()
    folder = tmp_path / "store/sha256/ab"
    folder.mkdir(parents=True)
    for name in ("short", f".{'0' * 62}.1.part", "0" * 61 + "g"):
        (folder / name).write_bytes(b"x")
    assert list(store.objects()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_not_be_written_is_named(store, tmp_path):
    store.prepare()
    (tmp_path / "store").chmod(0o500)
    file = local(tmp_path / "a.npz", b"golden")
    with pytest.raises(UnwritableError, match="Permission denied"):
        store.put(file.path, file.sha256)


def test_a_file_in_place_of_the_store_is_named(store, tmp_path):
    (tmp_path / "store").write_text("a file")
    file = local(tmp_path / "a.npz", b"golden")
    with pytest.raises(UnwritableError, match=r"cannot be written: .*File exists"):
        store.put(file.path, file.sha256)
    with pytest.raises(UnreadableError, match="no directory"):
        list(store.objects())


def test_a_file_that_is_gone_is_named(store, tmp_path):
    with pytest.raises(UnwritableError, match=r"a\.npz: No such file"):
        store.put(tmp_path / "a.npz", "sha256:" + "0" * 64)
