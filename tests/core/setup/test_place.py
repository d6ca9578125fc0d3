"""Where a project is in its repository, and which services run that repository's CI."""

from __future__ import annotations

import subprocess

import pytest

from harness.core.setup.place import Place, find_place, services


@pytest.fixture
def repository(tmp_path):
    """A git repository with remotes of given addresses."""

    def make(*addresses: str) -> Place:
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        for number, address in enumerate(addresses):
            subprocess.run(["git", "-C", str(tmp_path), "remote", "add", f"r{number}", address], check=True)
        return find_place(tmp_path)

    return make


def test_outside_of_git_a_project_is_its_own_place(tmp_path):
    assert find_place(tmp_path / "a") == (tmp_path / "a", "")


def test_the_nearest_repository_counts(tmp_path):
    """A submodule and a work tree have a file .git; it may be of another repository than the one above."""
    (tmp_path / ".git").mkdir()
    inner = tmp_path / "sub" / "b c"
    inner.mkdir(parents=True)
    assert find_place(inner) == (tmp_path, "sub/b c")
    (tmp_path / "sub" / ".git").write_text("gitdir: elsewhere\n")
    assert find_place(inner) == (tmp_path / "sub", "b c")
    assert find_place(tmp_path / "sub") == (tmp_path / "sub", "")


def test_paths_up_and_down(tmp_path):
    assert (Place(tmp_path, "").above, Place(tmp_path, "").inside) == ("", "")
    assert (Place(tmp_path, "a/b").above, Place(tmp_path, "a/b").inside) == ("../../", "a/b/")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://github.com/a/gitlab-tools.git", ("GitHub",)),
        ("git@github.com:a/b.git", ("GitHub",)),
        ("https://gitlab.com/a/b.git", ("GitLab",)),
        ("git@gitlab.example.org:a/b.git", ("GitLab",)),
        ("ssh://git@gitlab.example.org:2222/github/b.git", ("GitLab",)),
        ("https://example.org/gitlab/b.git", ("GitHub",)),
        ("../gitlab", ("GitHub",)),
    ],
)
def test_a_remotes_host_says_who_runs_ci(repository, address, expected):
    """Only the host: a path may have any name."""
    assert services(repository(address)) == expected


def test_files_say_it_too(repository, tmp_path):
    place = repository()
    assert services(place) == ("GitHub",)
    (tmp_path / ".gitlab-ci.yml").touch()
    assert services(place) == ("GitLab",)
    (tmp_path / ".github").mkdir()
    assert services(place) == ("GitHub", "GitLab")


def test_two_remotes(repository):
    assert services(repository("git@github.com:a/b.git", "https://gitlab.com/a/b.git")) == (
        "GitHub",
        "GitLab",
    )


def test_a_repository_that_git_cannot_read_has_no_remotes(tmp_path):
    (tmp_path / ".git").write_text("nonsense")
    assert services(find_place(tmp_path)) == ("GitHub",)
