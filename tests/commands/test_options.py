"""What several verbs share: the project, the only fixture, JSON or text."""

from __future__ import annotations

import json
import shlex

import pytest

from harness.commands.options import code_root, command_line, emit, project_at, project_to_write, the_fixture
from harness.core.errors import UsageError
from harness.core.registry.registry import read_registry
from harness.core.storage.project import Project


def test_a_root_is_taken_as_it_is(tmp_path):
    """For a verb that writes without a registry in it too; any other has nothing to look at there."""
    assert project_to_write(tmp_path) == Project(tmp_path)
    with pytest.raises(UsageError, match=r"no registry\.json in") as caught:
        project_at(tmp_path)
    assert caught.value.thing == f"--root {tmp_path}"
    (tmp_path / "registry.json").write_text("{}")
    assert project_at(tmp_path) == Project(tmp_path)


VERBS_WITH_ROOT = ["verify", "run", "reproduce", "audit", "sensitivity", "recover", "reconstruct"]


@pytest.mark.parametrize("name", VERBS_WITH_ROOT)
def test_a_root_with_nothing_there_exits_with_2(tmp_path, harness, name):
    """Not with 0: nothing was compared."""
    (tmp_path / "empty").mkdir()
    shown = harness(name, "--root", "empty")
    assert (shown.code, shown.out) == (2, "")
    assert "no registry.json in empty" in shown.err


@pytest.mark.parametrize(("name", "text"), [("run", "nothing to run"), ("reproduce", "nothing to reproduce")])
def test_an_empty_registry_exits_with_2(tmp_path, harness, name, text):
    (tmp_path / "registry.json").write_text('{"entries": {}, "schema": 2}')
    shown = harness(name, "--root", ".")
    assert (shown.code, shown.out) == (2, "")
    assert text in shown.err


def test_what_code_of_the_project_prints_is_not_on_standard_output(project, harness):
    """Neither from Python, nor from compiled code or a child process."""
    module = project / "waves.py"
    noise = "    print('from Python'); os.system('echo from a child'); os.write(1, b'from C')\n    t ="
    module.write_text(module.read_text().replace("    t =", noise))
    shown = harness("run", "--json")
    assert json.loads(shown.out)["steps"][0]["name"] == "generate waves"
    assert all(text in shown.err for text in ("from Python", "from a child", "from C"))
    shown = harness("generate", "waves", "--output", "out", "--json")
    assert json.loads(shown.out)["files"]
    assert "from Python" in shown.err


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


def test_code_is_that_of_the_nearest_project(tmp_path, monkeypatch):
    """A verb works the same in a sub-directory; --root takes precedence."""
    inner = tmp_path / "outer" / "inner"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    (tmp_path / "registry.json").write_text("{}")
    assert code_root(None) == tmp_path
    (tmp_path / "outer" / "pyproject.toml").touch()
    assert code_root(None) == tmp_path / "outer"
    assert code_root(inner) == inner


def test_the_command_line_can_be_pasted_into_a_shell(monkeypatch):
    """It is what a record keeps; words with spaces are quoted."""
    words = ["add", "golden/a.txt", "--reason", "new data"]
    monkeypatch.setattr("sys.argv", ["/bin/harness", *words])
    assert shlex.split(command_line()) == ["harness", *words]


@pytest.mark.parametrize(
    ("as_json", "shown"), [(True, '{\n  "a": 1,\n  "schema": 1,\n  "verb": ""\n}\n'), (False, "text\n")]
)
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
        text = (project / "golden" / f"waves.{suffix}").read_bytes()
        copy.write_bytes(text.replace(b'"name": "waves"', b'"name": "other"'))
    assert harness("add", "golden/other.npz", "golden/other.json", "--reason", "second").code == 0
    assert len(read_registry(project / "registry.json").entries) > 4
    with pytest.raises(UsageError) as caught:
        the_fixture(project)
    assert str(caught.value) == (
        "no fixture is named, and the registry has 2. Name one of golden/other.npz, golden/waves.npz."
    )
