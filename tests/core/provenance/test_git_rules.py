"""No commit may lose a history line or change golden bytes unrecorded; honest mistakes can be repaired."""

from __future__ import annotations

import shutil
import subprocess

import msgspec
import numpy as np
import pytest

from harness.core.fixtures.manifest import Generator
from harness.core.provenance import evidence
from harness.core.provenance.evidence import gather
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.history import Environment, encode_line, read_history, record_digest
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project
from harness.core.system.git_objects import python_files

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}
FILES = ("golden", "registry.json")


def rules(rule: str, *rest: str) -> set[tuple[str, str]]:
    return {(name, path) for name in (rule, *rest) for path in BOTH}


# Golden bytes


def test_bytes_without_a_record_are_broken_and_the_commit_is_named(lattice, put_other_arrays):
    put_other_arrays(lattice)
    lattice.rehash()
    commit = lattice.commit("Tidy up", "--author=Eve <eve@example.org>")
    assert lattice.broken == rules("seal", "unrecorded")
    assert f"commit {commit[:12]} (Eve, " in lattice.details("unrecorded")
    assert "'Tidy up'" in lattice.details("unrecorded")


def test_bytes_committed_alone_are_broken(lattice, put_other_arrays):
    put_other_arrays(lattice)
    lattice.commit("Tidy up")
    assert lattice.broken == rules("bytes", "unrecorded")


def test_a_record_in_the_same_commit_vouches_for_its_own_bytes_only(
    lattice, record, staged, put_other_arrays
):
    """Recorded properly, and the files exchanged before the commit."""
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    put_other_arrays(lattice)
    lattice.commit("Record the lattice again")
    assert lattice.broken == rules("bytes", "unrecorded")


def test_unrecorded_bytes_that_were_replaced_are_weak(lattice, put_other_arrays):
    put_other_arrays(lattice)
    lattice.commit("Tidy up")
    lattice.git("checkout", "-q", "HEAD~1", "--", "golden")
    lattice.commit("Undo")
    assert (lattice.broken, lattice.weak, lattice.noted) == (set(), rules("replaced"), rules("restored"))


def test_unrecorded_bytes_on_a_branch_that_a_merge_dropped_are_weak(lattice, put_other_arrays):
    """Commits on every branch are checked."""
    lattice.git("checkout", "-q", "-b", "side")
    put_other_arrays(lattice)
    lattice.commit("Tidy up")
    lattice.git("checkout", "-q", "main")
    lattice.git("merge", "-q", "-s", "ours", "-m", "Drop it", "side")
    assert (lattice.broken, lattice.weak) == (set(), rules("replaced"))


def test_a_merge_that_changes_bytes_is_broken(branches, put_other_arrays):
    """Bytes that neither branch had, with recomputed digests."""
    branches.git("merge", "-q", "-s", "ours", "-m", "Keep ours", "theirs")
    put_other_arrays(branches)
    branches.rehash()
    branches.commit("Keep ours", "--amend")
    assert rules("unrecorded") <= branches.broken


def test_golden_files_committed_before_their_records_are_weak(lattice, record, staged):
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    lattice.git("add", ARCHIVE, MANIFEST)
    lattice.git("commit", "-qm", "Arrays first")
    lattice.commit("Registry and history second")
    assert (lattice.broken, lattice.weak) == (set(), rules("separate"))


def test_bytes_from_before_there_was_a_history_are_not_held_against_anybody(lattice, record, staged):
    """As in a project that was converted: its older commits have golden files, but no history file."""
    history = (lattice.project.golden / "history.jsonl").read_bytes()
    lattice.git("checkout", "-q", "--orphan", "older")
    (lattice.project.golden / "history.jsonl").unlink()
    lattice.commit("Golden files with another registry")
    (lattice.project.golden / "history.jsonl").write_bytes(history)
    lattice.commit("Convert the registry")
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    lattice.commit("Record the lattice again")
    assert lattice.broken == set()
    assert {rule for rule, _ in lattice.weak | lattice.noted} <= {"commit"}


