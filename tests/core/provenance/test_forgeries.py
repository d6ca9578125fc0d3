"""Whoever may push forges golden files or records: each attempt is found, or named in docs/security.md.

The forger knows the formats, computes every digest again, and controls how commits are made. Tests of honest
work and of single rules are in test_git_rules.py.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess

import msgspec
import numpy as np
import pytest

from harness.core.errors import HarnessError, UnreadableError
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.history import encode_line, read_history, record_digest
from harness.core.registry.registry import read_registry
from harness.core.storage.npz import write_archive
from harness.core.storage.project import Project

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}
HISTORY = "golden/history.jsonl"


@pytest.fixture
def forge_bytes(put_other_arrays):
    """Put other arrays in place, with registry entries and newest records that vouch for them."""

    def forge(repository, value: float = 7.0) -> None:
        put_other_arrays(repository, value)
        repository.rehash()
        repository.reseal()

    return forge


def rules_of(repository) -> set[str]:
    return {rule for rule, _ in repository.broken}


# Records


@pytest.mark.parametrize("part", ["reason", "by", "command", "commit", "environment"])
def test_any_part_of_a_committed_record_that_is_rewritten_is_broken(twice, part):
    values = {"commit": "0" * 40, "environment": f"sha256:{'0' * 64}"}
    twice.forge_record(MANIFEST, **{part: values.get(part, "innocent")})
    twice.commit("Tidy up")
    assert ("lost", MANIFEST) in twice.broken


def test_the_reason_of_an_older_record_with_all_later_ones_chained_again_is_broken(twice):
    """The whole chain is written again, and the registry names its new end."""
    history, entries = read_history(twice.project), read_registry(twice.project.registry).entries
    lines = [encode_line(value) for value in history.environments.values()]
    for path, entry in entries.items():
        previous = None
        for record in history.chain(path, entry.record):
            made = msgspec.structs.replace(record, reason="innocent", previous=previous)
            lines.append(encode_line(made))
            previous = record_digest(made)
        twice.forge(path, record=previous)
    twice.write_lines(lines)
    twice.commit("Tidy up")
    assert rules_of(twice) >= {"lost", "rewritten"}
    assert "'first light'" in twice.details("lost")


def test_two_records_that_swap_their_reasons_are_broken(twice):
    history = read_history(twice.project)
    first, second = history.chain(MANIFEST, read_registry(twice.project.registry).entries[MANIFEST].record)
    older = msgspec.structs.replace(first, reason=second.reason)
    newer = msgspec.structs.replace(second, reason=first.reason, previous=record_digest(older))
    swapped = {encode_line(first): encode_line(older), encode_line(second): encode_line(newer)}
    twice.write_lines([swapped.get(line, line) for line in twice.lines()])
    twice.forge(MANIFEST, record=record_digest(newer))
    twice.commit("Tidy up")
    assert ("lost", MANIFEST) in twice.broken


def test_entries_that_swap_their_records_are_broken(twice):
    """No line of the history changes."""
    entries = read_registry(twice.project.registry).entries
    twice.forge(ARCHIVE, record=entries[MANIFEST].record)
    twice.forge(MANIFEST, record=entries[ARCHIVE].record)
    twice.commit("Tidy up")
    assert {("record", path) for path in BOTH} <= twice.broken


def test_an_entry_that_names_an_older_record_of_other_bytes_is_broken(twice):
    twice.forge(ARCHIVE, record=twice.record_of(ARCHIVE).previous)
    twice.commit("Tidy up")
    assert ("seal", ARCHIVE) in twice.broken


def test_the_last_record_dropped_with_the_registry_set_back_is_broken(twice):
    """The newer bytes stay, as if they had been recorded first."""
    lines = [line for line in twice.lines() if b"second light" not in line]
    twice.git("checkout", "-q", "HEAD~1", "--", "registry.json")
    twice.write_lines(lines)
    twice.commit("Tidy up")
    assert {("bytes", path) for path in BOTH} <= twice.broken
    twice.rehash()
    twice.commit("Tidy up more")
    assert {("seal", path) for path in BOTH} <= twice.broken
    twice.reseal()
    twice.commit("Tidy up even more")
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_a_line_dropped_in_one_commit_and_rewritten_in_the_next_is_broken(twice):
    record = twice.record_of(MANIFEST)
    rest = [line for line in twice.lines() if line != encode_line(record)]
    twice.write_lines(rest)
    twice.commit("Tidy up")
    made = msgspec.structs.replace(record, reason="innocent", at="2030-01-01T00:00:00Z")
    twice.write_lines([*rest, encode_line(made)])
    twice.forge(MANIFEST, record=record_digest(made))
    twice.commit("Repair the history")
    assert ("lost", MANIFEST) in twice.broken


def test_a_false_line_added_before_the_true_one_is_dropped_is_broken(twice):
    """Two commits, neither of which replaces a line: one adds, the other only removes."""
    true = twice.record_of(MANIFEST)
    twice.forge_record(MANIFEST, keep=True, reason="innocent", at="2030-01-01T00:00:00Z")
    twice.commit("Record it again")
    twice.write_lines([line for line in twice.lines() if line != encode_line(true)])
    twice.commit("Tidy up")
    assert ("lost", MANIFEST) in twice.broken


@pytest.mark.parametrize("older", [False, True])
def test_a_record_that_takes_the_place_of_a_true_one_which_is_kept_is_weak(twice, record, staged, older):
    """No line is lost. The forged one follows the same record as the true one, or an older record."""
    if older:
        record(staged(arrays={"image": np.full((3, 4), 3.0)}), "third light")
        twice.commit("Record the lattice a third time")
    previous = (
        read_history(twice.project).records[twice.record_of(MANIFEST).previous].previous if older else None
    )
    parts = {"previous": previous} if older else {}
    twice.forge_record(MANIFEST, keep=True, reason="innocent", at="2030-01-01T00:00:00Z", **parts)
    assert ("rewritten", MANIFEST) in twice.weak
    twice.commit("Tidy up")
    assert twice.weak == {("rewritten", MANIFEST)}
    assert "'third light'" in twice.details("rewritten") or not older
    twice.type_remedy("rewritten")
    twice.commit("Restore the true record")
    assert (twice.broken, twice.weak) == (set(), {("restored", MANIFEST)})


# Bytes


def test_forged_bytes_with_everything_computed_again_are_broken(twice, forge_bytes):
    forge_bytes(twice)
    twice.commit("Tidy up")
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_bytes_renamed_and_edited_in_one_commit_are_broken(twice, forge_bytes):
    """The records are renamed with the file, so that nothing names the old path any more."""
    forge_bytes(twice)
    renamed = {ARCHIVE: "golden/mesh.npz", MANIFEST: "golden/mesh.json"}
    history, entries = read_history(twice.project), read_registry(twice.project.registry).entries
    lines = [encode_line(value) for value in history.environments.values()]
    found = {}
    for path, entry in entries.items():
        (twice.root / path).rename(twice.root / renamed[path])
        made = msgspec.structs.replace(
            history.records[entry.record], path=renamed[path], previous=None, reason="renamed"
        )
        lines.append(encode_line(made))
        found[renamed[path]] = entry._replace(record=record_digest(made))
    twice.project.registry.write_bytes(encode_registry(Registry(found)))
    twice.write_lines(lines)
    twice.commit("Rename the lattice")
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_a_file_removed_with_its_records_and_added_as_new_is_broken(twice, record, staged):
    twice.drop_entries(*BOTH)
    for path in (*BOTH, HISTORY):
        (twice.root / path).unlink()
    twice.commit("Remove the lattice")
    record(staged(arrays={"image": np.full((3, 4), 7.0)}), "first light")
    twice.commit("Add a lattice")
    assert {("lost", path) for path in BOTH} <= twice.broken


@pytest.mark.parametrize("text", [b"", b"{", b"<<<<<<< HEAD\n", b'{"entries": {}, "schema": 2}'])
def test_a_registry_that_is_unreadable_or_empty_in_one_commit_launders_nothing(twice, forge_bytes, text):
    kept = twice.project.registry.read_bytes()
    twice.project.registry.write_bytes(text)
    twice.commit("Half a merge")
    twice.project.registry.write_bytes(kept)
    forge_bytes(twice)
    twice.commit("Repair the registry")
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_a_kind_that_hides_the_content_does_not_hide_forged_bytes(twice, put_other_arrays):
    """A plain file's content is not compared with a manifest; its bytes are."""
    put_other_arrays(twice)
    twice.rehash()
    for path in BOTH:
        twice.forge(path, kind="file")
    twice.commit("Tidy up")
    assert {(rule, path) for rule in ("seal", "unrecorded") for path in BOTH} <= twice.broken


