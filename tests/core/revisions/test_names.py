"""Which commits the words of a command line name, and what is refused."""

from __future__ import annotations

import os
import subprocess

import pytest

from harness.core.errors import UnreadableError, UsageError
from harness.core.revisions.names import find_revision, find_revisions, is_revision
from harness.core.revisions.values import RevisionName


def test_two_words_are_two_commits(moved):
    one, other = find_revisions(moved.root, ["HEAD~1", "main"])
    assert one == RevisionName("HEAD~1", moved.git("rev-parse", "HEAD~1").strip())
    assert other == RevisionName("main", moved.git("rev-parse", "HEAD").strip())


def test_one_word_is_compared_with_the_work_tree(moved):
    one, other = find_revisions(moved.root, ["HEAD"])
    assert (one.typed, one.is_work_tree, other.is_work_tree) == ("HEAD", False, True)


@pytest.mark.parametrize("words", ["HEAD~1..HEAD", "HEAD~1..", "HEAD~1...HEAD"])
def test_a_range_is_two_commits(moved, words):
    """An end that is left out is HEAD, as in git."""
    found = [name.commit for name in find_revisions(moved.root, [words])]
    assert found == [moved.git("rev-parse", name).strip() for name in ("HEAD~1", "HEAD")]


def test_three_dots_begin_at_the_common_commit(moved):
    """What main got after the branch left it is not part of the branch."""
    moved.git("checkout", "-q", "-b", "other", "HEAD~1")
    (moved.root / "note").write_text("x")
    moved.commit("Work on another branch")
    one, other = find_revisions(moved.root, ["main...other"])
    assert one == RevisionName("main", moved.git("rev-parse", "other~1").strip())
    assert other.commit == moved.git("rev-parse", "other").strip()


@pytest.mark.parametrize("name", ["v9", "HEAD~99", "", "--all", "a\0b", "a\nb", "HEAD:README", "0" * 40])
def test_a_word_that_names_no_commit_is_refused(moved, name):
    """Also an option of git, a file of a commit, and what no argument can be."""
    with pytest.raises(UsageError, match="neither a file nor a commit") as caught:
        find_revision(moved.root, name)
    assert caught.value.exit_code == 2
    assert str(caught.value).isprintable()
    assert not is_revision(moved.root, name)


def test_a_name_of_two_things_is_refused(moved):
    moved.git("tag", "twice", "HEAD~1")
    moved.git("branch", "twice")
    moved.git("config", "core.warnAmbiguousRefs", "false")
    with pytest.raises(UsageError, match="more than one commit or branch"):
        find_revision(moved.root, "twice")
    assert is_revision(moved.root, "twice")
    assert find_revision(moved.root, "refs/heads/twice").typed == "refs/heads/twice"


def test_a_directory_without_a_repository_is_an_error(empty):
    """Not an empty comparison."""
    with pytest.raises(UnreadableError, match=r"'main' is not a file, and .* is not in a git repository"):
        find_revisions(empty.root, ["main", "HEAD"])
    assert not is_revision(empty.root, "main")


def test_without_git_the_error_says_so(moved, monkeypatch):
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(UnreadableError, match="git cannot be run"):
        find_revisions(moved.root, ["main", "HEAD"])


def test_histories_without_a_common_commit_are_an_error(moved):
    moved.git("checkout", "-q", "--orphan", "apart")
    moved.commit("Begin again")
    with pytest.raises(UnreadableError, match=r"no common commit .* main\.\.apart"):
        find_revisions(moved.root, ["main...apart"])


def test_a_shallow_clone_names_the_command_that_completes_it(moved, tmp_path):
    clone, url = tmp_path / "clone", f"file://{moved.root}"
    subprocess.run(["git", "clone", "-q", "--depth", "1", url, clone], check=True, capture_output=True)
    with pytest.raises(UsageError, match="shallow clone: run `git fetch --unshallow`"):
        find_revision(clone, "HEAD~1")
