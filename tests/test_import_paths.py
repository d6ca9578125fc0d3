"""A generator is imported in the same way by pytest, its workers, new processes and ``harness reproduce``.

Each layout is a project of its own: it is recorded, tested again and reproduced, all in new processes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from harness.core.system.ci import VARIABLES

if TYPE_CHECKING:
    from pathlib import Path

GENERATOR = """
import numpy as np
from harness import Generator, Source, make_fixture

def {name}(*, size: int = 4):
    call = Generator(f"{{__name__}}:{name}", 1, {{"size": size}})
    arrays = {{"a": np.arange(size) * {factor}}}
    return make_fixture("{name}", arrays, generator=call, source=Source("simulated", "none"))
"""

TEST = """
from {module} import {name}

def test_{name}(fixture_regression):
    fixture_regression.check({name}())
"""


def generator(name: str = "lattice", factor: float = 1.5) -> str:
    return GENERATOR.format(name=name, factor=factor)


def calls(module: str, name: str = "lattice") -> str:
    return TEST.format(module=module, name=name)


@dataclass(frozen=True)
class Layout:
    """Files of a project, its ini keys, how pytest is started, and the place recorded for each fixture."""

    files: dict[str, str]
    places: dict[str, str | None]
    ini: str = ""
    sessions: tuple[tuple[str, ...], ...] = ((),)
    env: dict[str, str] = field(default_factory=dict)


def itself(name: str, factor: float = 1.5) -> str:
    """A test module with its own generator."""
    call = f"\ndef test_{name}(fixture_regression):\n    fixture_regression.check({name}())\n"
    return generator(name, factor) + call


IN_ITSELF = itself("lattice")
TWINS = {
    "tests/a/gens.py": generator("one", 1.5),
    "tests/a/test_one.py": calls("gens", "one"),
    "tests/b/gens.py": generator("two", 2.5),
    "tests/b/test_two.py": calls("gens", "two"),
}

LAYOUTS = {
    "beside the test": Layout(
        {"lattice.py": generator(), "test_lattice.py": calls("lattice")}, {"lattice": "."}
    ),
    "tests without __init__": Layout(
        {"tests/gens.py": generator(), "tests/test_lattice.py": calls("gens")}, {"lattice": "tests"}
    ),
    "tests without __init__, in workers": Layout(
        {"tests/gens.py": generator(), "tests/test_lattice.py": calls("gens")},
        {"lattice": "tests"},
        sessions=(("-n", "2"),),
    ),
    "tests as a package": Layout(
        {
            "tests/__init__.py": "",
            "tests/gens.py": generator(),
            "tests/test_lattice.py": calls("tests.gens"),
        },
        {"lattice": "."},
    ),
    "src, in pytest's pythonpath": Layout(
        {
            "src/field/__init__.py": "",
            "src/field/deep/gens.py": generator(),
            "tests/test_lattice.py": calls("field.deep.gens"),
        },
        {"lattice": "src"},
        ini="pythonpath = src",
    ),
    "src, installed": Layout(
        {"src/field/__init__.py": generator(), "tests/test_lattice.py": calls("field")},
        {"lattice": "src"},
        env={"PYTHONPATH": "src"},
    ),
    "importlib, with a pythonpath": Layout(
        {
            "lib/shared.py": "SIZE = 4\n",
            "tests/gens.py": "import shared\n" + generator(),
            "tests/test_lattice.py": calls("gens"),
        },
        {"lattice": "tests"},
        ini="addopts = --import-mode=importlib\npythonpath = lib tests",
    ),
    "importlib, in the test itself": Layout(
        {"tests/test_lattice.py": IN_ITSELF}, {"lattice": "."}, ini="addopts = --import-mode=importlib"
    ),
    "importlib, in the test itself, named as in its own directory": Layout(
        {"tests/test_lattice.py": IN_ITSELF.replace("{__name__}", "test_lattice")},
        {"lattice": "tests"},
        ini="addopts = --import-mode=importlib",
    ),
    "in the test itself": Layout({"tests/test_lattice.py": IN_ITSELF}, {"lattice": "tests"}),
    "a conftest that changes sys.path": Layout(
        {
            "conftest.py": "import sys\nfrom pathlib import Path\n"
            "sys.path.insert(0, str(Path(__file__).parent / 'helpers'))\n",
            "helpers/gens.py": generator(),
            "tests/test_lattice.py": calls("gens"),
        },
        {"lattice": "helpers"},
    ),
    "two modules of one name, in two sessions": Layout(
        TWINS, {"one": "tests/a", "two": "tests/b"}, sessions=(("tests/a",), ("tests/b",))
    ),
    "two modules of one name, in two workers": Layout(
        {"tests/a/test_it.py": itself("one"), "tests/b/test_it.py": itself("two", 2.5)},
        {"one": ".", "two": "."},
        ini="addopts = --import-mode=importlib",
        sessions=(("-n", "2"),),
    ),
}


@pytest.fixture
def start(tmp_path):
    """Write the files of a layout; return what runs a module of Python in it."""
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}

    def write(layout: Layout):
        files = {"pytest.ini": f"[pytest]\n{layout.ini}\n", **layout.files}
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

        def run(*words: str) -> subprocess.CompletedProcess[str]:
            command = [os.path.join(os.path.dirname(sys.executable), words[0]), *words[1:]]  # noqa: PTH118, PTH120
            return subprocess.run(
                command, cwd=tmp_path, env=clean | layout.env, capture_output=True, text=True, check=False
            )

        return run

    return write


def recorded_places(root: Path) -> dict[str, str | None]:
    """Where each manifest says that its generator's module is."""
    manifests = {file.stem: json.loads(file.read_bytes()) for file in (root / "golden").glob("*.json")}
    return {name: manifest["generator"].get("path") for name, manifest in manifests.items()}


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_pytest_records_is_reproduced(start, tmp_path, name):
    layout = LAYOUTS[name]
    run = start(layout)
    for words in layout.sessions:
        shown = run("pytest", "--regen-all", *words)
        assert shown.returncode == 0, shown.stdout + shown.stderr
    assert recorded_places(tmp_path) == layout.places
    for words in layout.sessions:
        assert run("pytest", *words).returncode == 0
    shown = run("harness", "reproduce")
    assert shown.stdout.splitlines() == [f"{fixture}: reproduced" for fixture in sorted(layout.places)]
    assert shown.returncode == 0, shown.stderr
    shown = run("harness", "run", "--json")
    assert shown.returncode == 0, shown.stdout + shown.stderr


