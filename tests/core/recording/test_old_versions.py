"""An older version is found by its digest, wherever it is, and no other bytes are taken for it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.core.recording.old_versions import find_version
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

PATH = "golden/table.txt"


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "commit.gpgsign=false", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def commit(project: Project) -> None:
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "Record it")


def write(project: Project, text: bytes) -> str:
    """Write the golden file; return its digest."""
    path = project.root / PATH
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text)
    return sha256_file(path)


@pytest.fixture(params=["root", "root/below"])
def project(tmp_path, request) -> Project:
    """A project at a repository's root, or in a directory of one."""
    root = tmp_path / request.param
    root.mkdir(parents=True)
    top = tmp_path / "root"
    git(top, "init", "-q", "-b", "main")
    git(top, "config", "user.name", "Ada Lovelace")
    git(top, "config", "user.email", "ada@example.org")
    return Project(root)


@pytest.fixture
def find(project, tmp_path):
    """Look for a digest at hand and in git."""
    folder = tmp_path / "found"
    folder.mkdir()

    def look(digest: str, *at_hand: Path) -> Path | None:
        return find_version(project, PATH, digest, at_hand=at_hand, folder=folder)

    return look


def test_every_committed_version_is_found_by_its_digest(project, find):
    texts = [f"version {number}".encode() for number in range(4)]
    digests = []
    for text in texts:
        digests.append(write(project, text))
        commit(project)
    assert [find(digest).read_bytes() for digest in digests] == texts


def test_a_file_at_hand_is_taken_as_it_is(project, find, tmp_path):
    digest = write(project, b"never committed")
    path = project.root / PATH
    assert find(digest, tmp_path / "missing", path) == path
    assert find(digest) is None


def test_bytes_of_another_digest_are_nothing(project, find):
    """Neither on disk nor in git: the file was edited before it was committed."""
    digest = write(project, b"recorded")
    write(project, b"edited")
    commit(project)
    assert find(digest, project.root / PATH) is None


def test_a_version_on_a_branch_that_a_merge_dropped_is_found(project, find):
    write(project, b"one")
    commit(project)
    git(project.root, "checkout", "-q", "-b", "side")
    digest = write(project, b"two")
    commit(project)
    git(project.root, "checkout", "-q", "main")
    git(project.root, "merge", "-q", "-s", "ours", "-m", "Drop it", "side")
    assert find(digest).read_bytes() == b"two"


def test_a_pointer_to_git_lfs_is_not_the_file(project, find):
    digest = f"sha256:{'0' * 64}"
    write(project, f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize 3\n".encode())
    commit(project)
    assert find(digest, project.root / PATH) is None


def test_without_git_nothing_is_found(tmp_path):
    digest = f"sha256:{'0' * 64}"
    assert find_version(Project(tmp_path), PATH, digest, at_hand=(), folder=tmp_path) is None


def test_without_a_commit_nothing_is_found(project, find):
    assert find(f"sha256:{'0' * 64}") is None
