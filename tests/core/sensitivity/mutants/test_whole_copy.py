"""A copy has all that tests need, and nothing that is done to it reaches the project."""

from __future__ import annotations

import os
import py_compile
import subprocess

import pytest
from golden_field import make_project

from harness.core.sensitivity.mutants.whole_copy import (
    copy_again,
    copy_whole,
    keep_compiled,
    project_files,
    replace_source,
)


@pytest.fixture
def project(tmp_path):
    project = make_project(tmp_path / "project")
    (project.root / ".gitignore").write_text("*.so\nbuild/\nscans/*.npz\n")
    (project.root / "fast.so").write_bytes(b"compiled")
    (project.root / "new.py").write_text("x = 1\n")
    return project


def names(root) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if ".git" not in path.parts}


def test_a_copy_has_new_ignored_and_golden_files_but_no_builds(project, tmp_path):
    copy = copy_whole(project, tmp_path / "scratch")
    assert {"field.py", "new.py", "fast.so", "tests/test_field.py", "golden/spectrum.npz"} <= names(copy.root)
    assert "build" not in names(copy.root)
    assert (copy.root / "registry.json").read_bytes() == (project.root / "registry.json").read_bytes()


def test_golden_files_that_git_ignores_are_copied(project, tmp_path):
    (project.root / ".gitignore").write_text("golden/\n")
    assert "golden/spectrum.npz" in names(copy_whole(project, tmp_path / "scratch").root)


def test_a_copy_does_not_know_the_store(project, tmp_path):
    """A mutant must not send anything there."""
    settings = project.root / "pyproject.toml"
    settings.write_text(f'{settings.read_text()}\n[tool.harness]\nstore = "{tmp_path / "store"}"\n')
    assert "store" not in (copy_whole(project, tmp_path / "scratch").root / "pyproject.toml").read_text()


def test_outside_git_environments_and_caches_are_left_out(tmp_path):
    project = make_project(tmp_path / "project")
    subprocess.run(["rm", "-r", str(project.root / ".git")], check=True)
    for name in ("env/pyvenv.cfg", "env/a.py", ".tox/b.py", "dist/c.py", "kept/d.py"):
        (project.root / name).parent.mkdir(exist_ok=True)
        (project.root / name).write_text("")
    found = set(project_files(project))
    assert {"field.py", "kept/d.py"} <= found
    assert not {"env/a.py", ".tox/b.py", "dist/c.py"} & found


def test_a_deleted_file_and_a_link_are_copied_as_they_are(project, tmp_path):
    (project.root / "inner.py").unlink()
    (project.root / "link.py").symlink_to("field.py")
    copy = copy_whole(project, tmp_path / "scratch")
    assert "inner.py" not in names(copy.root)
    assert os.readlink(copy.root / "link.py") == "field.py"  # noqa: PTH115


def test_a_change_in_a_copy_stays_there(project, tmp_path):
    base = copy_whole(project, tmp_path / "scratch")
    copy = copy_again(base, tmp_path / "again")
    replace_source(copy, "field.py", "broken")
    assert (base.root / "field.py").read_bytes() == (project.root / "field.py").read_bytes()
    assert (copy.root / "field.py").read_text() == "broken"


def test_a_changed_file_has_no_compiled_module_of_the_former_one(project, tmp_path):
    """Python compares size and time in seconds, which may be the same."""
    base = copy_whole(project, tmp_path / "scratch")
    used = copy_again(base, tmp_path / "used")
    py_compile.compile(str(used.root / "new.py"))
    keep_compiled(used, base)
    copy = copy_again(base, tmp_path / "again")
    compiled = list((copy.root / "__pycache__").glob("new.*.pyc"))
    assert len(compiled) == 1
    replace_source(copy, "new.py", "x = 2\n")
    assert not compiled[0].exists()
    assert (copy.root / "new.py").stat().st_mtime > (base.root / "new.py").stat().st_mtime + 2
