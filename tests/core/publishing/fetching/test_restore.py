"""Published golden files become golden elsewhere, with their records and their origin, or nothing changes."""

from __future__ import annotations

import shutil

import pytest
from published_waves import PATHS, STEM, commit_all, contents, make_waves, record, write_files

from harness.core.errors import RefusedError, UsageError
from harness.core.provenance.audit import audit
from harness.core.provenance.evidence import gather
from harness.core.provenance.finding import Rank
from harness.core.publishing.fetching.fetch import fetched
from harness.core.publishing.fetching.restore import prepare_restoring, record_restoring
from harness.core.publishing.pack import publish
from harness.core.publishing.selection import select_files
from harness.core.registry.history import read_history
from harness.core.registry.registry import read_registry
from harness.core.registry.verify import verify
from harness.core.storage.project import Project
from harness.core.verdict import Outcome


def restore(project, archive, folder, names=(), *, overwrite=False):
    """Restore golden files of an archive, as `harness fetch` does."""
    folder.mkdir(exist_ok=True)
    found = fetched(str(archive), folder)
    restoring = prepare_restoring(project, found.published, names, overwrite=overwrite)
    record_restoring(project, restoring, origin=found.origin, reason="wanted", command="harness fetch")
    return restoring


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "unpacked"
    made.mkdir()
    return made


def test_golden_files_are_the_same_in_both_projects(project, archive, empty, folder):
    restoring = restore(empty, archive, folder)
    assert tuple(change.path for change in restoring.changes) == PATHS
    for path in PATHS:
        assert (empty.root / path).read_bytes() == (project.root / path).read_bytes()
    assert {verdict.outcome for verdict in verify(empty, sha256=True)} == {Outcome.SAME}


def test_records_of_both_projects_are_one_chain(project, archive, empty, folder):
    restore(empty, archive, folder)
    before, after = read_history(project), read_history(empty)
    assert before.records.keys() <= after.records.keys()
    for path, entry in read_registry(empty.registry).entries.items():
        old = read_registry(project.registry).entries[path]
        *others, newest = after.chain(path, entry.record)
        assert others == list(before.chain(path, old.record))
        assert newest.previous == old.record
        assert newest.fetched_from.startswith("an archive sha256:")
        assert (newest.reason, newest.environment) == ("wanted", others[-1].environment)
        assert newest.code == others[-1].code


def test_an_audit_names_the_origin_of_each_file_and_nothing_is_wrong(archive, empty, folder):
    restore(empty, archive, folder)
    commit_all(empty)
    findings = audit(gather(empty))
    assert {finding.rank for finding in findings} == {Rank.INFORMATIONAL}
    fetched_files = {finding.path for finding in findings if finding.rule == "fetched"}
    assert fetched_files == set(PATHS)


def test_whoever_changes_a_fetched_file_later_is_seen(archive, empty, folder):
    restore(empty, archive, folder)
    commit_all(empty)
    (empty.root / "golden/mask.tif").write_bytes(b"x" * 64)
    broken = [finding for finding in audit(gather(empty)) if finding.rank is Rank.BROKEN]
    assert {(finding.path, finding.rule) for finding in broken} == {("golden/mask.tif", "bytes")}
    assert all("git" in finding.remedy for finding in broken)


def test_a_later_record_continues_the_chain(archive, empty, folder, tmp_path):
    """What is recorded here after a fetch is judged as any record is."""
    restore(empty, archive, folder)
    commit_all(empty)
    write_files(tmp_path / "later", 3.0)
    record(empty, tmp_path / "later", "finer")
    commit_all(empty)
    findings = audit(gather(empty))
    assert not [finding for finding in findings if finding.rank is Rank.BROKEN]
    details = {finding.path: finding.detail for finding in findings if finding.rule == "fetched"}
    assert details[f"golden/{STEM}.npz"].endswith("earlier records: 2")


def test_chosen_files_come_with_what_belongs_to_them(archive, empty, folder):
    restore(empty, archive, folder, [STEM])
    assert set(read_registry(empty.registry).entries) == set(PATHS) - {"golden/mask.tif"}


def test_what_is_golden_already_is_not_recorded_again(archive, empty, folder):
    restore(empty, archive, folder / "one")
    before = contents(empty.root)
    restoring = restore(empty, archive, folder / "two")
    assert (restoring.changes, restoring.rewritten) == ((), ())
    assert restoring.unchanged == PATHS
    assert contents(empty.root) == before


def test_a_golden_file_that_differs_stays(archive, tmp_path, folder):
    other = make_waves(tmp_path / "other")
    write_files(tmp_path / "later", 7.0)
    record(other, tmp_path / "later", "moved")
    before = contents(other.root)
    with pytest.raises(RefusedError, match=r"differ from the published ones: golden/strings") as caught:
        restore(other, archive, folder)
    assert "--overwrite" in caught.value.remedy
    assert contents(other.root) == before


