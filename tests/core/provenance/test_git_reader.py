"""Git's history is read as it is, whatever git's configuration; if git fails there is no answer."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest

from harness.core.errors import UnreadableError
from harness.core.fixtures.fixture import write_fixture
from harness.core.provenance.evidence import gather
from harness.core.provenance.git_reader import read_git_history
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
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


def test_a_repository_that_git_refuses_gives_no_answer_but_gits_words(lattice, monkeypatch):
    """A work tree that another user owns."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    with pytest.raises(UnreadableError, match="dubious ownership"):
        gather(lattice.project)


def test_a_repository_without_a_git_command_gives_no_answer(lattice, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnreadableError, match="git cannot read the history"):
        gather(lattice.project)


@pytest.mark.parametrize("filter_", ["blob:none", "tree:0"])
def test_a_partial_clone_without_its_remote_gives_no_answer(twice, tmp_path, filter_):
    """Missing files must not look like files that a commit does not have."""
    twice.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    command = ["git", "clone", "-q", f"--filter={filter_}", f"file://{twice.root}", str(clone)]
    subprocess.run(command, check=True, capture_output=True)
    twice.root.rename(tmp_path / "gone")
    with pytest.raises(UnreadableError):
        gather(Project(clone))


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


def test_a_project_below_the_top_of_its_repository_is_read_alike(repository, record, staged):
    record(staged())
    inner = repository.root / "packages" / "inner"
    inner.mkdir(parents=True)
    for name in ("golden", "registry.json"):
        (repository.root / name).rename(inner / name)
    moved = type(repository)(Project(inner))
    moved.commit("Record the lattice")
    assert moved.findings() == ()
    (inner / ARCHIVE).write_bytes(b"")
    assert moved.weak == {("uncommitted", ARCHIVE)}


def test_another_project_in_the_repository_is_none_of_ours(twice):
    """A second project with the same file names comes and goes; this one is not affected."""
    other = twice.root / "other"
    shutil.copytree(twice.project.golden, other / "golden")
    lines = [line.replace(b'"by":"Ada', b'"by":"Bob') for line in twice.lines()]
    (other / "golden" / "history.jsonl").write_bytes(b"\n".join(lines))
    twice.commit("Add another project")
    shutil.rmtree(other)
    twice.commit("Remove it")
    assert (twice.broken, twice.weak) == (set(), set())


def test_a_project_that_started_as_a_copy_of_another_has_lost_nothing(twice):
    """The other one is still there, with all its records."""
    other = twice.root / "other"
    shutil.copytree(twice.project.golden, other / "golden")
    shutil.copy(twice.project.registry, other)
    copy = type(twice)(Project(other))
    newest = [line for line in copy.lines() if b"first light" not in line or MANIFEST.encode() in line]
    copy.write_lines(newest)
    copy.drop_entries(ARCHIVE)
    (other / ARCHIVE).unlink()
    twice.commit("Start from a copy")
    assert not {rule for rule, _ in copy.broken} & {"lost", "rewritten"}


def test_a_project_moved_on_one_branch_only_is_clean_after_the_merge(twice, record, staged):
    twice.git("checkout", "-q", "-b", "moved")
    inner = twice.root / "inner"
    inner.mkdir()
    for name in ("golden", "registry.json"):
        twice.git("mv", name, f"inner/{name}")
    twice.commit("Move the project")
    twice.git("checkout", "-q", "main")
    (twice.root / "README").write_text("Changed meanwhile.")
    twice.commit("Change the example")
    twice.git("merge", "-q", "--no-edit", "moved")
    assert type(twice)(Project(inner)).findings() == ()


def test_a_pointer_of_git_lfs_counts_as_the_file_it_points_to(repository, record, staged):
    record(staged())
    file = repository.root / ARCHIVE
    data, digest = file.read_bytes(), sha256_file(file)
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {len(data)}\n")
    repository.commit("Record the lattice")
    file.write_bytes(data)
    assert repository.broken == set()
    assert history_of(repository.project).commits[0].files[ARCHIVE] == digest


def test_a_history_in_git_lfs_is_weak(repository, record, staged):
    record(staged())
    file = repository.project.golden / "history.jsonl"
    data, digest = file.read_bytes(), sha256_file(file)
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {len(data)}\n")
    repository.commit("Record the lattice")
    file.write_bytes(data)
    assert repository.broken == set()
    assert ("history", "golden/history.jsonl") in repository.weak


def test_a_golden_directory_several_levels_deep_is_read(repository, made, tmp_path):
    project = Project(repository.root, "tests/golden")
    for value in (1.0, 2.0):
        files = write_fixture(made(arrays={"image": np.full((3, 4), value)}), tmp_path / str(value))
        staged = [
            Staged(f"tests/golden/{path.name}", kind, path)
            for path, kind in zip(files, ("fixture", "manifest"), strict=True)
        ]
        commit(project, plan(project, staged), reason=f"value {value}", command="by hand")
        repository.commit(f"Record {value}")
    deep = type(repository)(project)
    assert deep.findings() == ()
    deep.git("revert", "--no-edit", "HEAD")
    assert {rule for rule, _ in deep.weak} == {"restored"}
