"""The audit as a whole: honest work has no findings, and findings are sorted and complete."""

from __future__ import annotations

from harness.core.provenance.audit import audit, is_broken
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.registry.unreferenced import remember

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}


def test_two_recordings_with_their_commits_have_no_findings(twice):
    assert twice.findings() == ()


def test_code_and_golden_files_committed_together_have_no_findings(repository, record, staged):
    """Edit, record, commit everything: nothing was committed when the golden files were recorded."""
    (repository.root / "README").write_text("Changed.")
    record(staged())
    repository.commit("Change the example and its golden files")
    assert repository.findings() == ()


def test_the_first_commit_may_contain_the_golden_files(repository, record, staged):
    repository.git("update-ref", "-d", "HEAD")
    record(staged())
    repository.commit("Begin with everything")
    assert repository.findings() == ()


def test_a_large_history_is_read_on_disk_and_in_git(repository, record, staged):
    record(staged(), "x" * (17 << 20))
    repository.commit("Record the lattice")
    assert repository.findings() == ()


def test_findings_are_sorted_by_rank_and_say_whether_anything_is_broken(lattice):
    (lattice.project.golden / "stray.npz").write_bytes(b"PK")
    (lattice.root / ARCHIVE).unlink()
    lattice.forge_record(MANIFEST, code="dirHash:0")
    findings = lattice.findings()
    ranks = [finding.rank for finding in findings]
    assert ranks == sorted(ranks, key=list(Rank).index)
    assert set(ranks) == set(Rank)
    assert is_broken(findings)
    assert not is_broken(finding for finding in findings if finding.rank is not Rank.BROKEN)


def test_auditing_changes_no_file(twice, contents):
    before = contents(twice.root)
    audit(gather(twice.project))
    assert contents(twice.root) == before


def test_an_unregistered_file_is_weak_but_the_history_is_not_one(lattice):
    (lattice.project.golden / "stray.npz").write_bytes(b"PK")
    assert ("unregistered", "golden/stray.npz") in lattice.weak
    assert not any(path.endswith("history.jsonl") for _, path in lattice.weak)


def test_an_unreferenced_file_is_weak_until_the_registry_changes(lattice, record, staged, arrays):
    remember(lattice.project, [ARCHIVE])
    assert lattice.weak == {("unreferenced", ARCHIVE)}
    record(staged(arrays={"image": arrays["image"] + 1}), "second light")
    lattice.commit("Record the lattice again")
    assert lattice.weak == set()


def test_a_project_outside_git_is_weak(lattice):
    (lattice.root / ".git").rename(lattice.root.parent / "not-git")
    assert lattice.weak == {("history", "registry.json")}
    assert "Keep the project in git." in lattice.details("history")


def test_an_entry_removed_and_not_committed_is_weak(lattice):
    lattice.drop_entries(*BOTH)
    assert lattice.weak == {(rule, path) for rule in ("removed", "unregistered") for path in BOTH}


def test_an_entry_removed_with_its_file_is_informational(lattice):
    lattice.drop_entries(*BOTH)
    for path in BOTH:
        (lattice.root / path).unlink()
    lattice.commit("Remove the lattice")
    assert (lattice.broken, lattice.weak) == (set(), set())
    assert lattice.noted == {("removed", path) for path in BOTH}