# Merges


def side_branches(repository, *names: str) -> None:
    """Branches from main, each with a commit of its own that has nothing to do with golden files."""
    for name in names:
        repository.git("checkout", "-q", "-b", name, "main")
        (repository.root / f"{name}.txt").write_text(name)
        repository.commit(f"Write {name}")
    repository.git("checkout", "-q", "main")


@pytest.mark.parametrize("names", [("one",), ("one", "two", "three")])
@pytest.mark.parametrize("what", ["record", "bytes"])
def test_a_forgery_inside_a_merge_is_broken(twice, forge_bytes, names, what):
    """Also an octopus merge: no branch has the forged state, only the merge itself."""
    side_branches(twice, *names)
    twice.git("merge", "-q", "--no-ff", "-m", "Merge", *names)
    if what == "record":
        twice.forge_record(MANIFEST, reason="innocent")
    else:
        forge_bytes(twice)
    commit = twice.commit("Merge", "--amend")
    assert len(twice.git("rev-list", "--parents", "-1", commit).split()) == 2 + len(names)
    assert ("lost", MANIFEST) in twice.broken
    assert commit[:12] in twice.details("lost")


def test_a_forgery_on_a_branch_that_is_merged_over_the_true_one_is_broken(twice, forge_bytes):
    """The merge takes the forger's side as a whole, so that it equals one of its parents."""
    side_branches(twice, "theirs")
    twice.git("checkout", "-q", "theirs")
    forge_bytes(twice)
    twice.commit("Tidy up")
    twice.git("checkout", "-q", "main")
    (twice.root / "main.txt").write_text("main")
    twice.commit("Go on")
    twice.git("merge", "-q", "--no-ff", "-X", "theirs", "-m", "Merge", "theirs")
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_a_forgery_under_an_unrelated_root_is_broken(twice, forge_bytes):
    """A second root commit with the forged state, merged so that its tree wins."""
    twice.git("checkout", "-q", "--orphan", "fresh")
    forge_bytes(twice)
    twice.commit("Begin")
    tree = twice.git("rev-parse", "HEAD^{tree}").strip()
    twice.git("checkout", "-q", "main")
    merge = twice.git("commit-tree", tree, "-p", "main", "-p", "fresh", "-m", "Merge").strip()
    twice.git("reset", "-q", "--hard", merge)
    assert {("lost", path) for path in BOTH} <= twice.broken
    swapped = twice.git("commit-tree", tree, "-p", "fresh", "-p", f"{merge}^1", "-m", "Merge").strip()
    twice.git("reset", "-q", "--hard", swapped)
    assert {("lost", path) for path in BOTH} <= twice.broken


