"""The audit in real git repositories: what it says of honest work, and that no tampering passes it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest

from harness.core.baselines.baseline import encode_baseline
from harness.core.baselines.calibrate import provisional_baseline
from harness.core.errors import UnreadableError
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import Source, read_manifest
from harness.core.provenance.audit import audit, is_broken
from harness.core.provenance.evidence import Place, gather
from harness.core.provenance.finding import Rank
from harness.core.provenance.git_history import read_history
from harness.core.recording.staged import Staged
from harness.core.registry.format import SCHEMA, Registry
from harness.core.registry.history import record_digest
from harness.core.registry.registry import read_registry
from harness.core.registry.unreferenced import remember
from harness.core.storage.digest import digest_file, sha256_file
from harness.core.storage.documents import encode_document
from harness.core.storage.npz import read_archive
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit_all(project: Project, subject: str, *options: str) -> str:
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", subject, *options)
    return git(project.root, "rev-parse", "HEAD").strip()


@pytest.fixture
def empty(tmp_path) -> Project:
    """A git repository with one commit, and nothing golden."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ada Lovelace")
    git(root, "config", "user.email", "ada@example.org")
    (root / "README").write_text("An example.")
    project = Project(root)
    commit_all(project, "Begin")
    return project


@pytest.fixture
def project(empty, record, staged) -> Project:
    """That repository with one fixture, recorded and committed."""
    record(staged())
    commit_all(empty, "Record the lattice")
    return empty


@pytest.fixture
def twice(project, record, staged) -> Project:
    """The fixture recorded a second time, with other arrays, and committed."""
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    commit_all(project, "Record the lattice again")
    return project


def found(project: Project, rank: Rank) -> set[tuple[str, str]]:
    return {(f.rule, f.path) for f in audit(gather(project)) if f.rank is rank}


def broken(project: Project) -> set[tuple[str, str]]:
    return found(project, Rank.BROKEN)


def weak(project: Project) -> set[tuple[str, str]]:
    return found(project, Rank.WEAK)


def noted(project: Project) -> set[tuple[str, str]]:
    return found(project, Rank.INFORMATIONAL)


def details(project: Project, rule: str) -> str:
    return "\n".join(f.detail for f in audit(gather(project)) if f.rule == rule)


def forge(project: Project, path: str = MANIFEST, **parts) -> None:
    """Set parts of a file's entry by hand."""
    registry = read_registry(project.registry)
    entry = msgspec.structs.replace(registry.entries[path], **parts)
    project.registry.write_bytes(encode_document(Registry(SCHEMA, registry.entries | {path: entry})))


def forge_record(project: Project, path: str = MANIFEST, **parts) -> None:
    """Set parts of a file's newest record by hand."""
    record = read_registry(project.registry).entries[path].record
    forge(project, path, record=msgspec.structs.replace(record, **parts))


def rehash(project: Project) -> None:
    """Recompute every digest of the registry by hand, as the files are now."""
    for path in read_registry(project.registry).entries:
        file = project.root / path
        digests = {"xxh128": digest_file(file), "sha256": sha256_file(file)}
        forge(project, path, size=file.stat().st_size, **digests)


def reseal(project: Project) -> None:
    """Let the newest records vouch for whatever the entries say."""
    for path, entry in read_registry(project.registry).entries.items():
        forge_record(project, path, sha256=entry.sha256)


def put_other_arrays(project: Project, made) -> None:
    """Put other arrays, and a manifest that describes them, in place of the golden files."""
    write_fixture(made(arrays={"image": np.zeros((3, 4)) + 7}), project.golden)


def flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def edit_manifest(project: Project) -> None:
    path = project.root / MANIFEST
    path.write_text(path.read_text("utf-8").replace('"seed": 0', '"seed": 1'), "utf-8")


def test_what_was_recorded_and_committed_has_no_finding(twice):
    """Two recordings, each with its commit: nothing broken, nothing weak, nothing to tell."""
    assert audit(gather(twice)) == ()


