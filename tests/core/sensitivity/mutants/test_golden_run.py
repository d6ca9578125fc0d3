"""Golden tests in a copy import the copy, whatever is installed, and see no directory of the user."""

from __future__ import annotations

import os
import site
import sys
from typing import TYPE_CHECKING

import pytest
from golden_field import make_project

import harness
from harness.core.sensitivity.mutants import golden_run
from harness.core.sensitivity.mutants.golden_run import origin_of, run_golden
from harness.core.sensitivity.mutants.whole_copy import copy_whole

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = """
import json, os, sys, tempfile
from pathlib import Path
import field, harness, numpy

def test_places(metrics_regression):
    shown = {"field": field.__file__, "harness": harness.__file__, "home": str(Path.home()),
             "temporary": tempfile.gettempdir(), "threads": os.environ["OMP_NUM_THREADS"]}
    Path("shown.json").write_text(json.dumps(shown))
    metrics_regression.check({"child": 8.0, "process": 1.0}, "child")
"""


@pytest.fixture
def shown(tmp_path):
    """What a test in a copy of a project sees, after the project was changed."""

    def ask(change=lambda _root: None) -> tuple[dict[str, str], Path]:
        import json

        project = make_project(tmp_path / "project")
        (project.root / "tests" / "test_field.py").write_text(SHOWN)
        change(project.root)
        copy = copy_whole(project, tmp_path / "scratch")
        work = tmp_path / "work"
        work.mkdir()
        run = run_golden(copy, origin_of(project), work, clean=tmp_path / "clean", is_clean=True)
        assert run.ran.code == 0, run.ran.output
        return json.loads((copy.root / "shown.json").read_text()), copy.root

    return ask


def test_the_copy_is_imported_and_the_user_s_directories_are_hidden(shown, monkeypatch, tmp_path):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found, root = shown()
    assert found["field"] == str(root / "field.py")
    assert found["home"] == str(tmp_path / "work" / "home")
    assert found["temporary"] == str(tmp_path / "work" / "temporary")
    assert found["threads"] == "1"


def test_a_path_of_the_user_into_the_project_leads_to_the_copy(shown, monkeypatch, tmp_path):
    """As an editable installation adds it."""

    def move(root: Path) -> None:
        (root / "lib").mkdir()
        (root / "field.py").rename(root / "lib" / "field.py")

    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "project" / "lib"))
    monkeypatch.syspath_prepend(str(tmp_path / "project" / "lib"))
    found, root = shown(move)
    assert found["field"] == str(root / "lib" / "field.py")


def test_a_package_harness_of_the_project_does_not_hide_ours(shown):
    def add(root: Path) -> None:
        (root / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")  # it would be put first there
        (root / "harness").mkdir()
        (root / "harness" / "__init__.py").write_text("")

    assert shown(add)[0]["harness"] == harness.__file__


def test_an_environment_in_the_project_is_no_place_of_its_own(tmp_path, monkeypatch):
    project = make_project(tmp_path / "project")
    packages = project.root / ".venv" / "lib"
    packages.mkdir(parents=True)
    (project.root / ".venv" / "pyvenv.cfg").write_text("")
    monkeypatch.setattr(sys, "path", [str(packages), str(project.root)])
    assert origin_of(project).places == (".",)


def test_the_user_s_packages_stay_visible(tmp_path, monkeypatch):
    project = make_project(tmp_path / "project")
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    environment = golden_run._environment(project, origin_of(project), tmp_path)
    assert environment["PYTHONUSERBASE"] == site.getuserbase()
    assert "XDG_CACHE_HOME" not in environment
    assert environment["PYTHONPATH"].split(os.pathsep)[0] == str(project.root)
