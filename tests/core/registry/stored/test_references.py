"""Which objects a repository names: everywhere, or it cannot tell."""

from __future__ import annotations

import pytest

from harness.core.errors import UnreadableError
from harness.core.registry.stored.references import referenced_digests
from harness.core.storage.project import Project


def digest(number: int) -> str:
    return f"sha256:{number:064x}"


def name_it(folder, number: int, name: str = "registry.json") -> None:
    """Have a registry or a history name an object; how it is written does not matter."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f'{{"sha256": "{digest(number)}"}}')


@pytest.fixture
def repository(tmp_path, git) -> Project:
    """A repository with a commit that names object 1."""
    root = tmp_path / "repository"
    root.mkdir()
    git(root, "init", "-q")
    name_it(root, 1)
    commit(git, root)
    return Project(root)


def commit(git, root) -> None:
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "a commit")


def named(project) -> set[int]:
    return {int(item.partition(":")[2], 16) for item in referenced_digests(project)}


def test_older_commits_other_branches_and_tags(repository, git):
    root = repository.root
    for number, branch in ((2, "one"), (3, "two")):
        git(root, "checkout", "-q", "-b", branch)
        name_it(root, number)
        commit(git, root)
    git(root, "tag", "kept")
    git(root, "checkout", "-q", "main")
    git(root, "branch", "-q", "-D", "one", "two")
    git(root, "reflog", "expire", "--expire=now", "--all")
    assert named(repository) == {1, 2, 3}


def test_what_only_a_reflog_or_a_stash_has(repository, git):
    root = repository.root
    name_it(root, 2)
    commit(git, root)
    git(root, "reset", "-q", "--hard", "HEAD~1")
    for number in (3, 4):
        name_it(root, number)
        git(root, "stash", "-q")
    assert named(repository) == {1, 2, 3, 4}


def test_the_index_and_the_disk(repository, git):
    name_it(repository.root, 2)
    git(repository.root, "add", "--all")
    name_it(repository.root, 3)
    name_it(repository.root, 4, "golden/history.jsonl")
    assert named(repository) == {1, 2, 3, 4}


def test_other_projects_and_moved_ones(repository, git):
    """Whatever their golden directories are called, and also if git ignores them."""
    root = repository.root
    name_it(root, 2, "analysis/registry.json")
    name_it(root, 3, "analysis/reference/history.jsonl")
    commit(git, root)
    git(root, "mv", "analysis", "elsewhere")
    commit(git, root)
    (root / ".gitignore").write_text("local/\n")
    name_it(root, 4, "local/registry.json")
    assert named(repository) == {1, 2, 3, 4}


def test_other_work_trees(repository, git, tmp_path):
    git(repository.root, "worktree", "add", "-q", str(tmp_path / "second"))
    name_it(tmp_path / "second", 2)
    git(tmp_path / "second", "add", "--all")
    name_it(tmp_path / "second", 3)
    assert named(repository) == named(Project(tmp_path / "second")) == {1, 2, 3}


def test_what_a_merge_dropped_or_made(repository, git):
    root = repository.root
    git(root, "checkout", "-q", "-b", "side")
    name_it(root, 2)
    commit(git, root)
    git(root, "checkout", "-q", "main")
    name_it(root, 3)
    commit(git, root)
    git(root, "merge", "-q", "-s", "ours", "--no-commit", "side")
    name_it(root, 4)
    commit(git, root)
    assert named(repository) == {1, 2, 3, 4}


def test_settings_of_git_change_nothing(repository, git):
    root = repository.root
    name_it(root, 2)
    commit(git, root)
    settings = {
        "log.showRoot": "false", "log.follow": "true", "log.diffMerges": "off", "diff.renames": "copies",
        "core.quotePath": "true", "log.decorate": "full", "core.abbrev": "4", "diff.relative": "true",
    }  # fmt: skip
    for key, value in settings.items():
        git(root, "config", key, value)
    assert named(repository) == {1, 2}


def test_digests_across_the_blocks_that_are_read(repository, monkeypatch):
    monkeypatch.setattr("harness.core.registry.stored.references._BLOCK_BYTES", 1100)
    text = "".join(f'{"x" * (number % 97)}"{digest(number)}"' for number in range(300))
    (repository.root / "registry.json").write_text(text)
    assert named(repository) == set(range(300))


def test_a_directory_without_git_cannot_tell(tmp_path):
    with pytest.raises(UnreadableError, match="a directory without a git repository"):
        referenced_digests(Project(tmp_path))


def test_a_shallow_clone_cannot_tell(repository, git, tmp_path):
    name_it(repository.root, 2)
    commit(git, repository.root)
    git(tmp_path, "clone", "-q", "--depth=1", repository.root.as_uri(), "shallow")
    with pytest.raises(UnreadableError, match="a shallow clone, which leaves out commits"):
        referenced_digests(Project(tmp_path / "shallow"))


def test_a_partial_clone_cannot_tell(repository, git, tmp_path):
    """Git is not asked to download what it lacks."""
    name_it(repository.root, 2)
    commit(git, repository.root)
    git(repository.root, "config", "uploadpack.allowFilter", "true")
    git(tmp_path, "clone", "-q", "--filter=blob:none", repository.root.as_uri(), "partial")
    with pytest.raises(UnreadableError):
        referenced_digests(Project(tmp_path / "partial"))


def test_a_lost_object_of_git_cannot_tell(repository, git):
    blob = git(repository.root, "rev-parse", "HEAD:registry.json").strip()
    file = repository.root / ".git" / "objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    file.unlink()
    with pytest.raises(UnreadableError):
        referenced_digests(repository)


def test_an_interrupted_regeneration_cannot_tell(repository):
    repository.journal.parent.mkdir(parents=True)
    repository.journal.write_text("{}")
    with pytest.raises(UnreadableError, match="a regeneration that was interrupted"):
        referenced_digests(repository)


@pytest.mark.parametrize("committed", [True, False])
def test_a_link_or_a_pointer_cannot_tell(repository, git, committed):
    (repository.root / "registry.json").unlink()
    (repository.root / "registry.json").symlink_to("elsewhere.json")
    if committed:
        commit(git, repository.root)
        (repository.root / "registry.json").unlink()
    with pytest.raises(UnreadableError, match="cannot tell which objects"):
        referenced_digests(repository)


def test_a_pointer_of_lfs_cannot_tell(repository, git):
    (repository.root / "registry.json").write_text(
        "version https://git-lfs.github.com/spec/v1\noid sha256:0\n"
    )
    commit(git, repository.root)
    with pytest.raises(UnreadableError, match="a pointer of Git LFS"):
        referenced_digests(repository)
