"""``harness init`` as a user types it."""

from __future__ import annotations

import json
import os
import sys

import pytest

from harness.commands.upkeep import init


def everything(folder) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(folder).parts
    }


def test_from_nothing_to_a_golden_test_that_passes(harness, run_pytest, tmp_path):
    shown = harness("init", "--yes")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out.splitlines()[-1] == 'next: pytest --regen-all --golden-reason "first"'
    assert "`git init`" in shown.out
    done = run_pytest(tmp_path, "--regen-all", "--golden-reason", "first")
    assert done.returncode == 0, done.stdout
    assert run_pytest(tmp_path).returncode == 0
    page = harness("status")
    assert page.code == 0
    assert "unreferenced: none" in page.out


def test_a_second_time_changes_nothing(harness, tmp_path):
    harness("init", "--yes")
    before = everything(tmp_path)
    shown = harness("init", "--json")
    assert shown.code == 0
    document = json.loads(shown.out)
    assert (document["made"], document["extended"], document["skipped"]) == ([], [], [])
    assert everything(tmp_path) == before


def test_in_a_repository_git_is_configured(harness, git, git_environment, tmp_path):
    git("init", "-q", "-b", "main")
    (tmp_path / ".gitignore").write_text("build\n")
    shown = harness("init", "--yes", env=git_environment)
    assert shown.code == 0
    assert "extended .gitignore" in shown.out
    assert "harness" in git("config", "--get", "merge.harness-registry.driver")
    before = everything(tmp_path)
    assert "nothing to do" in harness("init", env=git_environment).out
    assert everything(tmp_path) == before


def test_without_a_terminal_it_asks_for_yes(harness, tmp_path):
    shown = harness("init")
    assert shown.code == 2
    assert "--yes" in shown.err
    assert everything(tmp_path) == {}


def test_a_dry_run_shows_the_lines_and_changes_nothing(harness, tmp_path):
    (tmp_path / ".gitignore").write_text("build\n")
    before = everything(tmp_path)
    shown = harness("init", "--dry-run")
    assert shown.code == 0
    assert "  would extend .gitignore\n      .harness/\n" in shown.out
    assert "  would make registry.json\n" in shown.out
    assert everything(tmp_path) == before


def test_ci_is_refused(harness, tmp_path):
    shown = harness("init", "--yes", env={**os.environ, "CI": "true"})
    assert shown.code == 2
    assert everything(tmp_path) == {}


def test_a_damaged_configuration_is_refused(harness, tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options\n")
    before = everything(tmp_path)
    shown = harness("init", "--yes")
    assert shown.code == 2
    assert "TOML" in shown.err
    assert everything(tmp_path) == before


@pytest.mark.parametrize("answer", ["y", "n"])
def test_each_file_that_exists_is_asked_about(tmp_path, monkeypatch, capsys, answer):
    """New files are made without a question."""
    (tmp_path / ".gitignore").write_text("build\n")
    (tmp_path / ".gitattributes").write_text("*.png binary\n")
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        return answer == "y"

    monkeypatch.setattr(init.click, "confirm", confirm)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert init.command.main([], standalone_mode=False) == 0
    assert asked == ["Extend .gitattributes?", "Extend .gitignore?"]
    assert (tmp_path / "registry.json").is_file()
    assert (".harness/" in (tmp_path / ".gitignore").read_text()) == (answer == "y")
    out = capsys.readouterr().out
    assert ("skipped .gitignore" in out) == (answer == "n")


def test_a_directory_is_made_and_named_in_the_next_command(harness, run_pytest, tmp_path):
    shown = harness("init", "packages/new one", "--yes")
    assert (shown.code, shown.err) == (0, "")
    expected = """cd 'packages/new one' && pytest --regen-all --golden-reason "first\""""
    assert shown.out.splitlines()[-1] == f"next: {expected}"
    assert [path.name for path in tmp_path.iterdir()] == ["packages"]
    done = run_pytest(tmp_path / "packages" / "new one", "--regen-all", "--golden-reason", "first")
    assert done.returncode == 0, done.stdout


def test_a_dry_run_makes_no_directory(harness, tmp_path):
    assert harness("init", "new", "--dry-run").code == 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_a_directory(harness, tmp_path):
    (tmp_path / "new").touch()
    for words in (("new",), ("new", "--root", ".")):
        shown = harness("init", *words, "--yes")
        assert (shown.code, "new" in shown.err or "--root" in shown.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize("answer", ["y", "n"])
def test_what_is_outside_of_the_project_is_asked_about(tmp_path, monkeypatch, capsys, answer):
    """In a repository of several projects the job and the hook are at its root."""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".pre-commit-config.yaml").write_text("repos:\n- repo: x\n")
    (tmp_path / "waves").mkdir()
    monkeypatch.chdir(tmp_path)
    asked: list[str] = []

    def confirm(text: str, **_: object) -> bool:
        asked.append(text)
        return answer == "y"

    monkeypatch.setattr(init.click, "confirm", confirm)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert init.command.main(["waves"], standalone_mode=False) == 0
    assert asked == ["Extend ../.pre-commit-config.yaml?", "Make ../.github/workflows/golden-waves.yml?"]
    shown = capsys.readouterr()
    assert "is at the root of the git repository. It would be made with:" in shown.err
    assert (tmp_path / ".github" / "workflows" / "golden-waves.yml").is_file() == (answer == "y")
    assert ("--root waves" in (tmp_path / ".pre-commit-config.yaml").read_text()) == (answer == "y")
    assert ("skipped ../.github/workflows/golden-waves.yml" in shown.out) == (answer == "n")


def test_nothing_includes_a_file_that_is_not_wanted(tmp_path, monkeypatch, capsys):
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitlab-ci.yml").write_text("stages: [test]\n")
    (tmp_path / "waves").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(init.click, "confirm", lambda text, **_: ".gitlab/" not in text)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    assert init.command.main(["waves"], standalone_mode=False) == 0
    assert (tmp_path / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    out = capsys.readouterr().out
    assert "skipped ../.gitlab/golden-waves.yml\n  skipped ../.gitlab-ci.yml\n" in out