# Links, submodules, moved projects


def test_a_golden_directory_that_becomes_a_submodule_is_broken(twice, forge_bytes, tmp_path):
    """The repository keeps only the name of a commit of another repository."""
    forge_bytes(twice)
    inner = tmp_path / "inner"
    shutil.copytree(twice.project.golden, inner)
    for arguments in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=Eve", "-c", "user.email=e@e", "commit", "-qm", "Golden files"],
    ):
        subprocess.run(["git", "-C", str(inner), *arguments], check=True, capture_output=True)
    twice.git("rm", "-rqf", "golden")
    shutil.rmtree(twice.project.golden, ignore_errors=True)
    twice.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "golden")
    twice.commit("Keep golden files elsewhere")
    assert twice.project.golden.joinpath("lattice.npz").is_file()
    assert {("lost", path) for path in BOTH} <= twice.broken


def move_and_link(repository, path: str) -> None:
    kept = repository.root / "kept" / path
    kept.parent.mkdir(parents=True)
    (repository.root / path).rename(kept)
    (repository.root / path).symlink_to(os.path.relpath(kept, (repository.root / path).parent))
    repository.commit("Keep golden files elsewhere")


def test_a_golden_directory_that_becomes_a_link_launders_nothing(twice, forge_bytes):
    forge_bytes(twice)
    move_and_link(twice, "golden")
    assert twice.broken != set()


def put_link(repository, path: str, target: str) -> None:
    """A link in place of a file."""
    (repository.root / path).unlink()
    (repository.root / path).symlink_to(target)


