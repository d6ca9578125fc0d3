"""Files are sent to the store: what it lacks, and what is recorded, before the registry names it."""

from __future__ import annotations

import itertools
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import UnwritableError
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.cached_store import require_cached_store
from harness.core.registry.stored.garbage import find_garbage
from harness.core.registry.stored.pushing import find_missing, push_entries
from harness.core.registry.verify import verify
from harness.core.verdict import Outcome, exit_code

if TYPE_CHECKING:
    from harness.core.storage.project import Project

ARCHIVE, MANIFEST, BASELINE = "golden/lattice.npz", "golden/lattice.json", "golden/lattice.smooth.json"

# Reads lines "NUMBER MOMENT". For each it forks a child that records two files, and that dies by SIGKILL at
# operation NUMBER on files or on the store, before it or after it. Answers with the child's exit code.
RECORDINGS = """
import itertools, os, signal, sys
from pathlib import Path
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage import atomic
from harness.core.storage.project import Project
from harness.core.storage.remote import store

root, numbers = Path(sys.argv[1]), itertools.count(1)
project = Project(root)

def guard(owner, name, fatal, moment):
    operation = getattr(owner, name)
    def run(*parts, **named):
        now = next(numbers) == fatal
        if now and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = operation(*parts, **named)
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    setattr(owner, name, run)

for line in sys.stdin:
    number, moment = line.split()
    child = os.fork()
    if child == 0:
        guard(store.Store, "put", int(number), moment)
        for name in ("write", "copy", "replace", "rename_draft", "unlink", "sync_directory"):
            guard(atomic, name, int(number), moment)
        staged = [Staged(f"golden/{name}", "file", root / "staged" / name) for name in ("a.txt", "b.txt")]
        commit(project, plan(project, staged), reason="test", command="test")
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_recording_sends_all_its_files(project, store_folder):
    entries = read_registry(project.registry).entries
    objects = [path for path in store_folder.rglob("*") if path.is_file()]
    assert len(objects) == len(entries) == 3
    assert find_missing(project, entries) == ({}, {}, 3)


def test_what_takes_long_is_announced(empty, monkeypatch):
    """Once, with its size."""
    said: list[str] = []
    file = empty.root / "large.bin"
    file.write_bytes(bytes(2_600_000))
    changes = plan(empty, [Staged(f"golden/{name}.bin", "file", file) for name in "ab"])
    for limit in (1 << 26, 1 << 20):
        monkeypatch.setattr("harness.core.registry.stored.pushing._MANY_BYTES", limit)
        commit(empty, changes, reason="test", command="test", say=said.append)
        changes = plan(empty, [Staged("golden/c.bin", "file", file)])
    assert [line.partition(" file")[0] for line in said] == ["sending 3 MB to the store"]


def test_what_the_store_lacks_is_sent_again(kept, entry, object_of):
    before = object_of(entry(ARCHIVE)).read_bytes()
    object_of(entry(ARCHIVE)).unlink()
    missing = find_missing(kept, read_registry(kept.registry).entries)
    assert (list(missing.here), missing.stored) == ([ARCHIVE], 2)
    assert push_entries(kept, missing.here) == ((ARCHIVE,), {})
    assert object_of(entry(ARCHIVE)).read_bytes() == before


@pytest.mark.parametrize(("harm", "found"), [(lambda p: p.unlink(), "no file"), (None, "other bytes")])
def test_other_bytes_are_not_sent(kept, entry, object_of, harm, found):
    object_of(entry(ARCHIVE)).unlink()
    file = kept.root / ARCHIVE
    if harm:
        harm(file)
    else:
        file.write_bytes(b"x" * entry(ARCHIVE).size)
    missing = find_missing(kept, read_registry(kept.registry).entries)
    assert missing.here == {}
    assert missing.problems[ARCHIVE].found == found


def test_a_store_that_takes_nothing_ends_the_recording(kept, staged, unreachable, contents):
    """One error; neither golden files nor history nor registry are changed."""
    before = contents(kept.golden), kept.registry.read_bytes()
    changes = plan(kept, staged("other"))
    unreachable()
    with pytest.raises(
        UnwritableError, match=r"nothing was recorded, because the store .* did not take 2 of 2 files: "
    ):
        commit(kept, changes, reason="new", command="test")
    assert (contents(kept.golden), kept.registry.read_bytes()) == before
    assert not kept.is_interrupted


def test_a_process_that_is_killed_leaves_at_most_unnamed_objects(empty, git):
    """At every operation on files and on the store, before it and after it."""
    (empty.root / "staged").mkdir()
    for name in ("a.txt", "b.txt"):
        (empty.root / "staged" / name).write_text(f"golden {name}")
    command = [sys.executable, "-c", RECORDINGS, str(empty.root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    killed = 0
    with subprocess.Popen(command, text=True, bufsize=1, **pipes) as process:

        def record(number: int, moment: str) -> int:
            git(empty.root, "clean", "-dfxq", "-e", "staged")
            process.stdin.write(f"{number} {moment}\n")
            return int(process.stdout.readline())

        for moment in ("before", "after"):
            for number in itertools.count(1):
                code = record(number, moment)
                judge(empty)
                if code == 0:
                    break
                assert code == -signal.SIGKILL
                killed += 1
        assert record(0, "before") == 0
        process.stdin.close()
    assert killed > 2 * 20
    assert exit_code(verify(empty)) == 0
    assert find_garbage(empty, require_cached_store(empty).store, grace_days=0).removable == ()


def judge(project: Project) -> None:
    """What the registry names is in the store, and it is here or the regeneration was interrupted."""
    entries = read_registry(project.registry).entries
    assert len(require_cached_store(project).store.sizes([e.sha256 for e in entries.values()])) == len(
        entries
    )
    assert project.is_interrupted or {v.outcome for v in verify(project)} <= {Outcome.SAME}
