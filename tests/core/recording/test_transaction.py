"""Several files change as one, even if the process is killed at any moment."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.core.errors import RefusedError, UnwritableError
from harness.core.recording import transaction
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.recording.transaction import Write, apply, roll_back, roll_forward
from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify
from harness.core.storage import atomic as files
from harness.core.storage.project import Project
from harness.core.verdict import Outcome

OPERATIONS = (
    "write", "copy", "share", "sync_file", "sync_draft", "rename_draft", "replace", "unlink",
    "make_directory", "sync_directory",
)  # fmt: skip
WRITES = {"golden/a.npz": b"new a", "golden/b.json": b"new b", "golden/sub/c.json": b"new c"}

# Reads lines "NUMBER MOMENT SECONDS". For each it forks a child that records two files, and that dies by
# SIGKILL at file operation NUMBER (before it, within it, after it), or after SECONDS where NUMBER is 0.
# Answers with the child's exit code.
REGENERATIONS = """
import itertools, os, signal, sys, time
from pathlib import Path
from harness.core.storage import atomic as files
from harness.core.storage.project import Project
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged

root, numbers = Path(sys.argv[1]), itertools.count(1)
files.LARGE = int(sys.argv[2])
project = Project(root)
place = root / ".harness" / "staged"
staged = [Staged(f"golden/{name}", "file", place / name, name) for name in ("a.txt", "b.txt")]

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def guard(name, operation, fatal, moment):
    def run(path, *rest):
        fatal_now = next(numbers) == fatal
        if fatal_now and moment == "before":
            die()
        if fatal_now and moment == "within" and name == "write":
            path.write_bytes(rest[0][: len(rest[0]) // 2])
            die()
        if fatal_now and moment == "within" and name == "copy":
            rest[0].write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            die()
        operation(path, *rest)
        if fatal_now:
            die()
    setattr(files, name, run)

for line in sys.stdin:
    number, moment, seconds = line.split()
    child = os.fork()
    if child == 0:
        for name in OPERATIONS:
            guard(name, getattr(files, name), int(number), moment)
        commit(project, plan(project, staged), reason="test", command="test")
        os._exit(0)
    if number == "0":
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project in which two of the files to write are there already."""
    (tmp_path / "golden").mkdir()
    (tmp_path / "golden" / "a.npz").write_bytes(b"old a")
    (tmp_path / "golden" / "b.json").write_bytes(b"old b")
    return Project(tmp_path)


def contents(project: Project) -> dict[str, bytes]:
    """All golden files and the registry."""
    files = [file for file in project.golden.rglob("*") if file.is_file()]
    files += [project.registry] if project.registry.exists() else []
    return {file.relative_to(project.root).as_posix(): file.read_bytes() for file in files}


def writes() -> list[Write]:
    return [Write(path, data) for path, data in WRITES.items()]


def interrupt(project: Project, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Begin a transaction and stop it after some of its files have their new bytes."""
    done = 0
    rename = files.rename_draft

    def rename_some(target: Path) -> None:
        nonlocal done
        if done == after:
            raise KeyboardInterrupt
        done += 1
        rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(files, "at_once", lambda work, items: list(map(work, items)))  # in the order given
        patch.setattr(files, "rename_draft", rename_some)
        with pytest.raises(KeyboardInterrupt):
            apply(project, writes())


def test_apply_writes_all_and_leaves_no_journal(project):
    """Afterwards every file holds its new bytes and nothing is interrupted."""
    apply(project, writes())
    assert contents(project) == WRITES
    assert not project.is_interrupted


@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_roll_forward_finishes_and_roll_back_undoes(project, monkeypatch, after):
    """However many files were written: all have their new bytes, or all their old ones."""
    before = contents(project)
    interrupt(project, monkeypatch, after) if after < 3 else None
    if after == 3:
        monkeypatch.setattr(
            transaction.files, "remove", _interrupt_once(transaction.files.remove, monkeypatch)
        )
        with pytest.raises(KeyboardInterrupt):
            apply(project, writes())
    assert project.is_interrupted
    assert roll_back(project) == tuple(WRITES)
    assert contents(project) == before
    interrupt(project, monkeypatch, min(after, 2))
    assert roll_forward(project) == tuple(WRITES)
    assert contents(project) == WRITES
    assert not project.is_interrupted


def _interrupt_once(remove, monkeypatch):
    def stop(path):
        monkeypatch.setattr(transaction.files, "remove", remove)
        raise KeyboardInterrupt

    return stop


def test_an_interrupted_transaction_refuses_the_next_one(project, monkeypatch):
    """The message names the command that ends it."""
    interrupt(project, monkeypatch, 1)
    with pytest.raises(RefusedError, match="harness recover"):
        apply(project, writes())


def test_a_file_changed_since_the_interruption_is_not_overwritten(project, monkeypatch):
    """A file that is neither old nor new stays, and both directions name it."""
    interrupt(project, monkeypatch, 1)
    (project.golden / "b.json").write_bytes(b"someone's work")
    state = contents(project)
    for roll in (roll_forward, roll_back):
        with pytest.raises(RefusedError, match=r"golden/b\.json was changed after"):
            roll(project)
        assert contents(project) == state


@pytest.mark.parametrize(("side", "roll"), [("new", roll_forward), ("old", roll_back)])
def test_damaged_bytes_are_not_applied(project, monkeypatch, side, roll):
    """Stored bytes that do not match the journal are refused, and nothing is changed."""
    interrupt(project, monkeypatch, 1)
    (transaction.transaction_directory(project) / side / "0").write_bytes(b"damaged")
    state = contents(project)
    with pytest.raises(RefusedError, match="other direction"):
        roll(project)
    assert contents(project) == state


def test_path_outside_the_repository_is_refused(project):
    """Nothing is written, and no transaction begins."""
    before = contents(project)
    with pytest.raises(RefusedError):
        apply(project, [*writes(), Write("../outside", b"x")])
    assert contents(project) == before
    assert not project.is_interrupted


def test_verify_names_the_interruption(project, monkeypatch):
    """An interruption is reported, with the command that ends it."""
    interrupt(project, monkeypatch, 1)
    verdict = next(v for v in verify(project) if v.outcome is Outcome.INTERRUPTED)
    assert "harness recover" in verdict.remedy
    roll_forward(project)
    assert all(v.outcome is not Outcome.INTERRUPTED for v in verify(project))


class Regenerations:
    """Processes that record two files and are killed at a given operation."""

    def __init__(self, root: Path, large: int) -> None:
        call = [sys.executable, "-c", f"OPERATIONS = {OPERATIONS}\n{REGENERATIONS}", str(root), str(large)]
        self.server = subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, number: int, moment: str, seconds: float = 0.0) -> int:
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{number} {moment} {seconds}\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def close(self) -> None:
        self.server.communicate()


@pytest.fixture(params=[files.LARGE, 0], ids=["copied", "shared"])
def regenerations(golden_pair, request):
    """Regenerations of the pair, one after the other; files are copied, or share their bytes if large."""
    server = Regenerations(golden_pair.root, request.param)
    yield server
    server.close()


@pytest.fixture
def golden_pair(tmp_path: Path) -> Project:
    """A project with one registered file that changes and one that is new."""
    for folder in ("golden", ".harness/staged"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "golden" / "a.txt").write_bytes(b"old a")
    for name in ("a.txt", "b.txt"):
        (tmp_path / ".harness/staged" / name).write_bytes(f"new {name}".encode() * 100)
    project = Project(tmp_path)
    staged = [Staged("golden/a.txt", "file", tmp_path / "golden" / "a.txt")]
    commit(project, plan(project, staged), reason="old", command="test")
    return project


def require_records(project: Project) -> None:
    """Assert that the history has every record that the registry names, back to the first."""
    history = read_history(project)
    for path, entry in read_registry(project.registry).entries.items():
        assert history.chain(path, entry.record)[0].previous is None


def settle_and_check(project: Project, old: dict[str, bytes], direction: str) -> str:
    """Recover if necessary; return the state that the project is in, old or new."""
    interrupted = any(v.outcome is Outcome.INTERRUPTED for v in verify(project))
    if interrupted:
        (roll_forward if direction == "forward" else roll_back)(project)
    assert all(verdict.outcome is Outcome.SAME for verdict in verify(project))
    require_records(project)
    now = contents(project)
    if now == old:
        return "old"
    assert now["golden/a.txt"].startswith(b"new")
    assert now["golden/b.txt"].startswith(b"new")
    assert set(json.loads(now["registry.json"])["entries"]) == {"golden/a.txt", "golden/b.txt"}
    return "new"


@pytest.mark.parametrize("direction", ["forward", "back"])
@pytest.mark.parametrize("moment", ["before", "within", "after"])
def test_kill_at_every_operation_loses_nothing(golden_pair, regenerations, moment, direction):
    """Killed at each file operation in turn, the old state or the new one is left, or recovered to."""
    old, ends = contents(golden_pair), set()
    for fatal in range(1, 100):
        code = regenerations.run(fatal, moment)
        if code == 0:
            break
        assert code == -signal.SIGKILL
        state = settle_and_check(golden_pair, old, direction)
        ends.add(state)
        reset(golden_pair, old)
    assert 30 < fatal < 99, "not every file operation was counted"
    assert ends == {"old", "new"}


def reset(project: Project, old: dict[str, bytes]) -> None:
    """Put the old state back, as `git checkout` would."""
    for path in contents(project).keys() - old.keys():
        (project.root / path).unlink()
    for path, data in old.items():
        (project.root / path).unlink(missing_ok=True)
        (project.root / path).write_bytes(data)


def test_kill_at_random_times_loses_nothing(golden_pair, regenerations):
    """Killed at a random moment of its run, again and again, nothing is lost."""
    old = contents(golden_pair)
    chance = random.Random(0)  # noqa: S311 - a reproducible choice, not a secret
    codes = set()
    for _ in range(60):
        codes.add(regenerations.run(0, "never", chance.uniform(0, 0.06)))
        settle_and_check(golden_pair, old, chance.choice(["forward", "back"]))
        reset(golden_pair, old)
    assert -signal.SIGKILL in codes


def test_a_large_staged_file_is_not_copied(golden_pair, monkeypatch):
    """The golden file is the one that was staged, under another name, and the old one keeps its bytes."""
    monkeypatch.setattr(files, "LARGE", 0)
    monkeypatch.setattr(files, "_cloned", lambda *_: False)
    monkeypatch.setattr(files, "copy", None)
    path = golden_pair.workspace / "staged" / "a.txt"
    apply(golden_pair, [Write("golden/a.txt", path)])
    assert (golden_pair.golden / "a.txt").samefile(path)
    assert path.read_bytes().startswith(b"new")


def test_a_large_file_of_somebody_else_is_copied(golden_pair, monkeypatch):
    """What is imported belongs to its owner, who may write into it later."""
    monkeypatch.setattr(files, "LARGE", 0)
    path = golden_pair.root / "theirs.txt"
    path.write_bytes(b"new")
    apply(golden_pair, [Write("golden/a.txt", path)])
    path.write_bytes(b"changed in place")
    assert (golden_pair.golden / "a.txt").read_bytes() == b"new"


def test_where_nothing_can_be_shared_a_large_file_is_copied(golden_pair, monkeypatch):
    """File systems without clones and hard links, and golden files that another user owns."""

    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(files, "LARGE", 0)
    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(files, "_cloned", lambda *_: False)
    before = contents(golden_pair)["golden/a.txt"]
    path = golden_pair.workspace / "staged" / "a.txt"
    apply(golden_pair, [Write("golden/a.txt", path)])
    assert before != path.read_bytes() == (golden_pair.golden / "a.txt").read_bytes()
    assert not (golden_pair.golden / "a.txt").samefile(path)


def test_a_draft_that_is_another_name_of_a_stored_file_is_not_written_into(tmp_path, monkeypatch):
    """A killed process may have left one, and its number may be that of this process."""
    monkeypatch.setattr(files, "LARGE", 4)
    stored, target, other = tmp_path / "stored", tmp_path / "target", tmp_path / "other"
    stored.write_bytes(b"stored bytes")
    other.write_bytes(b"other bytes")
    os.link(stored, files.draft_of(target))
    files.copy_to_draft(other, target)
    assert stored.read_bytes() == b"stored bytes"
    assert files.draft_of(target).read_bytes() == b"other bytes"


FOREIGN = "this journal was not written by this work tree"


@pytest.mark.parametrize(
    "path", [".git/config", "golden/.git/config", "src/code.py", "../x", "golden/.GIT/x"]
)
def test_a_journal_leads_to_golden_files_only(project, monkeypatch, path):
    """Even one with the work tree's token: nothing is written elsewhere."""
    interrupt(project, monkeypatch, 1)
    journal = json.loads(project.journal.read_text())
    journal["changes"][0]["path"] = path
    project.journal.write_text(json.dumps(journal))
    for roll in (roll_forward, roll_back):
        with pytest.raises(RefusedError):
            roll(project)
    assert not (project.root / path).exists()


@pytest.mark.parametrize("with_git", [False, True])
def test_a_copied_journal_is_not_followed(project, monkeypatch, tmp_path_factory, with_git):
    """Neither in a copy of the whole directory, nor without its token. Deleting it ends the matter."""
    if with_git:
        subprocess.run(["git", "init", "-q", project.root], check=True)
    interrupt(project, monkeypatch, 1)
    copy = Project(tmp_path_factory.mktemp("copy") / "project")
    shutil.copytree(project.root, copy.root)
    (copy.root / "registry.json").write_text('{"entries": {}, "schema": 2}')
    before = contents(copy)
    for roll in (roll_forward, roll_back, transaction.require_settled):
        with pytest.raises(RefusedError, match=FOREIGN):
            roll(copy)
    assert FOREIGN in [verdict.detail for verdict in verify(copy)]
    assert contents(copy) == before
    shutil.rmtree(transaction.transaction_directory(copy))
    apply(copy, writes())
    assert contents(copy).items() >= WRITES.items()
    roll_forward(project)


def test_the_token_is_kept_outside_of_version_control(project):
    subprocess.run(["git", "init", "-q", project.root], check=True)
    apply(project, writes())
    token = project.root / ".git" / "harness-token"
    assert token.stat().st_mode & 0o777 == 0o600
    before = token.read_bytes()
    apply(project, [Write("golden/a.npz", b"again")])
    assert token.read_bytes() == before


def test_a_workspace_that_git_tracks_is_refused(project, monkeypatch):
    git = ["git", "-C", str(project.root)]
    subprocess.run([*git, "init", "-q"], check=True)
    interrupt(project, monkeypatch, 1)
    subprocess.run([*git, "add", "-f", ".harness"], check=True)
    for roll in (roll_forward, roll_back):
        with pytest.raises(RefusedError, match=r"tracked files. Run `git rm -r -q -f \.harness`"):
            roll(project)
    subprocess.run([*git, "rm", "-r", "-q", "-f", ".harness"], check=True)
    apply(project, writes())


def test_a_workspace_that_is_a_link_is_refused(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    project.workspace.symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="symbolic link"):
        apply(project, writes())
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("path", ["golden/sub", "golden/a.npz/c.json"])
def test_a_directory_in_place_of_a_file_is_refused_before_the_journal(project, path):
    """And a file in place of a directory: nothing is written, and there is nothing to recover."""
    (project.golden / "sub").mkdir()
    before = contents(project)
    with pytest.raises(RefusedError, match="Rename or delete it first"):
        apply(project, [Write("golden/b.json", b"x"), Write(path, b"x")])
    assert not project.is_interrupted
    assert contents(project) == before


def test_a_name_without_room_for_its_draft_is_refused_before_the_journal(project):
    for length in (241, 250):
        with pytest.raises(RefusedError, match=f"a name of {length} bytes"):
            apply(project, [Write("golden/" + "n" * length, b"x")])
        assert not project.is_interrupted
    apply(project, [Write("golden/" + "n" * 240, b"x")])


@pytest.mark.parametrize("name", OPERATIONS)
def test_control_c_changes_everything_or_nothing(project, monkeypatch, name):
    """At any operation: it waits for the end of what has a journal, and there is nothing to recover."""
    before, states = contents(project), set()
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    real, operations = getattr(files, name), 0

    def press(number: int):
        def run(*arguments: object) -> None:
            nonlocal operations
            operations += 1
            if operations == number:
                signal.raise_signal(signal.SIGINT)
            real(*arguments)

        return run

    for number in range(1, 60):
        operations = 0
        with monkeypatch.context() as patch:
            patch.setattr(files, name, press(number))
            try:
                apply(project, writes())
                break
            except KeyboardInterrupt:
                pass
        assert not project.is_interrupted
        assert not (project.workspace / "transaction").exists()
        assert contents(project) in (before, WRITES)
        states.add(contents(project) == WRITES)
        reset(project, before)
    signal.signal(signal.SIGINT, previous)
    assert number > 1
    assert contents(project) == WRITES
    assert states in ({True}, {True, False}, {False})


def test_modes_are_kept(project):
    (project.golden / "a.npz").chmod(0o664)
    apply(project, writes())
    assert (project.golden / "a.npz").stat().st_mode & 0o777 == 0o664


def watch_flushes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the list to which the path of every file and directory is added when it is flushed."""
    flushed: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    return flushed


def die_before_flushes(project: Project, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Begin a transaction that dies after it has changed *folder*, before that is flushed to the disk."""
    sync = files.sync_directory

    def die(path: Path) -> None:
        if path == folder:
            raise KeyboardInterrupt
        sync(path)

    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_directory", die)
        with pytest.raises(KeyboardInterrupt):
            apply(project, [Write(f"golden/sub/deep/{name}", data) for name, data in DEEP.items()])
    assert project.is_interrupted


DEEP = {"a.npz": b"new a", "b.npz": b"new b"}


@pytest.mark.parametrize("roll", [roll_forward, roll_back])
@pytest.mark.parametrize("folder", ["golden", "golden/sub", "golden/sub/deep"])
def test_rolling_flushes_what_a_killed_process_did_not(project, monkeypatch, folder, roll):
    """Every directory on the way to a file, before the journal goes, even if no file has to be written."""
    die_before_flushes(project, monkeypatch, project.root / folder)
    flushed = watch_flushes(monkeypatch)
    remove = files.remove

    def mark(path: Path) -> None:
        flushed.append(f"removed {path}")
        remove(path)

    monkeypatch.setattr(files, "remove", mark)
    roll(project)
    before = set(flushed[: flushed.index(f"removed {project.journal}")])
    ways = [project.golden, project.root]
    if roll is roll_forward:
        ways += [project.golden / "sub" / "deep", project.golden / "sub"]
    assert {str(path) for path in ways} <= before


def test_the_bytes_of_a_file_that_is_there_already_are_flushed(project, monkeypatch):
    """Whoever wrote it may not have: the registry must not reach the disk before them."""
    (project.golden / "a.npz").write_bytes(WRITES["golden/a.npz"])
    flushed = watch_flushes(monkeypatch)
    writes_before = [*writes(), Write("registry.json", b"new")]
    apply(project, writes_before)
    registry = next(path for path in flushed if path.startswith(f"{project.root}/.registry.json."))
    assert str(project.golden / "a.npz") in flushed[: flushed.index(registry)]


def test_a_directory_that_cannot_be_flushed_leaves_the_journal(project, monkeypatch):
    """The disk's error is reported, and the transaction can be finished."""
    real = os.fsync

    def broken(descriptor: int) -> None:
        if Path(f"/proc/self/fd/{descriptor}").readlink() == project.golden:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        with pytest.raises(UnwritableError, match="harness recover"):
            apply(project, writes())
    assert project.is_interrupted
    roll_forward(project)
    assert contents(project) == WRITES


def test_what_a_journal_promises_is_on_the_disk_before_it(project, monkeypatch):
    """All stored bytes and all directories on their way are flushed before the journal has its name."""
    flushed = watch_flushes(monkeypatch)
    replace = files.replace

    def mark(source: Path, target: Path) -> None:
        replace(source, target)
        flushed.append(f"named {target}")

    monkeypatch.setattr(files, "replace", mark)
    apply(project, writes())
    journal = flushed.index(f"named {project.journal}")
    before, after = set(flushed[:journal]), set(flushed[journal:])
    folder = transaction.transaction_directory(project)
    kept = {
        folder / side / name
        for side, name in [("new", "0"), ("new", "1"), ("new", "2"), ("old", "0"), ("old", "1")]
    }
    ways = {project.root, project.workspace, folder, folder / "new", folder / "old"}
    assert {str(path) for path in kept | ways} <= before
    assert {str(project.golden), str(project.golden / "sub"), str(folder)} <= after


def test_bytes_are_on_the_disk_before_their_names_and_the_registry_comes_last(project, monkeypatch):
    """No file is renamed before its draft is flushed; none but what is removed follows the registry."""
    events = watch_flushes(monkeypatch)
    rename = Path.replace

    def mark(source: Path, target: Path) -> None:
        events.append(f"named {target}")
        rename(source, target)

    monkeypatch.setattr(Path, "replace", mark)
    names = [*WRITES, "golden/history.jsonl", "registry.json"]
    removal = Write("golden/gone.json", None)
    (project.golden / "gone.json").write_bytes(b"old")
    apply(project, [*(Write(name, b"new") for name in names), removal])
    named = [project.relative(Path(event[6:])) for event in events if event.startswith("named ")]
    changed = [name for name in named if not name.startswith(".harness")]
    assert sorted(changed[:3]) == sorted(WRITES)
    assert changed[3:] == names[3:]
    for name in names:
        path = project.root / name
        assert str(files.draft_of(path)) in events[: events.index(f"named {path}")]
    assert not (project.golden / "gone.json").exists()


def test_large_files_are_set_in_portions(project, monkeypatch):
    """Their drafts together take little space beside the stored bytes."""
    monkeypatch.setattr(transaction, "_DRAFTS_BYTES", 10)
    sizes, sync = [], files.sync_draft

    def note(target: Path) -> None:
        sizes.append(len(list(project.golden.rglob(".*.draft"))))
        sync(target)

    monkeypatch.setattr(files, "sync_draft", note)
    apply(project, [Write(f"golden/{number}", b"123456") for number in range(6)])
    assert sizes == [2] * 6
    assert [(project.golden / str(number)).read_bytes() for number in range(6)] == [b"123456"] * 6


def test_a_disk_error_leaves_no_draft_and_can_be_finished(project, monkeypatch):
    """It names the golden file, not the draft."""

    def broken(target: Path) -> None:
        with files.unwritable_on_error(target):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files, "sync_draft", broken)
        with pytest.raises(UnwritableError, match=r"golden/a\.npz.*harness recover"):
            apply(project, [Write("golden/a.npz", b"new a")])
    assert list(project.root.rglob(".*.draft")) == []
    roll_forward(project)
    assert (project.golden / "a.npz").read_bytes() == b"new a"
