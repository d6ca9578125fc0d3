"""A recorded version is found by its digest, wherever it is, and nothing else passes for it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import msgspec
import pytest

from harness.core.recording.old_versions import find_version, recorded_digest
from harness.core.registry.format import SCHEMA, Registry, encode_registry
from harness.core.registry.registry import describe_file, new_record, read_registry, with_entries
from harness.core.storage.digest import sha256_file
from harness.core.storage.documents import encode_document
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


def register(project: Project, reason: str, *, sealed: bool = True) -> None:
    """Record the golden file as it is, as the first versions of this package did where not *sealed*."""
    entry = describe_file(project.root / PATH, "file", new_record(project, reason=reason, command="none"))
    made = with_entries(read_registry(project.registry), {PATH: entry}).entries[PATH]
    if not sealed:
        bare = msgspec.structs.replace(made.record, sha256=msgspec.UNSET)
        made = msgspec.structs.replace(made, record=bare)
    project.registry.write_bytes(encode_document(Registry(SCHEMA, {PATH: made})))


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


def test_a_sealed_record_names_its_version(project):
    digests = []
    for reason in ("one", "two"):
        digests.append(write(project, reason.encode()))
        register(project, reason)
    entry = read_registry(project.registry).entries[PATH]
    records = (*reversed(entry.history), entry.record)
    assert [recorded_digest(project, PATH, entry, record) for record in records] == digests


def test_the_version_of_a_record_without_a_seal_is_what_the_registry_said_then(project):
    """Not the oldest commit's file, which may be from before it was registered, or be edited."""
    write(project, b"a draft")
    commit(project)
    first = write(project, b"recorded")
    register(project, "one", sealed=False)
    write(project, b"edited after that")
    commit(project)
    second = write(project, b"recorded again")
    register(project, "two", sealed=False)
    entry = read_registry(project.registry).entries[PATH]
    assert recorded_digest(project, PATH, entry, entry.history[0]) == first
    assert recorded_digest(project, PATH, entry, entry.record) == second


def test_the_version_of_a_record_without_a_seal_that_was_never_committed_is_unknown(project):
    for reason in ("one", "two"):
        write(project, reason.encode())
        register(project, reason, sealed=False)
    commit(project)
    entry = read_registry(project.registry).entries[PATH]
    assert recorded_digest(project, PATH, entry, entry.history[0]) is None


def test_a_registry_in_git_that_is_larger_than_any_other_document_is_read(project):
    """Two files with a long reason each, as many files with short ones would be."""
    first = write(project, b"recorded")
    register(project, "x" * (17 << 20), sealed=False)
    registry = read_registry(project.registry)
    both = {PATH: registry.entries[PATH], "golden/other.txt": registry.entries[PATH]}
    project.registry.write_bytes(encode_registry(Registry(SCHEMA, both)))
    commit(project)
    write(project, b"recorded again")
    register(project, "two", sealed=False)
    entry = read_registry(project.registry).entries[PATH]
    assert recorded_digest(project, PATH, entry, entry.history[0]) == first


def test_a_registry_in_git_that_cannot_be_read_is_passed_over(project):
    write(project, b"one")
    project.registry.write_text("{")
    commit(project)
    project.registry.unlink()
    register(project, "one", sealed=False)
    commit(project)
    first = read_registry(project.registry).entries[PATH].sha256
    write(project, b"two")
    register(project, "two")
    entry = read_registry(project.registry).entries[PATH]
    assert recorded_digest(project, PATH, entry, entry.history[0]) == first
