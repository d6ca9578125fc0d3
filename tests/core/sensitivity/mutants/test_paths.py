"""What PATH may be: the project's own Python files, and nothing else."""

from __future__ import annotations

import subprocess

import pytest

from harness.core.errors import UsageError
from harness.core.sensitivity.mutants.paths import source_files
from harness.core.storage.project import Project

FILES = (
    "waves/__init__.py",
    "waves/fft.py",
    "waves/test_fft.py",
    "waves/fft_test.py",
    "tests/helper.py",
    "conftest.py",
    "setup.py",
    "notes.txt",
    "env/pyvenv.cfg",
    "env/lib/numpy.py",
)


@pytest.fixture(params=["git", "no git"])
def project(request, tmp_path) -> Project:
    root = tmp_path / "project"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x = 1\n")
    if request.param == "git":
        (root / ".gitignore").write_text("env/\n")
        subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return Project(root)


def test_without_a_path_all_of_the_project_is_meant_but_tests_and_environments(project):
    assert source_files(project, []) == ["setup.py", "waves/__init__.py", "waves/fft.py"]


def test_a_directory_means_the_files_in_it(project):
    assert source_files(project, [project.root / "waves"]) == ["waves/__init__.py", "waves/fft.py"]
    assert source_files(project, [project.root]) == source_files(project, [])


def test_a_file_is_taken_once(project):
    file = project.root / "waves" / "fft.py"
    assert source_files(project, [file, project.root / "waves", file]) == [
        "waves/fft.py",
        "waves/__init__.py",
    ]


def test_a_project_of_tests_alone_has_nothing_to_mutate(tmp_path):
    (tmp_path / "test_a.py").write_text("")
    with pytest.raises(UsageError, match="found none there"):
        source_files(Project(tmp_path), [])


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("waves/test_fft.py", "found a test"),
        ("conftest.py", "found a test"),
        ("tests/helper.py", "found a test"),
        ("tests", "found none there"),
        ("notes.txt", "found none there"),
        ("missing.py", "found no such file or directory"),
        ("..", "found a path outside of"),
    ],
)
def test_what_cannot_be_mutated_is_refused(project, name, found):
    with pytest.raises(UsageError) as caught:
        source_files(project, [project.root / name])
    assert found in str(caught.value)