def test_a_module_that_was_moved_is_recorded_again(start, tmp_path):
    """Its old place is gone, so nothing can be said about its arrays; the remedy works as typed."""
    run = start(LAYOUTS["tests without __init__"])
    assert run("pytest", "--regen-all").returncode == 0
    (tmp_path / "tests" / "new").mkdir()
    for file in (tmp_path / "tests").glob("*.py"):
        file.rename(tmp_path / "tests" / "new" / file.name)
    shown = run("harness", "reproduce")
    assert shown.returncode == 2
    assert shown.stdout.startswith("lattice: cannot tell\n")
    assert run("pytest").returncode == 0
    assert "recorded golden/lattice.json" in run("pytest", "--force-regen").stdout
    assert recorded_places(tmp_path) == {"lattice": "tests/new"}
    assert run("harness", "reproduce").returncode == 0


def test_a_namespace_of_the_same_name_on_the_path_does_not_hide_the_project(start, tmp_path):
    """A directory ``tests`` elsewhere on PYTHONPATH has no module of that name, but Python finds it first."""
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "tests").mkdir(parents=True)
    layout = LAYOUTS["importlib, in the test itself"]
    run = start(replace(layout, env={"PYTHONPATH": str(elsewhere)}))
    assert run("pytest", "--regen-all").returncode == 0
    shown = run("harness", "reproduce")
    assert shown.stdout.splitlines() == ["lattice: reproduced"]
