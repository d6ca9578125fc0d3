"""The examples in docstrings run, in every module of the package that has one."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import harness

SOURCE = Path(harness.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text("utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name, tmp_path, monkeypatch):
    """In an empty directory, which an example may write to."""
    monkeypatch.chdir(tmp_path)
    if "pipeline.model" in name:
        pytest.importorskip("torch", reason="torch is not installed: the extra `ptycho` brings it")
    if name.startswith(("harness.report.drawing.canvas", "harness.report.page.figures")):
        pytest.importorskip("matplotlib", reason="matplotlib is not installed: the extra `report` brings it")
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0