def test_deleting_the_history_for_a_while_does_not_excuse_unrecorded_bytes(lattice, put_other_arrays):
    """Only commits from before the first history are excused."""
    lines = lattice.lines()
    (lattice.project.golden / "history.jsonl").unlink()
    lattice.commit("Delete the history")
    put_other_arrays(lattice)
    lattice.commit("Tidy up")
    lattice.write_lines(lines)
    lattice.commit("Restore the history")
    assert lattice.broken == rules("bytes", "unrecorded")


def test_a_branch_from_before_the_history_cannot_bring_unrecorded_bytes(
    repository, record, staged, put_other_arrays
):
    repository.git("branch", "old")
    record(staged())
    repository.commit("Record the lattice")
    repository.git("checkout", "-q", "old")
    repository.project.golden.mkdir(exist_ok=True)
    put_other_arrays(repository)
    repository.commit("Tidy up")
    repository.git("checkout", "-q", "main")
    repository.git("merge", "-q", "-X", "theirs", "-m", "Merge old", "old", "--no-edit")
    assert rules("bytes", "unrecorded") == repository.broken


# History lines


@pytest.mark.parametrize("parts", [{"reason": "innocent"}, {"by": "Eve"}, {"at": "2020-01-01T00:00:00Z"}])
@pytest.mark.parametrize("committed", [False, True])
def test_a_rewritten_record_is_broken_and_its_text_is_shown(lattice, parts, committed):
    lattice.forge_record(MANIFEST, **parts)
    if committed:
        lattice.commit("Tidy up")
    assert lattice.broken == {("lost", MANIFEST), ("rewritten", MANIFEST)}
    assert "'first light'" in lattice.details("lost")


@pytest.mark.parametrize("committed", [False, True])
def test_forged_bytes_with_forged_records_are_broken(lattice, put_other_arrays, committed):
    """Everything on disk agrees; git has other records."""
    put_other_arrays(lattice)
    lattice.rehash()
    lattice.reseal()
    if committed:
        lattice.commit("Tidy up")
    assert lattice.broken == rules("lost")


def test_a_removed_record_with_a_corrected_chain_is_broken(twice):
    older = twice.record_of(MANIFEST).previous
    twice.forge_record(MANIFEST, previous=None)
    twice.write_lines([line for line in twice.lines() if f"sha256:{older}" not in line.decode()])
    twice.commit("Tidy up")
    assert ("lost", MANIFEST) in twice.broken


def test_a_rewritten_record_stays_broken_after_later_ones(lattice, record, staged):
    lattice.forge_record(MANIFEST, reason="innocent")
    commit = lattice.commit("Tidy up", "--author=Eve <eve@example.org>")
    record(staged(arrays={"image": np.ones((3, 4))}), "third")
    lattice.commit("Record the lattice again")
    assert {("lost", MANIFEST), ("rewritten", MANIFEST)} == lattice.broken
    assert f"commit {commit[:12]} (Eve, " in lattice.details("lost")


def test_adding_the_true_line_again_does_not_launder_the_rewritten_one(lattice):
    """The registry still names the false record."""
    lattice.forge_record(MANIFEST, reason="innocent")
    lattice.commit("Tidy up")
    lattice.type_remedy("lost")
    lattice.commit("Add the lines again")
    assert lattice.broken == {("rewritten", MANIFEST)}


def test_the_remedies_for_a_rewritten_record_end_clean(lattice):
    lattice.forge_record(MANIFEST, reason="innocent")
    lattice.commit("Tidy up")
    lattice.type_remedy("rewritten")
    lattice.commit("Restore the true record")
    assert (lattice.broken, lattice.weak) == (set(), set())


def test_a_rewritten_record_beside_the_true_one_is_broken(lattice):
    """No line is lost: the registry names the line that came later."""
    lattice.forge_record(MANIFEST, keep=True, reason="innocent")
    lattice.commit("Tidy up")
    assert lattice.broken == {("rewritten", MANIFEST)}


