"""``harness report`` as a user types it."""

from __future__ import annotations

import json
import sys

import pytest


@pytest.fixture
def packages():
    pytest.importorskip("jinja2", reason="Jinja2 is not installed: the extra `report` brings it")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")


@pytest.fixture
def small(project):
    """The project without its arrays, of which pictures would be drawn."""
    (project / "golden" / "waves.npz").unlink()
    return project


def test_a_page_is_written_and_its_size_said(small, harness, packages):
    shown = harness("report")
    page = small / ".harness" / "report.html"
    assert shown.out == f"{page}: {page.stat().st_size:,} bytes\n"
    assert page.read_text("utf-8").startswith("<!DOCTYPE html>")
    assert shown.code == 1


def test_it_goes_where_it_is_asked_to(small, harness, packages):
    shown = harness("report", "--output", "site/golden.html", "--json")
    document = json.loads(shown.out)
    assert (document["schema"], document["verb"]) == (1, "report")
    assert document.keys() - {"schema", "verb"} == {"path", "bytes", "next"}
    assert (small / "site" / "golden.html").stat().st_size == document["bytes"]
    assert not (small / ".harness" / "report.html").exists()


def test_nothing_of_the_project_is_run(small, harness, packages):
    """Neither its modules, nor the generators, pipelines and checks that pyproject.toml names."""
    (small / "waves.py").write_text("raise SystemExit('imported')\n")
    (small / "conftest.py").write_text("raise SystemExit('imported')\n")
    assert harness("report").code == 1


def test_no_project_is_2(harness, packages):
    shown = harness("report", "--json")
    assert shown.code == 2
    assert json.loads(shown.out)["error"]["kind"] == "UsageError"


def test_a_damaged_registry_is_2_and_nothing_is_written(small, harness, packages):
    (small / "registry.json").write_text("{]\n")
    shown = harness("report")
    assert shown.code == 2
    assert "registry.json" in shown.err
    assert not (small / ".harness" / "report.html").exists()


def test_a_missing_package_is_2_with_the_command_that_installs_it(small, run_harness, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    (folder / "matplotlib.py").write_text("raise ImportError('no matplotlib here', name='matplotlib')\n")
    import os

    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}
    shown = run_harness("report", cwd=small, env=env)
    assert shown.code == 2
    assert 'pip install "golden-harness[report]"' in shown.err
    assert not (small / ".harness" / "report.html").exists()
