"""Git's history is read as it is, whatever git's configuration; if git fails there is no answer."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from harness.core.errors import UnreadableError
from harness.core.provenance.evidence import gather
from harness.core.provenance.git_reader import read_git_history
from harness.core.registry.history import read_history_text
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import Project

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
BOTH = {ARCHIVE, MANIFEST}

SETTINGS = (
    "log.showSignature=true",
    "log.showRoot=false",
    "log.follow=true",
    "log.diffMerges=off",
    "log.date=relative",
    "log.decorate=full",
    "log.mailmap=true",
    "format.pretty=oneline",
    "i18n.logOutputEncoding=utf-16",
    "diff.renames=copies",
    "diff.orderFile=missing",
    "diff.relative=true",
    "diff.noprefix=true",
    "status.showUntrackedFiles=no",
    "status.relativePaths=true",
    "core.quotePath=true",
    "color.ui=always",
)


def history_of(project: Project):
    return read_git_history(project, read_history_text(project))


def test_commits_have_authors_subjects_files_and_lines(twice):
    newest, first = history_of(twice.project).commits
    assert (newest.author, newest.subject) == ("Ada Lovelace", "Record the lattice again")
    assert newest.files == {path: sha256_file(twice.root / path) for path in BOTH}
    assert first.files.keys() == BOTH
    assert len(newest.added) == 2
    assert newest.lines == newest.added | first.lines
    assert [change.parent for change in newest.changes] == [first.id]
    assert not newest.changes[0].lost


@pytest.mark.parametrize("forged", [False, True])
def test_settings_of_the_user_change_nothing(twice, put_other_arrays, forged):
    (twice.root / ".mailmap").write_text("Somebody Else <else@example.org> <ada@example.org>\n")
    twice.commit("Map names")
    if forged:
        put_other_arrays(twice)
        twice.forge_record(MANIFEST, reason="innocent")
        twice.commit("Tidy up")
    before = gather(twice.project)
    findings = twice.findings()
    for setting in SETTINGS:
        twice.git("config", *setting.split("=", 1))
    after = gather(twice.project)
    assert twice.findings() == findings
    assert after.git == before.git
    assert after.git.commits[-1].author == "Ada Lovelace"
    assert bool(findings) == forged


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_names_in_other_encodings_are_read(repository, record, staged, encoding):
    repository.git("config", "i18n.commitEncoding", encoding)
    record(staged())
    repository.git("add", "-A")
    author = "Jos\xe9 <jose@example.org>".encode(encoding)
    command = [b"git", b"-C", str(repository.root).encode(), b"commit", b"-qm", "Stra\xdfe".encode(encoding)]
    subprocess.run([*command, b"--author=" + author], check=True)
    (found,) = history_of(repository.project).commits
    assert (found.author, found.subject) == ("Jos\xe9", "Stra\xdfe")


@pytest.mark.parametrize("encoding", ["idna", "punycode", "rot13", "utf-16", "zlib", "no such", "\x01"])
def test_any_encoding_that_a_commit_names_is_read_somehow(lattice, encoding):
    data = lattice.git("cat-file", "commit", "HEAD").encode()
    data = data.replace(b"\n\n", f"\nencoding {encoding}\n\nStra\xdfe ".encode(), 1)
    command = ["git", "-C", str(lattice.root), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"]
    made = subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode().strip()
    lattice.git("update-ref", "refs/heads/main", made)
    assert lattice.findings() == ()


def test_a_repository_that_git_refuses_gives_no_answer_but_gits_words(lattice, monkeypatch):
    """A work tree that another user owns."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(UnreadableError, match="dubious ownership"):
        gather(lattice.project)


def test_a_repository_without_a_git_command_gives_no_answer(lattice, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnreadableError, match="git cannot be run"):
        gather(lattice.project)


@pytest.mark.parametrize("filter_", ["blob:none", "tree:0"])
def test_a_partial_clone_without_its_remote_gives_no_answer(twice, tmp_path, filter_, capfd):
    """Missing files must not look like files that a commit does not have. Git itself prints nothing."""
    twice.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", f"--filter={filter_}", f"file://{twice.root}", str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    twice.root.rename(tmp_path / "gone")
    capfd.readouterr()
    with pytest.raises(UnreadableError):
        gather(Project(clone))
    assert capfd.readouterr() == ("", "")


def test_a_damaged_repository_gives_no_answer(twice):
    for folder in (twice.root / ".git" / "objects").iterdir():
        if len(folder.name) == 2:
            shutil.rmtree(folder)
    with pytest.raises(UnreadableError):
        gather(twice.project)


def test_a_project_outside_git_or_without_commits_has_no_history(lattice, tmp_path):
    lattice.git("update-ref", "-d", "HEAD")
    assert history_of(lattice.project) is None
    (lattice.root / ".git").rename(tmp_path / "not-git")
    assert history_of(lattice.project) is None


def test_a_shallow_clone_is_weak_and_accuses_nobody(twice, tmp_path):
    subprocess.run(
        ["git", "clone", "-q", "--depth", "1", f"file://{twice.root}", str(tmp_path / "clone")], check=True
    )
    clone = type(twice)(Project(tmp_path / "clone"))
    assert clone.broken == set()
    assert clone.weak == {("history", "registry.json")}


def test_a_pointer_of_git_lfs_counts_as_the_file_it_points_to(repository, record, staged):
    record(staged())
    file = repository.root / ARCHIVE
    data, digest = file.read_bytes(), sha256_file(file)
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {len(data)}\n")
    repository.commit("Record the lattice")
    file.write_bytes(data)
    os.utime(file, (0, 0))  # so that git reads the file
    assert (repository.broken, repository.weak) == (set(), set())
    assert history_of(repository.project).commits[0].files[ARCHIVE] == digest
