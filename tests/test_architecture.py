"""The contracts of import-linter in pyproject.toml hold, and each catches what it is there to catch."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import harness

SOURCE = Path(harness.__file__).parent
REPOSITORY = Path(__file__).parents[1]
CORE_MAY_IMPORT = {"numpy", "xxhash", "msgspec", "filelock", "iniconfig", "tomli", "harness"}
CALIBRATION = SOURCE / "core/baselines/tolerance_interval.py"
"""The one module of core that imports scipy, which the extra `calibrate` installs."""
STORES = {
    SOURCE / "core/storage/remote/kinds/loop.py": "fsspec",
    SOURCE / "core/storage/remote/kinds/web.py": "aiohttp",
}
"""The two modules of core that import what the extra `stores` installs."""
CLUSTER = {
    SOURCE / "core/system/executors/connection.py": {"dask", "distributed"},
    SOURCE / "core/system/executors/worker.py": {"distributed"},
}
"""The two modules of core that import what the extra `dask` installs."""
MOST_FILES = 12
MOST_VERBS = 15

pytest.importorskip("importlinter", reason="import-linter is not installed: the extra `dev` brings it")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package below *folder*, by this repository's contracts."""
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo", str(REPOSITORY / "pyproject.toml")],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package that a test may break."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copytree(SOURCE, folder / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_contracts_are_kept(copy):
    """On the package as it is; the cases below start from here."""
    done = lint(copy)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("file", "statement"),
    [
        ("core/fixtures/summary.py", "from harness.commands.group import run"),
        ("plugin/session.py", "import harness.ptycho.domain"),
        ("plugin/hooks.py", "from harness.ptycho import domain"),
        ("commands/group.py", "import harness.ptycho.scan.forward"),
        ("ptycho/scan/scan.py", "from harness.plugin import session"),
        ("ptycho/scan/scan.py", "from harness.report import drift"),
        ("report/drift.py", "from harness.commands import diff"),
        ("core/baselines/baseline.py", "from harness.core.baselines import calibrate"),
        ("core/fixtures/compare.py", "def f():\n    from harness.core.sensitivity import trials"),
        # and more of the same kinds
        ("core/storage/digest.py", "if TYPE_CHECKING:\n    from harness.core.registry import verify"),
        ("core/storage/digest.py", "from ..fixtures import compare"),
        ("core/registry/verify.py", "import harness.core.domain.catalogue"),
        ("core/storage/digest.py", "import pytest"),
        ("commands/verify.py", "from harness.plugin import session"),
        ("cli.py", "import torch"),
        ("ptycho/quality/metrics.py", "def f():\n    from torch import nn"),
        ("ptycho/scan/forward.py", "from harness.ptycho.check import consistency"),
        ("ptycho/pipeline/run.py", "def f():\n    from harness.ptycho.pipeline.model import train"),
        ("report/drift.py", "import harness.ptycho.domain"),
    ],
)
def test_an_import_that_climbs_breaks_a_contract(copy, file, statement):
    """One wrong import, at the top, inside a function or for type checkers, is found and named."""
    path = copy / "harness" / file
    sound = path.read_text("utf-8")
    try:
        path.write_text(f"{sound}\n{statement}\n", "utf-8")
        done = lint(copy)
    finally:
        path.write_text(sound, "utf-8")
    assert done.returncode == 1, done.stdout
    assert path.stem in done.stdout.partition("Broken contracts")[2]


@pytest.mark.parametrize(
    "file", ["lonely.py", "core/lonely.py", "ptycho/lonely.py", "ptycho/pipeline/lonely.py"]
)
def test_a_module_that_no_contract_covers_breaks_one(copy, file):
    path = copy / "harness" / file
    try:
        path.write_text('"""A module without a place."""\n', "utf-8")
        done = lint(copy)
    finally:
        path.unlink()
    assert done.returncode == 1, done.stdout
    assert "lonely" in done.stdout


def test_core_imports_few_packages():
    """import-linter forbids packages by name; this allows them by name."""
    foreign = {
        (path.relative_to(SOURCE).as_posix(), name)
        for path in (SOURCE / "core").rglob("*.py")
        for name in imported_packages(path)
        if name not in CORE_MAY_IMPORT | sys.stdlib_module_names | {"tomllib"}
        and not (path == CALIBRATION and name == "scipy")
        and STORES.get(path) != name
        and name not in CLUSTER.get(path, ())
    }
    assert foreign == set()


def test_a_package_that_core_may_not_have_is_seen(tmp_path):
    path = tmp_path / "module.py"
    path.write_text("import os\ndef f():\n    from scipy.fft import fft\n")
    assert imported_packages(path) == {"os", "scipy"}


@pytest.mark.parametrize("room", sorted({path.parent for path in SOURCE.rglob("*.py")}), ids=str)
def test_no_room_is_crowded(room):
    files = [path for path in room.glob("*.py") if path.name != "__init__.py"]
    assert len(files) <= (MOST_VERBS if room.name == "commands" else MOST_FILES)


def imported_packages(path: Path) -> set[str]:
    """Top-level names of what a module imports, wherever it imports them."""
    nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    }
    return {name.partition(".")[0] for name in plain | named}