def other_archive(repository, path: str) -> None:
    """Forged arrays of the same names and shapes, somewhere in the project."""
    file = repository.root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    write_archive(file, {"image": np.full((3, 4), 7.0)})


FORGED = "kept/forged.npz"
"""Where the forger puts other bytes."""


def chain(repository) -> None:
    """Link to a link to the forged file."""
    (repository.root / "kept" / "step").symlink_to("forged.npz")
    put_link(repository, ARCHIVE, "../kept/step")


def through_a_directory(repository) -> None:
    """All of golden/ is a link, and a link in it leads to the forged file."""
    put_link(repository, ARCHIVE, "forged.npz")
    for file in sorted(repository.project.golden.iterdir()):
        file.rename(repository.root / "kept" / file.name)
    repository.project.golden.rmdir()
    repository.project.golden.symlink_to("kept")


LINKS = {
    "link": lambda repository: put_link(repository, ARCHIVE, f"../{FORGED}"),
    "chain": chain,
    "directory": through_a_directory,
}


@pytest.mark.parametrize("links", LINKS)
def test_a_link_to_other_bytes_is_broken(twice, links):
    other_archive(twice, FORGED)
    LINKS[links](twice)
    twice.commit("Tidy up")
    assert {("bytes", ARCHIVE), ("unrecorded", ARCHIVE)} <= twice.broken
    twice.rehash()
    twice.commit("Tidy up more")
    assert {("seal", ARCHIVE), ("unrecorded", ARCHIVE)} <= twice.broken
    twice.reseal()
    twice.commit("Tidy up even more")
    assert ("lost", ARCHIVE) in twice.broken


@pytest.mark.parametrize("links", LINKS)
def test_a_link_to_other_bytes_in_one_commit_only_is_seen(twice, links):
    """Somebody may have used the bytes meanwhile."""
    kept = twice.git("rev-parse", "HEAD").strip()
    other_archive(twice, FORGED)
    LINKS[links](twice)
    forged = twice.commit("Tidy up")
    if links == "directory":
        twice.project.golden.unlink()
    twice.git("checkout", kept, "--", "golden")
    twice.commit("Take it back")
    assert twice.broken == set()
    assert ("replaced", ARCHIVE) in twice.weak
    assert forged[:12] in twice.details("replaced")


def test_bytes_that_change_behind_a_link_are_broken(twice):
    """The link stays as it is, so that the golden directory does not change for git."""
    kept = twice.root / "kept" / "true.npz"
    kept.parent.mkdir()
    (twice.root / ARCHIVE).rename(kept)
    (twice.root / ARCHIVE).symlink_to("../kept/true.npz")
    twice.commit("Keep it elsewhere")
    assert twice.findings() == ()
    true = kept.read_bytes()
    other_archive(twice, "kept/true.npz")
    forged = twice.commit("Tidy up")
    assert {("bytes", ARCHIVE), ("unrecorded", ARCHIVE)} <= twice.broken
    assert forged[:12] in twice.details("unrecorded")
    kept.write_bytes(true)
    twice.commit("Take it back")
    assert (twice.broken, twice.weak) == (set(), {("replaced", ARCHIVE)})


def test_a_link_that_is_led_to_other_bytes_is_broken(twice):
    """Both files are committed before; the commit changes only where the link leads."""
    for name in ("true.npz", "forged.npz"):
        other_archive(twice, f"kept/{name}")
    (twice.root / "kept" / "true.npz").write_bytes((twice.root / ARCHIVE).read_bytes())
    put_link(twice, ARCHIVE, "../kept/true.npz")
    twice.commit("Keep it elsewhere")
    assert twice.findings() == ()
    put_link(twice, ARCHIVE, "../kept/forged.npz")
    twice.commit("Tidy up")
    assert {("bytes", ARCHIVE), ("unrecorded", ARCHIVE)} <= twice.broken
    twice.type_remedy("bytes")
    twice.commit("Take it back")
    assert (twice.broken, twice.weak) == (set(), {("replaced", ARCHIVE)})