def test_a_forged_twin_of_the_newest_record_on_an_old_branch_is_broken(twice):
    """It is merged so that the registry names it, with the true line kept, and then dropped."""
    true = twice.record_of(MANIFEST)
    files = {path: (twice.root / path).read_bytes() for path in BOTH}
    registry, lines = twice.project.registry.read_bytes(), twice.lines()
    twice.git("checkout", "-q", "-b", "old", "HEAD~1")
    for path, data in files.items():
        (twice.root / path).write_bytes(data)
    twice.project.registry.write_bytes(registry)
    twice.write_lines(lines)
    twice.forge_record(MANIFEST, reason="innocent")
    twice.commit("Record the lattice again, here")
    union = {*twice.lines(), encode_line(true)}
    state = twice.project.registry.read_bytes()
    twice.git("checkout", "-q", "main")
    twice.git("merge", "-q", "-s", "ours", "--no-commit", "old")
    twice.project.registry.write_bytes(state)
    for kept in (union, union - {encode_line(true)}):
        twice.write_lines(sorted(kept))
        twice.commit("Merge old")
        assert ("rewritten", MANIFEST) in twice.broken


@pytest.fixture
def branches(lattice, record, staged):
    """Two branches that recorded the lattice differently; "ours" is checked out."""
    for branch, value in (("theirs", 2), ("ours", 3)):
        lattice.git("checkout", "-q", "-b", branch, "main")
        record(staged(arrays={"image": np.full((3, 4), value)}), branch)
        lattice.commit(f"Record {branch}")
    return lattice


@pytest.mark.parametrize("into_main", [False, True])
def test_a_true_line_put_in_place_of_a_false_one_on_an_old_branch_may_not_be_lost(twice, into_main):
    """Not even if git lists that branch before the commit that recorded the true line."""
    true, lines, registry = twice.record_of(MANIFEST), twice.lines(), twice.project.registry.read_bytes()
    twice.git("checkout", "-q", "-b", "old", "HEAD~1")
    twice.git("checkout", "-q", "main", "--", "golden", "registry.json")
    twice.forge_record(MANIFEST, reason="innocent", at="2030-01-01T00:00:00Z")
    forged = twice.lines(), twice.project.registry.read_bytes()
    twice.commit("Record the lattice again")
    twice.write_lines(lines)
    twice.project.registry.write_bytes(registry)
    twice.commit("Correct the record")
    if into_main:
        twice.git("checkout", "-q", "main")
    twice.git("merge", "-q", "--no-commit", "-s", "ours", "old" if into_main else "main")
    twice.write_lines(forged[0])
    twice.project.registry.write_bytes(forged[1])
    twice.commit("Merge")
    assert ("lost", MANIFEST) in twice.broken
    assert true.reason in twice.details("lost")


def test_a_merge_that_keeps_the_lines_of_both_branches_is_clean(branches):
    branches.git("merge", "-q", "-s", "ours", "--no-commit", "theirs")
    theirs = branches.git("show", "theirs:golden/history.jsonl").encode().splitlines()
    branches.write_lines(sorted({*branches.lines(), *theirs}))
    branches.commit("Merge theirs, and keep our arrays")
    assert (branches.broken, branches.weak) == (set(), set())


def test_a_merge_that_drops_the_lines_of_one_branch_is_restored_by_its_remedy(branches):
    branches.git("merge", "-q", "-s", "ours", "-m", "Keep ours", "theirs")
    assert (branches.broken, branches.weak) == (set(), rules("restored"))
    assert "'theirs'" in branches.details("restored")
    branches.type_remedy("restored")
    branches.commit("Add the lines again")
    assert (branches.broken, branches.weak) == (set(), set())


def test_a_merge_that_rewrites_a_record_is_broken(branches):
    branches.git("merge", "-q", "-s", "ours", "-m", "Keep ours", "theirs")
    branches.forge_record(MANIFEST, reason="innocent")
    branches.commit("Keep ours", "--amend")
    assert ("lost", MANIFEST) in branches.broken


# Honest mistakes


def revert(repository) -> None:
    repository.git("revert", "--no-edit", "HEAD")


def check_out_older_files(repository) -> None:
    repository.git("checkout", "-q", "HEAD~1", "--", *FILES)
    repository.commit("Back to the first version")


