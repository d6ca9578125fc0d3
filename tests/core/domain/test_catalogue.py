"""Domains are merged into one catalogue, the project's own last; entries are loaded by name."""

from __future__ import annotations

import sys

import pytest

from harness.core.domain.catalogue import Catalogue, find_catalogue
from harness.core.errors import DependencyError, UsageError


class Point:
    """An installed package's entry point."""

    def __init__(self, value: str) -> None:
        self.value = value


@pytest.fixture
def installed(monkeypatch):
    """Install exactly the domains with the given references."""

    def install(*references: str) -> None:
        points = [Point(reference) for reference in references]
        found = {"harness.domains": points}
        monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: found.get(group, []))

    install()
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return install


@pytest.fixture
def pyproject(empty):
    """Write the project's pyproject.toml."""

    def write(text: str) -> None:
        (empty.root / "pyproject.toml").write_text(text, "utf-8")

    return write


def test_installed_domains_are_merged(installed, module):
    module(
        "one",
        "from harness.core.domain.interface import Domain\nD = Domain('one', {'a': 'one:a'}, {'p': 'one:p'})",
    )
    module("two", "from harness.core.domain.interface import Domain\nD = Domain('two', {'b': 'two:b'})")
    installed("one:D", "two:D")
    assert find_catalogue() == Catalogue({"a": "one:a", "b": "two:b"}, {"p": "one:p"}, {})


def test_the_project_comes_last_and_replaces_entries_of_the_same_name(installed, module, pyproject, empty):
    module(
        "one",
        "from harness.core.domain.interface import Domain\nD = Domain('one', {'a': 'one:a', 'b': 'one:b'})",
    )
    installed("one:D")
    pyproject('[tool.harness.generators]\nb = "own:b"\n[tool.harness.checks]\nc = "own:c"\n')
    found = find_catalogue(empty.root)
    assert (found.generators, found.checks) == ({"a": "one:a", "b": "own:b"}, {"c": "own:c"})


def test_the_project_is_on_the_import_path_only_when_something_of_it_is_loaded(installed, pyproject, empty):
    """Until then no module of the project can be imported by accident."""
    before = sys.path.copy()
    pyproject('[tool.harness.generators]\nlattice = "own_lattice:make"\n')
    (empty.root / "own_lattice.py").write_text("make = 3\n")
    catalogue = find_catalogue(empty.root)
    assert sys.path == before
    assert catalogue.load("generators", "lattice") == 3
    assert sys.path == [str(empty.root), *before]
    catalogue.load("generators", "lattice")
    assert sys.path == [str(empty.root), *before]
    del sys.modules["own_lattice"]


@pytest.mark.parametrize("reference", ["os:system", "subprocess:run", "builtins:exec", "shutil:rmtree"])
def test_a_part_of_python_itself_is_never_loaded(installed, pyproject, empty, reference):
    pyproject(f'[tool.harness.generators]\nlattice = "{reference}"\n')
    with pytest.raises(UsageError, match="part of Python itself"):
        find_catalogue(empty.root).load("generators", "lattice")


@pytest.mark.parametrize(
    "text", ["", "[project]\nname = 'a'\n", "[tool.ruff]\nline-length = 3\n", "[tool.harness]\n"]
)
def test_a_project_without_entries_is_an_empty_catalogue(installed, pyproject, empty, text):
    assert find_catalogue(empty.root) == find_catalogue() == Catalogue({}, {}, {})
    pyproject(text)
    assert find_catalogue(empty.root) == Catalogue({}, {}, {})


def test_an_unknown_name_is_refused_and_the_known_names_are_listed():
    catalogue = Catalogue({"b": "m:b", "a": "m:a"}, {}, {})
    with pytest.raises(UsageError, match="expected one of a, b, found no such name") as caught:
        catalogue.load("generators", "c")
    assert caught.value.thing == "generator 'c'"
    with pytest.raises(UsageError, match="expected an installed domain that has it"):
        catalogue.load("pipelines", "c")


def test_an_installed_domain_that_cannot_be_imported_is_named(installed, module):
    module("broken", "import no_such_package\n")
    installed("broken:DOMAIN")
    with pytest.raises(DependencyError, match="no_such_package") as caught:
        find_catalogue()
    assert "broken:DOMAIN" in caught.value.thing


FAULTS = """
from harness.core.domain.interface import Fault
FAULTS = (Fault("X1", "{title}", "fixture", dict), Fault("X2", "second", "fixture", dict))
"""


@pytest.mark.parametrize("written", ['"mine:FAULTS"', '["mine:FAULTS"]'])
def test_a_project_adds_its_own_faults(installed, module, pyproject, empty, written):
    module("mine", FAULTS.format(title="first"))
    pyproject(f"[tool.harness]\nfaults = {written}\n")
    assert [fault.id for fault in find_catalogue(empty.root).load_faults()] == ["X1", "X2"]


