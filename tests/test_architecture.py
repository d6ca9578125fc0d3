"""Imports descend, and what should start fast imports little: read from the source, and tried."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import harness

SOURCE = Path(harness.__file__).parent
STANDARD = sys.stdlib_module_names | {"tomllib"}  # which Python 3.10 lacks, and has tomli for
CORE_MAY_IMPORT = {"numpy", "xxhash", "msgspec", "filelock", "tomli"}
CALIBRATING = (
    "harness.core.baselines.tolerance_interval"  # may have scipy, which the extra `calibrate` brings
)


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the module that has it, and the one it names, both with their whole names."""

    importer: str
    imported: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Modules below one of *above* import nothing below *below*, except modules below *exempt*."""

    above: tuple[str, ...]
    below: tuple[str, ...]
    exempt: tuple[str, ...] = ()


RULES = (
    Rule(
        (
            "harness.core",
            "harness.cli",
            "harness.commands",
            "harness.report",
            "harness.pytest_plugin",
            "harness.plugin.checks",
        ),
        ("harness.ptycho",),
    ),
    Rule(("harness",), ("torch", "torchvision"), ("harness.ptycho.pipeline",)),
    Rule(
        ("harness.core",),
        (
            "pytest",
            "pytest_regressions",
            "harness.cli",
            "harness.commands",
            "harness.report",
            "harness.pytest_plugin",
            "harness.plugin.checks",
        ),
    ),
    Rule(("harness.ptycho",), ("pytest", "harness.cli", "harness.commands", "harness.pytest_plugin")),
    Rule(("harness.report",), ("harness.commands", "harness.cli", "harness.pytest_plugin")),
)


def module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@functools.cache
def imports(root: Path) -> frozenset[Import]:
    """Every import below a package's directory: inside functions, and for type checkers, too."""
    return frozenset(
        Import(module_name(path, root), target)
        for path in root.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for target in _targets(node, module_name(path, root), is_package=path.name == "__init__.py")
    )


def _targets(node: ast.AST, module: str, *, is_package: bool) -> list[str]:
    """Whole names of what a statement imports; ``from a import b`` may mean the module a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        parts = module.split(".")
        upward = parts[: len(parts) - node.level + is_package] if node.level else []
        base = ".".join([*upward, *filter(None, [node.module])])
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]
    if isinstance(node, ast.Call) and _is_import_call(node.func):
        return [arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)]
    return []


def _is_import_call(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in {"import_module", "__import__"}


def is_below(module: str, packages: tuple[str, ...]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def broken(rule: Rule, found: frozenset[Import]) -> set[Import]:
    """Imports that break a rule."""
    return {
        item
        for item in found
        if is_below(item.importer, rule.above)
        and not is_below(item.importer, rule.exempt)
        and is_below(item.imported, rule.below)
    }


def foreign(found: frozenset[Import]) -> set[Import]:
    """Imports of core that are neither the standard library's nor one of the few it may have."""
    allowed = STANDARD | CORE_MAY_IMPORT | {"harness"}
    return {
        item
        for item in found
        if is_below(item.importer, ("harness.core",))
        and item.imported.partition(".")[0] not in allowed
        and not (item.importer == CALIBRATING and item.imported.startswith("scipy"))
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: " ".join([*rule.above[:2], "not", *rule.below[:2]]))
def test_imports_descend(rule):
    assert broken(rule, imports(SOURCE)) == set()


def test_core_imports_few_packages():
    assert foreign(imports(SOURCE)) == set()


