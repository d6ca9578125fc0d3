"""A generator is run again in a new process; only one that makes the same arrays every time is accepted."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from harness.core.domain.rerun_generator import require_identical, require_reproducible, rerun_in_new_process
from harness.core.errors import DependencyError, NondeterministicError, RemakeError, SourceMissingError
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.storage.digest import digest_file

GENERATORS = """
import os
from pathlib import Path
import numpy as np
from harness.core.errors import RefusedError
from harness.core.fixtures.fixture import make_fixture
from harness.core.fixtures.manifest import Generator, Source

def made(function, values, source=Source("simulated", "xxh128:0")):
    return make_fixture("made", {"a": np.asarray(values)}, generator=Generator(f"gens:{function}", 1),
        source=source)

def steady():
    return made("steady", [1.0, 2.0])

def surroundings():
    return made("surroundings", [str(os.getpid()), os.getcwd(), os.environ.get("PYTHONHASHSEED", "none")])

def unsteady():
    return made("unsteady", [1.0, float(os.getpid())])

def read(*, source: Path):
    return made("read", np.frombuffer(source.read_bytes(), "u1"))

def needy():
    from harness.core.domain.references import missing_package
    raise missing_package("generator gens:needy", "no_such_package")

def picky():
    raise RefusedError("size", expected="an even number", found="3", remedy="Double it.")

def broken():
    raise ValueError("too much")
"""


SIMULATED = Source("simulated", "xxh128:0")


@pytest.fixture
def staged(module, tmp_path):
    """Stage a fixture whose manifest names one of the generators; return the manifest's path."""
    module("gens", GENERATORS)

    def stage(function: str, values=(1.0, 2.0), source=SIMULATED):
        call = Generator(f"gens:{function}", 1)
        fixture = make_fixture("made", {"a": np.asarray(values)}, generator=call, source=source)
        return write_fixture(fixture, tmp_path / "staged")[1]

    return stage


def test_the_fixture_is_made_in_another_process_and_directory(staged, monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    pid, folder, seed = rerun_in_new_process(staged("surroundings")).arrays["a"]
    assert int(pid) != os.getpid()
    assert Path(folder) != Path.cwd()
    assert seed == "none"


def test_a_source_file_is_passed_on(staged, tmp_path):
    (tmp_path / "scan.bin").write_bytes(b"ab")
    assert rerun_in_new_process(staged("read"), tmp_path / "scan.bin").arrays["a"].tolist() == [97, 98]


@pytest.mark.parametrize(
    ("function", "kind", "text"),
    [
        ("read", SourceMissingError, "harness generate --source"),
        ("needy", DependencyError, "needs the package no_such_package, which is not installed"),
        ("picky", RemakeError, "found size: expected an even number, found 3"),
        ("broken", RemakeError, "found ValueError: too much"),
        ("gone", RemakeError, "has no attribute 'gone'"),
    ],
)
def test_an_error_in_the_new_process_is_reported_here(staged, function, kind, text):
    with pytest.raises(kind, match=text):
        rerun_in_new_process(staged(function))


def test_a_generator_that_repeats_itself_is_accepted(staged, empty):
    require_reproducible(empty, staged("steady"))


def test_a_generator_that_differs_from_what_is_staged_is_refused(staged, empty):
    """Both new processes agree, but the staged fixture has another value."""
    with pytest.raises(NondeterministicError, match=r"different ones, first at \[1\], largest difference 1"):
        require_reproducible(empty, staged("steady", values=[1.0, 3.0]))


def test_a_generator_that_differs_in_every_process_is_refused(staged, empty):
    with pytest.raises(NondeterministicError, match="array 'a': expected the same values from every run"):
        require_reproducible(empty, staged("unsteady"))


def test_the_source_is_found_where_the_project_lists_it(staged, empty):
    scan = empty.root / "scan.bin"
    scan.write_bytes(b"ab")
    source = Source("scan.bin", digest_file(scan))
    manifest = staged("read", np.array([97, 98], "u1"), source)
    with pytest.raises(SourceMissingError):
        require_reproducible(empty, manifest)
    (empty.root / "pyproject.toml").write_text('[tool.harness]\nsources = ["."]\n')
    require_reproducible(empty, manifest)


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        ([0.0, 1.0], [0.0, 1.5], r"first at \[1\], largest difference 0.5"),
        ([0.0, 1.0], [-0.0, 1.0], "in single bits only, largest difference 0"),
        ([0.0, 1.0], [0.0], "array 'a'"),
    ],
)
def test_any_difference_is_refused_with_its_place_and_size(made, one, other, text):
    """No tolerance is applied: a single bit is enough."""
    fixtures = [made(arrays={"a": np.array(values)}) for values in (one, one, other)]
    require_identical("f", fixtures[:2])
    with pytest.raises(NondeterministicError, match=text):
        require_identical("f", fixtures)
