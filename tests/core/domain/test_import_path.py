"""Modules are imported from the recorded directory, from pytest's pythonpath, then from the root."""

from __future__ import annotations

import importlib
import sys

import pytest

from harness.core.domain.import_path import (
    find_module,
    import_places,
    importing,
    is_inside,
    recorded_place,
    use_import_path,
    with_import_place,
)
from harness.core.fixtures.manifest import Generator


@pytest.fixture
def root(empty, monkeypatch):
    """A project with directories, each with a module ``where`` that knows its own place."""
    for name in ("src", "tests/a", "tests/b"):
        folder = empty.root / name
        folder.mkdir(parents=True)
        (folder / "where.py").write_text(f"place = {name!r}\n")
    monkeypatch.setattr(sys, "path", sys.path.copy())
    yield empty.root
    sys.modules.pop("where", None)


def test_the_recorded_directory_comes_first_then_pytests_then_the_root(root):
    (root / "pytest.ini").write_text("[pytest]\npythonpath = src tests/a\n")
    found = import_places(root, "tests/b")
    assert found == (root / "tests/b", root / "src", root / "tests/a", root)


def test_each_place_counts_once_and_only_if_it_exists_inside(root):
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["src", "gone", "..", "/", "./src"]\n'
    )
    assert import_places(root, "src") == (root / "src", root)
    assert import_places(root) == (root / "src", root)


def test_two_modules_of_one_name_are_each_found_in_their_own_place(root):
    """One after the other in one process; the import path is as before afterwards."""
    before = sys.path.copy()
    for place in ("tests/a", "tests/b", "tests/a"):
        with importing(root, place):
            found = importlib.import_module("where")
            assert found.place == place
    assert before == sys.path


def test_a_module_is_imported_once_as_long_as_its_place_stays(root):
    with importing(root, "src"):
        first = importlib.import_module("where")
    with importing(root, "src"):
        assert importlib.import_module("where") is first


def test_the_place_of_a_module_is_recorded_below_the_root(root):
    with importing(root, "tests/a"):
        importlib.import_module("where")
        assert recorded_place("where", root) == "tests/a"
    assert recorded_place("numpy", root) is None
    assert recorded_place("no_such_module", root) is None
    assert with_import_place(Generator("where:f", 1), root).path == "tests/a"
    assert not isinstance(with_import_place(Generator("numpy:f", 1, {}, "old"), root).path, str)


def test_a_module_that_is_not_imported_is_looked_for_in_the_projects_part_of_the_path(root):
    sys.path.insert(0, str(root / "src"))
    assert recorded_place("where", root) == "src"


def test_the_path_for_good_is_set_once(root):
    before = sys.path.copy()
    use_import_path(root)
    use_import_path(root)
    assert sys.path == [str(root), *before]


def test_a_package_is_found_without_being_imported(root):
    (root / "src" / "deep" / "er").mkdir(parents=True)
    (root / "src" / "deep" / "er" / "__init__.py").write_text("1 / 0")
    assert find_module("deep.er", [root, root / "src"]) == root / "src" / "deep" / "er" / "__init__.py"
    assert find_module("deep.er.gone", [root / "src"]) is None
    assert find_module("../src/where", [root]) is None


def test_a_link_out_of_the_project_is_not_inside(root, tmp_path):
    (root / "out").symlink_to(tmp_path)
    assert is_inside(root / "src", root)
    assert not is_inside(root / "out", root)
    assert not is_inside(root / "lib" / "site-packages" / "a.py", root)
