"""``harness merge-registry`` as a user types it, and as ``git merge`` calls it."""

from __future__ import annotations

import json
import os
from types import SimpleNamespace

import pytest

from harness.core.registry.registry import read_registry


@pytest.fixture
def team(repository, git, run_harness, git_environment):
    """The repository; ``add`` registers a file on the current branch and commits, ``verify`` verifies it."""
    root = repository.root

    def add(name: str, data: str | None, reason: str) -> None:
        if data is not None:  # else the file that is there
            (root / "golden" / name).write_text(data)
        done = run_harness("add", f"golden/{name}", "--reason", reason, cwd=root, env=git_environment)
        assert done.code == 0, done.err
        git("add", ".")
        git("commit", "-qm", reason)

    def verify() -> int:
        return run_harness("verify", cwd=root, env=git_environment).code

    def paths() -> list[str]:
        return list(read_registry(root / "registry.json").entries)

    return SimpleNamespace(add=add, verify=verify, root=root, paths=paths)


def two_branches(git, ours, theirs) -> None:
    """Call *theirs* on a new branch ``side``, and *ours* on ``main``, which is the current branch then."""
    git("checkout", "-qb", "side")
    theirs()
    git("checkout", "-q", "main")
    ours()


def test_files_added_on_two_branches_merge(team, git):
    """Their entries are neighbours: git alone has a conflict, the driver has none."""
    team.add("waves.npz", None, "start")
    two_branches(git, lambda: team.add("b.txt", "b", "ours"), lambda: team.add("c.txt", "c", "theirs"))
    assert "CONFLICT" in git("-c", "merge.harness-registry.driver=false", "merge", "side", code=1)
    git("merge", "--abort")
    git("merge", "--no-edit", "side")
    assert team.paths() == ["golden/b.txt", "golden/c.txt", "golden/waves.npz"]
    assert team.verify() == 0


def test_two_first_registries_merge(team, git):
    """Both branches record their first golden file: git gives the driver an empty base."""
    two_branches(git, lambda: team.add("b.txt", "b", "ours"), lambda: team.add("c.txt", "c", "theirs"))
    git("merge", "--no-edit", "side")
    assert team.paths() == ["golden/b.txt", "golden/c.txt"]


def test_a_conflict_is_resolved_by_keeping_one_side(team, git):
    """The same file changed on both branches: one side's entry with the same side's file verifies again."""
    team.add("waves.npz", None, "start")
    team.add("a.txt", "0", "start")
    two_branches(git, lambda: team.add("a.txt", "1", "ours"), lambda: team.add("a.txt", "2", "theirs"))
    shown = git("merge", "side", code=1)
    assert "registry.json: conflict: golden/a.txt: changed differently in ours and in theirs" in shown
    assert "Keep the entry and the golden file of the same side, then run `harness verify`." in shown
    assert "UU registry.json" in git("status", "--porcelain")
    assert team.verify() == 2
    text = (team.root / "registry.json").read_text()
    kept = text.partition("<<<<<<< ours\n")[0] + text.partition("=======\n")[2].replace(
        ">>>>>>> theirs\n", ""
    )
    (team.root / "registry.json").write_text(kept)
    git("checkout", "--theirs", "golden/a.txt")
    assert team.verify() == 0


def test_a_damaged_registry_is_a_conflict(team, git):
    """The message names its side, and git merges by lines."""
    team.add("a.txt", "0", "start")

    def damage() -> None:
        (team.root / "registry.json").write_text("{}")
        git("commit", "-qam", "damage")

    two_branches(git, lambda: team.add("b.txt", "1", "ours"), damage)
    shown = git("merge", "side", code=1)
    assert "harness: registry.json (theirs): expected " in shown
    assert "Fix the file on its branch and merge again, or resolve the conflict by hand." in shown
    assert "UU registry.json" in git("status", "--porcelain")
    assert "<<<<<<< ours" in (team.root / "registry.json").read_text()


def test_branches_that_merged_each_other_merge(team, git):
    """With two common ancestors in conflict: what both branches resolved alike stays, the rest is merged."""
    team.add("waves.npz", None, "start")
    team.add("a.txt", "0", "start")
    two_branches(git, lambda: team.add("a.txt", "1", "ours"), lambda: team.add("a.txt", "2", "theirs"))
    git("branch", "other")
    for branch, merged, keep in (("main", "side", "--ours"), ("side", "other", "--theirs")):
        git("checkout", "-q", branch)
        git("merge", merged, code=1)
        git("checkout", keep, "registry.json", "golden/a.txt")
        git("commit", "-qam", f"resolved in {branch}")
    team.add("b.txt", "b", "on side")
    git("checkout", "-q", "main")
    team.add("c.txt", "c", "on main")
    assert len(git("merge-base", "--all", "main", "side").split()) == 2
    git("merge", "--no-edit", "side")
    assert team.paths() == ["golden/a.txt", "golden/b.txt", "golden/c.txt", "golden/waves.npz"]
    assert team.verify() == 0


