"""A disk that fills up at any write leaves the old state, or one that `harness recover` can finish."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from arena import lattice

from harness.core.errors import UnwritableError
from harness.core.recording.transaction import Write, apply, roll_back, roll_forward
from harness.core.storage import atomic as files
from harness.core.storage.atomic import replace_file
from harness.core.storage.digest import digest_file
from harness.core.storage.lock import write_lock
from harness.core.storage.npz import write_archive
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

WRITES = [Write("golden/a.bin", b"new a" * 100), Write("golden/b.bin", b"new b" * 100)]
OLD = {"golden/a.bin": b"old a"}
NEW = {write.path: write.data for write in WRITES}
MOST_WRITES = 40


@pytest.fixture
def project(tmp_path) -> Project:
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a.bin").write_bytes(OLD["golden/a.bin"])
    return Project(tmp_path)


def state(project: Project) -> dict[str, bytes]:
    return {f"golden/{file.name}": file.read_bytes() for file in project.golden.glob("[a-z]*")}


def fill_disk_at(monkeypatch, number: int) -> list[Path]:
    """Make write *number* and all later ones write half and fail. Return the list of files written."""
    written: list[Path] = []
    sound = files.write

    def write(path: Path, data: bytes) -> None:
        written.append(path)
        if len(written) <= number:
            sound(path, data)
            return
        with files.unwritable_on_error(path):
            path.write_bytes(data[: len(data) // 2])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    sound_copy = files.copy

    def copy(source: Path, path: Path) -> None:
        if len(written) < number:
            written.append(path)
            sound_copy(source, path)
        else:
            write(path, source.read_bytes())

    monkeypatch.setattr(files, "write", write)
    monkeypatch.setattr(files, "copy", copy)
    return written


@pytest.mark.parametrize("recover", [roll_forward, roll_back])
def test_a_disk_that_fills_at_any_write_leaves_the_old_state_or_a_recoverable_one(
    project, monkeypatch, recover
):
    """At each write of a transaction in turn. With space again, recovery leads to either state."""
    outcomes = set()
    for number in range(MOST_WRITES):
        with monkeypatch.context() as patch:
            fill_disk_at(patch, number)
            try:
                apply(project, WRITES)
                break
            except UnwritableError as error:
                refusal = error
        assert "No space left on device" in refusal.found
        interrupted = project.is_interrupted
        outcomes.add(interrupted)
        assert ("harness recover" in refusal.remedy) == interrupted
        if interrupted:
            recover(project)
        else:
            assert not list(project.workspace.glob("transaction*"))
        assert state(project) == (NEW if interrupted and recover is roll_forward else OLD)
        project.golden.joinpath("a.bin").write_bytes(OLD["golden/a.bin"])
        project.golden.joinpath("b.bin").unlink(missing_ok=True)
    assert outcomes == {True, False}
    assert state(project) == NEW
    assert number < MOST_WRITES - 1


def test_a_lock_that_cannot_be_made_is_refused(project):
    """As without space or permission for one more file."""
    (project.workspace / "lock").mkdir(parents=True)
    with pytest.raises(UnwritableError, match="lock"), write_lock(project):
        pytest.fail("the block ran without a lock")


# In a process whose files may not grow beyond a limit, or on a file system of 64 KiB

LIMITED = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from harness.core.storage.npz import write_archive
from harness.core.storage.atomic import replace_file
from harness.core.errors import HarnessError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
big = {"image": np.arange(65536.0)}
fixture = make_fixture("big", big, generator=Generator("a:b", 1), source=Source("simulated", "xxh128:0"))
WRITERS = {
    "archive": lambda: write_archive(folder / "big.npz", big),
    "document": lambda: replace_file(folder / "big.json", bytes(1 << 19)),
    "fixture": lambda: write_fixture(fixture, folder),
}
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    WRITERS[sys.argv[3]]()
except HarnessError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def run_limited(folder: Path, limit: int, writer: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-W", "error", "-c", LIMITED, str(folder), str(limit), writer]
    return subprocess.run(call, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("writer", ["archive", "document", "fixture"])
def test_a_limit_of_file_size_gives_one_error(tmp_path, writer):
    done = run_limited(tmp_path, 4096, writer)
    require_refused(done, "File too large")


@pytest.mark.parametrize("writer", ["archive", "document", "fixture"])
def test_a_full_file_system_gives_one_error(small_disk, writer):
    """A real one: 512 KiB of arrays on 64 KiB of disk. The golden file there is unchanged."""
    golden = small_disk / "big.json"
    golden.write_bytes(b"golden")
    before = digest_file(golden)
    done = run_limited(small_disk, 0, writer)
    require_refused(done, "No space left on device")
    assert digest_file(golden) == before
    assert writer == "archive" or list(small_disk.iterdir()) == [golden]


def require_refused(done: subprocess.CompletedProcess[str], found: str) -> None:
    assert done.returncode == 2, done
    assert found in done.stdout
    assert "/big." in done.stdout
    assert done.stdout.count("\n") == 1
    assert not done.stderr


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB in memory, if the system allows mounting one."""
    place = tmp_path / "disk"
    place.mkdir()
    try:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)], capture_output=True, check=False
        )
    except OSError:
        pytest.skip("no mount command")
    if done.returncode:
        pytest.skip("only privileged users may mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_with_enough_space_the_same_writers_succeed(tmp_path):
    """Else the other tests would prove nothing."""
    write_archive(tmp_path / "lattice.npz", lattice())
    replace_file(tmp_path / "page.json", b"page")
    assert run_limited(tmp_path, 0, "fixture").returncode == 0