@pytest.mark.parametrize("undo", [revert, check_out_older_files])
def test_going_back_is_restored_and_its_remedy_makes_it_clean(twice, undo):
    undo(twice)
    assert (twice.broken, twice.weak) == (set(), rules("restored"))
    assert "'second light'" in twice.details("restored")
    twice.type_remedy("restored")
    twice.commit("Add the lines again")
    assert (twice.broken, twice.weak) == (set(), set())
    assert ("restored", ARCHIVE) in twice.noted


def test_going_back_without_a_commit_is_restored_too(twice):
    twice.git("checkout", "-q", "HEAD~1", "--", *FILES)
    assert twice.broken == set()
    assert rules("restored", "uncommitted") == twice.weak


def test_reverting_the_first_recording_is_restored(lattice):
    revert(lattice)
    assert lattice.broken == set()
    assert rules("restored") <= lattice.weak
    lattice.type_remedy("restored")
    lattice.commit("Add the lines again")
    assert (lattice.broken, lattice.weak) == (set(), set())


def test_reverting_a_merge_is_restored(branches):
    branches.git("checkout", "-q", "main")
    branches.git("merge", "-q", "--no-ff", "-m", "Merge theirs", "theirs")
    branches.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert (branches.broken, branches.weak) == (set(), rules("restored"))
    branches.type_remedy("restored")
    branches.commit("Add the lines again")
    assert (branches.broken, branches.weak) == (set(), set())


def test_recording_after_going_back_needs_the_lost_lines_only(twice, record, staged):
    revert(twice)
    record(staged(arrays={"image": np.full((3, 4), 5.0)}), "third light")
    twice.commit("Record the lattice a third time")
    assert twice.broken == set()
    twice.type_remedy("restored")
    twice.commit("Add the lines again")
    assert (twice.broken, twice.weak) == (set(), set())


def test_a_line_deleted_without_going_back_is_broken_until_it_is_added_again(twice):
    """The registry and the bytes are as before: nothing was restored."""
    older = [line for line in twice.lines() if b"first light" not in line]
    twice.write_lines(older)
    twice.commit("Shorten the history")
    assert rules("lost", "chain") == twice.broken
    twice.type_remedy("lost")
    twice.commit("Add the lines again")
    assert (twice.broken, twice.weak) == (set(), set())


def test_a_history_that_is_unreadable_in_one_commit_is_informational(twice):
    lines = twice.lines()
    (twice.project.golden / "history.jsonl").write_text("<<<<<<< HEAD\n")
    twice.commit("Half a merge")
    twice.write_lines(lines)
    twice.commit("Repair the history")
    assert (twice.broken, twice.weak) == (set(), set())
    assert rules("restored") <= twice.noted


def test_an_unreadable_commit_does_not_launder_a_rewritten_record(twice):
    lines = twice.lines()
    (twice.project.golden / "history.jsonl").write_text("<<<<<<< HEAD\n")
    twice.commit("Half a merge")
    twice.write_lines(lines)
    twice.forge_record(MANIFEST, reason="innocent")
    twice.commit("Repair the history")
    assert ("lost", MANIFEST) in twice.broken


# The project or a file moves


def move_project(repository) -> None:
    inner = repository.root / "packages" / "inner"
    inner.mkdir(parents=True)
    for name in FILES:
        (repository.root / name).rename(inner / name)
    object.__setattr__(repository, "project", repository.project._replace(root=inner))


def test_a_moved_project_is_clean(twice):
    move_project(twice)
    twice.commit("Move the project")
    assert twice.findings() == ()


def test_a_moved_project_keeps_its_commits(twice):
    move_project(twice)
    twice.commit("Move the project")
    subjects = [commit.subject for commit in gather(twice.project).files[ARCHIVE].commits]
    assert subjects == ["Record the lattice again", "Record the lattice"]


