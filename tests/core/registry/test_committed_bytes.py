"""A commit has the content that its files, pointers and links are for."""

from __future__ import annotations

import hashlib
import subprocess

import pytest

from harness.core.registry.committed_bytes import KEY, LINK, digests_of_files, find_commit
from harness.core.storage.project import Project
from harness.core.system.git_objects import GitFile, changed_files, find_objects

CONTENT = b"content"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def git(project, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    command = ["git", "-C", str(project.root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(project) -> str:
    git(project, "add", "-A")
    git(project, "commit", "-qm", "a commit")
    return git(project, "rev-parse", "HEAD")


@pytest.fixture
def project(tmp_path):
    """A project below the top of a repository."""
    root = tmp_path / "inner"
    (root / "golden").mkdir(parents=True)
    git(Project(tmp_path), "init", "-q")
    return Project(root)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (CONTENT, f"sha256:{DIGEST}"),
        (f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\n".encode(), f"sha256:{DIGEST}"),
        (f"/annex/objects/SHA256E-s7--{DIGEST}.npz\n".encode(), f"sha256:{DIGEST}"),
        (b"/annex/objects/MD5-s7--0f\n", f"{KEY}MD5-s7--0f"),
        (f"../.git/annex/objects/a/b/SHA256-s7--{DIGEST}/SHA256-s7--{DIGEST}", f"sha256:{DIGEST}"),
        ("../.git/annex/objects/a/b/MD5-s7--0f/MD5-s7--0f", f"{KEY}MD5-s7--0f"),
        ("../elsewhere", f"{LINK}../elsewhere"),
        (DIGEST, f"{LINK}{DIGEST}"),
    ],
)
def test_each_way_to_keep_content_has_its_digest(project, make, expected):
    """A link is never taken for a file with the text of its target."""
    file = project.root / "a"
    if isinstance(make, bytes):
        file.write_bytes(make)
    else:
        file.symlink_to(make)
    commit(project)
    tree = find_objects(project.root, ["HEAD:inner"])["HEAD:inner"]
    (changed,) = changed_files(project.root, [(None, tree)]).values()
    (_, found) = changed["a"]
    assert digests_of_files(project, [found, None]) == {found: expected}


def test_a_damaged_pointer_of_git_lfs_is_the_file_that_it_is(project):
    text = b"version https://git-lfs.github.com/spec/v1\n"
    (project.root / "a").write_bytes(text)
    commit(project)
    blob = find_objects(project.root, ["HEAD:inner/a"])["HEAD:inner/a"]
    file = GitFile(blob)
    assert digests_of_files(project, [file]) == {file: f"sha256:{hashlib.sha256(text).hexdigest()}"}


def test_the_newest_commit_with_the_bytes_is_found(project):
    sha256 = f"sha256:{DIGEST}"
    assert find_commit(project, "golden/a", sha256) == ("", "golden/a")
    file = project.root / "golden" / "a"
    for data in (CONTENT, b"other", CONTENT, b"another"):
        file.write_bytes(data)
        newest = commit(project)
        if data == CONTENT:
            assert find_commit(project, "golden/a", sha256) == ("HEAD", "golden/a")
            kept = newest
    assert find_commit(project, "golden/a", sha256) == (kept, "golden/a")
    assert find_commit(project, "golden/b", sha256) == ("", "golden/b")


def test_the_path_to_check_out_has_no_links(project):
    """Also if the link itself was changed, and today leads to something else."""
    sha256 = f"sha256:{DIGEST}"
    (project.root / "kept").write_bytes(CONTENT)
    (project.root / "other").write_bytes(b"other")
    link = project.root / "golden" / "a"
    link.symlink_to("../kept")
    first = commit(project)
    assert find_commit(project, "golden/a", sha256) == ("HEAD", "kept")
    link.unlink()
    link.symlink_to("../other")
    commit(project)
    assert find_commit(project, "golden/a", sha256) == (first, "golden/a")