def test_a_chain_leads_from_source_to_git(twice):
    """Source, generator, file, both records, and the commits with their authors and subjects."""
    chain = next(chain for chain in gather(twice).chains if chain.path == ARCHIVE)
    assert chain.place is Place.FILE
    assert chain.origin.manifest == read_manifest(twice.root / MANIFEST)
    assert chain.found.sha256 == sha256_file(twice.root / ARCHIVE)
    assert [item.reason for item in chain.records] == ["first light", "second light"]
    told = [(commit.author, commit.subject) for commit in chain.commits]
    assert told == [
        ("Ada Lovelace", "Record the lattice again"),
        ("Ada Lovelace", "Record the lattice"),
    ]
    assert chain.commits[0].files[ARCHIVE] == chain.found.sha256


def test_a_registry_larger_than_any_other_document_is_read(empty, record, staged):
    """On disk and in git: many golden files make a large registry, and every other reader takes it."""
    record(staged(), "x" * (17 << 20))
    commit_all(empty, "Record the lattice")
    assert audit(gather(empty)) == ()
    assert read_history(empty).head.keys() == BOTH


def test_a_flipped_byte_is_broken(project):
    flip_byte(project.root / ARCHIVE)
    assert ("bytes", ARCHIVE) in broken(project)
    assert not {path for _, path in broken(project)} - {ARCHIVE}


def test_an_edited_manifest_is_broken(project):
    edit_manifest(project)
    assert broken(project) == {("bytes", MANIFEST)}


def test_an_edited_manifest_with_recomputed_digests_contradicts_its_record(project):
    edit_manifest(project)
    rehash(project)
    assert broken(project) == {("seal", MANIFEST)}


def test_both_files_edited_and_digests_recomputed_contradict_their_records(project, made):
    """Disk and registry agree with one another: the records tell."""
    put_other_arrays(project, made)
    rehash(project)
    assert broken(project) == {("seal", path) for path in BOTH}


def test_git_tells_of_bytes_that_no_record_vouches_for(project, made):
    """The same, committed: the commit is named, with its author and subject."""
    put_other_arrays(project, made)
    rehash(project)
    commit = commit_all(project, "Tidy up", "--author=Eve <eve@example.org>")
    assert broken(project) == {(rule, path) for rule in ("seal", "unrecorded") for path in BOTH}
    assert f"commit {commit[:12]} (Eve, " in details(project, "unrecorded")
    assert "'Tidy up'" in details(project, "unrecorded")


@pytest.mark.parametrize("committed", [False, True])
def test_git_tells_where_the_records_were_forged_too(project, made, committed):
    """Every digest in the registry agrees: what was committed before is another record."""
    put_other_arrays(project, made)
    rehash(project)
    reseal(project)
    if committed:
        commit_all(project, "Tidy up")
    assert broken(project) == {("rewritten", path) for path in BOTH}
    assert "first light" in details(project, "rewritten")


def test_bytes_committed_alone_are_broken_twice(project, made):
    """The registry is as it was: the file contradicts its entry, and its commit has no record."""
    put_other_arrays(project, made)
    commit_all(project, "Tidy up")
    assert broken(project) == {(rule, path) for rule in ("bytes", "unrecorded") for path in BOTH}


def test_a_record_in_the_same_commit_vouches_for_its_own_bytes_alone(project, record, staged, made):
    """Recorded as it should be, and the files exchanged before the commit."""
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    put_other_arrays(project, made)
    commit_all(project, "Record the lattice again")
    assert broken(project) == {(rule, path) for rule in ("bytes", "unrecorded") for path in BOTH}


def test_bytes_on_a_branch_that_a_merge_dropped_are_weak(project, made):
    """Every commit is asked, on every line of history."""
    git(project.root, "checkout", "-q", "-b", "side")
    put_other_arrays(project, made)
    commit_all(project, "Tidy up")
    git(project.root, "checkout", "-q", "main")
    git(project.root, "merge", "-q", "-s", "ours", "-m", "Drop it", "side")
    assert (broken(project), weak(project)) == (set(), {("replaced", path) for path in BOTH})


def test_a_manifest_that_describes_other_arrays_is_broken_whatever_vouches_for_it(project):
    path = project.root / MANIFEST
    told = json.loads(path.read_bytes())
    told["arrays"]["image"]["digest"] = "xxh128:" + "0" * 32
    path.write_bytes(encode_document(told))
    rehash(project)
    reseal(project)
    assert ("content", ARCHIVE) in broken(project)
    assert "image" in details(project, "content")