@pytest.fixture
def sides(project, harness):
    """Three registries of the project: the base, and two that each add a file."""
    (project / "base.json").write_bytes((project / "registry.json").read_bytes())
    for name in ("ours", "theirs"):
        (project / "golden" / f"{name}.txt").write_text(name)
        assert harness("add", f"golden/{name}.txt", "--reason", name).code == 0
        (project / f"{name}.json").write_bytes((project / "registry.json").read_bytes())
        (project / "registry.json").write_bytes((project / "base.json").read_bytes())
    return project


def test_a_merge_without_a_conflict_prints_nothing(sides, harness):
    shown = harness("merge-registry", "base.json", "ours.json", "theirs.json")
    assert (shown.code, shown.out, shown.err) == (0, "", "")
    assert {"golden/ours.txt", "golden/theirs.txt"} <= set(read_registry(sides / "ours.json").entries)


def test_json_counts_entries_and_lists_conflicts(sides, harness):
    before = len(read_registry(sides / "base.json").entries)
    shown = harness("merge-registry", "base.json", "ours.json", "theirs.json", "--json")
    assert (shown.code, json.loads(shown.out)) == (
        0, {"schema": 1, "verb": "merge-registry", "entries": before + 2, "conflicts": []}
    )  # fmt: skip


@pytest.fixture
def conflict(sides):
    """Both sides changed the size of the same entry, each to another value."""
    for name, size in (("base", 1), ("ours", 2), ("theirs", 3)):
        tree = json.loads((sides / "base.json").read_bytes())
        tree["entries"]["golden/waves.npz"]["size"] = size
        (sides / f"{name}.new.json").write_text(json.dumps(tree))
    return ("base.new.json", "ours.new.json", "theirs.new.json")


def test_a_conflict_exits_with_1(conflict, sides, harness):
    """The entry is left between markers of the length that was asked for."""
    shown = harness("merge-registry", *conflict, "--marker-size", "9")
    assert shown.code == 1
    assert "registry.json: conflict: golden/waves.npz" in shown.out
    text = (sides / "ours.new.json").read_text()
    assert f"\n{'<' * 9} ours\n" in text
    assert f"\n{'>' * 9} theirs\n" in text


def test_keep_base_leaves_no_conflict(conflict, sides, harness):
    shown = harness("merge-registry", *conflict, "--keep-base")
    assert (shown.code, shown.out) == (0, "")
    assert read_registry(sides / "ours.new.json").entries["golden/waves.npz"].size == 1


def test_a_newer_schema_exits_with_2_and_its_own_remedy(sides, harness):
    """The next step for any other damage would name git's temporary copy."""
    (sides / "theirs.json").write_text('{"schema": 99, "entries": {}}')
    shown = harness("merge-registry", "base.json", "ours.json", "theirs.json", "analysis/registry.json")
    assert (shown.code, shown.out) == (2, "")
    assert "harness: analysis/registry.json (theirs): " in shown.err
    assert "Fix the file on its branch" not in shown.err


@pytest.mark.skipif(os.name != "posix", reason="pipes have names on POSIX systems")
@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_pipe_is_refused_and_not_waited_for(sides, harness, number):
    """Nobody writes to it. Git, which merges what we refuse, would wait for ever."""
    os.mkfifo(sides / "pipe")
    names = ["base.json", "ours.json", "theirs.json"]
    names[number] = "pipe"
    ours = (sides / "ours.json").read_bytes()
    shown = harness("merge-registry", *names)
    assert (shown.code, shown.err.count("\n")) == (2, 1)
    assert "something other than a regular file" in shown.err
    assert (sides / "ours.json").read_bytes() == ours


def test_a_file_name_without_room_for_a_draft_leaves_our_side(sides, harness):
    """One message, and not half a merge."""
    name = "n" * 250
    (sides / name).write_bytes((sides / "ours.json").read_bytes())
    shown = harness("merge-registry", "base.json", name, "theirs.json")
    assert (shown.code, shown.err.count("\n")) == (2, 1)
    assert "File name too long" in shown.err
    assert (sides / name).read_bytes() == (sides / "ours.json").read_bytes()


def test_names_that_differ_only_by_case_are_a_conflict(team, git):
    """Neither branch has both, so neither recording was refused. Only the merge can say it."""
    two_branches(git, lambda: team.add("b.txt", "b", "ours"), lambda: team.add("B.txt", "c", "theirs"))
    shown = git("merge", "side", code=1)
    assert (
        "registry.json: conflict: golden/b.txt: 'golden/B.txt' and 'golden/b.txt' differ only by case or "
        "Unicode form, which some file systems ignore\n"
        "  Rename the golden file of one branch there, and merge again." in shown
    )
    assert team.paths() == ["golden/B.txt", "golden/b.txt"]
    assert team.verify() == 1


def test_names_that_a_branch_has_already_are_no_conflict(team, git, run_harness, git_environment, tmp_path):
    """Otherwise no merge would succeed before they are renamed."""
    team.add("b.txt", "b", "ours")
    registry = json.loads((team.root / "registry.json").read_text())
    registry["entries"]["golden/B.txt"] = registry["entries"]["golden/b.txt"]
    both = tmp_path / "both.json"
    both.write_text(json.dumps(registry, sort_keys=True))
    sides = [team.root / "registry.json", both, team.root / "registry.json"]
    done = run_harness("merge-registry", *map(str, sides), cwd=team.root, env=git_environment)
    assert (done.code, done.out) == (0, "")
