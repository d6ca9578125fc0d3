"""Only golden files that are as recorded are selected, with all of their records."""

from __future__ import annotations

import subprocess

import pytest
from published_waves import PATHS, STEM, commit_all, contents, record, start_git, write_files

from harness.core.errors import RefusedError, UsageError
from harness.core.publishing.selection import select_files
from harness.core.recording.renaming import move, plan_moves
from harness.core.registry.history import read_history
from harness.core.registry.registry import history_path, read_registry

pytest.importorskip("yaml", reason="CITATION.cff needs the extra publish")


@pytest.mark.parametrize(
    ("wanted", "paths"),
    [
        ([], PATHS),
        ([STEM], [path for path in PATHS if path != "golden/mask.tif"]),
        ([f"golden/{STEM}.json"], [path for path in PATHS if path != "golden/mask.tif"]),
        ([f"{STEM}.energy"], [f"golden/{STEM}.energy.json"]),
        (["golden/mask.tif", f"{STEM}.energy"], ["golden/mask.tif", f"golden/{STEM}.energy.json"]),
    ],
)
def test_names_stand_for_files_and_what_belongs_to_them(project, wanted, paths):
    assert list(select_files(project, wanted).files) == list(paths)


def test_each_file_has_all_of_its_records_and_their_environments(project):
    selection = select_files(project, [])
    history = read_history(project)
    assert {key for file in selection.files.values() for key in file.records} == set(history.records)
    assert selection.environments == history.environments
    mask = selection.files["golden/mask.tif"]
    assert [record.reason for record in mask.records.values()] == ["version 0"]
    assert mask.version.reason == "version 0"


def test_the_date_is_that_of_the_newest_record(project):
    newest = max(record.at for record in read_history(project).records.values())
    assert select_files(project, []).date == newest
    assert select_files(project, [], date="2026-02-01").date == "2026-02-01"


def test_a_renamed_file_has_the_records_of_its_old_name(project):
    before = read_history(project).records.keys()
    moves = plan_moves(project, "golden/mask.tif", "golden/hole.tif")
    move(project, moves, reason="clearer", command="harness mv")
    file = select_files(project, ["golden/hole.tif"]).files["golden/hole.tif"]
    assert len(file.records) == 3
    assert file.records.keys() & before
    assert file.version.path == "golden/mask.tif"


@pytest.mark.parametrize("sizes", ["other", "same"])
def test_a_file_with_other_bytes_is_refused(project, sizes):
    path = project.root / "golden/mask.tif"
    path.write_bytes(b"x" if sizes == "other" else b"x" * path.stat().st_size)
    before = contents(project.root)
    with pytest.raises(RefusedError, match=r"golden/mask\.tif is not what registry\.json has"):
        select_files(project, [])
    assert select_files(project, [STEM]).files
    assert contents(project.root) == before


def test_an_archive_that_was_packed_again_is_refused(project):
    """Its record vouches for other bytes."""
    import numpy as np

    path = project.root / f"golden/{STEM}.npz"
    with np.load(path) as arrays:
        np.savez_compressed(path, **dict(arrays))
    with pytest.raises(RefusedError, match=r"is not what registry\.json has: "):
        select_files(project, [])


def test_a_missing_file_is_refused(project):
    (project.root / "golden/mask.tif").unlink()
    with pytest.raises(RefusedError, match=r"golden/mask\.tif"):
        select_files(project, [])


def test_a_missing_record_is_refused(project):
    path = history_path(project)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"version 0"' not in line))
    with pytest.raises(RefusedError, match="record is missing") as caught:
        select_files(project, [])
    assert "harness audit" in caught.value.remedy


def test_a_name_that_nothing_has_is_refused(project):
    with pytest.raises(UsageError, match="no golden file is called 'maks'"):
        select_files(project, ["maks"])


def test_a_project_without_golden_files_has_nothing_to_publish(empty):
    with pytest.raises(UsageError, match="golden files"):
        select_files(empty, [])


def test_an_interrupted_regeneration_is_refused(project):
    project.journal.parent.mkdir(parents=True)
    project.journal.write_text("{}")
    with pytest.raises(RefusedError):
        select_files(project, [])


@pytest.fixture
def committed(project):
    start_git(project.root)
    commit_all(project)
    return project


def test_files_of_the_newest_commit_are_published(committed):
    (committed.root / "notes.txt").write_text("not published")
    assert select_files(committed, []).files


@pytest.mark.parametrize("name", ["LICENSE", "pyproject.toml", "CITATION.cff", "contract.md"])
def test_uncommitted_changes_of_what_is_published_are_refused(committed, name):
    with (committed.root / name).open("a") as stream:
        stream.write("\n")
    with pytest.raises(RefusedError, match=f"uncommitted changes in {name}") as caught:
        select_files(committed, [])
    assert "--allow-dirty" in caught.value.remedy
    assert select_files(committed, [], allow_dirty=True).files


def test_golden_files_that_are_not_committed_are_refused(committed, tmp_path):
    write_files(tmp_path / "later", 5.0)
    record(committed, tmp_path / "later", "later")
    with pytest.raises(RefusedError, match=f"uncommitted changes in golden/{STEM}"):
        select_files(committed, [])


def test_a_repository_without_commits_is_refused(project):
    start_git(project.root)
    with pytest.raises(RefusedError, match="uncommitted changes"):
        select_files(project, [])


def test_a_project_below_the_top_of_its_repository(project):
    """Git names files from the top."""
    start_git(project.root.parent)
    for words in (["add", project.root.name], ["commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-C", str(project.root.parent), *words], check=True)
    assert select_files(project, []).files
    (project.root / "LICENSE").write_text("changed")
    with pytest.raises(RefusedError, match="uncommitted changes in LICENSE"):
        select_files(project, [])


def test_the_entries_are_those_of_the_registry(project):
    entries = read_registry(project.registry).entries
    assert {path: file.entry for path, file in select_files(project, []).files.items()} == entries
