"""The cache has whole objects only, whichever processes fill it, and however they end."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from harness.core.errors import LockedError, RefusedError, UnreadableError
from harness.core.storage.project import Project
from harness.core.storage.remote import cache as module
from harness.core.storage.remote.cache import Cache, find_cache, place
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store

DATA = hashlib.sha256(b"golden").digest() * 10_000


@pytest.fixture
def store(tmp_path):
    return open_store("store", tmp_path, Patience(timeout=1, tries=2, first=0.01))


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stored(store, tmp_path, data=DATA):
    """What the registry says about an object of the store."""
    path = tmp_path / "source"
    path.write_bytes(data)
    sha256 = f"sha256:{hashlib.sha256(data).hexdigest()}"
    store.put(path, sha256)
    return SimpleNamespace(sha256=sha256, size=len(data))


class TestFind:
    def test_only_the_right_bytes_are_found(self, store, cache, tmp_path):
        entry = stored(store, tmp_path)
        assert cache.find(entry.sha256, entry.size) is None
        path = cache.fetch(store, entry.sha256, entry.size)
        assert cache.find(entry.sha256, entry.size) == path
        assert cache.find(entry.sha256, entry.size + 1) is None
        path.write_bytes(bytes(entry.size))
        assert cache.find(entry.sha256, entry.size) is None

    def test_links_are_not_followed(self, store, cache, tmp_path):
        """Another user of a shared cache may have made them."""
        entry = stored(store, tmp_path)
        path = cache.path(entry.sha256)
        path.parent.mkdir(parents=True)
        path.symlink_to(tmp_path / "source")
        assert cache.find(entry.sha256, entry.size) is None
        assert not cache.fetch(store, entry.sha256, entry.size).is_symlink()


class TestFetch:
    def test_what_is_damaged_is_replaced(self, store, cache, tmp_path):
        entry = stored(store, tmp_path)
        path = cache.fetch(store, entry.sha256, entry.size)
        path.write_bytes(bytes(entry.size))
        assert cache.fetch(store, entry.sha256, entry.size).read_bytes() == DATA

    def test_a_failure_leaves_what_was_there(self, store, cache, tmp_path):
        entry = stored(store, tmp_path)
        other = stored(store, tmp_path, b"other")
        cache.fetch(store, other.sha256, other.size)
        before = {path: path.read_bytes() for path in (cache.root / "sha256").rglob("*") if path.is_file()}
        next((tmp_path / "store").rglob(entry.sha256[9:])).write_bytes(bytes(entry.size))
        with pytest.raises(UnreadableError, match="other bytes, of digest"):
            cache.fetch(store, entry.sha256, entry.size)
        after = {path: path.read_bytes() for path in (cache.root / "sha256").rglob("*") if path.is_file()}
        assert after == before

    def test_nothing_is_left_of_what_did_not_begin(self, store, cache):
        store.prepare()
        with pytest.raises(UnreadableError, match="does not have object"):
            cache.fetch(store, "sha256:" + "0" * 64, 7)
        assert [path for path in (cache.root / "sha256").rglob("*") if path.is_file()] == []

    def test_what_is_here_needs_no_lock(self, store, cache, tmp_path, project):
        """A shared cache may be write-protected."""
        entry = stored(store, tmp_path)
        cache.fetch(store, entry.sha256, entry.size)
        shutil.rmtree(cache.root / "locks")
        seen = []
        cache.fetch(store, entry.sha256, entry.size, on_bytes=seen.append)
        place(project, cache, "golden/a.npz", entry)
        assert seen == [entry.size]
        assert not (cache.root / "locks").exists()

    def test_more_bytes_than_the_object_has_are_dropped(self, store, cache, tmp_path):
        entry = stored(store, tmp_path)
        partial = cache._partial(entry.sha256)
        partial.parent.mkdir(parents=True)
        partial.write_bytes(bytes(entry.size + 1))
        seen = []
        assert cache.fetch(store, entry.sha256, entry.size, on_bytes=seen.append).read_bytes() == DATA
        assert sum(seen) == entry.size

    def test_all_bytes_before_the_name_need_no_request(self, store, cache, tmp_path):
        """The process was killed between them."""
        entry = stored(store, tmp_path)
        partial = cache._partial(entry.sha256)
        partial.parent.mkdir(parents=True)
        partial.write_bytes(DATA)
        shutil.rmtree(tmp_path / "store")
        assert cache.fetch(store, entry.sha256, entry.size).read_bytes() == DATA

    def test_a_lock_without_progress_is_not_waited_for_for_ever(self, store, cache, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "_SILENT_SECONDS", 0.05)
        monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)
        entry = stored(store, tmp_path)
        with cache._locked(entry.sha256), pytest.raises(LockedError, match="another process holds an object"):
            cache.fetch(store, entry.sha256, entry.size)

    def test_a_stopped_transfer_does_not_wait(self, store, cache, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "_LOOK_SECONDS", 0.02)
        entry = stored(store, tmp_path)
        store.stopped.set()
        with cache._locked(entry.sha256), pytest.raises(UnreadableError, match="a transfer that was stopped"):
            cache.fetch(store, entry.sha256, entry.size)

    @pytest.mark.skipif(os.name != "posix", reason="permissions of Unix")
    def test_those_whom_the_cache_lets_in_may_use_its_folders(self, store, cache, tmp_path):
        cache.root.mkdir(mode=0o700)
        cache.root.chmod(0o2775)
        entry = stored(store, tmp_path)
        path = cache.fetch(store, entry.sha256, entry.size)
        assert path.parent.stat().st_mode & 0o7777 == 0o2775
        assert path.parent.parent.stat().st_mode & 0o7777 == 0o2775


class TestPlace:
    @pytest.mark.parametrize("shared", [True, False])
    def test_an_object_becomes_a_file(self, store, tmp_path, project, shared):
        """A shared cache keeps it, the project's own does not."""
        cache = Cache(tmp_path / "cache", shared)
        entry = stored(store, tmp_path)
        path = cache.fetch(store, entry.sha256, entry.size)
        assert place(project, cache, "golden/deep/a.npz", entry).read_bytes() == DATA
        assert path.exists() == shared
        assert names(tmp_path / "golden/deep") == ["a.npz"]

    def test_a_file_is_never_written_over(self, store, cache, tmp_path, project):
        entry = stored(store, tmp_path)
        cache.fetch(store, entry.sha256, entry.size)
        (tmp_path / "golden").mkdir()
        (tmp_path / "golden/a.npz").write_bytes(b"mine")
        with pytest.raises(RefusedError, match=r"golden/a\.npz: expected no file.*found another file"):
            place(project, cache, "golden/a.npz", entry)
        assert (tmp_path / "golden/a.npz").read_bytes() == b"mine"
        assert names(tmp_path / "golden") == ["a.npz"]

    def test_a_dangling_link_is_not_written_through(self, store, cache, tmp_path, project):
        entry = stored(store, tmp_path)
        cache.fetch(store, entry.sha256, entry.size)
        (tmp_path / "golden").mkdir()
        (tmp_path / "golden/a.npz").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(RefusedError, match="found another file"):
            place(project, cache, "golden/a.npz", entry)
        assert not (tmp_path / "elsewhere").exists()

    def test_the_same_bytes_are_welcome(self, store, cache, tmp_path, project):
        """Another process was faster."""
        entry = stored(store, tmp_path)
        cache.fetch(store, entry.sha256, entry.size)
        place(project, cache, "golden/a.npz", entry)
        assert place(project, cache, "golden/a.npz", entry).read_bytes() == DATA

    @pytest.mark.parametrize("shared", [True, False])
    def test_damage_in_the_cache_does_not_get_into_the_project(self, store, tmp_path, project, shared):
        cache = Cache(tmp_path / "cache", shared)
        entry = stored(store, tmp_path)
        cache.fetch(store, entry.sha256, entry.size).write_bytes(bytes(entry.size))
        with pytest.raises(
            UnreadableError, match=r"expected 320000 bytes of .*found 320000 bytes of sha256:"
        ):
            place(project, cache, "golden/a.npz", entry)
        assert names(tmp_path / "golden") == []

    def test_an_absent_object_is_named(self, cache, project):
        entry = SimpleNamespace(sha256="sha256:" + "0" * 64, size=1)
        with pytest.raises(UnreadableError, match="found none"):
            place(project, cache, "golden/a.npz", entry)

    @pytest.mark.parametrize("path", ["../a.npz", "/elsewhere/a.npz", "golden/../../a"])
    def test_a_path_out_of_the_project_is_refused(self, cache, project, path):
        with pytest.raises(RefusedError, match="inside the repository"):
            place(project, cache, path, SimpleNamespace(sha256="sha256:" + "0" * 64, size=1))


