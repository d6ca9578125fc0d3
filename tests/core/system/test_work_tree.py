"""A file differs from the newest commit if its content does, wherever git keeps that content."""

from __future__ import annotations

import hashlib
import os
import subprocess

import pytest

from harness.core.errors import UnreadableError
from harness.core.system.environment import revision
from harness.core.system.work_tree import changed_paths, check_out_all, left_out, place_in_repository

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
LFS = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize {len(CONTENT)}\n"
ANNEX = f"/annex/objects/SHA256E-s{len(CONTENT)}--{DIGEST}.npz\n"


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository whose commit has the files ``a`` and ``b c`` in the directory ``golden``."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = tmp_path / "top"
    (folder / "golden").mkdir(parents=True)
    for name in ("a", "b c"):
        (folder / "golden" / name).write_text(name)
    git(folder, "init", "-q")
    commit(folder)
    return folder


def git(folder, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


def commit(folder) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "a commit")


def test_nothing_differs_after_a_commit(root):
    assert changed_paths(root) == []


def test_changed_added_deleted_and_untracked_files_are_listed_from_the_top(root):
    (root / "golden" / "a").write_text("other")
    (root / "golden" / "b c").unlink()
    (root / "new").touch()
    git(root, "add", "new")
    (root / "folder").mkdir()
    (root / "folder" / "d").touch()
    assert sorted(changed_paths(root / "golden", ".")) == ["golden/a", "golden/b c"]
    assert sorted(changed_paths(root)) == ["folder/", "golden/a", "golden/b c", "new"]
    assert min(changed_paths(root, every_file=True)) == "folder/d"
    assert changed_paths(root, "golden/a") == ["golden/a"]


def test_a_file_in_conflict_is_changed(root):
    git(root, "checkout", "-qb", "other")
    (root / "golden" / "a").write_text("theirs")
    commit(root)
    git(root, "checkout", "-q", "-")
    (root / "golden" / "a").write_text("ours")
    commit(root)
    with pytest.raises(subprocess.CalledProcessError):
        git(root, "merge", "-q", "other")
    assert changed_paths(root) == ["golden/a"]


@pytest.mark.parametrize("text", [LFS, ANNEX])
def test_content_that_the_committed_pointer_is_for_is_no_change(root, text):
    """As after a checkout by Git LFS, whose filters are off here."""
    file = root / "golden" / "a"
    file.write_text(text)
    commit(root)
    file.write_bytes(CONTENT)
    os.utime(file, (0, 0))  # so that git reads the file
    assert changed_paths(root) == []
    assert not revision(root).dirty
    for other in (b"CONTENT", CONTENT + b"s"):
        file.write_bytes(other)
        assert changed_paths(root) == ["golden/a"]
        assert revision(root).dirty


@pytest.mark.parametrize("text", [LFS, ANNEX])
def test_what_else_changed_with_a_pointer_is_a_change(root, text):
    """A pointer that is not committed yet, a link to the content, another mode."""
    file = root / "golden" / "a"
    file.write_text(text)
    git(root, "add", "-A")
    file.write_bytes(CONTENT)
    assert changed_paths(root) == ["golden/a"]
    git(root, "commit", "-qm", "a pointer")
    assert changed_paths(root) == []
    file.chmod(0o755)
    assert changed_paths(root) == ["golden/a"]
    file.unlink()
    (root / "golden" / "kept").write_bytes(CONTENT)
    file.symlink_to("kept")
    assert "golden/a" in changed_paths(root)


@pytest.mark.parametrize("text", [LFS.replace(DIGEST, "?"), "/annex/objects/MD5E-s7--0.npz"])
def test_a_pointer_without_a_digest_does_not_say_that_nothing_changed(root, text):
    file = root / "golden" / "a"
    file.write_text(text)
    commit(root)
    file.write_bytes(CONTENT)
    assert changed_paths(root) == ["golden/a"]


def test_a_git_that_fails_gives_no_answer(root):
    (root / ".git" / "index").write_bytes(b"no index")
    with pytest.raises(UnreadableError, match="index file"):
        changed_paths(root)


def test_files_that_a_sparse_checkout_left_out_are_named_until_they_are_checked_out(root):
    assert left_out(root, "golden") == []
    git(root, "sparse-checkout", "set", "elsewhere")
    assert left_out(root, "golden") == ["golden/a", "golden/b c"]
    subprocess.run(check_out_all("golden/b c"), shell=True, cwd=root, check=True)  # noqa: S602 - our own words
    assert left_out(root, "golden") == ["golden/a"]


def test_a_directory_has_a_place_in_its_repository(tmp_path):
    """Services name files from the top; without a repository the directory itself is the top."""
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert place_in_repository(inner) == ""
    (tmp_path / ".git").mkdir()
    assert place_in_repository(inner) == "a/b/"
    assert place_in_repository(tmp_path) == ""
    (tmp_path / "link").symlink_to(inner)
    assert place_in_repository(tmp_path / "link") == "a/b/"