@pytest.mark.parametrize("rewrite_all", [False, True])
@pytest.mark.parametrize("in_two_steps", [False, True])
def test_moving_the_project_does_not_launder_a_forged_record(twice, rewrite_all, in_two_steps):
    """Whether all lines are rewritten or one, and whether the old directory is deleted at once or later."""
    old = twice.root / "golden"
    kept = {path.name: path.read_bytes() for path in old.iterdir()}
    move_project(twice)
    if in_two_steps:
        old.mkdir()
        for name, data in kept.items():
            (old / name).write_bytes(data)
    if rewrite_all:
        rewrite_every_line(twice)
    else:
        twice.forge_record(MANIFEST, reason="innocent")
    twice.commit("Move the project")
    if in_two_steps:
        shutil.rmtree(old)
        twice.git("add", "-A", str(old))
        twice.commit("Tidy up")
    assert ("lost", MANIFEST) in twice.broken


def test_a_history_of_other_bytes_and_dates_in_a_moved_project_is_broken(twice, put_other_arrays):
    """Only the names of the files are left to say that this is the project that was elsewhere."""
    move_project(twice)
    put_other_arrays(twice)
    twice.rehash()
    rewrite_every_line(twice, at="2020-01-01T00:00:00Z", sha256=f"sha256:{'0' * 64}")
    twice.commit("Move the project")
    assert {("lost", path) for path in BOTH} <= twice.broken


def rewrite_every_line(repository, **parts) -> None:
    """Write all records again with another author and environment, chained as they should be."""
    history = read_history(repository.project)
    environment = Environment({"python": "3.99"})
    lines = [environment]
    for path, entry in read_registry(repository.project.registry).entries.items():
        previous = None
        for record in history.chain(path, entry.record):
            made = {"by": "Eve", "environment": record_digest(environment), "previous": previous, **parts}
            forged = msgspec.structs.replace(record, **made)
            lines.append(forged)
            previous = record_digest(forged)
        repository.forge(path, record=previous)
    repository.write_lines([encode_line(line) for line in lines])


def test_deleting_the_project_before_it_is_added_elsewhere_launders_nothing(twice):
    move_project(twice)
    kept = twice.root.parent.parent.parent / "kept"
    twice.root.rename(kept)
    repository_root = twice.root.parent
    repository_root.mkdir(exist_ok=True)
    top = twice.root.parent.parent
    for arguments in (["add", "-A"], ["commit", "-qm", "Delete the project"]):
        subprocess.run(["git", "-C", str(top), *arguments], check=True)
    kept.rename(twice.root)
    twice.forge_record(MANIFEST, reason="innocent")
    twice.commit("Add the project")
    assert ("lost", MANIFEST) in twice.broken


def rename_file(repository) -> None:
    """Rename a golden file on disk and in the registry, but not in its record."""
    (repository.root / ARCHIVE).rename(repository.root / "golden" / "mesh.npz")
    entries = dict(read_registry(repository.project.registry).entries)
    entries["golden/mesh.npz"] = entries.pop(ARCHIVE)
    repository.project.registry.write_bytes(encode_registry(Registry(entries)))


def test_a_renamed_golden_file_is_reported_as_that(lattice):
    rename_file(lattice)
    lattice.commit("Rename the lattice")
    assert "recorded as golden/lattice.npz" in lattice.details("renamed")
    assert ("renamed", "golden/mesh.npz") in lattice.weak
    assert not {rule for rule, _ in lattice.broken} & {"unrecorded", "record"}


def test_a_renamed_golden_directory_is_reported_as_that(twice):
    twice.project.golden.rename(twice.root / "reference")
    text = twice.project.registry.read_text().replace('"golden/', '"reference/')
    twice.project.registry.write_text(text)
    twice.commit("Rename the golden directory")
    renamed = type(twice)(Project(twice.root, "reference"))
    assert renamed.broken == set()
    assert renamed.weak == {("renamed", path.replace("golden", "reference")) for path in BOTH}


def test_renaming_does_not_launder_unrecorded_bytes(lattice, put_other_arrays):
    put_other_arrays(lattice)
    lattice.commit("Tidy up")
    rename_file(lattice)
    lattice.rehash()
    lattice.commit("Rename the lattice")
    assert ("unrecorded", "golden/mesh.npz") in lattice.broken


