"""One process writes at a time, and a process that died does not keep the lock."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import LockedError
from harness.core.storage.lock import is_write_locked, write_lock
from harness.core.storage.project import Project, make_workspace

if TYPE_CHECKING:
    from pathlib import Path

HOLDER = """
import sys, time
from pathlib import Path
from harness.core.storage.lock import write_lock
from harness.core.storage.project import Project
with write_lock(Project(Path(sys.argv[1]))):
    print("held", flush=True)
    time.sleep(60)
"""

WRITER = """
import sys
from pathlib import Path
from harness.core.storage.project import Project
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
root, number = Path(sys.argv[1]), sys.argv[2]
data = root / f"staged{number}"
data.write_bytes(number.encode() * 100)
project = Project(root)
commit(project, plan(project, [Staged(f"golden/{number}.txt", "file", data)]), reason="r", command="c",
       say=lambda line: print(line, flush=True))
"""


@pytest.fixture
def holder(tmp_path: Path):
    """A process that holds the lock of a project."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_second_writer_waits_says_so_and_gives_up(tmp_path, holder):
    """While another process writes, the waiting one says so once. After its limit it raises."""
    said = []
    assert is_write_locked(Project(tmp_path))
    with (
        pytest.raises(LockedError, match="another process"),
        write_lock(Project(tmp_path), say=said.append, limit=0.2),
    ):
        pytest.fail("two writers at once")
    assert len(said) == 1
    assert "waiting for another process" in said[0]


def test_lock_of_a_dead_process_is_free(tmp_path, holder):
    """A killed process leaves the lock's file, but not the lock."""
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    assert (make_workspace(Project(tmp_path)) / "lock").exists()
    said = []
    with write_lock(Project(tmp_path), say=said.append, limit=5):
        assert is_write_locked(Project(tmp_path))
    assert said == []
    assert not is_write_locked(Project(tmp_path))


def test_a_leftover_lock_file_does_not_count(tmp_path):
    """A lock file from another day or machine, with any content, does not stop a writer."""
    (make_workspace(Project(tmp_path)) / "lock").write_text("pid 1 on some host")
    with write_lock(Project(tmp_path), limit=0.2):
        assert is_write_locked(Project(tmp_path))


def test_eight_processes_lose_no_entry(tmp_path):
    """Eight processes record different golden files at once, and the registry lists all of them."""
    names = [str(number) for number in range(8)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name], stdout=subprocess.PIPE, text=True
        )
        for name in names
    ]
    for writer in writers:
        writer.communicate()
        assert writer.returncode == 0
    entries = json.loads((tmp_path / "registry.json").read_bytes())["entries"]
    assert sorted(entries) == [f"golden/{name}.txt" for name in names]
    assert sorted(file.name for file in (tmp_path / "golden").glob("*.txt")) == [
        f"{name}.txt" for name in names
    ]


def test_asking_for_the_lock_makes_no_file(tmp_path):
    """`harness verify` asks, and writes nothing."""
    assert not is_write_locked(Project(tmp_path))
    assert list(tmp_path.iterdir()) == []
