"""What several verbs share: the project, the only fixture, JSON or text."""

from __future__ import annotations

import json
import shlex

import pytest

from harness.commands.options import command_line, emit, project_at, project_to_write, the_fixture
from harness.core.errors import UsageError
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project


def test_a_root_is_taken_as_it_is(tmp_path):
    """Without a registry in it too."""
    assert project_at(tmp_path) == project_to_write(tmp_path) == Project(tmp_path)


def test_without_a_root_the_nearest_registry_decides(tmp_path, monkeypatch):
    (tmp_path / "registry.json").write_text("{}")
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert project_at(None) == project_to_write(None) == Project(tmp_path)


def test_only_a_verb_that_writes_can_start_a_project(tmp_path, monkeypatch):
    """In the nearest directory with a pyproject.toml or a git repository."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "inner").mkdir()
    monkeypatch.chdir(tmp_path / "inner")
    assert project_to_write(None) == Project(tmp_path)
    with pytest.raises(UsageError):
        project_at(None)


def test_the_command_line_can_be_pasted_into_a_shell(monkeypatch):
    """It is what a record keeps; words with spaces are quoted."""
    words = ["add", "golden/a.txt", "--reason", "new data"]
    monkeypatch.setattr("sys.argv", ["/bin/harness", *words])
    assert shlex.split(command_line()) == ["harness", *words]


@pytest.mark.parametrize(("as_json", "shown"), [(True, '{\n  "a": 1\n}\n'), (False, "text\n")])
def test_emit_prints_json_or_text(capsys, as_json, shown):
    emit({"a": 1}, as_json=as_json, render=lambda: print("text"))  # noqa: T201
    assert capsys.readouterr().out == shown


def test_the_only_fixture_is_found(project):
    assert the_fixture(project) == project / "golden" / "waves.npz"


def without_entries(project, *keep: str) -> None:
    """Remove all entries but *keep* from the registry."""
    tree = json.loads((project / "registry.json").read_bytes())
    tree["entries"] = {path: entry for path, entry in tree["entries"].items() if path in keep}
    (project / "registry.json").write_text(json.dumps(tree))


def test_no_fixture_is_a_usage_error(project):
    without_entries(project)
    with pytest.raises(UsageError) as caught:
        the_fixture(project)
    assert str(caught.value) == ("no fixture is named, and the registry has none. Record a fixture first.")


def test_several_fixtures_are_a_usage_error(project, harness):
    """They are listed."""
    for suffix in ("npz", "json"):
        copy = project / "golden" / f"other.{suffix}"
        copy.write_bytes((project / "golden" / f"waves.{suffix}").read_bytes())
    assert harness("add", "golden/other.npz", "golden/other.json", "--reason", "second").code == 0
    assert len(read_registry(project / "registry.json").entries) > 4
    with pytest.raises(UsageError) as caught:
        the_fixture(project)
    assert str(caught.value) == (
        "no fixture is named, and the registry has 2. Name one of golden/other.npz, golden/waves.npz."
    )
