"""Many objects at a time: each failure is kept with its object, and the rest goes on."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time

import pytest

from harness.core.errors import UnreadableError, UnwritableError
from harness.core.storage.remote.cache import Cache
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.transfer import Local, Wanted, fetch_objects, push_files


@pytest.fixture
def store(tmp_path):
    return open_store("store", tmp_path, Patience(tries=2, first=0.01))


@pytest.fixture
def files(tmp_path):
    made = []
    for number in range(6):
        data = os.urandom(1000 + number)
        path = tmp_path / f"{number}.npz"
        path.write_bytes(data)
        made.append(Local(path, f"sha256:{hashlib.sha256(data).hexdigest()}", len(data)))
    return made


def test_each_failed_upload_is_kept_with_its_object(store, files):
    files[2].path.unlink()
    files[4].path.write_bytes(b"changed")
    seen = []
    came = push_files(store, files, progress=seen.append)
    assert came.done == tuple(files[number].sha256 for number in (0, 1, 3, 5))
    assert [sha256 for sha256, _ in came.failed] == [files[2].sha256, files[4].sha256]
    assert all(isinstance(error, UnwritableError) for _, error in came.failed)
    assert sum(seen) == sum(files[number].size for number in (0, 1, 3, 5))


def test_each_failed_download_is_kept_with_its_object(store, files, tmp_path):
    push_files(store, files)
    store.remove(files[1].sha256)
    wanted = [Wanted(file.sha256, file.size) for file in files]
    wanted += wanted[:1]
    seen = []
    came = fetch_objects(store, Cache(tmp_path / "cache"), wanted, jobs=3, progress=seen.append)
    assert came.done == tuple(file.sha256 for file in files if file != files[1])
    assert [sha256 for sha256, _ in came.failed] == [files[1].sha256]
    assert isinstance(came.failed[0][1], UnreadableError)
    assert sum(seen) == sum(file.size for file in files) - files[1].size


def test_nothing_is_transferred_for_nothing(store, tmp_path):
    assert push_files(store, []) == ((), ())
    assert fetch_objects(store, Cache(tmp_path / "cache"), []) == ((), ())


PROGRAM = """
import sys
from pathlib import Path
from harness.core.storage.remote.cache import Cache
from harness.core.storage.remote.retry import Patience
from harness.core.storage.remote.settings import open_store
from harness.core.storage.remote.transfer import Wanted, fetch_objects
store = open_store(sys.argv[1], Path("."), Patience(timeout=3000))
print("ready", flush=True)
try:
    wanted = [Wanted(f"sha256:{number:064}", 9) for number in range(9)]
    fetch_objects(store, Cache(Path(sys.argv[2])), wanted, jobs=3)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of Unix")
def test_ctrl_c_ends_a_transfer_from_a_server_that_says_nothing(tmp_path):
    """Long before the time limit."""
    pytest.importorskip("aiohttp", reason="http needs the extra stores")
    from stores.faulty_web import faulty_web, silent

    with faulty_web() as web:
        web.always = silent
        call = [sys.executable, "-c", PROGRAM, web.url, str(tmp_path / "cache")]
        process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            end = time.monotonic() + 60
            while not web.asked:
                assert time.monotonic() < end
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
    assert process.returncode == 130, err
    assert err == b""
