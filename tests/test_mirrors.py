"""tests/ mirrors harness/ file for file; tests/mirrors.toml lists the exceptions, each with its reason."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).parents[1]
COVERED: dict[str, str] = tomllib.loads((REPOSITORY / "tests/mirrors.toml").read_text("utf-8"))["covered"]


def has_code(path: Path) -> bool:
    """Whether a module holds more than a docstring."""
    return len(ast.parse(path.read_text("utf-8")).body) > 1


def mirror(module: str) -> Path:
    """Where the tests of *module* belong: harness/a/b.py -> tests/a/test_b.py."""
    path = Path(module)
    return REPOSITORY / "tests" / path.relative_to("harness").parent / f"test_{path.stem}.py"


MODULES = sorted(
    path.relative_to(REPOSITORY).as_posix()
    for path in (REPOSITORY / "harness").rglob("*.py")
    if has_code(path)
)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_tests(module):
    """Of its own, or in the neighbour that tests/mirrors.toml names."""
    assert mirror(module).is_file() != (module in COVERED)


@pytest.mark.parametrize("module", COVERED)
def test_every_exception_names_a_neighbour_and_a_reason(module):
    """The module is there, and so is the test file; the reason follows after a colon."""
    neighbour, _, reason = COVERED[module].partition(": ")
    assert (REPOSITORY / module).is_file()
    assert (REPOSITORY / neighbour).is_file()
    assert len(reason.split()) > 2


def test_a_module_without_tests_is_seen(tmp_path):
    """Neither a mirror nor an exception."""
    assert not mirror("harness/core/no_such_module.py").exists()
    (tmp_path / "empty.py").write_text('"""Only a docstring."""\n')
    (tmp_path / "full.py").write_text('"""A docstring."""\nVALUE = 1\n')
    assert not has_code(tmp_path / "empty.py")
    assert has_code(tmp_path / "full.py")