def test_a_fault_replaces_an_earlier_one_with_the_same_id(installed, module, pyproject, empty):
    module("theirs", FAULTS.format(title="theirs"))
    module("mine", FAULTS.format(title="mine"))
    pyproject('[tool.harness]\nfaults = ["theirs:FAULTS", "mine:FAULTS"]\n')
    assert [fault.title for fault in find_catalogue(empty.root).load_faults()] == ["mine", "second"]


@pytest.mark.parametrize("table", ["3", "('F01',)", "{'F01': 1}"])
def test_a_list_of_anything_but_faults_is_refused(installed, module, pyproject, empty, table):
    module("mine", f"FAULTS = {table}")
    pyproject('[tool.harness]\nfaults = "mine:FAULTS"\n')
    with pytest.raises(UsageError, match="expected a list or tuple of harness"):
        find_catalogue(empty.root).load_faults()


def test_a_specimen_replaces_an_earlier_one_of_the_same_name(installed, module, pyproject, empty):
    text = "from harness.core.domain.interface import Specimen\nS = [Specimen('flat', dict, {pipelines})]\n"
    module("theirs", text.format(pipelines="()"))
    module("mine", text.format(pipelines="('smooth',)"))
    pyproject('[tool.harness]\nspecimens = ["theirs:S", "mine:S"]\n')
    (specimen,) = find_catalogue(empty.root).load_specimens()
    assert (specimen.name, specimen.pipelines) == ("flat", ("smooth",))


def test_checks_are_loaded_by_name(installed, module, pyproject, empty):
    module("mine", "def contract(path): ...\n")
    pyproject('[tool.harness.checks]\ncontract = "mine:contract"\n')
    checks = find_catalogue(empty.root).load_checks()
    assert [(name, check.__name__) for name, check in checks.items()] == [("contract", "contract")]


def test_only_a_declared_measure_is_imported(module, pyproject, empty):
    module("mine", "def measure(fixture, measured):\n    return {}\ndef other(fixture, measured): pass\n")
    pyproject('[tool.harness]\nmeasures = ["mine:measure"]\n')
    catalogue = find_catalogue(empty.root)
    assert catalogue.load_measure("mine:measure")({}, {}) == {}
    for reference in ("mine:other", "trap:measure", "os:system"):
        with pytest.raises(UsageError, match="was not called"):
            catalogue.load_measure(reference)


def test_panels_are_loaded_by_reference_and_the_projects_own_only_on_its_root(
    installed, module, pyproject, empty
):
    module(
        "one",
        "from harness.core.domain.interface import Domain\n"
        "def figures(golden, document, beside):\n    return ()\n"
        "D = Domain('one', panels=('one:figures',))",
    )
    installed("one:D")
    (empty.root / "own.py").write_text("def figures(golden, document, beside):\n    return ()\n")
    pyproject('[tool.harness]\npanels = "own:figures"\n')
    assert list(find_catalogue().load_panels()) == ["one:figures"]
    loaded = find_catalogue(empty.root).load_panels()
    assert list(loaded) == ["one:figures", "own:figures"]
    assert loaded["own:figures"]({}, {}, {}) == ()


def test_panels_that_cannot_be_called_are_refused(installed, module, pyproject, empty):
    installed()
    module("listed", "FIGURES = []")
    pyproject('[tool.harness]\npanels = ["listed:FIGURES"]\n')
    with pytest.raises(UsageError, match=r"'listed:FIGURES': expected a function that returns panels"):
        find_catalogue(empty.root).load_panels()


def test_an_engine_of_the_project_is_a_pipeline_that_an_installed_domain_makes(
    installed, module, pyproject, empty
):
    module(
        "one",
        "from harness.core.domain.interface import Domain\n"
        "D = Domain('one', pipelines={'p': 'one:p'}, engine='one:make')\n"
        "def make(name, settings, root): return (name, settings, root)\n",
    )
    installed("one:D")
    pyproject('[tool.harness.engines.theirs]\ntrain = "theirs {fixture}"\n')
    found = find_catalogue(empty.root)
    assert set(found.pipelines) == {"p", "theirs"}
    assert found.load("pipelines", "theirs") == ("theirs", {"train": "theirs {fixture}"}, empty.root)


def test_an_engine_that_no_installed_domain_knows_is_refused_when_it_is_loaded(installed, pyproject, empty):
    pyproject('[tool.harness.engines.theirs]\ntrain = "theirs {fixture}"\n')
    found = find_catalogue(empty.root)
    with pytest.raises(UsageError, match="engine 'theirs': expected an installed domain that runs programs"):
        found.load("pipelines", "theirs")
