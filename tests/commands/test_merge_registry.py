"""Real git repositories after ``harness install-git``: what ``git diff`` shows, what ``git merge`` keeps."""

from __future__ import annotations

import json
import os
import subprocess
from types import SimpleNamespace

import numpy as np
import pytest

from harness.core.registry.registry import read_registry
from harness.core.storage.npz import write_archive

LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 1234\n"
ARRAYS = {
    "image": np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4),
    "phase": np.exp(1j * np.arange(4)),
    "index": np.arange(4),
}


@pytest.fixture
def environment():
    """A git that knows an author and no configuration of the user's."""
    person = {f"GIT_{role}_{part}": "a@b" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return bare | person | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture
def git(tmp_path, environment):
    """Run ``git ARGUMENTS`` in the test's directory; its output, or its exit code where asked for."""

    def run(*arguments: str, code: int = 0, cwd=tmp_path) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def install(run_harness, environment, tmp_path):
    """Run ``harness install-git``."""
    return lambda *arguments, cwd=tmp_path: run_harness("install-git", *arguments, cwd=cwd, env=environment)


@pytest.fixture
def repository(tmp_path, git, install):
    """A repository with both helpers and one golden archive, committed."""
    git("init", "-q", "-b", "main")
    assert install().code == 0
    (tmp_path / "golden").mkdir()
    write_archive(tmp_path / "golden" / "waves.npz", ARRAYS)
    git("add", ".")
    git("commit", "-qm", "first")
    return tmp_path


def changed(lines: str) -> list[str]:
    """Lines that a diff removes or adds, without its header."""
    return [line for line in lines.rpartition("@@\n")[2].splitlines() if line[0] in "+-"]


# install-git


def test_install_says_what_it_did_and_does_it_once(tmp_path, git, install):
    """Nine settings; the second time all are kept and no byte changes."""
    git("init", "-q")
    first = install()
    assert first.code == 0
    assert first.out.count(": set ") == 9
    assert "Commit .gitattributes" in first.out
    files = [tmp_path / ".gitattributes", tmp_path / ".git" / "config"]
    before = [file.read_bytes() for file in files]
    second = install("--json")
    assert [setting["changed"] for setting in json.loads(second.out)] == [False] * 9
    assert [file.read_bytes() for file in files] == before


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_install_keeps_the_users_lines(tmp_path, git, install, end):
    """Lines of .gitattributes stay byte by byte and in front; one that is there already is not doubled."""
    git("init", "-q")
    own = f"*.tif binary\n*.npz   diff=harness-npz{end}".encode()
    (tmp_path / ".gitattributes").write_bytes(own)
    assert install().code == 0
    text = (tmp_path / ".gitattributes").read_bytes()
    assert text.startswith(own)
    assert text.count(b"diff=harness-npz") == 1
    assert b"\n/registry.json -text merge=harness-registry\n" in text


def test_install_replaces_an_older_command(git, install):
    """A command of another environment, even set twice, gives way to this one's."""
    git("init", "-q")
    for value in ("/old/harness textconv", "/older/harness textconv"):
        git("config", "--add", "diff.harness-npz.textconv", value)
    assert install().code == 0
    assert "old" not in git("config", "--get-all", "diff.harness-npz.textconv")


def test_install_outside_a_repository_is_one_clear_error(tmp_path, install, git):
    """No work tree: exit 2, one line with the next step, and nothing written."""
    done = install()
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert "expected a directory in a git work tree, found not a git repository" in done.err
    assert "git init" in done.err
    assert list(tmp_path.iterdir()) == []
    git("init", "-q", "--bare")
    assert "a bare repository" in install().err


def test_install_without_git_is_one_clear_error(tmp_path, run_harness):
    """No git on the path: exit 2, and what is missing by name."""
    done = run_harness("install-git", cwd=tmp_path, env={"PATH": str(tmp_path)})
    assert done.code == 2
    assert done.err.startswith("harness: git: expected a git command")


def test_install_tells_when_another_line_overrides_it(repository, install):
    """An attribute that git would not use is refused by name, with what overrides it."""
    with (repository / ".gitattributes").open("a") as stream:
        stream.write("golden/*.npz diff=lfs\n")
    done = install()
    assert done.code == 1
    assert "attribute diff of golden/fixture.npz: expected harness-npz, found lfs" in done.err


def test_install_in_a_part_of_a_repository(tmp_path, git, install):
    """A project below the repository's root has its own .gitattributes, and its registry the merge driver."""
    git("init", "-q")
    part = tmp_path / "analysis"
    part.mkdir()
    (part / "registry.json").write_text('{"schema": 1, "entries": {}}')
    assert install(cwd=part).code == 0
    assert "merge: harness-registry" in git("check-attr", "merge", "analysis/registry.json")
    assert "merge: unspecified" in git("check-attr", "merge", "registry.json")
    assert not (tmp_path / ".gitattributes").exists()


# git diff


def test_diff_shows_the_table_of_what_moved(repository, git):
    """One array changed: its line before and after, the others' lines as context."""
    arrays = {**ARRAYS, "image": ARRAYS["image"].copy()}
    arrays["image"][2, 3] = 7
    write_archive(repository / "golden" / "waves.npz", arrays)
    shown = git("diff")
    before, after = changed(shown)
    assert before.split()[:8] == ["-image", "float32", "(3,", "4)", "min", "0.0", "max", "1.0"]
    assert after.split()[:8] == ["+image", "float32", "(3,", "4)", "min", "0.0", "max", "7.0"]
    assert "\n index " in shown
    assert "of magnitude" in shown
    git("commit", "-qam", "second")
    assert changed(git("log", "-p", "-1")) == [before, after]


def test_without_the_textconv_git_only_says_that_bytes_differ(repository, git):
    """The table comes from the installed textconv, and from nothing else."""
    write_archive(repository / "golden" / "waves.npz", {"image": np.zeros(3)})
    assert "Binary files" in git("diff", "--no-textconv")
    assert "Binary files" not in git("diff")


def test_diff_of_an_archive_packed_again_is_empty_but_for_the_header(repository, git):
    """The same arrays in other zip bytes have the same table."""
    np.savez_compressed(repository / "golden" / "waves.npz", **ARRAYS)
    assert git("status", "--porcelain") == " M golden/waves.npz\n"
    assert "@@" not in git("diff")


def test_diff_of_a_damaged_archive_is_a_note(repository, git):
    """Truncated, another kind of file, empty: one line each, and the rest of the diff goes on."""
    golden = repository / "golden" / "waves.npz"
    whole = golden.read_bytes()
    (repository / "z.txt").write_text("new")
    git("add", "-N", "z.txt")
    notes = {
        whole[:-40]: "a truncated or damaged zip archive; ",
        b"\x93NUMPY\x01": "a single .npy array; 7 bytes, ",
        whole.replace(b"\x00\x00\x80?", b"\x00\x00\x81?"): "image.npy damaged",
        b"": "an empty file; 0 bytes, ",
    }
    for data, note in notes.items():
        golden.write_bytes(data)
        shown = git("diff")
        (line,) = [line for line in shown.splitlines() if line.startswith("+unreadable: ")]
        assert note in line
        assert str(repository.parent) not in line
        assert "+new" in shown


def test_textconv_never_fails_on_what_a_file_holds(tmp_path, harness_in_process):
    """Every truncation and thousands of flipped bytes: exit code 0 and at least one line."""
    file = tmp_path / "waves.npz"
    write_archive(file, ARRAYS)
    whole = file.read_bytes()
    rng = np.random.default_rng(0)
    for length in range(0, len(whole), 7):
        file.write_bytes(whole[:length])
        assert harness_in_process("textconv", file).startswith(b"unreadable: ")
    for _ in range(300):
        damaged = np.frombuffer(whole, np.uint8).copy()
        damaged[rng.integers(len(whole), size=3)] ^= rng.integers(1, 256, 3, dtype=np.uint8)
        file.write_bytes(damaged.tobytes())
        assert harness_in_process("textconv", file).endswith(b"\n")


@pytest.fixture
def harness_in_process(capsysbinary):
    """Run a verb in this process, which is faster; what it printed."""
    from harness.commands.group import commands

    def run(*arguments) -> bytes:
        assert commands([str(argument) for argument in arguments], standalone_mode=False) == 0
        return capsysbinary.readouterr().out

    return run


def test_diff_names_a_git_lfs_pointer(repository, git):
    """A pointer is named with the command that fetches the file; two pointers differ in their digest."""
    golden = repository / "golden" / "waves.npz"
    golden.write_text(LFS.format("a" * 64))
    assert "+a Git LFS pointer; download the file with `git lfs pull`" in git("diff")
    git("commit", "-qam", "pointer")
    golden.write_text(LFS.format("b" * 64))
    assert changed(git("diff")) == [f"-digest sha256:{'a' * 64}", f"+digest sha256:{'b' * 64}"]


def test_textconv_as_json(repository, harness):
    """Arrays as numbers; a pointer and a note under names of their own."""
    told = json.loads(harness("textconv", "golden/waves.npz", "--json").out)
    assert [array["name"] for array in told["arrays"]] == sorted(ARRAYS)
    assert told["arrays"][0]["maximum"] == 1.0
    (repository / "p.npz").write_text(LFS.format("0f"))
    assert json.loads(harness("textconv", "p.npz", "--json").out) == {
        "pointer": {"digest": "sha256:0f", "size": 1234}
    }
    (repository / "d.npz").write_text("none")
    assert "not a zip archive" in json.loads(harness("textconv", "d.npz", "--json").out)["unreadable"]
    assert harness("textconv", "nothing.npz").code == 2


# git merge


@pytest.fixture
def team(repository, git, run_harness, environment):
    """Two branches of the repository, each of which registers files of its own with ``harness add``."""

    def add(name: str, data: str, reason: str) -> None:
        (repository / "golden" / name).write_text(data)
        done = run_harness("add", f"golden/{name}", "--reason", reason, cwd=repository, env=environment)
        assert done.code == 0, done.err
        git("add", ".")
        git("commit", "-qm", reason)

    def verify() -> int:
        return run_harness("verify", cwd=repository, env=environment).code

    return SimpleNamespace(add=add, verify=verify, root=repository)


def two_branches(git, ours, theirs) -> None:
    git("checkout", "-qb", "side")
    theirs()
    git("checkout", "-q", "main")
    ours()


def test_merge_of_files_added_side_by_side(team, git):
    """Two branches that add neighbours: a conflict for git alone; with the driver none, and all verifies."""
    team.add("waves.npz", "0", "start")
    two_branches(git, lambda: team.add("b.txt", "b", "ours"), lambda: team.add("c.txt", "c", "theirs"))
    assert "CONFLICT" in git("-c", "merge.harness-registry.driver=false", "merge", "side", code=1)
    git("merge", "--abort")
    git("merge", "--no-edit", "side")
    entries = read_registry(team.root / "registry.json").entries
    assert [*entries] == ["golden/b.txt", "golden/c.txt", "golden/waves.npz"]
    assert team.verify() == 0


def test_merge_of_registries_without_a_common_one(team, git):
    """Both branches record a first golden file: git gives the driver an empty base."""
    two_branches(git, lambda: team.add("b.txt", "b", "ours"), lambda: team.add("c.txt", "c", "theirs"))
    git("merge", "--no-edit", "side")
    assert [*read_registry(team.root / "registry.json").entries] == ["golden/b.txt", "golden/c.txt"]


def test_conflict_is_settled_by_keeping_one_side(team, git):
    """The same file changed on both: the registry names it; one side's lines with its file verify again."""
    team.add("waves.npz", "0", "start")
    team.add("a.txt", "0", "start")
    two_branches(git, lambda: team.add("a.txt", "1", "ours"), lambda: team.add("a.txt", "2", "theirs"))
    shown = git("merge", "side", code=1)
    assert "registry.json: conflict: golden/a.txt: changed differently in ours and in theirs" in shown
    assert "UU registry.json" in git("status", "--porcelain")
    assert team.verify() == 2
    text = (team.root / "registry.json").read_text()
    kept = text.partition("<<<<<<< ours\n")[0] + text.partition("=======\n")[2].replace(
        ">>>>>>> theirs\n", ""
    )
    (team.root / "registry.json").write_text(kept)
    git("checkout", "--theirs", "golden/a.txt")
    assert team.verify() == 0
    entry = read_registry(team.root / "registry.json").entries["golden/a.txt"]
    assert [record.reason for record in (entry.record, *entry.history)] == ["theirs", "start"]


def test_merge_with_a_damaged_registry_is_a_conflict(team, git):
    """A side that is no registry is named, and git holds the merge for a person."""
    team.add("a.txt", "0", "start")

    def damage() -> None:
        (team.root / "registry.json").write_text("{}")
        git("commit", "-qam", "damage")

    two_branches(git, lambda: team.add("b.txt", "1", "ours"), damage)
    shown = git("merge", "side", code=1)
    assert "harness: registry.json (theirs): expected a JSON document that harness wrote" in shown
    assert "UU registry.json" in git("status", "--porcelain")
    assert "<<<<<<< ours" in (team.root / "registry.json").read_text()


def test_merge_of_branches_that_merged_each_other(team, git):
    """Two common ancestors in conflict: what both branches settled alike stays so, the rest is merged."""
    team.add("waves.npz", "0", "start")
    team.add("a.txt", "0", "start")
    two_branches(git, lambda: team.add("a.txt", "1", "ours"), lambda: team.add("a.txt", "2", "theirs"))
    git("branch", "other")
    for branch, merged, keep in (("main", "side", "--ours"), ("side", "other", "--theirs")):
        git("checkout", "-q", branch)
        git("merge", merged, code=1)
        git("checkout", keep, "registry.json", "golden/a.txt")
        git("commit", "-qam", f"settled in {branch}")
    team.add("b.txt", "b", "on side")
    git("checkout", "-q", "main")
    team.add("c.txt", "c", "on main")
    assert len(git("merge-base", "--all", "main", "side").split()) == 2
    git("merge", "--no-edit", "side")
    assert [*read_registry(team.root / "registry.json").entries] == [
        *("golden/a.txt", "golden/b.txt", "golden/c.txt", "golden/waves.npz")
    ]
    assert team.verify() == 0
