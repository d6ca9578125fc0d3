"""Git's objects are parsed as git stores them: commits, trees of both object formats, files."""

from __future__ import annotations

import subprocess

import pytest

from harness.core.errors import UnreadableError
from harness.core.system.git_objects import (
    ask_git,
    changed_files,
    commit_headers,
    file_contents,
    find_objects,
    parents_of_commits,
    python_files,
    require_trees,
    trees_with_links,
)


@pytest.fixture(params=["sha1", "sha256"])
def repository(tmp_path, request):
    """A repository of either object format; return its directory and a function that commits files."""
    root = tmp_path / "repository"
    root.mkdir()

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Ada Lovelace", "-c", "user.email=ada@example.org")
        command = ["git", "-C", str(root), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(subject: str, **files: str) -> str:
        for name, text in files.items():
            path = root / name.replace("__", "/").replace("_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        git("add", "-A")
        git("commit", "-qm", subject, "--date", "2026-01-31T12:00:00+01:00")
        return git("rev-parse", "HEAD")

    git("init", "-q", f"--object-format={request.param}")
    return root, commit


def tree(root, commit: str, path: str = "") -> str | None:
    revision = f"{commit}:{path}"
    return find_objects(root, [revision])[revision]


def test_commits_are_listed_before_their_parents(repository):
    root, commit = repository
    first, second = commit("One", a_txt="1"), commit("Two", a_txt="2")
    assert list(parents_of_commits(root).items()) == [(second, (first,)), (first, ())]


def test_a_commit_has_its_author_date_and_subject(repository):
    root, commit = repository
    name = commit("One line\nand its rest\n\nA body.", a_txt="1")
    header = commit_headers(root, [name])[name]
    assert (header.author, header.at) == ("Ada Lovelace", "2026-01-31T12:00:00+01:00")
    assert header.subject == "One line and its rest"


def test_changed_files_are_found_in_nested_directories(repository):
    root, commit = repository
    before = commit("One", a_txt="1", b_txt="1", deep__er__c_txt="1")
    (root / "b.txt").unlink()
    after = commit("Two", a_txt="2", deep__er__c_txt="2", new__d_txt="1")
    pair = (tree(root, before), tree(root, after))
    (changed,) = changed_files(root, [pair]).values()
    assert changed.keys() == {"a.txt", "b.txt", "deep/er/c.txt", "new/d.txt"}
    assert changed["b.txt"][1] is None
    contents = dict(file_contents(root, [file.blob for pair in changed.values() for file in pair if file]))
    assert [contents[file.blob] for file in changed["deep/er/c.txt"]] == [b"1", b"2"]


def test_a_file_that_became_a_directory_is_changed(repository):
    root, commit = repository
    before = commit("One", a_txt="1")
    (root / "a.txt").unlink()
    after = commit("Two", a_txt__b_txt="1")
    pair = (tree(root, before), tree(root, after))
    (changed,) = changed_files(root, [pair]).values()
    assert changed["a.txt"][1] is None
    assert changed["a.txt/b.txt"][0] is None


def test_a_file_that_became_a_link_with_its_text_as_target_is_changed(repository):
    """Both have the same object."""
    root, commit = repository
    before = commit("One", a_txt="1")
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to("1")
    after = commit("Two")
    (changed,) = changed_files(root, [(tree(root, before), tree(root, after))]).values()
    old, new = changed["a.txt"]
    assert (old.blob, old.is_link, new.is_link) == (new.blob, False, True)


def test_directories_with_links_at_any_depth_are_found(repository):
    root, commit = repository
    plain = tree(root, commit("One", a_txt="1", deep__er__b_txt="2"))
    (root / "deep" / "er" / "link").symlink_to("b.txt")
    commit("Two")
    deep, linked = tree(root, "HEAD", "deep"), tree(root, "HEAD")
    blob = tree(root, "HEAD", "deep/er/link")
    found = trees_with_links(root, {plain, linked, deep})
    assert found == {linked: {blob}, deep: {blob}}


def test_everything_is_new_compared_with_no_directory(repository):
    root, commit = repository
    name = commit("One", a_txt="1", deep__b_txt="2")
    pair = (None, tree(root, name))
    assert changed_files(root, [pair, (pair[1], pair[1])])[pair].keys() == {"a.txt", "deep/b.txt"}
    assert changed_files(root, [(pair[1], pair[1])]) == {(pair[1], pair[1]): {}}


def test_paths_that_a_commit_does_not_have_are_none(repository):
    root, commit = repository
    name = commit("One", a_txt="1")
    assert tree(root, name, "nothing") is None


def test_python_files_of_a_commit_are_read_without_a_checkout(repository):
    root, commit = repository
    name = commit("One", a_py="x = 1", deep__b_py="x = 1", c_txt="text")
    commit("Two", a_py="x = 3")
    files = python_files(root, name)
    assert files.keys() == {"a.py", "deep/b.py"}
    assert dict(file_contents(root, set(files.values()))) == {files["a.py"]: b"x = 1"}


def test_a_missing_directory_is_an_error(repository):
    """As in a partial clone: it must not look like one that the commit does not have."""
    root, commit = repository
    name = commit("One", deep__a_txt="1")
    missing = tree(root, name)
    (root / ".git" / "objects" / missing[:2] / missing[2:]).unlink()
    with pytest.raises(UnreadableError):
        require_trees(root, [name])


def test_a_command_that_fails_is_an_error_with_gits_words(repository):
    root, _commit = repository
    with pytest.raises(UnreadableError, match="Not a valid object name"):
        ask_git(root, "ls-tree", "nothing")


def test_parents_are_those_that_commits_name(repository):
    """A file of grafts in the clone says otherwise; each commit is still before its parents."""
    root, commit = repository
    first, second, third = (commit(subject, a_txt=subject) for subject in ("one", "two", "three"))
    expected = {third: (second,), second: (first,), first: ()}
    assert list(parents_of_commits(root).items()) == list(expected.items())
    grafts = root / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    for text in (f"{third}\n", f"{third} {first}\n", f"{second} {first} {first}\n"):
        grafts.write_text(text)
        assert list(parents_of_commits(root).items()) == list(expected.items())


def test_the_boundary_of_a_shallow_clone_has_no_parents(repository, tmp_path):
    root, commit = repository
    for subject in ("one", "two", "three"):
        newest = commit(subject, a_txt=subject)
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", "--depth", "2", root.as_uri(), str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    (found, (below,)), (boundary, none) = parents_of_commits(clone).items()
    assert (found, below, none) == (newest, boundary, ())
