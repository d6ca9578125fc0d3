"""Git's attributes and configuration, wherever the golden directory is and whatever its name."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from harness.core.errors import RefusedError, UsageError
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
