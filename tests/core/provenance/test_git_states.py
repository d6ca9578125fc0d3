"""A project is found in every commit: below the top, beside other projects, moved, or deep in directories."""

from __future__ import annotations

import shutil

import numpy as np

from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import Project

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"


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


def test_another_project_in_the_repository_does_not_matter(twice):
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


def test_a_history_in_git_lfs_is_weak(repository, record, staged):
    record(staged())
    file = repository.project.golden / "history.jsonl"
    data, digest = file.read_bytes(), sha256_file(file)
    file.write_text(f"version https://git-lfs.github.com/spec/v1\noid {digest}\nsize {len(data)}\n")
    repository.commit("Record the lattice")
    file.write_bytes(data)
    assert repository.broken == set()
    assert ("history", "golden/history.jsonl") in repository.weak