def test_a_golden_file_is_replaced_if_it_is_named(archive, tmp_path, folder):
    other = make_waves(tmp_path / "other")
    write_files(tmp_path / "later", 7.0)
    record(other, tmp_path / "later", "moved")
    newest = read_registry(other.registry).entries[f"golden/{STEM}.npz"].record
    restore(other, archive, folder, [STEM], overwrite=True)
    entry = read_registry(other.registry).entries[f"golden/{STEM}.npz"]
    chain = read_history(other).chain(f"golden/{STEM}.npz", entry.record)
    assert chain[-1].previous == newest
    assert chain[-1].cumulative.from_last is not None
    assert {verdict.outcome for verdict in verify(other)} == {Outcome.SAME}


def test_a_lost_file_is_written_and_not_recorded_again(archive, empty, folder):
    restore(empty, archive, folder / "one")
    before = contents(empty.root)
    (empty.root / "golden/mask.tif").unlink()
    restoring = restore(empty, archive, folder / "two")
    assert [change.path for change in restoring.rewritten] == ["golden/mask.tif"]
    assert contents(empty.root) == before


def test_a_damaged_file_is_replaced_only_if_it_is_named(archive, empty, folder):
    restore(empty, archive, folder / "one")
    before = contents(empty.root)
    (empty.root / "golden/mask.tif").write_bytes(b"damaged")
    with pytest.raises(RefusedError, match=r"golden/mask\.tif"):
        restore(empty, archive, folder / "two")
    restore(empty, archive, folder / "three", ["golden/mask.tif"], overwrite=True)
    assert contents(empty.root) == before


def test_a_file_that_is_not_registered_stays_unless_it_is_the_same(archive, empty, folder):
    mask = empty.root / "golden/mask.tif"
    mask.parent.mkdir()
    mask.write_bytes(b"mine")
    with pytest.raises(RefusedError, match=r"golden/mask\.tif"):
        restore(empty, archive, folder / "one")
    assert contents(empty.root) == {"pyproject.toml": b"", "golden/mask.tif": b"mine"}
    mask.write_bytes(b"II*\0" + bytes(60))
    restore(empty, archive, folder / "two")
    assert set(read_registry(empty.registry).entries) == set(PATHS)


def test_another_golden_directory_gets_the_files_and_new_records(archive, empty, folder):
    moved = Project(empty.root, "tests/data")
    restore(moved, archive, folder)
    entries = read_registry(moved.registry).entries
    assert set(entries) == {path.replace("golden/", "tests/data/") for path in PATHS}
    records = read_history(moved).records.values()
    assert {record.path for record in records} == set(entries)
    assert {record.previous for record in records} == {None}
    commit_all(moved)
    assert {finding.rank for finding in audit(gather(moved))} == {Rank.INFORMATIONAL}


def test_a_file_that_was_removed_here_continues_its_records(archive, empty, folder):
    from harness.core.recording.removal import remove

    restore(empty, archive, folder / "one")
    remove(empty, ["golden/mask.tif"], reason="not needed", command="harness rm")
    restore(empty, archive, folder / "two", ["golden/mask.tif"])
    entry = read_registry(empty.registry).entries["golden/mask.tif"]
    assert len(read_history(empty).chain("golden/mask.tif", entry.record)) == 4


def test_an_unknown_name_is_refused(archive, empty, folder):
    with pytest.raises(UsageError, match="no golden file is called 'strings/pluckd'"):
        restore(empty, archive, folder, ["strings/pluckd"])
    assert contents(empty.root) == {"pyproject.toml": b""}


def test_a_file_that_changes_meanwhile_is_not_replaced(archive, empty, folder):
    found = fetched(str(archive), folder)
    restoring = prepare_restoring(empty, found.published, [])
    (empty.root / "golden").mkdir()
    (empty.root / "golden/mask.tif").write_bytes(b"made meanwhile")
    with pytest.raises(RefusedError, match=r"another process has changed golden/mask\.tif"):
        record_restoring(empty, restoring, origin="x", reason="r", command="c")
    assert not empty.registry.exists()


def test_the_published_directory_is_a_project_itself(project, tmp_path):
    pytest.importorskip("rocrate")
    publish(select_files(project, []), directory=tmp_path / "crate")
    shutil.copytree(tmp_path / "crate", tmp_path / "copy")
    assert {verdict.outcome for verdict in verify(Project(tmp_path / "copy"))} == {Outcome.SAME}


def test_a_newer_publication_replaces_an_older_one(project, archive, empty, folder, tmp_path):
    """The chain goes on from what was here, and the newer records of the other project are kept beside it."""
    restore(empty, archive, folder / "one")
    commit_all(empty)
    write_files(tmp_path / "finer", 9.0)
    record(project, tmp_path / "finer", "finer")
    publish(select_files(project, []), archive=tmp_path / "newer.zip")
    restoring = restore(empty, tmp_path / "newer.zip", folder / "two", [STEM], overwrite=True)
    assert {change.path for change in restoring.changes} == set(PATHS) - {"golden/mask.tif"}
    commit_all(empty)
    findings = audit(gather(empty))
    assert {finding.rank for finding in findings} == {Rank.INFORMATIONAL}
    assert read_history(project).records.keys() <= read_history(empty).records.keys()
    details = {finding.path: finding.detail for finding in findings if finding.rule == "fetched"}
    assert details[f"golden/{STEM}.npz"].endswith("earlier records: 3")
