"""Example generators in a module of their own, and a project that records what one of them makes."""

from __future__ import annotations

import importlib
import sys

import pytest

from harness.core.fixtures.fixture import write_fixture
from harness.core.recording.commit import commit
from harness.core.recording.plan import plan
from harness.core.recording.staged import Staged

MODULE = """
import os
from pathlib import Path
import numpy as np
from harness import Generator, Source, make_fixture
from harness.core.storage.digest import digest_file
from harness.core.errors import RefusedError

VERSION = 1

def fixture(arrays, function, source=Source("simulated", "none"), **parameters):
    call = Generator(f"{{__name__}}:{{function}}", VERSION, parameters)
    return make_fixture("made", arrays, generator=call, source=source)

def steady(*, size: int = 4, offset: float = 0.5):
    value = np.arange(size) + offset
    return fixture({{"a": value, "z": value.astype("c8")}}, "steady", size=size, offset=offset)

def surrounded(*, size: int = 4):
    value = np.full(size, float(os.environ.get("OMP_NUM_THREADS", "1")))
    return fixture({{"a": value}}, "surrounded", size=size)

def read(*, source: Path, scale: float = 1.0):
    value = np.frombuffer(source.read_bytes(), "u1") * scale
    return fixture({{"a": value}}, "read", Source(source.name, digest_file(source)), scale=scale)

def unsteady():
    return fixture({{"a": np.frombuffer(os.urandom(64), "u1")}}, "unsteady")

def undeclared():
    return fixture({{"a": np.array([float((Path(__file__).parent / "hidden").read_text())])}}, "undeclared")

def dead(*, photons: float = 1e6, size: int = 4, even: int = 2, flag: bool = True, half: int = 3,
         noise: dict | None = None, label: str = "x"):
    if even % 2:
        raise RefusedError("even", expected="an even number", found=str(even), remedy="Double it.")
    if half > 3:
        raise ValueError("too much")
    noise = noise or {{"sigma": 0.0, "seeds": [1, 2]}}
    value = np.arange(size) + noise["sigma"] + noise["seeds"][1]
    return fixture({{"a": value}}, "dead", photons=photons, size=size, even=even, flag=flag, half=half,
                   noise=noise, label=label)

def needy():
    import no_such_package_anywhere
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write the example generators as a module with a name of its own; return the name and an editor."""
    name = f"generators_{abs(hash(tmp_path))}"
    path = tmp_path / f"{name}.py"
    path.write_text(MODULE.format(), "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # an edit within a second would not be seen
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    importlib.invalidate_caches()

    def edit(old: str, new: str) -> None:
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")

    return name, edit


@pytest.fixture
def golden(empty, module, tmp_path):
    """Return a function that records the fixture of one of the example generators."""

    def record(function: str, **parameters):
        made = getattr(importlib.import_module(module[0]), function)(**parameters)
        archive, manifest = write_fixture(made, tmp_path / "staged")
        staged = [
            Staged("golden/made.npz", "fixture", archive),
            Staged("golden/made.json", "manifest", manifest),
        ]
        commit(empty, plan(empty, staged), reason="first", command="pytest --regen-all")
        return empty

    return record