def test_the_variable_names_a_shared_cache(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "shared"))
    assert find_cache(project) == Cache(tmp_path / "shared")
    monkeypatch.setenv("HARNESS_CACHE", "")
    assert find_cache(project) == Cache(tmp_path / ".harness/cache", shared=False)


FETCHING = """
import sys
from pathlib import Path
from harness.core.storage.remote.cache import Cache
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.transfer import Wanted, fetch_objects
url, cache, *wanted = sys.argv[1:]
store = open_store(url, Path("."), Patience(timeout=20))
parts = [item.split("=") for item in wanted]
print("ready", flush=True)
came = fetch_objects(store, Cache(Path(cache)), [Wanted(sha256, int(size)) for sha256, size in parts], jobs=4)
sys.exit(str(came.failed) if came.failed else 0)
"""


def test_processes_that_are_killed_leave_whole_objects(tmp_path):
    """Eight want the same 20 objects of a slow server, and three are killed: each object comes about once."""
    pytest.importorskip("aiohttp", reason="http needs the extra stores")
    from stores.faulty_web import faulty_web, slowly

    cache = Cache(tmp_path / "cache")
    with faulty_web() as web:
        web.always = slowly
        objects = dict(web.add(os.urandom(200_000)) for _ in range(20))
        wanted = [f"{sha256}={size}" for sha256, size in objects.items()]
        call = [sys.executable, "-c", FETCHING, web.url, str(cache.root), *wanted]
        processes = [subprocess.Popen(call, stdout=subprocess.PIPE) for _ in range(8)]
        try:
            wait_until(lambda: len(list(cache.root.glob("sha256/*/*"))) > 3)
            for process in processes[:3]:
                process.kill()
            assert [process.wait() for process in processes][3:] == [0] * 5
        finally:
            for process in processes:
                process.kill()
                process.communicate()
        sent = sum(web.sent)
    for sha256, size in objects.items():
        assert cache.find(sha256, size) is not None
    assert not list(cache.root.rglob("*.part"))
    assert (
        sent <= (20 + 3 * 4) * 200_000
    )  # killed processes had up to four objects each that were not written yet


def wait_until(ready, seconds=60.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_process_that_is_killed_again_and_again_gets_there(tmp_path):
    """Each attempt goes on from what the last one wrote."""
    pytest.importorskip("aiohttp", reason="http needs the extra stores")
    from stores.faulty_web import faulty_web, slowly

    cache = Cache(tmp_path / "cache")
    with faulty_web() as web:
        web.always = slowly
        sha256, size = web.add(os.urandom(8 << 20))
        call = [sys.executable, "-c", FETCHING, web.url, str(cache.root), f"{sha256}={size}"]
        before = 0
        for _ in range(2):
            process = subprocess.Popen(call, stdout=subprocess.DEVNULL)
            wait_until(lambda: partial_size(cache, sha256) > before)  # noqa: B023 - called before it changes
            process.kill()
            process.wait()
            before = partial_size(cache, sha256)
        assert not cache.path(sha256).exists()
        web.always = None
        assert subprocess.run(call, stdout=subprocess.DEVNULL, check=False).returncode == 0
        assert web.ranges()[-1] == f"bytes={before}-"
    assert cache.find(sha256, size) is not None


def partial_size(cache: Cache, sha256: str) -> int:
    path = cache._partial(sha256)
    return path.stat().st_size if path.exists() else 0
