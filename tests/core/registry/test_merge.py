"""Registries of two branches become one: by value, and by git with the driver that ``install-git`` sets."""

from __future__ import annotations

import itertools
import os
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest

from harness.core.registry.format import Entry, Registry, decode_registry, encode_registry, entry_text
from harness.core.registry.history import Environment, append, decode_history
from harness.core.registry.merge import encode_merge, merge_registries

MERGES = 50

# What happens to one entry: its version in the base, in ours, in theirs, and in the merge. None: not there.
SETTLED = {
    "untouched": ("a", "a", "a", "a"),
    "changed in ours": ("a", "b", "a", "b"),
    "changed in theirs": ("a", "a", "b", "b"),
    "changed alike": ("a", "b", "b", "b"),
    "deleted in ours": ("a", None, "a", None),
    "deleted in theirs": ("a", "a", None, None),
    "deleted in both": ("a", None, None, None),
    "added in ours": (None, "b", None, "b"),
    "added in theirs": (None, None, "b", "b"),
    "added alike": (None, "b", "b", "b"),
}
CONFLICTS = {
    "changed differently in ours and in theirs": ("a", "b", "c"),
    "added differently in ours and in theirs": (None, "b", "c"),
    "deleted in ours, changed in theirs": ("a", None, "b"),
    "changed in ours, deleted in theirs": ("a", "b", None),
}


@dataclass(frozen=True)
class Case:
    """Two branches, their common ancestor, the expected merge, and the expected conflicts."""

    base: Registry
    ours: Registry
    theirs: Registry
    settled: dict[str, Entry]
    conflicts: dict[str, str]

    def picked(self, sides: dict[str, str]) -> dict[str, Entry]:
        """Entries after each conflict was resolved for one side."""
        chosen = {path: getattr(self, side).entries.get(path) for path, side in sides.items()}
        return self.settled | {path: entry for path, entry in chosen.items() if entry}


def version(letter: str) -> Entry:
    """One version of an entry: all of its digests and its size are the letter's own."""
    digest = f"{ord(letter):064x}"
    return Entry("file", ord(letter), f"xxh128:{digest[:32]}", f"sha256:{digest}", f"sha256:{digest[::-1]}")


def case(stories: list[str]) -> Case:
    """Branches in which the n-th entry has the n-th story."""
    sides = ({}, {}, {}, {})
    conflicts = {}
    for number, story in enumerate(stories):
        path = f"golden/{number:02d}.npz"
        versions = SETTLED.get(story) or (*CONFLICTS[story], None)
        for side, letter in zip(sides, versions, strict=True):
            side.update({path: version(letter)} if letter else {})
        conflicts |= {path: story} if story in CONFLICTS else {}
    base, ours, theirs = (Registry(side) for side in sides[:3])
    return Case(base, ours, theirs, sides[3], conflicts)