@pytest.mark.parametrize("text", ["{}", "", '{"schema": 99}'])
def test_a_manifest_that_cannot_be_read_is_broken(project, text):
    (project.root / MANIFEST).write_text(text)
    rehash(project)
    reseal(project)
    assert {("content", path) for path in BOTH} <= broken(project)


def test_a_manifest_of_another_fixture_is_broken(project):
    path = project.root / MANIFEST
    path.write_text(path.read_text("utf-8").replace('"name": "lattice"', '"name": "other"'), "utf-8")
    rehash(project)
    reseal(project)
    assert ("content", MANIFEST) in broken(project)


def test_a_fixture_without_a_registered_manifest_is_broken(project):
    registry = read_registry(project.registry)
    entries = {ARCHIVE: registry.entries[ARCHIVE]}
    project.registry.write_bytes(encode_document(Registry(SCHEMA, entries)))
    assert ("content", ARCHIVE) in broken(project)


def test_a_removed_history_is_broken(twice):
    """The newest record names one that is not there; git still has it."""
    forge(twice, history=())
    assert broken(twice) == {("chain", MANIFEST), ("rewritten", MANIFEST)}


def test_a_removed_history_is_broken_without_git(twice):
    forge(twice, history=())
    (twice.root / ".git").rename(twice.root / "not-git")
    assert broken(twice) == {("chain", MANIFEST)}


def test_a_removed_history_with_a_mended_chain_is_broken_by_git(twice):
    forge(twice, history=())
    forge_record(twice, previous=None)
    assert broken(twice) == {("rewritten", MANIFEST)}


def test_a_removed_newest_record_is_broken(twice):
    """What is left is the record of other bytes."""
    entry = read_registry(twice.registry).entries[MANIFEST]
    forge(twice, record=entry.history[0], history=())
    assert broken(twice) == {("seal", MANIFEST), ("rewritten", MANIFEST)}


def test_an_older_reason_that_was_rewritten_is_broken(twice):
    entry = read_registry(twice.registry).entries[MANIFEST]
    forge(twice, history=(msgspec.structs.replace(entry.history[0], reason="innocent"),))
    assert ("chain", MANIFEST) in broken(twice)


def test_an_older_reason_rewritten_with_a_mended_chain_is_broken_by_git(twice):
    entry = read_registry(twice.registry).entries[MANIFEST]
    forged = msgspec.structs.replace(entry.history[0], reason="innocent")
    forge(twice, history=(forged,))
    forge_record(twice, previous=record_digest(forged))
    assert broken(twice) == {("rewritten", MANIFEST)}


@pytest.mark.parametrize("parts", [{"reason": "innocent"}, {"by": "Eve"}, {"at": "2020-01-01T00:00:00Z"}])
def test_the_newest_record_rewritten_is_broken_and_told_as_it_was(project, parts):
    forge_record(project, **parts)
    assert broken(project) == {("rewritten", MANIFEST)}
    assert "'first light': in the newest commit, and not here" in details(project, "rewritten")


def test_a_rewritten_record_stays_broken_after_later_ones(project, record, staged):
    """Nothing recorded on top hides it; the commit that did it is named."""
    forge_record(project, reason="innocent")
    commit = commit_all(project, "Tidy up", "--author=Eve <eve@example.org>")
    record(staged(arrays={"image": np.ones((3, 4))}), "third")
    commit_all(project, "Record the lattice again")
    assert broken(project) == {("rewritten", MANIFEST)}
    assert f"removed or changed in commit {commit[:12]} (Eve, " in details(project, "rewritten")


def test_a_rewritten_record_that_was_put_back_is_broken_no_more(project):
    forge_record(project, reason="innocent")
    commit_all(project, "Tidy up")
    git(project.root, "checkout", "-q", "HEAD~1", "--", "registry.json")
    commit_all(project, "Put it back")
    assert broken(project) == set()


def rename_entry(project: Project, path: str) -> None:
    registry = read_registry(project.registry)
    entries = {**registry.entries, path: registry.entries[ARCHIVE]}
    entries.pop(ARCHIVE)
    project.registry.write_bytes(encode_document(Registry(SCHEMA, entries)))


