"""What a fresh interpreter has imported after the commands that must start fast."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import harness

SOURCE = Path(harness.__file__).parent
VERIFY = (
    "import os\nos.chdir({folder!r})\nsys.argv = ['harness', *{arguments!r}]\n"
    "from harness.cli import main\n"
    "try:\n    main()\nexcept SystemExit as end:\n    assert end.code == 0, end.code"
)


def imported_by(statement: str, *names: str) -> str:
    script = f"import sys\n{statement}\nprint(sorted(set(sys.modules) & {set(names)!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def empty_project(tmp_path):
    """A project whose registry has no entry."""
    from harness.core.registry.format import SCHEMA

    (tmp_path / "registry.json").write_text(f'{{\n  "entries": {{}},\n  "schema": {SCHEMA}\n}}\n')
    return str(tmp_path)


def test_import_harness_imports_neither_torch_nor_numpy():
    assert imported_by("import harness", "torch", "numpy", "harness") == "['harness']"


def test_verify_imports_neither_numpy_nor_torch(empty_project):
    call = VERIFY.format(folder=empty_project, arguments=["verify", "--root", "."])
    shown = imported_by(call, "torch", "numpy", "rich", "pytest", "harness.core.registry.verify")
    assert shown.splitlines()[-1] == "['harness.core.registry.verify']"


def test_verify_without_options_imports_one_package(empty_project):
    """It runs on every push. Each package more would take as long to import as all the rest of it."""
    call = VERIFY.format(folder=empty_project, arguments=["verify"])
    shown = imported_by(call, "click", "msgspec", "filelock", "dataclasses", "xxhash")
    assert shown.splitlines()[-1] == "['xxhash']"


def test_no_room_of_core_imports_torch_or_pytest():
    """All modules of core together, with all that they import."""
    modules = [
        ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        for path in (SOURCE / "core").rglob("[a-z]*.py")
    ]
    statement = "\n".join(f"import {module}" for module in modules)
    assert imported_by(statement, "torch", "pytest", "harness.ptycho", "harness.core") == "['harness.core']"