def test_removing_an_entry_and_adding_it_again_shows_the_older_records(lattice, record, staged):
    lattice.drop_entries(*BOTH)
    for path in BOTH:
        (lattice.root / path).unlink()
    lattice.commit("Remove the lattice")
    record(staged(arrays={"image": np.ones((3, 4))}), "once more")
    lattice.commit("Record it again")
    assert (lattice.broken, lattice.weak) == (set(), rules("restarted"))
    assert "'first light'" in lattice.details("restarted")
    record(staged(arrays={"image": np.zeros((3, 4))}), "and again")
    lattice.commit("Record it again")
    assert (lattice.broken, lattice.weak) == (set(), set())


def test_removing_an_entry_does_not_launder_a_forged_record(lattice, record, staged):
    kept = lattice.lines()
    lattice.drop_entries(*BOTH)
    for path in BOTH:
        (lattice.root / path).unlink()
    lattice.write_lines([line for line in kept if b'"type":"environment"' in line])
    lattice.commit("Remove the lattice")
    record(staged(), "innocent")
    lattice.commit("Record it again")
    assert rules("lost") <= lattice.broken


# Records and commits


def test_what_is_not_committed_is_weak(lattice, record, staged):
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    assert lattice.broken == set()
    assert lattice.weak == rules("uncommitted")


def test_an_ignored_golden_file_is_weak(repository, record, staged):
    (repository.root / ".gitignore").write_text("*.npz\n")
    repository.commit("Ignore archives")
    record(staged())
    repository.commit("Record the lattice")
    assert repository.weak == {("unkept", ARCHIVE)}


def test_a_newest_record_from_another_history_is_weak_and_an_older_one_informational(lattice, record, staged):
    """As after a rebase or a squashed merge."""
    lattice.git("checkout", "-q", "--orphan", "fresh")
    lattice.commit("Begin again")
    assert (lattice.broken, lattice.weak) == (set(), rules("commit"))
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    lattice.commit("Record the lattice again")
    assert (lattice.broken, lattice.weak) == (set(), set())
    assert lattice.noted == rules("commit")


def test_a_record_without_a_commit_is_weak_if_the_repository_had_one(lattice):
    lattice.forge_record(MANIFEST, keep=True, commit=None, at="2030-01-01T00:00:00Z")
    lattice.commit("Record it elsewhere")
    assert ("commit", MANIFEST) in lattice.weak


GENERATOR = "def lattice():\n    return 1\n"


@pytest.fixture
def dirty(repository, record, staged, monkeypatch):
    """A fixture recorded with uncommitted changes of its generator's code; return the module's path."""
    path = repository.root / "lattice_code.py"
    path.write_text(GENERATOR)
    repository.commit("Write a generator")
    monkeypatch.syspath_prepend(repository.root)
    path.write_text(GENERATOR.replace("1", "2"))
    record(staged(generator=Generator("lattice_code:lattice", 1, {})))
    return path


def test_code_committed_with_its_golden_files_is_clean_also_after_later_changes(repository, dirty):
    repository.commit("Change the generator and its golden files")
    assert (repository.broken, repository.weak) == (set(), set())
    dirty.write_text(GENERATOR.replace("1", "3"))
    repository.commit("Change the generator again")
    assert (repository.broken, repository.weak) == (set(), set())
    assert repository.noted == {("code", MANIFEST)}


def test_the_code_of_a_commit_is_read_once_for_all_its_golden_files(
    repository, dirty, record, staged, monkeypatch
):
    record(staged("mesh", generator=Generator("lattice_code:lattice", 1, {})))
    repository.commit("Change the generator and its golden files")
    dirty.write_text(GENERATOR.replace("1", "3"))
    repository.commit("Change the generator again")
    asked = []

    def counted(folder, commit):
        asked.append(commit)
        return python_files(folder, commit)

    monkeypatch.setattr(evidence, "python_files", counted)
    assert repository.weak == set()
    assert asked == [repository.git("rev-parse", "HEAD~1").strip()]


def test_golden_files_of_code_that_was_never_committed_are_weak(repository, dirty):
    dirty.write_text(GENERATOR)
    repository.commit("Record the lattice")
    assert repository.weak == {("dirty", MANIFEST)}