@pytest.mark.parametrize(
    "path", ["../outside.npz", "/etc/hostname", "golden/../../outside.npz", "C:x", "a\nb"]
)
def test_an_entry_outside_the_repository_is_broken_and_never_read(project, path):
    rename_entry(project, path)
    assert ("place", path) in broken(project)
    chain = next(chain for chain in gather(project).chains if chain.path == path)
    assert (chain.place, chain.found) == (Place.OUTSIDE, None)


@pytest.mark.parametrize("target", ["../../lattice.npz", "../lattice.npz"])
def test_an_entry_through_a_link_is_broken_wherever_it_leads(project, target):
    """Out of the repository or not: the bytes are whatever the link says next."""
    file = project.root / ARCHIVE
    file.rename(file.parent / target)
    file.symlink_to(target)
    assert ("place", ARCHIVE) in broken(project)
    assert "symbolic link" in details(project, "place")


def test_a_linked_directory_is_broken(project):
    project.golden.rename(project.root / "elsewhere")
    project.golden.symlink_to("elsewhere")
    assert {("place", path) for path in BOTH} <= broken(project)


def test_a_missing_file_is_broken(project):
    (project.root / ARCHIVE).unlink()
    assert broken(project) == {("missing", ARCHIVE)}


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_broken_and_never_read(project, make):
    (project.root / ARCHIVE).unlink()
    make(project.root / ARCHIVE)
    assert broken(project) == {("place", ARCHIVE)}


def test_a_registry_that_cannot_be_read_gives_no_answer(project):
    project.registry.write_text("{}")
    with pytest.raises(UnreadableError):
        gather(project)


def test_a_record_without_a_reason_is_weak(empty, record, staged):
    record(staged(), " ")
    commit_all(empty, "Record the lattice")
    assert weak(empty) == {("reason", path) for path in BOTH}


def test_a_record_from_a_dirty_tree_is_weak_and_shown(empty, record, staged):
    (empty.root / "README").write_text("Changed.")
    record(staged())
    commit_all(empty, "Record the lattice")
    assert weak(empty) == {("dirty", path) for path in BOTH}
    assert "dirty: true" in details(empty, "dirty")


def test_a_record_without_a_commit_is_weak(tmp_path, record, staged, empty):
    git(empty.root, "update-ref", "-d", "HEAD")
    (empty.root / "README").unlink()
    git(empty.root, "rm", "-q", "--cached", "README")
    record(staged())
    commit_all(empty, "Record the lattice")
    assert weak(empty) == {("commit", path) for path in BOTH}
    assert "no commit" in details(empty, "commit")


def test_a_record_from_a_commit_that_does_not_lead_here_is_weak(project):
    """As after a rebase, or where the commit is another repository's."""
    git(project.root, "checkout", "-q", "--orphan", "fresh")
    commit_all(project, "Begin anew")
    git(project.root, "branch", "-D", "main")
    assert weak(project) == {("commit", path) for path in BOTH}
    assert broken(project) == set()


def test_a_record_without_a_seal_is_weak(project):
    """As records were before they named the bytes."""
    for path in BOTH:
        forge_record(project, path, sha256=msgspec.UNSET)
    commit_all(project, "Begin", "--amend")
    git(project.root, "checkout", "-q", "--orphan", "fresh")
    commit_all(project, "Begin anew")
    assert {("unsealed", path) for path in BOTH} <= weak(project)
    assert broken(project) == set()


def test_a_file_in_no_entry_is_weak(project):
    (project.golden / "stray.npz").write_bytes(b"PK")
    assert ("unregistered", "golden/stray.npz") in weak(project)


def test_an_unreferenced_file_is_weak_until_the_registry_changes(project, record, staged):
    remember(project, [ARCHIVE])
    assert weak(project) == {("unreferenced", ARCHIVE)}
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    commit_all(project, "Record the lattice again")
    assert weak(project) == set()


def test_what_is_not_committed_is_weak(project, record, staged):
    record(staged(arrays={"image": np.ones((3, 4))}), "second light")
    assert broken(project) == set()
    assert weak(project) == {("uncommitted", path) for path in BOTH}


def test_what_git_ignores_is_weak(empty, record, staged):
    (empty.root / ".gitignore").write_text("*.npz\n")
    commit_all(empty, "Ignore archives")
    record(staged())
    commit_all(empty, "Record the lattice")
    assert weak(empty) == {("unkept", ARCHIVE)}