def test_the_rules_speak_of_modules_that_are_there():
    """A rule about a module that was renamed would hold for ever."""
    modules = {module_name(path, SOURCE) for path in SOURCE.rglob("*.py")}
    named = {name for rule in RULES for name in (*rule.above, *rule.below, *rule.exempt)}
    assert {name for name in named if name.startswith("harness")} <= modules
    used = {item.imported.partition(".")[0] for item in imports(SOURCE)}
    assert used >= CORE_MAY_IMPORT | {"torch", "pytest"}


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("core/digest.py", "from harness.ptycho import scan"),
        ("core/digest.py", "from harness.ptycho.scan.scan import Scan"),
        ("core/digest.py", "import harness.ptycho.scan.scan"),
        ("core/digest.py", "from harness import ptycho"),
        ("core/digest.py", "from ..ptycho import scan"),
        ("core/__init__.py", "from ..ptycho import scan"),
        ("core/deep/inner.py", "from ...ptycho.scan import Scan"),
        ("core/digest.py", "def f():\n    import harness.ptycho"),
        ("core/digest.py", "if TYPE_CHECKING:\n    from harness.ptycho import scan"),
        ("core/digest.py", "importlib.import_module('harness.ptycho.domain')"),
        ("core/digest.py", "__import__('harness.ptycho')"),
        ("cli.py", "import harness.ptycho"),
        ("commands/run.py", "from harness.ptycho import metrics"),
        ("report/text.py", "from harness.ptycho import metrics"),
        ("pytest_plugin.py", "import harness.ptycho"),
        ("regression.py", "import harness.ptycho"),
        ("core/digest.py", "import torch"),
        ("cli.py", "import torch"),
        ("ptycho/metrics.py", "from torch import nn"),
        ("ptycho/metrics.py", "def f():\n    import torch.fft as fft"),
        ("ptycho/pipelines.py", "import torch"),
        ("core/digest.py", "import pytest"),
        ("core/digest.py", "from pytest_regressions import common"),
        ("core/digest.py", "from harness.report import text"),
        ("core/digest.py", "from harness.cli import main"),
        ("ptycho/metrics.py", "import pytest"),
        ("report/text.py", "from harness.commands import run"),
    ],
)
def test_each_import_that_climbs_is_found(tmp_path, file, statement):
    """On a made-up tree: one wrong import, in any spelling, breaks one rule or more, and no other does."""
    root = tree(tmp_path, {file: statement})
    found = set().union(*(broken(rule, imports(root)) for rule in RULES))
    assert {item.importer for item in found} == {module_name(root / file, root)}


@pytest.mark.parametrize("statement", ["import scipy", "import click", "from rich import table"])
def test_each_package_that_core_may_not_have_is_found(tmp_path, statement):
    root = tree(tmp_path, {"core/digest.py": statement})
    assert {item.importer for item in foreign(imports(root))} == {"harness.core.storage.digest"}


def test_imports_that_descend_are_allowed(tmp_path):
    """No check that cannot pass: the tree that all these cases start from breaks nothing."""
    found = imports(tree(tmp_path, {}))
    assert len(found) > 5
    assert [broken(rule, found) for rule in RULES] == [set()] * len(RULES)
    assert foreign(found) == set()


def tree(folder: Path, broken_files: dict[str, str]) -> Path:
    """A made-up source tree whose imports descend, and files that replace or join its own."""
    files = {
        "__init__.py": "",
        "core/__init__.py": "",
        "core/digest.py": "import os\nimport numpy as np\nfrom harness.core.errors import UsageError",
        "ptycho/__init__.py": "",
        "ptycho/metrics.py": "import scipy\nfrom harness.core.storage.digest import digest_array",
        "ptycho/pipeline/__init__.py": "",
        "ptycho/pipeline/train.py": "import torch\nfrom harness.ptycho import metrics",
        "cli.py": "import click\nfrom harness.core import errors",
    }
    for name, text in (files | broken_files).items():
        path = folder / "harness" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder / "harness"


# What a fresh interpreter has imported afterwards


def imported_by(statement: str, *names: str) -> str:
    script = f"import sys\n{statement}\nprint(sorted(set(sys.modules) & {set(names)!r}))"
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_import_harness_imports_neither_torch_nor_numpy():
    assert imported_by("import harness", "torch", "numpy", "harness") == "['harness']"


def test_verify_imports_neither_numpy_nor_torch(tmp_path):
    """The command as a user types it, on a registry whose files are intact."""
    (tmp_path / "registry.json").write_text('{"schema": 1, "entries": {}}')
    call = (
        f"sys.argv = ['harness', 'verify', '--root', {str(tmp_path)!r}]\nfrom harness.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0"
    )
    shown = imported_by(call, "torch", "numpy", "rich", "pytest", "harness.core.registry.verify")
    assert shown.splitlines()[-1] == "['harness.core.registry.verify']"


def test_verify_without_options_imports_no_package_but_the_one_that_hashes(tmp_path):
    """On every push: each of the others takes as long to import as all the rest of it."""
    (tmp_path / "registry.json").write_text('{"schema": 1, "entries": {}}')
    call = (
        f"import os\nos.chdir({str(tmp_path)!r})\nsys.argv = ['harness', 'verify']\n"
        "from harness.cli import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0"
    )
    shown = imported_by(call, "click", "msgspec", "filelock", "dataclasses", "xxhash")
    assert shown.splitlines()[-1] == "['xxhash']"


def test_no_room_of_core_brings_torch_or_pytest_in():
    """All of them together, and what they import in their turn."""
    rooms = sorted(path.stem for path in (SOURCE / "core").glob("[a-z]*.py"))
    statement = "\n".join(f"import harness.core.{room}" for room in rooms)
    assert imported_by(statement, "torch", "pytest", "harness.ptycho", "harness.core") == "['harness.core']"
