"""A store in any other file system of fsspec; here one in memory, and those whose packages are missing."""

from __future__ import annotations

import hashlib

import pytest

pytest.importorskip("fsspec", reason="other file systems need the extra stores")

from harness.core.errors import DependencyError, UnreadableError, UnwritableError, UsageError
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.store import ObjectMissingError
from harness.core.storage.remote.transfer import Local, push_files

IMPATIENT = Patience(timeout=1, tries=2, first=0.01)


@pytest.fixture
def store(tmp_path):
    import fsspec

    fsspec.filesystem("memory").store.clear()
    return open_store("memory://store", tmp_path, IMPATIENT)


def local(path, data):
    path.write_bytes(data)
    return Local(path, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data))


def test_what_is_pushed_is_read(store, tmp_path):
    """Whole, listed once, and nothing else is there."""
    files = [local(tmp_path / str(size), bytes(range(256)) * size) for size in (0, 1, 9000)]
    assert push_files(store, files).failed == ()
    assert store.sizes([file.sha256 for file in files]) == {file.sha256: file.size for file in files}
    for file in files:
        assert b"".join(store.blocks(file.sha256, file.size)) == file.path.read_bytes()
    assert {item.sha256 for item in store.objects()} == {file.sha256 for file in files}
    import fsspec

    assert len(fsspec.filesystem("memory").find("/store")) == 3
    store.remove(files[1].sha256)
    store.remove(files[1].sha256)
    with pytest.raises(ObjectMissingError):
        list(store.blocks(files[1].sha256, 256))


def test_reading_continues_where_it_stopped(store, tmp_path):
    file = local(tmp_path / "a", bytes(range(256)) * 9000)
    store.put(file.path, file.sha256)
    assert b"".join(store.reading(file.sha256, file.size, 1000)) == file.path.read_bytes()[1000:]


def test_a_file_that_changes_is_not_stored(store, tmp_path):
    file = local(tmp_path / "a", b"golden")
    file.path.write_bytes(b"Golden")
    with pytest.raises(UnwritableError, match="a file that has changed"):
        store.put(file.path, file.sha256)
    assert list(store.objects()) == []


def test_an_object_of_another_size_is_named_and_left(store, tmp_path):
    import fsspec

    file = local(tmp_path / "a", b"golden")
    store.put(file.path, file.sha256)
    name = fsspec.filesystem("memory").find("/store")[0]
    fsspec.filesystem("memory").pipe_file(name, b"other bytes")
    with pytest.raises(UnwritableError, match="with 11 bytes instead of 6"):
        store.put(file.path, file.sha256)
    with pytest.raises(UnreadableError, match="11 bytes where 6 were expected"):
        list(store.blocks(file.sha256, 6))


def test_the_error_of_a_file_system_is_named(store, tmp_path, monkeypatch):
    """Without what it says that is secret."""
    monkeypatch.setenv("SOME_PASSWORD", "open sesame")

    def fail(*_, **__):
        raise RuntimeError("https://me:secret@host/a?sig=secret says open sesame")

    monkeypatch.setattr(store.access._fs, "info", fail)
    with pytest.raises(UnreadableError, match=r"RuntimeError: https://host/a says \*\*\*") as caught:
        store.sizes(["sha256:" + "0" * 64])
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "package"), [("gs://b/p", "gcsfs"), ("az://c/p", "adlfs"), ("ssh://host/p", "paramiko")]
)
def test_a_missing_package_is_named(tmp_path, url, package):
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(DependencyError, match=rf"{package}.*pip install 'golden-harness\[stores\]'"):
            open_store(url, tmp_path, IMPATIENT)
    else:
        pytest.skip(f"{package} is installed")


def test_an_unknown_protocol_is_named(tmp_path):
    with pytest.raises(UsageError, match=r"expected a protocol of fsspec.*found 'nosuch'"):
        open_store("nosuch://somewhere/else", tmp_path, IMPATIENT)