def test_no_git_is_weak(project):
    (project.root / ".git").rename(project.root.parent / "not-git")
    assert weak(project) == {("history", "registry.json")}
    assert read_history(project) is None


def test_a_shallow_clone_is_weak_and_accuses_nobody(twice, tmp_path):
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{twice.root}", "clone")
    clone = Project(tmp_path / "clone")
    assert broken(clone) == set()
    assert weak(clone) == {("history", "registry.json")}


def test_golden_files_committed_before_their_records_are_weak(empty, record, staged):
    record(staged())
    git(empty.root, "add", "golden")
    git(empty.root, "commit", "-qm", "Arrays first")
    commit_all(empty, "Registry second")
    assert (broken(empty), weak(empty)) == (set(), {("separate", path) for path in BOTH})


def test_bytes_that_were_replaced_since_are_weak_and_bytes_brought_back_noted(project, made):
    """A commit without a record is in git for ever; what it did is undone."""
    put_other_arrays(project, made)
    commit_all(project, "Tidy up")
    git(project.root, "checkout", "-q", "HEAD~1", "--", "golden")
    commit_all(project, "Undo")
    assert broken(project) == set()
    assert weak(project) == {("replaced", path) for path in BOTH}
    assert noted(project) == {("restored", path) for path in BOTH}


@pytest.fixture
def branches(project, record, staged) -> Project:
    """Two branches that recorded the lattice differently; the current one is ours."""
    for branch, value in (("theirs", 2), ("ours", 3)):
        git(project.root, "checkout", "-q", "-b", branch, "main")
        record(staged(arrays={"image": np.full((3, 4), value)}), branch)
        commit_all(project, f"Record {branch}")
    return project


def test_a_merge_that_takes_one_side_is_noted(branches):
    """Their record is not here; it was not rewritten, but passed over in a merge that says so."""
    git(branches.root, "merge", "-q", "-s", "ours", "-m", "Keep ours", "theirs")
    assert (broken(branches), weak(branches)) == (set(), set())
    (branches.root / "registry.json").write_bytes(branches.registry.read_bytes() + b"\n")
    commit_all(branches, "Keep ours", "--amend")
    assert noted(branches) == {("merged", path) for path in BOTH}
    assert "'theirs': not taken over in merge" in details(branches, "merged")


def test_a_merge_that_rewrites_is_broken(branches):
    git(branches.root, "merge", "-q", "-s", "ours", "-m", "Keep ours", "theirs")
    forge_record(branches, reason="innocent")
    commit_all(branches, "Keep ours", "--amend")
    assert broken(branches) == {("rewritten", MANIFEST)}


def test_a_merge_that_changes_bytes_is_broken(branches, made):
    """Bytes that neither side had, in a merge, with recomputed digests."""
    git(branches.root, "merge", "-q", "-s", "ours", "-m", "Keep ours", "theirs")
    put_other_arrays(branches, made)
    rehash(branches)
    commit_all(branches, "Keep ours", "--amend")
    assert {("unrecorded", path) for path in BOTH} <= broken(branches)


def test_records_that_were_laundered_by_removing_the_entry_are_weak(project, record, staged):
    """An entry that went and came again has no earlier records: the commit that took them is named."""
    project.registry.write_bytes(encode_document(Registry(SCHEMA, {})))
    for path in BOTH:
        (project.root / path).unlink()
    commit_all(project, "Remove the lattice")
    assert (broken(project), weak(project)) == (set(), set())
    assert noted(project) == {("removed", path) for path in BOTH}
    record(staged(arrays={"image": np.ones((3, 4))}), "anew")
    commit_all(project, "Record it anew")
    assert weak(project) == {("restarted", path) for path in BOTH}


def test_an_entry_removed_and_not_committed_is_weak(project):
    project.registry.write_bytes(encode_document(Registry(SCHEMA, {})))
    expected = {(rule, path) for rule in ("removed", "unregistered") for path in BOTH}
    assert weak(project) == expected


