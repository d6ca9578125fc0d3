"""Git's results are plain values, reading changes nothing, and objects are read as a stream."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import UnreadableError
from harness.core.system.git import GitResult, object_names, read_git, read_objects, run_git

if TYPE_CHECKING:
    from pathlib import Path

CONTENTS = {"empty": b"", "text": b"text\nwithout an end", "bytes": bytes(range(256)) * 300}


@pytest.fixture(autouse=True)
def own_settings(monkeypatch, tmp_path):
    """Git without the user's settings, and without repositories above the test's directory."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))


@pytest.fixture
def repository(tmp_path) -> Path:
    """A repository whose only commit has the files of ``CONTENTS``."""
    root = tmp_path / "a b"
    root.mkdir()
    for name, data in CONTENTS.items():
        (root / name).write_bytes(data)
    assert run_git(root, "init", "-q").succeeded
    assert run_git(root, "add", ".").succeeded
    assert commit(root).succeeded
    return root


def commit(root: Path) -> GitResult:
    return run_git(root, "-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "first")


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of every file, those of .git included."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_a_result_has_code_output_and_error(repository):
    assert run_git(repository, "log", "--format=%s") == GitResult(0, "first\n", "")
    failed = run_git(repository, "log", "no-such-revision")
    assert (failed.code, failed.succeeded, failed.output) == (128, False, "")
    assert "no-such-revision" in failed.error


def test_no_git_command_is_a_result_without_a_code(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert run_git(tmp_path, "version") == GitResult(None, "", "No such file or directory")
    assert read_git(tmp_path, "version") is None


def test_reading_returns_the_output_or_none(repository, tmp_path):
    assert read_git(repository, "ls-files") == "bytes\nempty\ntext\n"
    assert read_git(repository, "rev-parse", "--verify", "no-such-revision") is None
    assert read_git(tmp_path, "log") is None


def test_output_keeps_carriage_returns(repository):
    """They may be part of a file's name, where a line end must not take their place."""
    assert read_git(repository, "rev-parse", "--sq-quote", "a\r\nb") == " 'a\r\nb'\n"


def test_undecodable_names_stay_apart_when_written_and_can_be_shown_when_read(repository):
    (repository / os.fsdecode(b"\xff.npz")).touch()
    listing = ("ls-files", "--others", "-z")
    assert os.fsencode(run_git(repository, *listing).output) == b"\xff.npz\0"
    assert read_git(repository, *listing) == "\ufffd.npz\0"


def test_reading_changes_no_file(repository):
    """Not even the index, which `git status` refreshes for a file whose time changed."""
    os.utime(repository / "text", (0, 0))
    before = snapshot(repository)
    assert read_git(repository, "status", "--porcelain") == ""
    assert snapshot(repository) == before
    assert run_git(repository, "status", "--porcelain").output == ""
    assert snapshot(repository) == before


def test_a_name_that_looks_like_a_pattern_is_that_name(repository):
    assert read_git(repository, "ls-files", "--", "*") == ""
    assert run_git(repository, "ls-files", "--", "*").output == "bytes\nempty\ntext\n"


def test_a_replaced_object_is_read_as_it_was_committed(repository):
    """A clone may have `git replace` show other bytes for a commit's file."""
    text, other = (
        run_git(repository, "rev-parse", f"HEAD:{name}").output.strip() for name in ("text", "bytes")
    )
    assert run_git(repository, "replace", text, other).succeeded
    assert dict(read_objects(repository, [text], lambda stream: stream.read())) == {text: CONTENTS["text"]}


def test_objects_are_named_in_order_with_none_for_those_missing(repository):
    names = list(object_names(repository, ["HEAD:text", "HEAD:none", "none:text", "HEAD:empty"]))
    hashed = [run_git(repository, "hash-object", name).output.strip() for name in ("text", "empty")]
    assert names == [hashed[0], None, None, hashed[1]]


@pytest.mark.parametrize("size", [None, 0, 1, 100, 1 << 20])
def test_each_object_is_read_from_its_start_however_little_is_read(repository, size):
    """What is left unread of one object is not taken for the next."""
    names = list(object_names(repository, [f"HEAD:{name}" for name in CONTENTS]))
    found = list(read_objects(repository, names, lambda stream: (stream.left, stream.read(size))))
    assert [name for name, _ in found] == names
    assert [part for _, part in found] == [
        (len(data), data if size is None else data[:size]) for data in CONTENTS.values()
    ]


def test_thousands_of_objects_fill_no_pipe(repository):
    """The list of names is longer than a pipe's buffer, and so is the output."""
    (name,) = object_names(repository, ["HEAD:bytes"])
    sizes = [size for _, size in read_objects(repository, [name] * 5000, lambda stream: len(stream.read()))]
    assert sizes == [len(CONTENTS["bytes"])] * 5000


def damage(path: Path) -> None:
    """Overwrite the second half of an object or a pack."""
    path.chmod(0o644)
    half = path.stat().st_size // 2
    path.write_bytes(path.read_bytes()[:half] + bytes(half))


@pytest.mark.parametrize(
    ("kind", "words"),
    [("missing", "missing"), ("corrupt", "fatal: "), ("packed", "pack"), ("no repository", "not a git repo")],
)
def test_an_object_that_git_cannot_read_is_an_error_with_gits_words(repository, kind, words, capfd):
    """Git's own words are in the error, and nowhere else."""
    names = list(object_names(repository, [f"HEAD:{name}" for name in CONTENTS]))
    loose = repository / ".git/objects" / names[2][:2] / names[2][2:]
    if kind == "missing":
        loose.unlink()
    elif kind == "corrupt":
        damage(loose)
    elif kind == "packed":
        assert run_git(repository, "gc", "-q").succeeded
        damage(next((repository / ".git/objects/pack").glob("*.pack")))
    else:
        (repository / ".git").rename(repository / "elsewhere")
    with pytest.raises(UnreadableError, match=words) as caught:
        list(read_objects(repository, names, lambda stream: stream.read()))
    assert "Run `git fsck`" in caught.value.remedy
    if kind == "no repository":
        with pytest.raises(UnreadableError, match=words):
            list(object_names(repository, ["HEAD:text"]))
    assert capfd.readouterr() == ("", "")


def test_links_within_a_commit_are_followed_on_request(repository):
    """One that leads out of the commit, to nothing, to itself or through a file names no object."""
    targets = {"inner": "text", "chain": "inner", "out": "../text", "gone": "none\nmore", "loop": "loop"}
    for name, target in targets.items():
        (repository / name).symlink_to(target)
    (repository / "folder").mkdir()
    (repository / "folder" / "up").symlink_to("../chain")
    (repository / "linked").symlink_to("folder")
    assert run_git(repository, "add", ".").succeeded
    assert commit(repository).succeeded
    (text,) = object_names(repository, ["HEAD:text"])
    asked = [f"HEAD:{name}" for name in (*targets, "linked/up", "inner/below", "none", "text")]
    expected = [text, text, None, None, None, text, None, None, text]
    assert list(object_names(repository, asked, follow=True)) == expected
    assert text not in object_names(repository, ["HEAD:inner", "HEAD:chain"])


def test_the_process_ends_with_a_reader_that_stops_early(repository, monkeypatch):
    started = []
    real = subprocess.Popen

    def watched(*arguments, **settings):
        started.append(real(*arguments, **settings))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    (name,) = object_names(repository, ["HEAD:bytes"])
    reading = read_objects(repository, [name] * 5000, lambda stream: stream.read(1))
    next(reading)
    reading.close()
    assert [process.returncode is not None for process in started] == [True, True]


PROGRAMS = {
    "core.fsmonitor": "touch {mark}; false",
    "filter.x.clean": "touch {mark}; cat",
    "filter.x.process": "touch {mark}; false",
    "filter.a b.c.clean": "touch {mark}; cat",
    "core.pager": "touch {mark}; cat",
    "diff.external": "touch {mark}",
}


@pytest.mark.parametrize("key", PROGRAMS)
def test_no_program_that_a_repository_configures_is_run(repository, tmp_path, key):
    mark = tmp_path / "run"
    driver = "x" if "a b" not in key else "a b.c"
    assert run_git(repository, "config", key, PROGRAMS[key].format(mark=mark)).succeeded
    (repository / ".git/info/attributes").write_text(f"text filter={driver}\n")
    os.utime(repository / "text", (0, 0))
    found = run_git(repository, "status", "--porcelain")
    assert found.succeeded
    assert run_git(repository, "add", ".").succeeded
    assert not mark.exists()


def test_no_hook_is_run(repository, tmp_path):
    for name in ("pre-commit", "post-commit", "post-index-change", "reference-transaction"):
        hook = repository / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/run'\n")
        hook.chmod(0o755)
    (repository / "more").touch()
    assert run_git(repository, "add", ".").succeeded
    assert commit(repository).succeeded
    assert not (tmp_path / "run").exists()


def test_variables_of_a_hook_do_not_lead_elsewhere(repository, tmp_path, monkeypatch):
    for name in (
        "GIT_DIR",
        "GIT_INDEX_FILE",
        "GIT_WORK_TREE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_CONFIG_PARAMETERS",
    ):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert read_git(repository, "ls-files") == "bytes\nempty\ntext\n"
    assert list(object_names(repository, ["HEAD:text"])) != [None]


def test_settings_of_the_caller_are_kept_beside_our_own(repository, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "user.name")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "Somebody")
    assert read_git(repository, "config", "user.name") == "Somebody\n"
    assert read_git(repository, "config", "core.fsmonitor") == "false\n"