@pytest.mark.parametrize("ignored", [False, True])
def test_a_link_to_a_file_that_git_does_not_keep_is_weak(twice, ignored):
    """The bytes are right here, and may be anything in another clone."""
    place = twice.root / "scratch" / "lattice.npz"
    place.parent.mkdir()
    (twice.root / ".gitignore").write_text("scratch/\n" if ignored else "")
    (twice.root / ARCHIVE).rename(place)
    (twice.root / ARCHIVE).symlink_to("../scratch/lattice.npz")
    twice.git("add", ".gitignore", "golden")
    twice.git("commit", "-qm", "Keep it elsewhere")
    assert twice.broken == set()
    assert ("unread", ARCHIVE) in twice.weak
    assert ("unkept" if ignored else "uncommitted", ARCHIVE) in twice.weak
    place.write_bytes(b"other")
    assert ("bytes", ARCHIVE) in twice.broken


def test_a_link_whose_target_is_the_recorded_text_is_no_golden_file(twice):
    """Git has the same object for a link as for a file with the text of its target."""
    text = (twice.root / MANIFEST).read_text()
    blob = twice.git("rev-parse", f"HEAD:{MANIFEST}").strip()
    twice.git("update-index", "--add", "--cacheinfo", f"120000,{blob},{MANIFEST}")
    twice.git("commit", "-qm", "Tidy up")
    (twice.root / MANIFEST).unlink()
    twice.git("checkout", "-q", "HEAD", "--", ".")
    assert (twice.root / MANIFEST).is_symlink()
    assert ("missing", MANIFEST) in twice.broken
    twice.type_remedy("missing")
    assert (twice.root / MANIFEST).read_text() == text
    twice.commit("Take it back")
    assert twice.broken == set()


def key_of(data: bytes) -> str:
    return f"SHA256E-s{len(data)}--{hashlib.sha256(data).hexdigest()}.npz"


@pytest.mark.parametrize("has_content", [True, False])
def test_a_key_of_git_annex_for_other_bytes_is_broken(twice, has_content):
    other_archive(twice, FORGED)
    data = (twice.root / FORGED).read_bytes()
    content = twice.root / ".git/annex/objects/F4/k9" / key_of(data) / key_of(data)
    content.parent.mkdir(parents=True)
    content.write_bytes(data)
    put_link(twice, ARCHIVE, f"../{content.relative_to(twice.root)}")
    if not has_content:
        content.unlink()
    twice.commit("Keep it in git-annex")
    assert ("bytes" if has_content else "missing", ARCHIVE) in twice.broken
    assert {("unrecorded", ARCHIVE), ("replaced", ARCHIVE)} & (twice.broken | twice.weak)
    twice.type_remedy("bytes" if has_content else "missing")
    twice.commit("Take it back")
    assert (twice.broken, twice.weak) == (set(), {("replaced", ARCHIVE)})


def test_a_pointer_of_git_lfs_for_other_bytes_is_broken(twice):
    file = twice.root / ARCHIVE
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0f' * 32}\nsize 12\n")
    twice.commit("Keep it in Git LFS")
    assert ("bytes", ARCHIVE) in twice.broken
    twice.type_remedy("bytes")
    twice.commit("Take it back")
    assert (twice.broken, twice.weak) == (set(), {("replaced", ARCHIVE)})


def test_other_bytes_under_the_key_of_the_recorded_ones_are_broken(twice):
    """Whoever can write to .git can do this; the commit is right."""
    data = (twice.root / ARCHIVE).read_bytes()
    content = twice.root / ".git/annex/objects/F4/k9" / key_of(data) / key_of(data)
    content.parent.mkdir(parents=True)
    other_archive(twice, FORGED)
    (twice.root / FORGED).rename(content)
    put_link(twice, ARCHIVE, f"../{content.relative_to(twice.root)}")
    twice.commit("Keep it in git-annex")
    assert ("bytes", ARCHIVE) in twice.broken


@pytest.mark.parametrize(
    "target", ["../sub/.git/annex/objects/a/b/{key}/{key}", "../../.git/annex/objects/{key}"]
)
def test_a_link_that_only_looks_like_one_of_git_annex_is_broken(twice, target):
    """Its key is that of the recorded bytes, and it leads to a place that a forger may fill."""
    key = key_of((twice.root / ARCHIVE).read_bytes())
    place = twice.project.golden / target.format(key=key)
    place.parent.mkdir(parents=True, exist_ok=True)
    (twice.root / ARCHIVE).rename(place)
    (twice.root / ARCHIVE).symlink_to(target.format(key=key))
    twice.git("add", "golden")
    twice.git("commit", "-qm", "Keep it in git-annex")
    assert ("path", ARCHIVE) in twice.broken


