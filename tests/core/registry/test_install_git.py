"""Git's attributes and configuration, wherever the golden directory is and whatever its name."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import RefusedError, UsageError
from harness.core.registry import install_git
from harness.core.registry.install_git import attribute_lines, configuration, install, require_work_tree
from harness.core.storage.project import Project

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ["golden", "tests/golden", "my golden", 'quo"ted dir', "a[b]*c", "#data", "!data", "größe"]


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


@pytest.fixture
def root(tmp_path) -> Path:
    """An empty git repository."""
    git(tmp_path, "init", "-q")
    return tmp_path


def attribute(root: Path, name: str, path: str) -> str:
    """The value of an attribute, as git applies it."""
    return git(root, "check-attr", "-z", name, "--", path).split("\0")[2]


@pytest.mark.parametrize("golden", NAMES)
def test_git_applies_the_attributes_to_any_golden_directory(root, golden):
    """Bytes are never converted; the history is merged by lines, the registry by our driver."""
    install(Project(root, golden))
    for path in (f"{golden}/a.npz", f"{golden}/sub/a.json", f"{golden}/history.jsonl", "registry.json"):
        assert attribute(root, "text", path) == "unset"
    assert attribute(root, "merge", f"{golden}/history.jsonl") == "union"
    assert attribute(root, "merge", f"{golden}/sub/history.jsonl") == "unspecified"
    assert attribute(root, "merge", "registry.json") == "harness-registry"
    assert attribute(root, "diff", f"{golden}/a.npz") == "harness-npz"
    assert attribute(root, "text", "other/a.json") == "unspecified"


@pytest.mark.parametrize("golden", NAMES)
def test_the_second_time_nothing_changes(root, golden):
    project = Project(root, golden)
    assert all(setting.changed for setting in install(project))
    before = (root / ".gitattributes").read_bytes()
    assert not any(setting.changed for setting in install(project))
    assert (root / ".gitattributes").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("*.npz text", "attribute text of golden/fixture.npz"),
        ("*.json merge=binary", "attribute merge of registry.json"),
        ("*.jsonl -merge", "attribute merge of golden/history.jsonl"),
        ("*.jsonl text", "attribute text of golden/history.jsonl"),
    ],
)
def test_a_line_that_overrides_ours_is_refused(root, line, name):
    """With the attribute and the file; git gives the last line priority."""
    install(Project(root))
    with (root / ".gitattributes").open("a") as stream:
        stream.write(f"{line}\n")
    with pytest.raises(RefusedError, match=r"\.git/info/attributes") as caught:
        install(Project(root))
    assert caught.value.thing == name


def test_a_folder_outside_of_git_is_refused(tmp_path):
    with pytest.raises(UsageError, match="git init"):
        require_work_tree(tmp_path)


def test_every_driver_that_an_attribute_names_is_configured():
    lines = " ".join(attribute_lines(Project(__file__)))
    keys = configuration()
    assert {"diff.harness-npz.textconv", "merge.harness-registry.driver"} <= keys.keys()
    assert "diff=harness-npz" in lines
    assert "merge=harness-registry" in lines


def test_this_repository_has_the_lines_itself():
    """Its .gitattributes was written before the history came."""
    from pathlib import Path

    repository = Path(__file__).parents[3]
    lines = (repository / ".gitattributes").read_text().splitlines()
    assert set(attribute_lines(Project(repository))) <= set(lines)


@pytest.mark.parametrize("is_there", [False, True])
def test_git_works_without_the_program(root, monkeypatch, tmp_path_factory, is_there):
    """After its environment was moved: the script is gone, or the interpreter in its first line is."""
    program = tmp_path_factory.mktemp("moved") / "harness"
    if is_there:
        program.write_text("#!/nowhere/python\n")
        program.chmod(0o755)
    monkeypatch.setattr(install_git, "_program", lambda: str(program))
    for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"):
        monkeypatch.setenv(name, os.devnull)
    install(Project(root))
    git(root, "config", "user.name", "A")
    git(root, "config", "user.email", "a@example.org")
    (root / "golden").mkdir()
    archive, registry = root / "golden" / "a.npz", root / "registry.json"
    archive.write_bytes(b"PK one")
    registry.write_text("".join(f"{number}\n" for number in range(9)))
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    git(root, "checkout", "-qb", "other")
    registry.write_text(registry.read_text() + "last\n")
    git(root, "commit", "-qam", "other")
    git(root, "checkout", "-q", "-")
    registry.write_text("first\n" + registry.read_text())
    git(root, "commit", "-qam", "first line")
    archive.write_bytes(b"PK two")
    old, new = ("rev-parse", ":golden/a.npz"), ("hash-object", str(archive))
    hashes = [line[1:] for line in git(root, "diff").splitlines() if line[1:].isalnum()]
    assert hashes == [git(root, *old).strip(), git(root, *new).strip()]
    git(root, "merge", "-q", "--no-edit", "other")
    assert registry.read_text().split() == ["first", *map(str, range(9)), "last"]


def test_a_merge_that_fails_for_another_reason_stays_failed(root, monkeypatch):
    """Only a program that cannot be run is replaced."""
    monkeypatch.setattr(install_git, "_program", lambda: "false")
    for key, rest in (("merge.harness-registry.driver", ""), ("diff.harness-npz.textconv", ' "$@"')):
        done = subprocess.run(["sh", "-c", configuration()[key] + rest, "-", "x"], check=False)
        assert done.returncode == 1
