"""Only paths inside a repository are accepted, and the nearest registry marks its root."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.project import (
    Project,
    find_or_start_project,
    find_project,
    make_workspace,
    require_inner,
)


@pytest.mark.parametrize(
    "relative", ["golden/a.npz", "a", "golden/deep/a b.json", "golden/Å.npz", "..a", "a..b/c"]
)
def test_plain_paths_below_the_root_are_inner(empty, relative):
    require_inner(relative)
    assert empty.locate(relative) == empty.root / relative
    assert empty.relative(empty.root / relative) == relative


@pytest.mark.parametrize(
    "relative",
    [
        "",
        ".",
        "/etc/passwd",
        "//server/share",
        "../a",
        "golden/../../a",
        "golden/..",
        "golden/./a",
        "golden//a",
        "golden/",
        "C:/a",
        "golden\\a",
        "golden\\..\\a",
        "golden/a\0b",
        "golden/a\nb",
        "golden/" + "a" * 256,
        "a/" * 600 + "a",
    ],
)
def test_every_other_path_is_refused(empty, relative):
    """Absolute, leading out, ambiguous, for another system, or unprintable: one message, with the path."""
    for refuse in (require_inner, empty.locate):
        with pytest.raises(RefusedError, match="a path inside the repository") as caught:
            refuse(relative)
        assert caught.value.thing == relative


def test_a_link_that_leads_out_is_refused(empty, tmp_path):
    """Both a link to a file and one to a directory."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.npz").write_bytes(b"")
    (empty.root / "golden").symlink_to(tmp_path / "secret")
    (empty.root / "a.npz").symlink_to(tmp_path / "secret" / "a.npz")
    for relative in ("golden/a.npz", "a.npz"):
        with pytest.raises(RefusedError):
            empty.locate(relative)


def test_a_link_that_stays_inside_is_followed(empty):
    (empty.root / "real").mkdir()
    (empty.root / "golden").symlink_to("real")
    assert empty.locate("golden/a.npz") == empty.root / "golden" / "a.npz"


def test_a_link_to_itself_is_no_traceback(empty):
    (empty.root / "a.npz").symlink_to("a.npz")
    assert not empty.locate("a.npz").is_file()


def test_a_repository_may_itself_be_a_link(empty, tmp_path):
    (tmp_path / "link").symlink_to(empty.root)
    project = Project(tmp_path / "link")
    assert project.locate("golden/a.npz") == tmp_path / "link" / "golden" / "a.npz"


def test_paths_outside_have_no_relative_name(empty, tmp_path):
    for path in (tmp_path / "a.npz", empty.root / ".." / "a.npz", tmp_path / "repository2" / "a.npz"):
        with pytest.raises(RefusedError):
            empty.relative(path)


def test_relative_paths_are_those_of_the_current_directory(empty, monkeypatch):
    monkeypatch.chdir(empty.root)
    assert empty.relative(Path("golden") / "a.npz") == "golden/a.npz"


def test_the_registry_marks_the_root(empty, monkeypatch):
    """It is the nearest one in the directory or above it."""
    deep = empty.root / "a" / "b"
    deep.mkdir(parents=True)
    (empty.root / "registry.json").write_text("{}")
    assert find_project(deep) == Project(Path(os.path.realpath(empty.root)))
    (deep.parent / "registry.json").write_text("{}")
    monkeypatch.chdir(deep)
    assert find_project() == Project(Path(os.path.realpath(deep.parent)))


def test_a_missing_registry_is_an_error_that_names_the_directory(tmp_path):
    with pytest.raises(UsageError, match=r"no registry\.json in"):
        find_project(tmp_path)


def test_golden_may_have_another_name(empty):
    project = Project(empty.root, "tests/golden")
    assert project.golden == empty.root / "tests" / "golden"
    assert project.registry == empty.root / "registry.json"


def test_git_does_not_see_the_workspace(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    make_workspace(Project(tmp_path))
    status = ["git", "-C", str(tmp_path), "status", "--porcelain"]
    assert subprocess.run(status, capture_output=True, text=True, check=True).stdout == ""


def test_an_ignore_file_that_a_full_disk_left_empty_is_written_again(tmp_path):
    ignore = make_workspace(Project(tmp_path)) / ".gitignore"
    ignore.write_bytes(b"")
    make_workspace(Project(tmp_path))
    assert ignore.read_bytes() == b"*\n"


@given(st.text(st.sampled_from("ab./\\:\0 é"), max_size=12) | st.text(max_size=300))
def test_any_accepted_path_stays_inside_and_has_one_spelling(relative):
    """Whatever the characters: what is not refused is below the root, and comes back as it was."""
    project = Project(Path("/no/such/repository"))
    with contextlib.suppress(RefusedError):
        path = project.locate(relative)
        assert os.path.normpath(path).startswith("/no/such/repository/")
        assert project.relative(path) == relative


@pytest.mark.parametrize("marker", ["pyproject.toml", ".git"])
def test_a_first_golden_file_may_start_a_project(tmp_path, marker):
    """At the nearest directory with a marker; a registry further up goes first."""
    deep = tmp_path / "repository" / "tests"
    deep.mkdir(parents=True)
    (deep.parent / marker).mkdir()
    assert find_or_start_project(deep) == Project(Path(os.path.realpath(deep.parent)))
    (tmp_path / "registry.json").write_text("{}")
    assert find_or_start_project(deep) == Project(Path(os.path.realpath(tmp_path)))


def test_an_interrupted_first_recording_marks_the_root_too(tmp_path):
    """There is a journal and no registry yet; a dangling link in its place is an interruption as well."""
    project = Project(Path(os.path.realpath(tmp_path)))
    assert not project.is_interrupted
    project.journal.parent.mkdir(parents=True)
    project.journal.symlink_to("nowhere")
    assert project.is_interrupted
    project.journal.unlink()
    project.journal.write_text("{}")
    assert find_project(tmp_path) == project


def test_a_link_into_git_is_refused_but_to_objects_of_git_annex(empty):
    """A checkout may bring links; what lies in .git is no golden file, but the content of git-annex is."""
    for name in (".git/config", ".git/annex/objects/x/key"):
        (empty.root / name).parent.mkdir(parents=True, exist_ok=True)
        (empty.root / name).touch()
    (empty.root / "a.npz").symlink_to(".git/annex/objects/x/key")
    assert empty.locate("a.npz").is_file()
    (empty.root / ".git/annex/objects/x/key").unlink()
    assert not empty.locate("a.npz").exists()
    (empty.root / "b.npz").symlink_to(".git/config")
    with pytest.raises(RefusedError, match="a link to"):
        empty.locate("b.npz")


def test_a_link_into_git_annex_of_another_repository_is_refused(tmp_path):
    """Only the repository that the project is in is its own, not one around that."""
    project = Project(tmp_path / "repository" / "inner")
    project.root.mkdir(parents=True)
    for place in (tmp_path, tmp_path / "repository"):
        (place / ".git" / "annex" / "objects").mkdir(parents=True)
        (place / ".git" / "annex" / "objects" / "key").touch()
    (project.root / "ours").symlink_to("../.git/annex/objects/key")
    assert project.locate("ours").is_file()
    (project.root / "theirs").symlink_to("../../.git/annex/objects/key")
    with pytest.raises(RefusedError, match="a link to"):
        project.locate("theirs")
