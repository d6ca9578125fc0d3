"""A copy has the files and history of the repository, and changing it does not change the repository."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from harness.core.errors import UsageError
from harness.core.provenance.audit import audit, is_broken
from harness.core.provenance.evidence import gather
from harness.core.registry.registry import read_registry
from harness.core.registry.stored.pushing import push_entries
from harness.core.registry.verify import verify
from harness.core.sensitivity.scratch_copy import commit_copy, scratch_copy
from harness.core.storage.project import Project
from harness.core.storage.remote.settings import find_store


def git(folder, *arguments: str) -> str:
    command = [
        "git",
        "-C",
        str(folder),
        "-c",
        "user.name=Ada",
        "-c",
        "user.email=ada@example.org",
        *arguments,
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def kept(project):
    """The example repository in git."""
    git(project.root, "init", "-q", "-b", "main")
    git(project.root, "add", "-A")
    git(project.root, "commit", "-qm", "First light")
    return project


def test_a_copy_is_intact_and_has_the_history(kept):
    with scratch_copy(kept) as copy:
        assert copy.root != kept.root
        assert all(verdict.outcome.accepted for verdict in verify(copy))
        assert "First light" in git(copy.root, "log", "--format=%s")
        assert not is_broken(audit(gather(copy)))


def test_a_copy_of_what_is_only_readable_can_be_written(project):
    for path in (*project.golden.iterdir(), project.registry, project.golden):
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with scratch_copy(project) as copy:
            for path in (copy.golden, copy.golden / "lattice.npz", copy.registry):
                assert path.stat().st_mode & 0o200
    finally:
        project.golden.chmod(0o755)


def test_what_is_not_committed_is_copied_too(kept):
    (kept.golden / "lattice.json").write_text("{}")
    with scratch_copy(kept) as copy:
        assert (copy.golden / "lattice.json").read_text() == "{}"


def test_a_copy_without_git_works_too(project, contents):
    with scratch_copy(project) as copy:
        assert contents(copy.golden) == contents(project.golden)
        commit_copy(copy, "Not committed")
        assert not (copy.root / ".git").exists()


def test_changing_a_copy_does_not_change_the_repository(kept, contents):
    before = contents(kept.root)
    with scratch_copy(kept) as copy:
        shutil.rmtree(copy.golden)
        copy.registry.write_text("{}")
        commit_copy(copy, "Delete everything")
        assert "Delete everything" in git(copy.root, "log", "--format=%s")
        root = copy.root
    assert contents(kept.root) == before
    assert not root.exists()


def test_a_commit_needs_no_git_identity(kept, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    with scratch_copy(kept) as copy:
        (copy.golden / "lattice.json").write_text("{}")
        commit_copy(copy, "Edited")
        assert git(copy.root, "log", "-1", "--format=%an %s").split() == ["scratch", "copy", "Edited"]


SETTINGS = """\
[tool.harness]
sources = ["a"]
store = "../store"
store_timeout = 5

[tool.other]
store = "kept"
"""


@pytest.fixture
def stored(kept, tmp_path):
    """The example with a store that has its files; one of them is nowhere else."""
    (tmp_path / "store").mkdir()
    (kept.root / "pyproject.toml").write_text(SETTINGS)
    push_entries(kept, read_registry(kept.registry).entries)
    (kept.root / "golden/lattice.npz").unlink()
    return kept


def test_a_copy_has_what_only_the_store_has_and_no_store(stored):
    """What a fault records in it is sent nowhere."""
    with scratch_copy(stored) as copy:
        assert (copy.root / "golden/lattice.npz").is_file()
        assert find_store(copy) is None
        assert (copy.root / "pyproject.toml").read_text() == SETTINGS.replace('store = "../store"\n', "")
    assert find_store(stored) is not None


def test_a_store_that_cannot_be_left_is_refused(stored):
    (stored.root / "pyproject.toml").write_text('tool.harness.store = "../store"\n')
    with pytest.raises(UsageError, match="a line of its own"), scratch_copy(stored):
        pass


def test_a_project_without_golden_files_can_be_copied(tmp_path):
    (tmp_path / "registry.json").write_text('{"entries": {}, "schema": 2}\n')
    with scratch_copy(Project(tmp_path)) as copy:
        assert not copy.golden.exists()