def test_a_link_out_of_the_project_is_broken_whatever_it_leads_to(twice, tmp_path):
    place = tmp_path / "lattice.npz"
    (twice.root / ARCHIVE).rename(place)
    (twice.root / ARCHIVE).symlink_to(place)
    twice.commit("Keep it elsewhere")
    assert ("path", ARCHIVE) in twice.broken


def test_a_registry_and_a_history_behind_links_launder_nothing(twice, forge_bytes):
    """The links stay; what they lead to is forged."""
    (twice.root / "kept").mkdir()
    for name in ("registry.json", HISTORY):
        kept = twice.root / "kept" / name.rpartition("/")[2]
        (twice.root / name).rename(kept)
        (twice.root / name).symlink_to(os.path.relpath(kept, (twice.root / name).parent))
    twice.commit("Keep them elsewhere")
    assert twice.broken == set()
    forge_bytes(twice)
    twice.commit("Tidy up")
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_a_history_that_becomes_a_link_gives_no_clean_answer(twice, forge_bytes):
    forge_bytes(twice)
    move_and_link(twice, HISTORY)
    with contextlib.suppress(HarnessError):  # exit 2
        assert twice.broken != set()


def test_a_project_moved_away_and_back_launders_nothing(twice, forge_bytes):
    """Forged while it is elsewhere, under a name that no terminal shows."""
    elsewhere = twice.root / "x\u202e"
    elsewhere.mkdir()
    for name in ("golden", "registry.json"):
        (twice.root / name).rename(elsewhere / name)
    twice.commit("Move the project")
    inner = type(twice)(Project(elsewhere))
    forge_bytes(inner)
    inner.commit("Tidy up")
    for name in ("golden", "registry.json"):
        (elsewhere / name).rename(twice.root / name)
    twice.commit("Move it back")
    assert {("lost", path) for path in BOTH} <= twice.broken


# What git can be made to say


def forged_clone(repository, forge_bytes, tmp_path, *options: str):
    forge_bytes(repository)
    repository.commit("Tidy up")
    root = tmp_path / "clone"
    command = ["git", "clone", "-q", *options, repository.root.as_uri(), str(root)]
    subprocess.run(command, check=True, capture_output=True)
    return type(repository)(Project(root))


def test_a_shallow_clone_says_that_it_cannot_know(twice, forge_bytes, tmp_path):
    """Everything in the newest commit agrees, and no other commit is there. Fetching the rest shows it."""
    clone = forged_clone(twice, forge_bytes, tmp_path, "--depth", "1")
    assert clone.broken == set()
    assert ("history", "registry.json") in clone.weak
    assert "git fetch --unshallow" in clone.details("history")
    clone.type_remedy("history")
    assert {("lost", path) for path in BOTH} <= clone.broken


def test_a_replaced_commit_does_not_hide_a_forgery(twice, forge_bytes):
    """``git replace`` shows the forged commit as one that never had another parent, or as an older one."""
    forge_bytes(twice)
    forged = twice.commit("Tidy up")
    before = twice.findings(Rank.BROKEN)
    tree = twice.git("rev-parse", "HEAD^{tree}").strip()
    alone = twice.git("commit-tree", tree, "-m", "Begin").strip()
    twice.git("replace", forged, alone)
    assert twice.git("log", "--format=%s").split("\n")[:-1] == ["Begin"]
    assert twice.findings(Rank.BROKEN) == before != ()


def test_a_graft_does_not_hide_a_forgery(twice, forge_bytes):
    """A file of the clone may say that a commit has no parents."""
    forge_bytes(twice)
    forged = twice.commit("Tidy up")
    before = twice.findings(Rank.BROKEN)
    grafts = twice.root / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{forged}\n")
    assert len(twice.git("-c", "advice.graftFileDeprecated=false", "log", "--format=%s").splitlines()) == 1
    assert twice.findings(Rank.BROKEN) == before != ()


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_flag_in_the_index_does_not_hide_a_forgery(twice, forge_bytes, flag):
    """Status says that nothing changed."""
    twice.git("update-index", flag, *BOTH, HISTORY, "registry.json")
    forge_bytes(twice)
    assert twice.git("status", "--porcelain") == ""
    assert {("lost", path) for path in BOTH} <= twice.broken


