"""Whole sessions beside pytest-regressions: recording a slow package, and many tests of one small array.

Before harness records anything, two new processes make it again, and everything is written as one
transaction; pytest-regressions writes what it is given, and flushes nothing.
"""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

from row import Ceiling, Row
from timing import alternate, command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_COUNT = 24
_MANY = 300
_PACKAGE = f"""
import time
import numpy as np
from harness import Generator, Source, make_fixture

time.sleep(2)  # what a large package takes

def made(number):
    return {{"image": np.random.default_rng(number).standard_normal((64, 64))}}

def lattice(*, number: int):
    call = Generator("slow:lattice", 1, {{"number": number}})
    source = Source("simulated", "none")
    return make_fixture(f"lattice{{number}}", made(number), generator=call, source=source)

NUMBERS = range({_COUNT})
"""
_TESTS = """
import pytest
from slow import NUMBERS, lattice, made

@pytest.mark.parametrize("number", NUMBERS)
def test_ours(number, fixture_regression):
    fixture_regression.check(lattice(number=number))

@pytest.mark.parametrize("number", NUMBERS)
def test_peer(number, ndarrays_regression):
    ndarrays_regression.check(made(number))

@pytest.mark.parametrize("number", NUMBERS)
def test_bare(number):
    lattice(number=number)
"""


_MANY_TESTS = f"""
import numpy as np
import pytest

def made(number):
    return {{"a": np.random.default_rng(number).standard_normal(20)}}

@pytest.mark.parametrize("number", range({_MANY}))
def test_ours(number, arrays_regression):
    arrays_regression.check(made(number))

@pytest.mark.parametrize("number", range({_MANY}))
def test_peer(number, ndarrays_regression):
    ndarrays_regression.check(made(number))

@pytest.mark.parametrize("number", range({_MANY}))
def test_bare(number):
    made(number)
"""


def measure(folder: Path) -> list[Row | Ceiling]:
    """Time sessions that record everything from nothing, and sessions that compare with what was recorded."""
    slow, many = folder / "slow", folder / "many"
    for place in (slow, many):
        place.mkdir()
    return [*_slow_package(slow), *_many_tests(many)]


def _many_tests(folder: Path) -> list[Row | Ceiling]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_many.py").write_text(_MANY_TESTS)
    recorded = alternate({name: _session(folder, name) for name in ("ours", "peer", "bare")})
    # Each session above has removed what the other left: both are recorded once more, and kept.
    for name in ("ours", "peer"):
        command(*_words(name), "--regen-all", cwd=folder)()
    passed = alternate({name: command(*_words(name), cwd=folder) for name in ("ours", "peer", "bare")})
    return [
        Row(work, "pytest-regressions", taken["ours"], taken["peer"], "the tests alone", taken["bare"], least)
        for work, taken, least in (
            (f"record {_MANY} tests of one small array", recorded, 1 / 3),
            (f"pass {_MANY} tests of one small array", passed, None),
        )
    ]


def _slow_package(folder: Path) -> list[Row | Ceiling]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "slow.py").write_text(_PACKAGE)
    (folder / "test_slow.py").write_text(_TESTS)
    taken = alternate({name: _session(folder, name) for name in ("ours", "peer", "bare")})
    work = f"record {_COUNT} fixtures, import of 2 s"
    ours = taken["ours"]
    return [
        Row(work, "pytest-regressions", ours, taken["peer"], "the tests alone", taken["bare"], 1 / 3),
        Ceiling(work, ours.median, 15, "s"),
    ]


def _session(folder: Path, name: str) -> Callable[[], None]:
    run = command(*_words(name), "--regen-all", cwd=folder)

    def session() -> None:
        for leftover in ("golden", "test_slow", "test_many", ".harness"):
            shutil.rmtree(folder / leftover, ignore_errors=True)
        (folder / "registry.json").unlink(missing_ok=True)
        run()

    return session


def _words(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", f"test_{name}")
