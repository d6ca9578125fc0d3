"""What makes a worker differ: its environment, the code of both sides, and the registry."""

from __future__ import annotations

import pytest

from harness.core.system.executors.identity import (
    HARNESS_CODE,
    PROJECT_CODE,
    REGISTRY,
    differences,
    digest_of_code,
    identity,
    is_same_code,
)


@pytest.fixture
def project(tmp_path):
    (tmp_path / "lens.py").write_text("F = 1\n")
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "registry.json").write_text("{}")
    (tmp_path / "golden").mkdir()
    return tmp_path


def test_the_same_process_does_not_differ(project):
    assert differences(identity(project), identity(project)) == ()


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("lens.py", PROJECT_CODE),
        ("src/optics/new.py", PROJECT_CODE),
        ("kernels.so", PROJECT_CODE),
        ("pyproject.toml", PROJECT_CODE),
        ("registry.json", REGISTRY),
    ],
)
def test_another_file_is_seen(project, file, key):
    before = identity(project)
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("other")
    (found,) = differences(before, identity(project))
    assert found.startswith(key)
    assert "here)" in found
    assert not is_same_code(before, identity(project))


@pytest.mark.parametrize(
    "file", ["golden/made.py", ".cache/a.py", "env/lib/a.py", "__pycache__/a.py", "scan.npz", "sub/tox.ini"]
)
def test_what_is_not_code_of_the_project_does_not_count(project, file):
    (project / "env").mkdir()
    (project / "env/pyvenv.cfg").touch()
    before = digest_of_code(project, without="golden")
    (project / file).parent.mkdir(parents=True, exist_ok=True)
    (project / file).write_text("other")
    assert digest_of_code(project, without="golden") == before


def test_a_file_is_not_the_same_under_another_name(project):
    before = digest_of_code(project)
    (project / "lens.py").rename(project / "lense.py")
    assert digest_of_code(project) != before


def test_without_a_project_only_our_own_code_counts():
    assert HARNESS_CODE in identity(None)
    assert not {PROJECT_CODE, REGISTRY} & identity(None).keys()


def test_cores_count_only_while_nothing_sets_the_number_of_threads():
    few, many = {"cores": "2"}, {"cores": "64"}
    assert differences(few, many) == ("cores 64 (2 here)",)
    one = {"OMP_NUM_THREADS": "1"}
    assert differences(few | one, many | one) == ()
    assert differences(few | one, many) == ("OMP_NUM_THREADS not set (1 here)", "cores 64 (2 here)")


def test_an_environment_is_not_code():
    assert is_same_code({"numpy": "2.3.1", HARNESS_CODE: "a"}, {"numpy": "2.2.0", HARNESS_CODE: "a"})
    assert not is_same_code({"harness": "0.1.0"}, {"harness": "0.2.0"})