def random_case(seed: int) -> Case:
    """Twelve entries with random stories; even seeds have none that ends in a conflict."""
    rng = np.random.default_rng(seed)
    known = [*SETTLED, *(CONFLICTS if seed % 2 else ())]
    stories = [str(story) for story in rng.choice(known, 10)]
    forced = [
        "changed in ours",
        "changed in theirs",
        *(list(CONFLICTS)[seed // 2 % 4 :][:1] if seed % 2 else ()),
    ]
    return case([str(story) for story in rng.permutation([*stories, *forced])])


def hunks(text: str) -> list[dict[str, list[str]]]:
    """Hunks of a conflicted file, with the lines of each side; lines between them belong to both."""
    found, side = [{"ours": [], "theirs": []}], None
    for line in text.split("\n"):
        if line == "<<<<<<< ours":
            found.append({"ours": [], "theirs": []})
            side = "ours"
        elif line == "=======":
            side = "theirs"
        elif line == ">>>>>>> theirs":
            found.append({"ours": [], "theirs": []})
            side = None
        else:
            for name in (side,) if side else ("ours", "theirs"):
                found[-1][name].append(line)
    return found


def settle(text: str, sides: list[str]) -> Registry:
    """The registry that is left after one side of each hunk was kept."""
    kept = itertools.cycle(sides)
    parts = hunks(text)
    chosen = ["ours" if number % 2 == 0 else next(kept) for number in range(len(parts))]
    lines = [line for part, side in zip(parts, chosen, strict=True) for line in part[side]]
    return decode_registry("\n".join(lines).encode(), "settled")


@pytest.mark.parametrize("story", SETTLED)
def test_what_one_side_did_is_taken(story):
    """Changes, additions and deletions of one side, and equal ones of both, do not conflict."""
    given = case([story, "untouched"])
    merge = merge_registries(given.base, given.ours, given.theirs)
    assert merge.conflicts == ()
    assert merge.entries == given.settled
    assert encode_merge(merge) == encode_registry(Registry(given.settled))


@pytest.mark.parametrize("story", CONFLICTS)
def test_what_both_sides_did_differently_is_a_conflict(story):
    """The conflict has all three versions and says what each side did; its neighbours are merged."""
    given = case(["untouched", story, "untouched"])
    merge = merge_registries(given.base, given.ours, given.theirs)
    (conflict,) = merge.conflicts
    assert (conflict.path, conflict.reason) == ("golden/01.npz", story)
    assert conflict.base == given.base.entries.get("golden/01.npz")
    assert merge.entries == given.settled
    assert merge.ours == given.ours.entries
    assert merge.theirs == given.theirs.entries


@pytest.mark.parametrize("story", CONFLICTS)
def test_markers_stand_around_the_entry_alone(story):
    """Between the markers are the entry's lines, from its path to its closing brace, and no others."""
    given = case(["changed in ours", story, "changed in theirs"])
    text = encode_merge(merge_registries(given.base, given.ours, given.theirs)).decode()
    before, conflict, after = hunks(text)
    for side in (given.ours, given.theirs):
        entry = side.entries.get("golden/01.npz")
        own = [] if entry is None else entry_text("golden/01.npz", entry).split("\n")
        name = "ours" if side is given.ours else "theirs"
        assert conflict[name] == own[:-1] + (["    },"] if own else [])
    assert "golden/00.npz" in before["ours"][2]
    assert "golden/02.npz" in after["ours"][0]


@pytest.mark.parametrize("stories", list(itertools.product(["untouched", *CONFLICTS], repeat=3)))
def test_any_choice_of_sides_leaves_json(stories):
    """Wherever the conflicts are, each choice of sides decodes to the entries that were chosen."""
    given = case(list(stories))
    text = encode_merge(merge_registries(given.base, given.ours, given.theirs)).decode()
    count = len(hunks(text)) // 2
    for sides in itertools.product(("ours", "theirs"), repeat=count):
        chosen = {}
        for part, side in zip(hunks(text)[1::2], sides, strict=True):
            lines = "\n".join(part["ours"] + part["theirs"])
            chosen |= {path: side for path in given.conflicts if f'"{path}"' in lines}
        assert settle(text, list(sides) or ["ours"]).entries == given.picked(chosen)


def test_conflicts_in_the_middle_are_resolved_one_by_one():
    """Each of two neighbouring conflicts has its own markers, so that each can be resolved by itself."""
    given = case([*CONFLICTS, "untouched"])
    text = encode_merge(merge_registries(given.base, given.ours, given.theirs), marker_size=9).decode()
    assert text.count(f"{'<' * 9} ours\n") == text.count(f"{'>' * 9} theirs\n") == 4


@pytest.mark.parametrize("story", CONFLICTS)
def test_conflicts_can_be_kept_at_the_base(story):
    """For git's merge of ancestors: an entry in conflict keeps its old version, the others are merged."""
    given = case(["changed in theirs", story])
    merge = merge_registries(given.base, given.ours, given.theirs).kept_at_base()
    assert merge.conflicts == ()
    assert merge.entries == given.picked({"golden/01.npz": "base"})


def test_merge_of_nothing_is_an_empty_registry():
    """Three empty registries give the canonical empty one."""
    empty = Registry({})
    assert encode_merge(merge_registries(empty, empty, empty)) == encode_registry(empty)


# The driver, called as git calls it


@pytest.fixture
def sides(tmp_path):
    """Write base, ours and theirs to files."""

    def write(given: Case) -> list[str]:
        for name in ("base", "ours", "theirs"):
            (tmp_path / name).write_bytes(encode_registry(getattr(given, name)))
        return ["base", "ours", "theirs"]

    return write


def test_driver_ends_with_0_or_1(tmp_path, sides, harness):
    """Exit 0 without output if all is merged; exit 1 with the entry and the next step if not."""
    settled = case(["changed in ours", "changed in theirs"])
    done = harness("merge-registry", *sides(settled))
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (tmp_path / "ours").read_bytes() == encode_registry(Registry(settled.settled))
    given = case(["untouched", "deleted in ours, changed in theirs"])
    done = harness("merge-registry", *sides(given), "data/registry.json")
    assert done.code == 1
    assert "data/registry.json: conflict: golden/01.npz: deleted in ours, changed in theirs\n" in done.out
    assert "harness verify" in done.out
    done = harness("merge-registry", *sides(given), "--json", "--marker-size", "11")
    assert done.code == 1
    assert '"path": "golden/01.npz"' in done.out
    assert f"\n{'=' * 11}\n" in (tmp_path / "ours").read_text("utf-8")


def test_driver_takes_an_empty_base(tmp_path, sides, harness):
    """Git passes an empty base for a file that both branches added; an empty side is an error."""
    given = case(["added in ours", "added in theirs"])
    names = sides(given)
    (tmp_path / "base").write_bytes(b"")
    assert harness("merge-registry", *names).code == 0
    assert (tmp_path / "ours").read_bytes() == encode_registry(Registry(given.settled))
    (tmp_path / "theirs").write_bytes(b"")
    assert harness("merge-registry", *names).code == 2


DAMAGE = {
    "Fix the file on its branch": lambda data: data[:-9],
    "or resolve the conflict by hand": lambda data: b"<<<<<<< HEAD\n" + data,
    "a path inside the repository": lambda data: data.replace(b"golden/01", b"../golden/01"),
    "Upgrade golden-harness": lambda data: data.replace(b'"schema": 2', b'"schema": 99'),
}


@pytest.mark.parametrize("expected", DAMAGE)
@pytest.mark.parametrize("side", ["base", "ours", "theirs"])
def test_driver_refuses_a_side_that_is_not_a_registry(tmp_path, sides, harness, side, expected):
    """Exit 2 with file, side and next step; both branches' lines are left, as git merges without a driver."""
    given = case(["changed in ours", "changed in theirs", "changed differently in ours and in theirs"])
    names = sides(given)
    damaged = DAMAGE[expected]((tmp_path / side).read_bytes())
    (tmp_path / side).write_bytes(damaged)
    done = harness("merge-registry", *names, "registry.json")
    assert done.code == 2
    assert done.err.startswith(f"harness: registry.json ({side}): expected ")
    assert expected in done.err
    left = (tmp_path / "ours").read_text("utf-8")
    assert f'"size": {ord("b")}' in left
    assert f'"size": {ord("c")}' in left
    assert "<<<<<<< ours" in left


def test_driver_keeps_our_file_if_git_cannot_merge_either(tmp_path, sides, harness):
    """Binary bytes instead of a registry: exit 2, and our file is unchanged."""
    names = sides(case(["changed in ours"]))
    before = (tmp_path / "ours").read_bytes()
    (tmp_path / "theirs").write_bytes(bytes(range(256)))
    assert harness("merge-registry", *names).code == 2
    assert (tmp_path / "ours").read_bytes() == before


# Real merges


@pytest.fixture(scope="module")
def git_environment():
    """An environment in which git has an author and no configuration of the user."""
    person = {f"GIT_{role}_{part}": "a@b" for role in ("AUTHOR", "COMMITTER") for part in ("NAME", "EMAIL")}
    bare = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return bare | person | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


@pytest.fixture(scope="module")
def repository(tmp_path_factory, run_harness, git_environment):
    """A repository with both helpers, and the branches ours-N and theirs-N of every random case."""
    root = tmp_path_factory.mktemp("merges")
    subprocess.run(["git", "init", "-q"], cwd=root, env=git_environment, check=True)
    installed = run_harness("install-git", cwd=root, env=git_environment)
    assert installed.code == 0, installed.err
    attributes = (root / ".gitattributes").read_bytes()
    stream = b"".join(part for seed in range(MERGES) for part in branches(seed, attributes))
    call = ["git", "fast-import", "--quiet"]
    subprocess.run(call, input=stream, cwd=root, env=git_environment, check=True)
    return root


def history(branch: str) -> bytes:
    """Return a history that every branch has begun alike and continued in its own way."""
    text = append(b"", [Environment({"python": "3.11"})])
    return text if branch == "base" else append(text, [Environment({"python": branch})])


def branches(seed: int, attributes: bytes):
    """Commits of one case, as ``git fast-import`` reads them."""
    given = random_case(seed)
    for name in ("base", "ours", "theirs"):
        start = f"from refs/heads/base-{seed}\n" if name != "base" else ""
        yield f"commit refs/heads/{name}-{seed}\ncommitter a <a@b> 0 +0000\ndata 1\n-\n{start}".encode()
        for path, data in (
            (".gitattributes", attributes),
            ("golden/history.jsonl", history(name)),
            ("registry.json", encode_registry(getattr(given, name))),
        ):
            yield f"M 100644 inline {path}\ndata {len(data)}\n".encode() + data + b"\n"


@pytest.mark.parametrize("seed", range(MERGES))
def test_git_merges_branches_and_loses_no_entry_and_no_line(repository, git_environment, seed):
    """``git merge`` gives what is expected, or conflicts in exactly the entries that have one."""
    given = random_case(seed)
    git = {"cwd": repository, "env": git_environment, "capture_output": True, "text": True}
    subprocess.run(["git", "checkout", "-qf", f"ours-{seed}"], check=True, **git)
    done = subprocess.run(["git", "merge", "--no-edit", f"theirs-{seed}"], check=False, **git)
    assert done.returncode == bool(given.conflicts), done.stdout + done.stderr
    text = (repository / "registry.json").read_text("utf-8")
    reported = {line.split(": ")[2] for line in done.stdout.splitlines() if ": conflict: " in line}
    assert reported == set(given.conflicts)
    if not given.conflicts:
        assert text.encode() == encode_registry(Registry(given.settled))
    merged = decode_history((repository / "golden" / "history.jsonl").read_bytes(), "merged")
    assert {environment.environment["python"] for environment in merged.environments.values()} == {
        *("3.11", "ours", "theirs")
    }
    for side in ("ours", "theirs"):
        settled = settle(text, [side])
        assert settled.entries == given.picked(dict.fromkeys(given.conflicts, side))


def test_random_cases_are_of_every_kind():
    """Half the cases have no conflict, the others all kinds; in each of them both sides changed something."""
    cases = [random_case(seed) for seed in range(MERGES)]
    assert sum(not given.conflicts for given in cases) == MERGES // 2
    assert {reason for given in cases for reason in given.conflicts.values()} == set(CONFLICTS)
    assert all(given.base not in (given.ours, given.theirs) for given in cases)
