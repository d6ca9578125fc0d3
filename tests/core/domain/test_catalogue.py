"""What generators, pipelines, checks and faults there are, and what their names stand for."""

from __future__ import annotations

import sys

import pytest

from harness.core.domain.catalogue import Catalogue, find_catalogue
from harness.core.domain.interface import Domain
from harness.core.domain.references import load_reference
from harness.core.errors import DependencyError, UsageError


class Point:
    """An installed package's entry point."""

    def __init__(self, value: str) -> None:
        self.value = value


@pytest.fixture
def installed(monkeypatch):
    """Let only the given references be installed domains."""

    def install(*references: str) -> None:
        points = [Point(reference) for reference in references]
        found = {"harness.domains": points}
        monkeypatch.setattr("importlib.metadata.entry_points", lambda *, group: found.get(group, []))

    install()
    monkeypatch.setattr(sys, "path", sys.path.copy())
    return install


@pytest.fixture
def pyproject(empty):
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


def test_a_projects_own_table_comes_last_and_may_replace_an_entry(installed, module, pyproject, empty):
    module(
        "one",
        "from harness.core.domain.interface import Domain\nD = Domain('one', {'a': 'one:a', 'b': 'one:b'})",
    )
    installed("one:D")
    pyproject('[tool.harness.generators]\nb = "own:b"\n[tool.harness.checks]\nc = "own:c"\n')
    found = find_catalogue(empty.root)
    assert (found.generators, found.checks) == ({"a": "one:a", "b": "own:b"}, {"c": "own:c"})


def test_a_projects_own_modules_are_importable(installed, pyproject, empty):
    """From its root, as pytest makes it; a project without a table leaves the path alone."""
    before = sys.path.copy()
    pyproject("[project]\nname = 'a'\n")
    find_catalogue(empty.root)
    assert sys.path == before
    pyproject('[tool.harness.generators]\nlattice = "own_lattice:make"\n')
    (empty.root / "own_lattice.py").write_text("make = 3\n")
    assert find_catalogue(empty.root).load("generators", "lattice") == 3
    find_catalogue(empty.root)
    assert sys.path == [str(empty.root), *before]
    del sys.modules["own_lattice"]


@pytest.mark.parametrize(
    "text", ["", "[project]\nname = 'a'\n", "[tool.ruff]\nline-length = 3\n", "[tool.harness]\n"]
)
def test_a_project_without_entries_is_an_empty_catalogue(installed, pyproject, empty, text):
    assert find_catalogue(empty.root) == find_catalogue() == Catalogue({}, {}, {})
    pyproject(text)
    assert find_catalogue(empty.root) == Catalogue({}, {}, {})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[tool.harness", "Expected ']'"),
        ('[tool.harness]\ngenerator = {a = "b:c"}\n', "unknown field `generator` - at `$.tool.harness`"),
        ('[tool.harness]\ngenerators = "a:b"\n', "at `$.tool.harness.generators`"),
        ("[tool.harness.generators]\na = 3\n", "at `$.tool.harness.generators[...]`"),
        ("[tool]\nharness = 3\n", "at `$.tool.harness`"),
        ("tool = 3\n", "at `$.tool`"),
    ],
)
def test_a_misshapen_table_is_refused_with_its_place(installed, pyproject, empty, text, found):
    pyproject(text)
    with pytest.raises(UsageError) as caught:
        find_catalogue(empty.root)
    assert "pyproject.toml" in caught.value.thing
    assert found in caught.value.found


def test_an_unknown_name_is_refused_and_the_known_ones_named():
    catalogue = Catalogue({"b": "m:b", "a": "m:a"}, {}, {})
    with pytest.raises(UsageError, match="expected one of a, b, found no such name") as caught:
        catalogue.load("generators", "c")
    assert caught.value.thing == "generator 'c'"
    with pytest.raises(UsageError, match="no domain is installed"):
        catalogue.load("pipelines", "c")


def test_a_reference_is_what_it_names(module):
    module("named", "value = [3]\n")
    assert load_reference("named:value") == [3]


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("no_such_module:a", "no module no_such_module"),
        ("present.inner:a", "no module present.inner"),
        ("present:b", "has no attribute 'b'"),
        ("present", "no attribute ''"),
        ("", "Empty module name"),
        (":a", "Empty module name"),
        (".present:a", "package"),
    ],
)
def test_a_reference_that_leads_nowhere_is_refused(module, reference, found):
    module("present", "a = 3\n")
    with pytest.raises(UsageError) as caught:
        load_reference(reference)
    assert repr(reference) in caught.value.thing
    assert found in caught.value.found


@pytest.mark.parametrize("missing", ["no_such_package", "torchles"])
def test_a_package_that_a_module_needs_is_named_with_how_to_install_it(module, missing):
    """Also where the module's own name begins as the missing package's does."""
    module("torchless", f"import {missing}\n")
    with pytest.raises(DependencyError, match="pip install") as caught:
        load_reference("torchless:make")
    assert caught.value.expected == f"the package {missing}"


def test_an_installed_domain_that_cannot_be_imported_is_named(installed, module):
    module("broken", "import no_such_package\n")
    installed("broken:DOMAIN")
    with pytest.raises(DependencyError, match="no_such_package") as caught:
        find_catalogue()
    assert "broken:DOMAIN" in caught.value.thing


def test_a_domain_offers_nothing_by_default():
    assert Domain("empty") == Domain("empty", {}, {}, {})


FAULTS = """
from harness.core.domain.interface import Fault
FAULTS = (Fault("X1", "{title}", "fixture", dict), Fault("X2", "second", "fixture", dict))
"""


@pytest.mark.parametrize("written", ['"mine:FAULTS"', '["mine:FAULTS"]'])
def test_a_project_adds_faults_of_its_own(installed, module, pyproject, empty, written):
    module("mine", FAULTS.format(title="first"))
    pyproject(f"[tool.harness]\nfaults = {written}\n")
    assert [fault.id for fault in find_catalogue(empty.root).load_faults()] == ["X1", "X2"]


def test_a_fault_of_a_known_number_replaces_it(installed, module, pyproject, empty):
    module("theirs", FAULTS.format(title="theirs"))
    module("mine", FAULTS.format(title="mine"))
    pyproject('[tool.harness]\nfaults = ["theirs:FAULTS", "mine:FAULTS"]\n')
    assert [fault.title for fault in find_catalogue(empty.root).load_faults()] == ["mine", "second"]


@pytest.mark.parametrize("table", ["3", "('F01',)", "{'F01': 1}"])
def test_what_is_no_table_of_faults_is_refused(installed, module, pyproject, empty, table):
    module("mine", f"FAULTS = {table}")
    pyproject('[tool.harness]\nfaults = "mine:FAULTS"\n')
    with pytest.raises(UsageError, match="expected a list or tuple of harness"):
        find_catalogue(empty.root).load_faults()
