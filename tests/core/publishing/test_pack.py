"""A publication is written as a whole, with the same bytes each time, or nothing is."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile

import pytest
from published_waves import PATHS, commit_all, contents, make_waves, start_git

from harness.core.errors import RefusedError, UnwritableError, UsageError
from harness.core.publishing import pack
from harness.core.publishing.pack import publish
from harness.core.publishing.selection import select_files
from harness.core.registry.registry import read_registry
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import Project

pytest.importorskip("rocrate", reason="harness publish needs the extra publish")

NAMES = {
    *PATHS,
    ".zenodo.json",
    "CITATION.cff",
    "LICENSE",
    "README.md",
    "SHA256SUMS",
    "contract.md",
    "golden/history.jsonl",
    "registry.json",
    "ro-crate-metadata.json",
}


@pytest.fixture
def selection(project):
    return select_files(project, [])


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_directory_and_archive_have_the_same_files(selection, tmp_path):
    digest = publish(selection, directory=tmp_path / "crate", archive=tmp_path / "crate.zip")
    written = contents(tmp_path / "crate")
    assert set(written) == NAMES
    assert members(tmp_path / "crate.zip") == written
    assert digest == sha256_file(tmp_path / "crate.zip")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_golden_files_and_records_are_those_of_the_project(selection, project, tmp_path):
    publish(selection, directory=tmp_path / "crate")
    for path in PATHS:
        assert (tmp_path / "crate" / path).read_bytes() == (project.root / path).read_bytes()
    assert read_registry(tmp_path / "crate/registry.json") == read_registry(project.registry)
    lines = {*(tmp_path / "crate/golden/history.jsonl").read_bytes().splitlines()}
    assert lines == {*(project.golden / "history.jsonl").read_bytes().splitlines()}


def test_every_file_has_its_sum(selection, tmp_path):
    publish(selection, directory=tmp_path / "crate")
    written = contents(tmp_path / "crate")
    lines = written.pop("SHA256SUMS").decode().splitlines()
    assert lines == [f"{hashlib.sha256(data).hexdigest()}  {name}" for name, data in sorted(written.items())]


def test_the_same_golden_files_make_the_same_bytes(selection, project, tmp_path, monkeypatch):
    publish(selection, archive=tmp_path / "one.zip")
    for path in project.root.rglob("*"):
        os.utime(path, (0, 0))
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    old = os.umask(0o077)
    try:
        publish(select_files(project, []), archive=tmp_path / "elsewhere" / "two.zip")
    finally:
        os.umask(old)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "elsewhere/two.zip").read_bytes()


def test_members_are_plain_and_have_no_dates(selection, tmp_path):
    publish(selection, archive=tmp_path / "one.zip")
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        infos = archive.infolist()
    assert [info.filename for info in infos] == sorted(NAMES)
    assert {(info.date_time[0], info.compress_type, info.external_attr >> 16) for info in infos} == {
        (1980, zipfile.ZIP_STORED, 0o100644)
    }


def test_zenodo_gets_the_fields_of_its_api(selection, tmp_path):
    publish(selection, directory=tmp_path / "crate")
    assert json.loads((tmp_path / "crate/.zenodo.json").read_text("utf-8")) == {
        "access_right": "open",
        "creators": [
            {"name": "Lovelace, Ada", "affiliation": "Analytical Society", "orcid": "0000-0002-1825-0097"},
            {"name": "The wave group"},
        ],
        "description": "<p>4 golden files of waves. waves: Waves on a string</p>",
        "keywords": ["waves"],
        "license": "CC-BY-4.0",
        "publication_date": selection.date[:10],
        "related_identifiers": [
            {
                "identifier": "https://example.org/waves",
                "relation": "isDerivedFrom",
                "resource_type": "software",
            }
        ],
        "title": "Golden files of waves",
        "upload_type": "dataset",
        "version": "1.2",
    }


def test_the_readme_lists_the_golden_files(selection, tmp_path):
    publish(selection, directory=tmp_path / "crate")
    text = (tmp_path / "crate/README.md").read_text("utf-8")
    assert all(f"| `{path}` |" in text for path in PATHS)
    assert "`contract.md` says what a dataset must have." in text


def test_a_project_without_contract_and_citation(project, tmp_path):
    text = (project.root / "pyproject.toml").read_text()
    (project.root / "pyproject.toml").write_text(text.partition("[tool.harness]")[0])
    (project.root / "CITATION.cff").unlink()
    publish(select_files(project, []), directory=tmp_path / "crate")
    assert set(contents(tmp_path / "crate")) == NAMES - {"contract.md", "CITATION.cff"}


def test_a_contract_that_is_not_there_is_refused(project):
    (project.root / "contract.md").unlink()
    with pytest.raises(UsageError, match=r"contract: expected the path of a file in the project"):
        select_files(project, [])


@pytest.mark.parametrize("kind", ["file", "directory", "link"])
@pytest.mark.parametrize("form", ["directory", "archive"])
def test_what_exists_is_not_replaced(selection, tmp_path, kind, form):
    target = tmp_path / "target.zip"
    {"file": target.touch, "directory": target.mkdir, "link": lambda: target.symlink_to("nowhere")}[kind]()
    with pytest.raises(RefusedError, match=r"target\.zip exists already"):
        publish(selection, **{form: target})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_one_target_that_exists_stops_both(selection, tmp_path):
    (tmp_path / "crate.zip").touch()
    with pytest.raises(RefusedError, match=r"crate\.zip exists already"):
        publish(selection, directory=tmp_path / "crate", archive=tmp_path / "crate.zip")
    assert not (tmp_path / "crate").exists()


def test_nothing_is_written_into_the_golden_directory(selection, project):
    before = contents(project.root)
    with pytest.raises(RefusedError, match="in the golden directory"):
        publish(selection, directory=project.golden / "crate")
    assert contents(project.root) == before


def test_a_target_is_needed(selection):
    with pytest.raises(UsageError, match="--output DIRECTORY or --archive"):
        publish(selection)


@pytest.mark.parametrize("name", ["new.zip", "new.zip/a.zip"])
def test_an_archive_in_the_new_directory_is_refused(selection, tmp_path, name):
    with pytest.raises(UsageError, match="a path outside the new directory"):
        publish(selection, directory=tmp_path / "new.zip", archive=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["waves"]


@pytest.mark.parametrize("name", ["waves.tar.gz", "waves", "waves.ZIP"])
def test_an_archive_of_another_kind_is_not_written(selection, tmp_path, name):
    with pytest.raises(UsageError, match=r"a name that ends with \.zip"):
        publish(selection, archive=tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["waves"]


def test_a_golden_file_that_changes_meanwhile_is_refused(selection, project, tmp_path):
    (project.root / "golden/mask.tif").write_bytes(b"changed")
    with pytest.raises(RefusedError, match=r"golden/mask\.tif changed while it was copied"):
        publish(selection, directory=tmp_path / "new" / "crate", archive=tmp_path / "crate.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["waves"]


@pytest.mark.parametrize("step", ["_write_archive", "crate_metadata", "_rename"])
def test_an_error_leaves_nothing_behind(selection, tmp_path, monkeypatch, step):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pack, step, fail)
    place = tmp_path / "a" / "place"
    with pytest.raises(UnwritableError, match="No space left"):
        publish(selection, directory=place / "crate", archive=place / "crate.zip")
    assert not (tmp_path / "a").exists()


def test_a_place_where_nothing_can_be_written_is_reported(selection, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UnwritableError):
        publish(selection, directory=tmp_path / "file" / "crate")


def test_another_golden_directory_keeps_its_name(tmp_path):
    project = make_waves(tmp_path / "other", golden="tests/data")
    publish(select_files(project, []), directory=tmp_path / "crate")
    assert (tmp_path / "crate/tests/data/history.jsonl").is_file()
    assert (tmp_path / "crate/tests/data/mask.tif").is_file()


def test_a_fetched_file_is_published_with_the_records_of_both_projects(project, archive, empty, tmp_path):
    from harness.core.publishing.fetching.fetch import fetched
    from harness.core.publishing.fetching.restore import prepare_restoring, record_restoring

    (tmp_path / "unpacked").mkdir()
    found = fetched(str(archive), tmp_path / "unpacked")
    restoring = prepare_restoring(empty, found.published, ["golden/mask.tif"])
    record_restoring(empty, restoring, origin=found.origin, reason="wanted", command="harness fetch")
    for name in ("pyproject.toml", "LICENSE", "contract.md"):
        (empty.root / name).write_bytes((project.root / name).read_bytes())
    start_git(empty.root)
    commit_all(empty)
    publish(select_files(Project(empty.root), []), archive=tmp_path / "again.zip")
    assert members(tmp_path / "again.zip")["golden/history.jsonl"].count(b'"type":"record"') == 2