@pytest.mark.parametrize(
    "setting",
    [
        ("log.showSignature", "true"),
        ("log.follow", "true"),
        ("log.diffMerges", "first-parent"),
        ("diff.renames", "copies"),
        ("core.quotePath", "true"),
        ("i18n.logOutputEncoding", "utf-16"),
        ("format.pretty", "%x"),
        ("core.commitGraph", "true"),
    ],
)
def test_no_setting_of_git_hides_a_forgery(twice, forge_bytes, setting):
    forge_bytes(twice)
    twice.commit("Tidy up")
    before = twice.findings()
    twice.git("config", *setting)
    assert twice.findings() == before
    assert {("lost", path) for path in BOTH} <= twice.broken


def test_attributes_that_hide_lines_from_git_hide_nothing_from_the_audit(twice, forge_bytes):
    (twice.root / ".gitattributes").write_text(f"{HISTORY} -diff export-ignore merge=ours\n*.npz -diff\n")
    twice.commit("Configure git")
    forge_bytes(twice)
    twice.commit("Tidy up")
    assert {("lost", path) for path in BOTH} <= twice.broken


# The boundary: what only a signature, or another copy of the repository, can show


def test_a_history_that_was_written_again_from_the_first_commit_is_out_of_reach(twice, forge_bytes):
    """All old commits are gone, as after a push by force: docs/security.md says how to notice that."""
    forge_bytes(twice)
    history, entries = read_history(twice.project), read_registry(twice.project.registry).entries
    lines = [encode_line(value) for value in history.environments.values()]
    for path, entry in entries.items():
        made = msgspec.structs.replace(history.records[entry.record], previous=None, commit=None)
        lines.append(encode_line(made))
        twice.forge(path, record=record_digest(made))
    twice.write_lines(lines)
    twice.git("checkout", "-q", "--orphan", "fresh")
    twice.commit("Begin")
    twice.git("branch", "-D", "main")
    assert (twice.broken, twice.weak) == (set(), set())


def test_bytes_recorded_on_an_old_branch_and_merged_over_the_true_ones_are_weak(twice, record, staged):
    """Two branches may record a file, and a merge may keep either: the records that it lost are named."""
    twice.git("checkout", "-q", "-b", "old", "HEAD~2")
    record(staged(arrays={"image": np.full((3, 4), 7.0)}), "innocent")
    twice.commit("Record the lattice")
    twice.git("checkout", "-q", "main")
    tree = twice.git("rev-parse", "old^{tree}").strip()
    for parents in (("main", "old"), ("old", "main")):
        merge = twice.git("commit-tree", tree, *(p for name in parents for p in ("-p", name)), "-m", "Merge")
        twice.git("reset", "-q", "--hard", merge.strip())
        assert (twice.broken, twice.weak) == (set(), {("restored", path) for path in BOTH})
        assert "'second light'" in twice.details("restored")
        twice.git("reset", "-q", "--hard", f"{merge.strip()}^{parents.index('main') + 1}")


def test_a_forgery_in_the_commit_that_adds_the_history_is_out_of_reach_for_records_not_for_bytes(
    repository, record, staged, put_other_arrays
):
    """Nothing says who recorded what before there was a history; its records vouch for bytes all the same."""
    record(staged())
    history = (repository.root / HISTORY).read_bytes()
    (repository.root / HISTORY).unlink()
    repository.commit("Golden files with another registry")
    (repository.root / HISTORY).write_bytes(history)
    repository.forge_record(MANIFEST, reason="innocent")
    repository.commit("Convert the registry")
    assert repository.broken == set()
    put_other_arrays(repository)
    repository.commit("Convert the registry", "--amend")
    assert {(rule, path) for rule in ("bytes", "unrecorded") for path in BOTH} <= repository.broken


def test_a_missing_object_gives_no_answer_instead_of_a_clean_one(twice, forge_bytes):
    """The blob of the true history is deleted from the clone: the audit cannot tell, exit 2."""
    blob = twice.git("rev-parse", f"HEAD:{HISTORY}").strip()
    forge_bytes(twice)
    twice.commit("Tidy up")
    loose = twice.root / ".git" / "objects" / blob[:2] / blob[2:]
    loose.chmod(0o644)
    os.unlink(loose)  # noqa: PTH108 - as rm would
    with pytest.raises(UnreadableError) as caught:
        gather(twice.project)
    assert caught.value.exit_code == 2