def test_a_baseline_of_other_arrays_is_weak(project, record, staged, tmp_path):
    """A baseline that names the golden arrays is not."""
    digest = read_manifest(project.root / MANIFEST).digest
    for fixture, expected in ((digest, set()), ("xxh128:0", {("baseline", "golden/lattice.net.json")})):
        path = tmp_path / "baseline.json"
        path.write_bytes(
            encode_baseline(msgspec.structs.replace(provisional_baseline({"mae": 1.0}), fixture=fixture))
        )
        record([Staged("golden/lattice.net.json", "baseline", path)])
        commit_all(project, "Record a baseline")
        assert (broken(project), weak(project)) == (set(), expected)


def test_a_source_is_compared_where_it_is_found(empty, record, staged, tmp_path):
    """Not here: noted. Here with other bytes: weak. Here as it was: nothing."""
    scan = tmp_path / "scans" / "scan.npz"
    scan.parent.mkdir()
    scan.write_bytes(b"scan")
    record(staged(source=Source("scan.npz", digest_file(scan))))
    (empty.root / "pyproject.toml").write_text("")
    commit_all(empty, "Record the lattice")
    assert (weak(empty), noted(empty)) == (set(), {("source", MANIFEST)})
    (empty.root / "pyproject.toml").write_text('[tool.harness]\nsources = ["../scans"]')
    assert (weak(empty), noted(empty)) == (set(), set())
    scan.write_bytes(b"scam")
    assert (weak(empty), noted(empty)) == ({("source", MANIFEST)}, set())


def test_code_that_changed_since_is_noted(project):
    forge_record(project, code="dirHash:0")
    assert ("code", MANIFEST) in noted(project)


def test_a_project_below_the_repositorys_top_is_audited_alike(empty, record, staged):
    """Paths in git begin at its top, paths in the registry at the project."""
    record(staged())
    inner = empty.root / "packages" / "inner"
    inner.parent.mkdir()
    inner.mkdir()
    for name in ("golden", "registry.json"):
        (empty.root / name).rename(inner / name)
    project = Project(inner)
    commit_all(empty, "Record the lattice")
    assert audit(gather(project)) == ()
    flip_byte(project.root / ARCHIVE)
    assert weak(project) == {("uncommitted", ARCHIVE)}


def test_a_pointer_in_git_stands_for_the_file(empty, record, staged):
    """Git LFS keeps a pointer in the commit, and the file on disk."""
    record(staged())
    file = empty.root / ARCHIVE
    data, digest = file.read_bytes(), sha256_file(file)
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {len(data)}\n")
    commit_all(empty, "Record the lattice")
    file.write_bytes(data)
    assert broken(empty) == set()
    assert read_history(empty).commits[0].files[ARCHIVE] == digest


def test_findings_come_worst_first(project):
    (project.golden / "stray.npz").write_bytes(b"PK")
    (project.root / ARCHIVE).unlink()
    forge_record(project, code="dirHash:0")
    findings = audit(gather(project))
    ranks = [finding.rank for finding in findings]
    assert ranks == sorted(ranks, key=list(Rank).index)
    assert set(ranks) == set(Rank)
    assert is_broken(findings)
    assert not is_broken(finding for finding in findings if finding.rank is not Rank.BROKEN)


def test_auditing_changes_nothing(twice, contents):
    before = contents(twice.root)
    audit(gather(twice))
    assert contents(twice.root) == before


def repack(project: Project) -> None:
    """Pack the golden arrays again, compressed: other bytes, the same arrays."""
    arrays = read_archive(project.golden / "lattice.npz")
    np.savez_compressed(project.golden / "lattice.npz", **arrays)


def test_an_archive_that_was_packed_again_is_no_broken_one(project):
    """Fault R08, which is none: said, also when it was committed, and not held against it."""
    repack(project)
    commit_all(project, "Compress the golden files")
    assert broken(project) == set()
    assert ("repacked", ARCHIVE) in noted(project)


def test_an_archive_packed_again_with_other_arrays_is_broken(project):
    np.savez_compressed(project.golden / "lattice.npz", image=np.ones((3, 4)))
    assert ("bytes", ARCHIVE) in broken(project)


def test_other_bytes_of_the_same_number_are_no_other_container(project):
    """One byte of the archive's own list of files, which no array's digest sees."""
    path = project.golden / "lattice.npz"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    assert ("bytes", ARCHIVE) in broken(project)
