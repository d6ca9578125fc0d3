"""The command that an error prints for a damaged file restores it, wherever it is typed."""

from __future__ import annotations

import subprocess

import pytest

from harness.core.errors import UnreadableError
from harness.core.fixtures.manifest import read_manifest
from harness.core.registry.registry import read_registry
from harness.core.storage.documents import read_text
from harness.core.system.restore import restore_remedy


@pytest.fixture
def repository(tmp_path):
    """A repository whose project lies deeper, in a directory with a space in its name."""
    project = tmp_path / "repository" / "beam time" / "it's"
    (project / "golden").mkdir(parents=True)
    for name in ("registry.json", "golden/scan.json"):
        (project / name).write_text("good")
    git = ["git", "-C", str(tmp_path / "repository"), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "Begin"]):
        subprocess.run([*git, *words], check=True)
    return project


def typed(remedy: str, cwd) -> None:
    """Type the command of a remedy in a directory."""
    subprocess.run(remedy.split("`")[1], shell=True, check=True, cwd=cwd)  # noqa: S602 - as a user does


@pytest.mark.parametrize("place", [".", "golden", "../..", "../../.."])
@pytest.mark.parametrize(
    ("name", "damage", "read"),
    [
        ("registry.json", "bad", read_registry),
        ("golden/scan.json", "bad", read_manifest),
        ("golden/scan.json", None, read_manifest),
    ],
)
def test_the_printed_command_restores_the_file(repository, monkeypatch, place, name, damage, read):  # noqa: PLR0913, PLR0917
    """In the project, in a directory of it, at the root of the repository, and outside."""
    file = repository / name
    file.unlink() if damage is None else file.write_text(damage)
    monkeypatch.chdir(repository / place)
    with pytest.raises(UnreadableError) as caught:
        read(file)
    typed(caught.value.remedy, repository / place)
    assert file.read_text() == "good"


def test_no_command_is_printed_that_cannot_work(repository, tmp_path):
    """For a file that git does not have, without a repository, and for what is not a file on disk."""
    (repository / "golden" / "new.json").write_text("bad")
    assert restore_remedy(repository / "golden" / "new.json", otherwise="re-record it") == (
        "Restore it from a copy, because git does not have it, or re-record it."
    )
    with pytest.raises(UnreadableError, match=r"Restore it from a copy, or re-record it\."):
        read_text(tmp_path / "none.json")
    assert restore_remedy("registry.json of commit abc") == "Restore it from git or from a copy."


def test_a_repository_that_git_refuses_gives_no_command(repository):
    (repository.parents[1] / ".git" / "HEAD").write_text("broken")
    remedy = restore_remedy(repository / "registry.json")
    assert remedy == "Restore it from a copy, because git cannot be asked for it."
