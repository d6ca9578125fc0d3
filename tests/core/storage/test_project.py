"""A repository: what is inside it, and nothing outside."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.storage.project import Project, find_project, make_workspace, require_inner


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
    """Absolute, climbing, ambiguous, of another system, or not to be printed: one message, with the path."""
    for refuse in (require_inner, empty.locate):
        with pytest.raises(RefusedError, match="a path inside the repository") as caught:
            refuse(relative)
        assert caught.value.thing == relative


def test_a_link_that_leads_out_is_refused(empty, tmp_path):
    """A file and a directory: what a link names is as far outside as what it leads to."""
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
    """The nearest one above is the project's, whichever directory one is in."""
    deep = empty.root / "a" / "b"
    deep.mkdir(parents=True)
    (empty.root / "registry.json").write_text("{}")
    assert find_project(deep) == Project(Path(os.path.realpath(empty.root)))
    (deep.parent / "registry.json").write_text("{}")
    monkeypatch.chdir(deep)
    assert find_project() == Project(Path(os.path.realpath(deep.parent)))


def test_no_registry_is_a_refusal_that_says_so(tmp_path):
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
