"""A project is found in every commit: below the top, beside other projects, moved, or deep in directories."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged
from harness.core.registry.format import Registry, encode_registry
from harness.core.registry.registry import read_registry
from harness.core.storage.digest import sha256_file
from harness.core.storage.project import Project

ARCHIVE, MANIFEST = "golden/lattice.npz", "golden/lattice.json"
LATER = "2031-01-01T00:00:00Z"


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


@pytest.fixture
def forge_later(put_other_arrays):
    """Put other arrays in place, with records of another date that vouch for them."""

    def forge(repository) -> None:
        put_other_arrays(repository)
        repository.rehash()
        repository.reseal()
        for path in (ARCHIVE, MANIFEST):
            repository.forge_record(path, at=LATER)

    return forge


def move(repository, target: str, top=None):
    """Move the project's files to a directory of the repository, and return the project there."""
    inner = (top or repository.root) / target
    (inner / "golden").mkdir(parents=True, exist_ok=True)
    for path in repository.project.golden.iterdir():
        path.replace(inner / "golden" / path.name)
    repository.project.registry.replace(inner / "registry.json")
    repository.project.golden.rmdir()
    return type(repository)(Project(inner))


@pytest.fixture(params=["notes.txt", "history.jsonl", "other.npz"])
def decoy(request, repository):
    """The path of a file in a directory to which a project will move."""
    path = repository.root / "sub" / "golden" / request.param
    path.parent.mkdir(parents=True)
    path.write_text("" if path.suffix == ".jsonl" else "x")
    return path


@pytest.mark.parametrize("early", [False, True])
def test_a_directory_that_was_there_before_the_project_moved_to_it_hides_nothing(
    decoy, lattice, forge_later, early
):
    """Whether it came with the project's first records or in a commit of its own."""
    if early:
        lattice.commit("Nothing changes", "--allow-empty")
    decoy.unlink()
    moved = move(lattice, "sub")
    forge_later(moved)
    moved.commit("Move the project")
    assert {("lost", ARCHIVE), ("lost", MANIFEST)} <= moved.broken


def test_a_project_moved_to_a_directory_that_was_there_before_is_clean(twice):
    folder = twice.root / "sub" / "golden"
    folder.mkdir(parents=True)
    (folder / "notes.txt").touch()
    twice.commit("Make room")
    (folder / "notes.txt").unlink()
    moved = move(twice, "sub")
    moved.commit("Move the project")
    assert moved.findings() == ()


@pytest.mark.parametrize("registry", [None, '{"entries": {}, "schema": 2}'])
def test_a_history_that_is_left_behind_does_not_hide_a_forgery_in_the_moved_project(
    twice, forge_later, registry
):
    kept = (twice.project.golden / "history.jsonl").read_bytes()
    moved = move(twice, "sub")
    twice.project.golden.mkdir()
    (twice.project.golden / "history.jsonl").write_bytes(kept)
    if registry:
        twice.project.registry.write_text(registry)
    forge_later(moved)
    moved.commit("Move the project")
    assert {("lost", ARCHIVE), ("lost", MANIFEST)} <= moved.broken


def test_a_project_moved_over_another_one_answers_for_both(twice, forge_later):
    """Its own records are forged, while the other one has the true ones and is overwritten."""
    shutil.copytree(twice.project.golden, twice.root / "sub" / "golden")
    shutil.copy(twice.project.registry, twice.root / "sub")
    copy = type(twice)(Project(twice.root / "sub"))
    forge_later(copy)
    twice.commit("Start from a copy")
    for name in ("golden", "registry.json"):
        twice.git("rm", "-rq", name)
    for name in ("golden", "registry.json"):
        (copy.root / name).rename(twice.root / name)
    twice.commit("Move the copy over the project")
    assert {("lost", ARCHIVE), ("lost", MANIFEST)} <= twice.broken


def test_a_project_that_was_deleted_is_not_held_against_one_that_started_as_a_copy(twice, record, staged):
    shutil.copytree(twice.project.golden, twice.root / "sub" / "golden")
    shutil.copy(twice.project.registry, twice.root / "sub")
    copy = type(twice)(Project(twice.root / "sub"))
    twice.commit("Start from a copy")
    record(staged(arrays={"image": np.full((3, 4), 5.0)}), "third light")
    twice.commit("Record the lattice in the first project")
    twice.git("rm", "-rq", "golden", "registry.json")
    twice.commit("Delete the first project")
    assert copy.broken == set()


@pytest.mark.skipif(os.name != "posix", reason="such names cannot exist there")
@pytest.mark.parametrize(
    "name", [b"we\x01ird", b"\xff", b"line\nbreak", "a\u2028b".encode(), b"-opt", b" x "]
)
def test_a_directory_of_any_name_is_read_and_followed(twice, forge_later, name):
    folder = os.fsdecode(name)
    inner = move(twice, folder)
    inner.commit("Move the project")
    assert inner.findings() == ()
    moved = move(inner, "plain", twice.root)
    forge_later(moved)
    moved.git("add", "-A", ":/")
    moved.commit("Move the project again")
    assert {("lost", ARCHIVE), ("lost", MANIFEST)} <= moved.broken


def test_a_golden_directory_of_another_depth_does_not_launder_rewritten_records(twice, forge_later):
    forge_later(twice)
    deep = type(twice)(Project(twice.root, "tests/golden"))
    (twice.root / "tests").mkdir()
    twice.project.golden.rename(deep.project.golden)
    deep.write_lines([line.replace(b'"golden/', b'"tests/golden/') for line in deep.lines()])
    entries = read_registry(deep.project.registry).entries
    moved = {f"tests/{path}": entry for path, entry in entries.items()}
    deep.project.registry.write_bytes(encode_registry(Registry(moved)))
    deep.commit("Move the golden files to the tests")
    assert {rule for rule, _ in deep.broken} >= {"lost"}


def add_as_directory(repository, other) -> None:
    """Add another repository as a directory, as git's subtree merge does."""
    repository.git("fetch", "-q", str(other), "main")
    repository.git(*("merge", "-q", "-s", "ours", "--no-commit", "--allow-unrelated-histories", "FETCH_HEAD"))
    repository.git("read-tree", "--prefix=lib/", "-u", "FETCH_HEAD")
    repository.commit("Add a library")


@pytest.mark.parametrize(("name", "weak"), [("mesh", set()), ("lattice", {"merged"})])
def test_another_repository_added_as_a_directory_accuses_nobody(twice, made, tmp_path, name, weak):
    """Its golden directory was at the place of this project's."""
    other = type(twice)(Project(tmp_path / "other"))
    other.root.mkdir()
    other.git("init", "-q", "-b", "main")
    for key, value in (("user.name", "Bob"), ("user.email", "bob@example.org")):
        other.git("config", key, value)
    files = write_fixture(made(name, arrays={"image": np.full((3, 4), 9.0)}), tmp_path / "files")
    kinds = zip(files, ("fixture", "manifest"), strict=True)
    staged = [Staged(f"golden/{path.name}", kind, path) for path, kind in kinds]
    commit(other.project, plan(other.project, staged), reason="another light", command="by hand")
    other.commit("Record")
    add_as_directory(twice, other.root)
    assert (twice.broken, {rule for rule, _ in twice.weak}) == (set(), weak)
    library = type(twice)(Project(twice.root / "lib"))
    assert (library.broken, library.weak) == (set(), set())
