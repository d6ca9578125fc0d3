"""Evidence has what is known of a golden file, and nothing outside the repository is read."""

from __future__ import annotations

import os

import pytest

from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import read_manifest
from harness.core.provenance.evidence import PathState, gather
from harness.core.storage.digest import sha256_file

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


@pytest.mark.parametrize("target", ["../../lattice.npz", "../lattice.npz"])
def test_a_path_through_a_link_is_broken_wherever_it_leads(lattice, target):
    file = lattice.root / ARCHIVE
    file.rename(file.parent / target)
    file.symlink_to(target)
    assert ("path", ARCHIVE) in lattice.broken
    assert "symbolic link" in lattice.details("path")
    assert gather(lattice.project).files[ARCHIVE].on_disk is None


def test_a_linked_golden_directory_is_broken(lattice):
    lattice.project.golden.rename(lattice.root / "elsewhere")
    lattice.project.golden.symlink_to("elsewhere")
    assert {("path", path) for path in BOTH} <= lattice.broken


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
