"""Which source files a generator depends on, and which changes change their digest."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from harness.core.domain.code_digest import code_digest, code_files

FILES = {
    "pack_{n}/__init__.py": "",
    "pack_{n}/waves.py": """
        from __future__ import annotations
        import math
        from typing import TYPE_CHECKING
        import numpy as np
        from . import shapes
        from .deep.inner import value
        if TYPE_CHECKING:
            from pack_{n} import hints
        else:
            from pack_{n} import real
        def waves():
            import lone_{n}
        """,
    "pack_{n}/shapes.py": "import pack_{n}.waves",
    "pack_{n}/hints.py": "",
    "pack_{n}/real.py": "",
    "pack_{n}/unused.py": "",
    "pack_{n}/deep/__init__.py": "",
    "pack_{n}/deep/inner.py": "value = 1",
    "lone_{n}.py": "this is no Python",
}
EXPECTED = [
    "lone_{n}.py",
    "pack_{n}/__init__.py",
    "pack_{n}/deep/__init__.py",
    "pack_{n}/deep/inner.py",
    "pack_{n}/real.py",
    "pack_{n}/shapes.py",
    "pack_{n}/waves.py",
]


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Write the example's modules under unique names; return the root and a function that names them."""
    import textwrap

    number = str(abs(hash(tmp_path)))
    root = tmp_path / "project"
    for name, text in FILES.items():
        path = root / name.format(n=number)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text.replace("{n}", number)), "utf-8")
    monkeypatch.syspath_prepend(root)
    importlib.invalidate_caches()
    return root, lambda text: text.format(n=number)


def test_files_are_exactly_those_that_the_generator_imports(tree):
    """At any depth, late imports and parent packages included; no TYPE_CHECKING imports, no libraries."""
    root, named = tree
    found = code_files(named("pack_{n}.waves:waves"), root)
    assert list(found) == [named(name) for name in EXPECTED]
    assert dict(found) == {name: (root / name).read_bytes() for name in found}
    assert named("pack_{n}.waves") not in sys.modules


def test_a_module_of_another_package_counts_only_below_the_root(tree, tmp_path):
    root, named = tree
    assert named("lone_{n}.py") not in code_files(named("pack_{n}.waves:waves"), tmp_path / "elsewhere")
    (root / "site-packages").mkdir()
    (root / named("lone_{n}.py")).rename(root / "site-packages" / named("lone_{n}.py"))
    sys.path.insert(0, str(root / "site-packages"))
    importlib.invalidate_caches()
    try:
        assert named("lone_{n}.py") not in code_files(named("pack_{n}.waves:waves"), root)
    finally:
        sys.path.pop(0)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_digest_changes_with_every_file(tree, name):
    root, named = tree
    call = named("pack_{n}.waves:waves")
    before = code_digest(call, root)
    path = root / named(name)
    path.write_text(path.read_text("utf-8") + "\n# more", "utf-8")
    assert code_digest(call, root) != before


@pytest.mark.parametrize("name", ["pack_{n}/hints.py", "pack_{n}/unused.py"])
def test_the_digest_does_not_change_with_any_other_file(tree, name):
    root, named = tree
    call = named("pack_{n}.waves:waves")
    before = code_digest(call, root)
    (root / named(name)).write_text("changed = True", "utf-8")
    assert code_digest(call, root) == before


def test_the_files_of_a_snapshot_are_read_instead_of_those_of_the_project(tree):
    """What the project has today and the snapshot does not is no part of it."""
    root, named = tree
    call = named("pack_{n}.waves:waves")
    snapshot = {name: text for name, text in code_files(call, root).items() if "deep" not in name}
    snapshot[named("pack_{n}/shapes.py")] = b"changed = True"
    found = code_files(call, root, snapshot=snapshot)
    assert dict(found) == snapshot
    assert code_digest(call, root, snapshot=snapshot) != code_digest(call, root)


def test_a_relative_import_of_a_module_without_a_package_stays_in_the_project(tree):
    """It raises when it runs; looking for it must not lead to the root of the file system."""
    root, named = tree
    (root / named("lone_{n}.py")).write_text(named("from . import pack_{n}\nfrom .. import lone_{n}"))
    assert list(code_files(named("lone_{n}:f"), root)) == [
        named("lone_{n}.py"), named("pack_{n}/__init__.py")
    ]  # fmt: skip


def test_the_digest_is_what_sha256sum_gives(tree):
    """The digest can be checked without harness."""
    root, named = tree
    files = [named(name) for name in EXPECTED]
    listing = subprocess.run(["sha256sum", *files], cwd=root, capture_output=True, check=True).stdout
    total = subprocess.run(["sha256sum"], input=listing, capture_output=True, check=True).stdout
    expected = f"dirHash:{total.decode().split()[0]}"
    assert code_digest(named("pack_{n}.waves:waves"), root) == expected


@pytest.mark.parametrize("call", ["nowhere_at_all:f", "", ":f", "math:sin", "a\0b:f", "..x:f"])
def test_a_call_without_source_has_no_digest(call, tmp_path):
    assert code_digest(call, tmp_path) is None


@pytest.mark.parametrize(
    "call", ["{p}.inner.deepest:f", "{p}.missing:f", "{p}:f", "..{p}:f", "{p}/inner:f", ":", ""]
)
def test_looking_for_source_files_imports_nothing(tmp_path, monkeypatch, call):
    """Python imports a package to find what is in it; here the files are looked for."""
    package = f"trap_{abs(hash(tmp_path))}"
    folder = tmp_path / package / "inner"
    folder.mkdir(parents=True)
    for file in (folder.parent / "__init__.py", folder / "__init__.py", folder / "deepest.py"):
        file.write_text("from pathlib import Path\nPath(__file__).with_name('trapped').touch()\n")
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    before = set(sys.modules)
    code_digest(call.format(p=package), tmp_path)
    code_digest(call.format(p=package), tmp_path / "elsewhere")
    assert not list(tmp_path.rglob("trapped"))
    assert not {name for name in set(sys.modules) - before if name.startswith("trap_")}
