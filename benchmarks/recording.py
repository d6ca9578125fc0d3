"""Recording 24 fixtures of a package whose import takes 2 s, beside pytest-regressions, in whole sessions.

Before harness records a fixture, two new processes make it again; pytest-regressions writes what it is given.
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


def measure(folder: Path) -> list[Row | Ceiling]:
    """Time sessions that record everything from nothing."""
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
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "--regen-all", "-k", f"test_{name}")
    run = command(sys.executable, *words, cwd=folder)

    def session() -> None:
        for leftover in ("golden", "test_slow", ".harness"):
            shutil.rmtree(folder / leftover, ignore_errors=True)
        (folder / "registry.json").unlink(missing_ok=True)
        run()

    return session
