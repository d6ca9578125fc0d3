"""Files below a directory: all of them, sorted, but hidden ones and links that lead out."""

from __future__ import annotations

import pytest

from harness.core.errors import UsageError
from harness.core.recording.directories import files_below


@pytest.fixture
def masks(project):
    folder = project.golden / "masks"
    (folder / "deep").mkdir(parents=True)
    for name in ("b.tif", "a.tif", "deep/c.tif"):
        (folder / name).write_bytes(name.encode())
    return folder


def names(found, folder) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in found.files]


def test_files_are_listed_with_those_in_directories_and_sorted(project, masks):
    found = files_below(project, masks)
    assert names(found, masks) == ["a.tif", "b.tif", "deep/c.tif"]
    assert found.skipped == ()


def test_the_golden_directory_is_taken_without_its_history(project, masks):
    listed = names(files_below(project, project.golden), project.golden)
    assert "history.jsonl" not in listed
    assert "masks/deep/c.tif" in listed


def test_hidden_files_and_directories_are_left_out(project, masks):
    (masks / ".DS_Store").touch()
    (masks / ".cache").mkdir()
    (masks / ".cache" / "x").touch()
    found = files_below(project, masks)
    assert names(found, masks) == ["a.tif", "b.tif", "deep/c.tif"]
    assert found.skipped == (("golden/masks/.DS_Store", "hidden"), ("golden/masks/.cache", "hidden"))


def test_links_that_lead_elsewhere_are_left_out(project, masks, tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "more").mkdir()
    (masks / "secret").symlink_to(tmp_path / "secret")
    (masks / "more").symlink_to(tmp_path / "more")
    (masks / "nothing").symlink_to("no_such_file")
    (masks / "twin").symlink_to("deep")
    (masks / "inner.tif").symlink_to("a.tif")
    found = files_below(project, masks)
    assert names(found, masks) == ["a.tif", "b.tif", "deep/c.tif", "inner.tif"]
    why = dict(found.skipped)
    assert "outside the repository" in why["golden/masks/secret"]
    assert "outside the repository" in why["golden/masks/more"]
    assert why["golden/masks/nothing"] == "a link to nothing"
    assert why["golden/masks/twin"] == "a link to a directory"


def test_a_directory_without_files_is_refused(project):
    (project.golden / "empty").mkdir()
    with pytest.raises(UsageError, match="none that may become golden"):
        files_below(project, project.golden / "empty")
