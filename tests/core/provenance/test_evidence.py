"""Evidence has what is known of a golden file, and nothing outside the repository is read."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import read_manifest
from harness.core.provenance.evidence import PathState, gather
from harness.core.registry.verify import verify
from harness.core.storage.digest import sha256_file
from harness.core.verdict import exit_code

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}


def test_evidence_leads_from_the_source_to_git(twice):
    """Manifest, file, both records and their environment, and the commits with authors and subjects."""
    file = gather(twice.project).files[ARCHIVE]
    assert file.state is PathState.FILE
    assert file.declared.manifest == read_manifest(twice.root / MANIFEST)
    assert file.on_disk.sha256 == sha256_file(twice.root / ARCHIVE)
    assert [record.reason for record in file.records] == ["first light", "second light"]
    assert file.digests == (file.records[1].previous, file.entry.record)
    assert "python" in file.environment.environment
    assert [(commit.author, commit.subject) for commit in file.commits] == [
        ("Ada Lovelace", "Record the lattice again"),
        ("Ada Lovelace", "Record the lattice"),
    ]
    assert file.commits[0].files[ARCHIVE] == file.on_disk.sha256


@pytest.mark.parametrize("name", ["registry.json", "golden/history.jsonl"])
def test_an_unreadable_registry_or_history_gives_no_evidence(lattice, name):
    (lattice.root / name).write_text("{")
    with pytest.raises(UnreadableError):
        gather(lattice.project)


def lead(repository, path: str, target: str) -> None:
    """Move a file or directory, and put a link to it in its place."""
    place = repository.root / path
    moved = place.parent / target
    moved.parent.mkdir(parents=True, exist_ok=True)
    place.rename(moved)
    place.symlink_to(target)


@pytest.mark.parametrize("target", ["../../lattice.npz", "../.git/lattice.npz", "{outside}/lattice.npz"])
def test_a_link_that_leads_out_of_the_project_is_broken_and_not_read(lattice, tmp_path, target):
    lead(lattice, ARCHIVE, target.format(outside=tmp_path))
    assert ("path", ARCHIVE) in lattice.broken
    assert "symbolic link that leads out of the repository" in lattice.details("path")
    assert gather(lattice.project).files[ARCHIVE].on_disk is None
    lattice.commit("Keep it elsewhere")
    assert ("path", ARCHIVE) in lattice.broken
    lattice.type_remedy("path")
    assert (lattice.broken, lattice.weak - {("unread", ARCHIVE)}) == (set(), {("uncommitted", ARCHIVE)})
    lattice.commit("Take it back")
    assert lattice.broken == set()


@pytest.mark.parametrize(
    ("path", "target"),
    [
        (ARCHIVE, "../lattice.npz"),
        (ARCHIVE, "../store/deep/lattice.npz"),
        (ARCHIVE, ".hidden.npz"),
        ("golden", "elsewhere"),
        ("golden", "deep/er/golden"),
    ],
)
def test_a_link_inside_the_project_is_followed(lattice, path, target):
    """As by `harness verify`. Git keeps what it leads to, so nothing changed."""
    lead(lattice, path, target)
    assert lattice.broken == set()
    assert {rule for rule, _ in lattice.weak} <= {"uncommitted", "unkept"}
    lattice.commit("Keep it elsewhere")
    assert lattice.findings() == ()
    assert exit_code(verify(lattice.project, sha256=True)) == 0
    file = gather(lattice.project).files[ARCHIVE]
    assert (file.state, file.on_disk.sha256) == (PathState.FILE, file.entry.sha256)


@pytest.mark.parametrize("harm", ["bytes", "missing"])
@pytest.mark.parametrize("path", [ARCHIVE, "golden"])
def test_what_a_link_leads_to_may_be_restored_from_git(lattice, path, harm):
    """The printed command names the path where git keeps the file."""
    lead(lattice, path, "../kept.npz" if path == ARCHIVE else "kept")
    lattice.commit("Keep it elsewhere")
    kept = Path(os.path.realpath(lattice.root / ARCHIVE))
    kept.write_bytes(b"other") if harm == "bytes" else kept.unlink()
    assert (harm, ARCHIVE) in lattice.broken
    assert ("uncommitted", ARCHIVE) in lattice.weak
    lattice.type_remedy(harm)
    assert lattice.findings() == ()
    kept.write_bytes(b"other") if harm == "bytes" else kept.unlink()
    lattice.commit("Tidy up")
    assert (harm, ARCHIVE) in lattice.broken
    lattice.type_remedy(harm)
    lattice.commit("Take it back")
    assert lattice.broken == set()


def annex(repository, path: str, *, backend: str = "SHA256E") -> Path:
    """Keep a file as git-annex does; return the path of its content."""
    file = repository.root / path
    data = file.read_bytes()
    digest = hashlib.new("sha256" if backend.startswith("SHA256") else "sha512", data).hexdigest()
    key = f"{backend}-s{len(data)}--{digest}{file.suffix if backend.endswith('E') else ''}"
    content = repository.root / ".git" / "annex" / "objects" / "F4" / "k9" / key / key
    content.parent.mkdir(parents=True, exist_ok=True)
    real = Path(os.path.realpath(file))
    real.rename(content)
    real.symlink_to(os.path.relpath(content, real.parent))
    return content


@pytest.mark.parametrize("where", ["golden", "a linked directory", "a chain"])
@pytest.mark.parametrize("backend", ["SHA256E", "SHA256"])
def test_files_of_git_annex_are_followed_on_disk_and_in_git(lattice, where, backend):
    """A key with a SHA-256 says which content a commit has."""
    if where == "a linked directory":
        lead(lattice, "golden", "kept")
    elif where == "a chain":
        lead(lattice, ARCHIVE, "../kept/lattice.npz")
    if where != "golden":
        lattice.commit("Keep it elsewhere")
    content = annex(lattice, ARCHIVE, backend=backend)
    lattice.commit("Keep it in git-annex")
    assert lattice.findings() == ()
    kept = content.read_bytes()
    content.unlink()
    assert lattice.broken == {("missing", ARCHIVE)}
    place = ARCHIVE if where == "golden" else "kept/lattice.npz"
    assert f"Run `git annex get {place}`." in lattice.details("missing")
    (verdict,) = [item for item in verify(lattice.project) if not item.outcome.accepted]
    assert verdict.remedy == f"Run `git annex get {place}`."
    assert gather(lattice.project).files[ARCHIVE].state is PathState.DROPPED
    content.write_bytes(kept)
    assert lattice.findings() == ()


def test_a_dropped_manifest_is_no_fault_of_its_archive(lattice):
    annex(lattice, MANIFEST).unlink()
    lattice.commit("Keep it in git-annex")
    assert lattice.broken == {("missing", MANIFEST)}


def test_damaged_content_of_git_annex_is_fetched_again(lattice):
    """Git has the right link already, so checking it out changes nothing."""
    content = annex(lattice, ARCHIVE)
    lattice.commit("Keep it in git-annex")
    content.write_bytes(b"other")
    assert ("bytes", ARCHIVE) in lattice.broken
    assert f"`git annex fsck {ARCHIVE}`, then `git annex get {ARCHIVE}`" in lattice.details("bytes")


def test_a_key_without_a_sha256_is_worth_knowing(lattice):
    """The content on disk is compared with the registry; what older commits had cannot be."""
    annex(lattice, ARCHIVE, backend="SHA512E")
    lattice.commit("Keep it in git-annex")
    assert (lattice.broken, lattice.weak) == (set(), set())
    assert lattice.noted == {("unread", ARCHIVE)}
    assert "git annex migrate --backend=SHA256E" in lattice.details("unread")


def test_a_pointer_of_git_lfs_is_named_with_the_command_that_fetches_the_file(lattice):
    file = lattice.root / ARCHIVE
    data, digest = file.read_bytes(), sha256_file(file)
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {len(data)}\n")
    lattice.commit("Keep it in Git LFS")
    assert lattice.broken == {("missing", ARCHIVE)}
    assert "Run `git lfs pull`." in lattice.details("missing")


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_something_other_than_a_file_is_broken_and_not_read(lattice, make):
    (lattice.root / ARCHIVE).unlink()
    make(lattice.root / ARCHIVE)
    assert ("path", ARCHIVE) in lattice.broken


@pytest.mark.parametrize("path", ["../outside.npz", "/etc/hostname", "golden/../../outside.npz", "C:x"])
def test_an_entry_outside_the_repository_is_broken_and_not_read(lattice, path):
    text = lattice.project.registry.read_bytes()
    lattice.project.registry.write_bytes(text.replace(ARCHIVE.encode(), path.encode()))
    assert ("path", path) in lattice.broken
    file = gather(lattice.project).files[path]
    assert (file.state, file.on_disk) == (PathState.OUTSIDE, None)


def test_a_sparse_checkout_gives_no_answer_but_the_command_that_completes_it(lattice):
    lattice.git("sparse-checkout", "set", "elsewhere")
    with pytest.raises(UnreadableError, match="a sparse checkout without 3 of them") as caught:
        gather(lattice.project)
    command = caught.value.remedy.split("`")[1]
    subprocess.run(command, shell=True, cwd=lattice.root, check=True)  # noqa: S602 - our own words
    assert lattice.findings() == ()
