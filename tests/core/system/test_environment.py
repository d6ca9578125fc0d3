"""The fingerprint has versions and settings, but nothing about users or machines."""

from __future__ import annotations

import getpass
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from harness.core.errors import UnreadableError
from harness.core.system.environment import Revision, author, fingerprint, revision


@pytest.fixture
def git(empty, monkeypatch):
    """Run git in the example repository, apart from the user's own settings."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(empty.root.parent))

    def run(*arguments: str) -> str:
        command = ["git", "-C", str(empty.root), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    return run


def commit_file(git, root: Path, text: str) -> str:
    (root / "file").write_text(text)
    git("add", "file")
    git("-c", "user.name=A", "-c", "user.email=a@example.org", "commit", "-q", "-m", text)
    return git("rev-parse", "HEAD")


def test_versions_are_those_installed():
    found = fingerprint()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == metadata.version("numpy")
    assert set(found) >= {"harness", "platform", "cpu", "cores", "scipy", "torch"}
    assert all(isinstance(value, str) and value for value in found.values())


def test_a_package_that_is_not_installed_is_none(monkeypatch):
    monkeypatch.setattr("harness.core.system.environment._PACKAGES", ("no-such-package",))
    assert fingerprint()["no-such-package"] == "none"


def test_variables_that_choose_kernels_are_listed_if_set(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    found = fingerprint()
    assert found["ATEN_CPU_CAPABILITY"] == "avx2"
    assert "OMP_NUM_THREADS" not in found


def test_no_host_user_or_path_is_listed(monkeypatch):
    """Golden files are public, so they must not name the machine, the user or a directory."""
    monkeypatch.setattr(platform, "node", lambda: pytest.fail("the host's name was read"))
    shown = " ".join(fingerprint().values())
    private = [str(Path.home()), str(Path.cwd()), sys.prefix, f"{getpass.getuser()}@"]
    assert not [word for word in private if word in shown]


def test_no_package_is_imported_to_find_its_version():
    script = (
        "import sys; from harness.core.system.environment import fingerprint; fingerprint();"
        "print([name for name in ('numpy', 'scipy', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_revision_is_the_commit_and_whether_there_are_uncommitted_changes(empty, git):
    git("init", "-q")
    commit = commit_file(git, empty.root, "one")
    assert (revision(empty.root).commit, revision(empty.root).dirty) == (commit, False)
    (empty.root / "file").write_text("two")
    assert (revision(empty.root).commit, revision(empty.root).dirty) == (commit, True)


def test_an_untracked_file_is_a_change(empty, git):
    git("init", "-q")
    commit_file(git, empty.root, "one")
    (empty.root / "new").write_text("")
    assert revision(empty.root).dirty


def test_without_a_repository_or_a_commit_there_is_no_revision(empty, git, monkeypatch):
    assert revision(empty.root).commit is None
    git("init", "-q")
    assert revision(empty.root).commit is None
    monkeypatch.setenv("PATH", "")
    assert author(empty.root) == "unknown"


def test_author_is_the_name_in_gits_configuration(empty, git):
    git("init", "-q")
    assert author(empty.root) == "unknown"
    git("config", "user.name", "Ada Lovelace")
    assert author(empty.root) == "Ada Lovelace"


def test_a_repository_that_git_refuses_is_not_a_project_without_git(empty, git, monkeypatch):
    git("init", "-q")
    commit_file(git, empty.root, "one")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    with pytest.raises(UnreadableError, match="dubious ownership"):
        revision(empty.root)


def test_a_repository_without_a_git_command_is_an_error(empty, git, monkeypatch):
    git("init", "-q")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnreadableError, match=r"git cannot be run: No such file or directory\. Install git"):
        revision(empty.root)


def test_no_repository_is_a_normal_state(empty, git, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert revision(empty.root) == Revision(None, dirty=False)


def test_a_name_in_another_encoding_is_recorded_with_a_replacement(empty, git):
    git("init", "-q")
    with (empty.root / ".git/config").open("ab") as stream:
        stream.write(b"[user]\n\tname = Ren\xe9\n")
    assert author(empty.root) == "Ren\ufffd"
