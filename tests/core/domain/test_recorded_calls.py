"""A manifest can only name functions of the project, or declared ones; nothing else is imported or called."""

from __future__ import annotations

import sys

import pytest

from harness.core.domain.import_path import importing
from harness.core.domain.recorded_calls import call_with, load_recorded
from harness.core.errors import DependencyError, NotImportableError
from harness.core.fixtures.manifest import Generator

OWN = """
import functools
from os import system
from shutil import rmtree
from subprocess import run
from pathlib import Path as Folder

def lattice(*, size=3): return size

@functools.lru_cache
def kept(*, size=3): return size

class Maker:
    def __call__(self): ...

maker, VALUE = Maker(), 3
nothing = functools.partial(rmtree)
"""


@pytest.fixture
def load(empty):
    """Load what a call names, as the project's processes do."""

    def load(call: str, path: str | None = None):
        generator = Generator(call, 1) if path is None else Generator(call, 1, {}, path)
        with importing(empty.root, path):
            return load_recorded(generator, empty.root)

    return load


@pytest.mark.parametrize("name", ["lattice", "kept"])
def test_a_function_of_the_project_is_loaded(module, load, name):
    module("own", OWN)
    assert load(f"own:{name}")(size=5) == 5


@pytest.mark.parametrize("name", ["Maker.__call__", "test.<locals>.inner", "<lambda>"])
def test_what_is_not_at_the_top_level_of_a_module_is_refused_with_what_to_do(module, load, name):
    """Recording it again would be refused again."""
    module("own", OWN)
    with pytest.raises(NotImportableError, match="is not a name at the top level of module own") as caught:
        load(f"own:{name}")
    assert caught.value.remedy.startswith("Move the generator to the top level of a module")


@pytest.mark.parametrize(
    "call",
    [
        "os:system",
        "builtins:exec",
        "shutil:rmtree",
        "subprocess:run",
        "numpy:save",
        "pathlib:Path",
        "pip:main",
    ],
)
def test_what_is_not_of_the_project_is_refused(load, call):
    with pytest.raises(NotImportableError, match=f"generator '{call}' is not run") as caught:
        load(call)
    assert caught.value.exit_code == 2
    offered = "[tool.harness.generators]" in caught.value.remedy
    assert offered is (call in {"numpy:save", "pip:main"})  # what is part of Python cannot be declared


@pytest.mark.parametrize("name", ["system", "rmtree", "run", "Folder", "Maker", "maker", "VALUE", "nothing"])
def test_only_a_plain_function_that_the_module_defines_is_called(module, load, name):
    """Not one that it imports from elsewhere, nor a class, an object or a builtin."""
    module("own", OWN)
    with pytest.raises(NotImportableError, match="is not a function that module 'own' defines"):
        load(f"own:{name}")


def test_no_package_around_a_module_outside_is_imported(load, tmp_path, monkeypatch):
    """Finding out where a module is must not run its parent."""
    outside = tmp_path / "outside" / "parent"
    outside.mkdir(parents=True)
    (outside / "__init__.py").write_text("raise SystemExit('imported')\n")
    (outside / "child.py").write_text("def make(): ...\n")
    monkeypatch.syspath_prepend(outside.parent)
    with pytest.raises(NotImportableError, match="not a file of the project"):
        load("parent.child:make")
    assert "parent" not in sys.modules


@pytest.mark.parametrize("path", ["..", "../outside", "linked", "/"])
def test_a_recorded_directory_outside_the_project_does_not_count(load, empty, tmp_path, path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "evil.py").write_text("raise SystemExit('imported')\n")
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')\n")
    (empty.root / "linked").symlink_to(tmp_path / "outside")
    with pytest.raises(NotImportableError, match="not a file of the project"):
        load("evil:make", path)


def test_a_module_of_an_environment_inside_the_project_is_not_the_projects(load, empty):
    folder = empty.root / ".venv" / "lib" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "foreign.py").write_text("def make(): ...\n")
    with pytest.raises(NotImportableError, match="not a file of the project"):
        load("foreign:make", ".venv/lib/site-packages")


def test_a_module_with_the_name_of_one_of_python_itself_does_not_open_that_one(load, empty):
    (empty.root / "shutil.py").write_text("def rmtree(): ...\n")
    with pytest.raises(NotImportableError, match="imported from elsewhere"):
        load("shutil:rmtree")


def test_a_declared_function_of_an_installed_package_is_loaded(load, empty, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "foreign.py").write_text("def make(): return 3\nfrom os import system\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(NotImportableError, match="no domain declares it"):
        load("foreign:make")
    (empty.root / "pyproject.toml").write_text(
        '[tool.harness.generators]\nm = "foreign:make"\ns = "foreign:system"\no = "os:system"\n'
    )
    assert load("foreign:make")() == 3
    with pytest.raises(NotImportableError):
        load("foreign:system")
    with pytest.raises(NotImportableError):
        load("os:system")
    del sys.modules["foreign"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
        ("import sys; sys.exit()", "SystemExit"),
        ("import pytest; pytest.skip('no GPU', allow_module_level=True)", "no GPU"),
        ("", "lattice"),
    ],
)
def test_a_module_that_cannot_be_imported_is_refused_in_a_sentence(module, load, text, found):
    module("broken", text)
    with pytest.raises(NotImportableError, match=found):
        load("broken:lattice")


def test_a_missing_package_is_named(module, load):
    module("needy", "import no_such_package\n")
    with pytest.raises(DependencyError, match="no_such_package"):
        load("needy:lattice")


def test_arguments_by_position_only_are_passed(made):
    def both(first, /, second, *, third):
        assert (first, second, third) == (1, 2, 3)
        return made()

    assert call_with(both, {"third": 3, "second": 2, "first": 1}).manifest.name == "lattice"


@pytest.mark.parametrize("value", [None, 3, {"image": [1.0]}])
def test_a_function_that_returns_no_fixture_is_no_generator(value):
    with pytest.raises(NotImportableError, match=f"expected a Fixture.* found .* {type(value).__name__}"):
        call_with(lambda: value, {})
