"""One session's files at a time; nothing is read or written through a link."""

from __future__ import annotations

import os
import subprocess

import pytest

from harness.core.errors import RefusedError, UnreadableError, UnwritableError
from harness.core.obtained.obtained_files import claim, obtained_directory, owner, plain_file
from harness.core.storage.project import Project


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path)


def test_the_first_claim_removes_what_another_session_left(project):
    (claim(project, "monday") / "tests").mkdir()
    assert owner(project) == "monday"
    (obtained_directory(project) / "tests" / "a.npz").write_bytes(b"old")
    folder = claim(project, "tuesday")
    assert folder == obtained_directory(project)
    assert list(folder.iterdir()) == []
    assert owner(project) == "tuesday"


def test_a_second_claim_keeps_what_the_session_has_saved(project):
    (claim(project, "monday") / "a.npz").write_bytes(b"new")
    assert [path.name for path in claim(project, "monday").iterdir()] == ["a.npz"]


def test_nobody_owns_what_was_never_claimed(project):
    assert owner(project) is None
    assert not project.workspace.exists()


def test_the_directory_is_cleared_not_what_a_link_in_it_leads_to(project, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "keep").write_text("mine")
    (claim(project, "monday") / "tests").symlink_to(elsewhere)
    claim(project, "tuesday")
    assert (elsewhere / "keep").read_text() == "mine"


@pytest.mark.parametrize("link", [".harness", ".harness/obtained"])
def test_a_link_in_place_of_the_directory_is_refused(project, tmp_path_factory, link):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "keep").write_text("mine")
    path = project.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(elsewhere)
    with pytest.raises(RefusedError, match="symbolic link"):
        claim(project, "monday")
    assert [file.name for file in elsewhere.iterdir()] == ["keep"]


def test_a_directory_that_git_tracks_is_refused(project):
    folder = project.root / ".harness" / "obtained"
    folder.mkdir(parents=True)
    (folder / "results.json").write_text("{}")
    for command in (["init", "-q"], ["add", "-f", "."]):
        subprocess.run(["git", *command], cwd=project.root, check=True)
    with pytest.raises(RefusedError, match="tracked files"):
        claim(project, "monday")
    assert (folder / "results.json").read_text() == "{}"


def test_a_place_that_cannot_be_written_is_an_error(project):
    project.workspace.write_text("a file")
    with pytest.raises(UnwritableError):
        claim(project, "monday")


def test_a_file_is_found_by_its_name(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "a.npz").write_bytes(b"")
    assert plain_file(tmp_path, "tests/a.npz") == tmp_path / "tests" / "a.npz"
    assert plain_file(tmp_path, "tests/b.npz") is None
    assert plain_file(tmp_path, "tests/a.npz/b") is None


@pytest.mark.parametrize(
    "name", ["../a.npz", "/etc/passwd", "tests/../../a", "a\\b", "C:a", "a//b", "", "aux"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with pytest.raises(UnreadableError):
        plain_file(tmp_path, name)


@pytest.mark.parametrize("place", ["tests", "tests/a.npz"])
def test_a_link_on_the_way_is_refused(tmp_path, place):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.npz").write_bytes(b"")
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(tmp_path / "real" / ("" if place == "tests" else "a.npz"))
    with pytest.raises(UnreadableError, match="symbolic link"):
        plain_file(tmp_path, "tests/a.npz")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(UnreadableError, match="pipe"):
        plain_file(tmp_path, "a.npz")
