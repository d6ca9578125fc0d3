"""A generator is run again in a new process; only one that makes the same arrays every time is accepted."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import (
    DependencyError,
    HarnessError,
    NondeterministicError,
    NotImportableError,
    RemakeError,
    SourceMissingError,
)
from harness.core.fixtures.fixture import make_fixture, write_fixture
from harness.core.fixtures.manifest import Generator, Source
from harness.core.rerun import rerun_generator
from harness.core.rerun.reproducible import _first_difference, require_reproducible, rerun_in_new_process
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

def leaves():
    raise SystemExit(3)

def dies():
    os._exit(7)

def wide(*, size: int = 2, scale: float = 1.0):
    call = Generator("gens:wide", 1, {"size": size})
    return make_fixture("wide", {"a": np.arange(size) * scale}, generator=call,
        source=Source("simulated", "none"))

COUNT = 0

def counted():
    global COUNT
    COUNT += 1
    return made("counted", [float(COUNT)])

def messy():
    os.environ["MESS"] = "1"
    Path("mess").touch()
    return made("messy", [float(len(os.environ.get("MESS", ""))), float(len(os.listdir()))])
"""


SIMULATED = Source("simulated", "xxh128:0")


@pytest.fixture
def staged(module, tmp_path):
    """Stage a fixture whose manifest names one of the generators; return the manifest's path."""
    module("gens", GENERATORS)

    def stage(function: str, values=(1.0, 2.0), source=SIMULATED, name: str = "made"):
        call = Generator(f"gens:{function}", 1)
        fixture = make_fixture(name, {"a": np.asarray(values)}, generator=call, source=source)
        return write_fixture(fixture, tmp_path / "staged")[1]

    return stage


def test_the_fixture_is_made_in_another_process_and_directory(staged, empty, monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    pid, folder, seed = rerun_in_new_process(staged("surroundings"), root=empty.root).arrays["a"]
    assert int(pid) != os.getpid()
    assert Path(folder) != Path.cwd()
    assert seed == "none"


def test_a_source_file_is_passed_on(staged, empty, tmp_path):
    (tmp_path / "scan.bin").write_bytes(b"ab")
    made = rerun_in_new_process(staged("read"), tmp_path / "scan.bin", root=empty.root)
    assert made.arrays["a"].tolist() == [97, 98]


@pytest.mark.parametrize(
    ("function", "kind", "text"),
    [
        ("read", SourceMissingError, "harness generate --source"),
        ("needy", DependencyError, "needs the package no_such_package, which is not installed"),
        ("picky", RemakeError, "found size: expected an even number, found 3"),
        ("broken", RemakeError, "found ValueError: too much"),
        ("gone", NotImportableError, "has no attribute 'gone'"),
        ("leaves", RemakeError, "SystemExit: 3"),
        ("dies", RemakeError, "the process ended with exit code 7"),
    ],
)
def test_an_error_in_the_new_process_is_reported_here(staged, empty, function, kind, text):
    with pytest.raises(kind, match=text):
        rerun_in_new_process(staged(function), root=empty.root)


def test_a_generator_that_repeats_itself_is_accepted(staged, empty):
    require_reproducible(empty, [staged("steady")])


def test_a_generator_that_differs_from_what_is_staged_is_refused(staged, empty):
    """Both new processes agree, but the staged fixture has another value: it is not random."""
    with pytest.raises(
        NondeterministicError, match=r"different ones, first at \[1\], largest difference 1"
    ) as caught:
        require_reproducible(empty, [staged("steady", values=[1.0, 3.0])])
    assert "fixture 'made', array 'a': expected the values that gens:steady makes" in str(caught.value)
    assert "a global variable" in caught.value.found
    assert "Seed" not in str(caught.value)


def test_a_parameter_that_is_not_recorded_is_named(staged, empty, tmp_path):
    """It was set in the test, and its default made other arrays in the new processes."""
    manifest = staged("wide", values=[0.0, 2.0])
    with pytest.raises(
        NondeterministicError, match="the manifest does not record size, scale, which"
    ) as caught:
        require_reproducible(empty, [manifest])
    assert caught.value.remedy.startswith("Add size, scale to the parameters of the Generator")


def test_a_generator_that_differs_in_every_process_is_refused(staged, empty):
    with pytest.raises(NondeterministicError, match="array 'a': expected the same values from every run"):
        require_reproducible(empty, [staged("unsteady")])


def test_a_generator_that_depends_on_what_ran_before_is_refused(staged, empty):
    """Every process makes the fixtures in another order."""
    manifests = [staged("counted", values=[float(n)], name=f"f{n}") for n in (1, 2, 3)]
    with pytest.raises(NondeterministicError):
        require_reproducible(empty, manifests)


def test_every_fixture_is_made_once_in_each_of_two_processes(staged, empty, monkeypatch):
    """Two processes in all, however many fixtures there are."""
    started = []
    run = rerun_generator._run
    monkeypatch.setattr(rerun_generator, "_run", lambda *given: started.append(given[0]) or run(*given))
    require_reproducible(empty, [staged("steady", name=f"f{n}") for n in range(4)])
    orders = [[int(task.folder.name) for task in tasks] for tasks in started]
    assert sorted(orders) == [[2, 3, 0, 1], [3, 2, 1, 0]]


def test_each_fixture_starts_in_a_clean_directory_and_environment(staged, empty):
    require_reproducible(empty, [staged("messy", values=[1.0, 1.0], name=f"f{n}") for n in range(3)])


def test_a_fixture_that_is_refused_does_not_hide_the_others(staged, empty):
    """Even if it ends the process: all others are made, and every error names its fixture."""
    functions = ("dies", "steady", "unsteady", "broken", "dies")
    with pytest.raises(HarnessError) as caught:
        require_reproducible(empty, [staged(name, name=f"f{n}") for n, name in enumerate(functions)])
    errors = [caught.value, *caught.value.others]
    assert [error.thing for error in errors] == [
        "fixture 'f0'", "fixture 'f2', array 'a'", "fixture 'f3'", "fixture 'f4'"
    ]  # fmt: skip
    assert "exit code 7" in str(errors[0])
    assert "ValueError: too much" in str(errors[2])


def test_the_source_is_found_where_the_project_lists_it(staged, empty):
    scan = empty.root / "scan.bin"
    scan.write_bytes(b"ab")
    source = Source("scan.bin", digest_file(scan))
    manifest = staged("read", np.array([97, 98], "u1"), source)
    with pytest.raises(SourceMissingError):
        require_reproducible(empty, [manifest])
    (empty.root / "pyproject.toml").write_text('[tool.harness]\nsources = ["."]\n')
    require_reproducible(empty, [manifest])


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
    first, second = (made(arrays={"a": np.array(values)}) for values in (one, other))
    array, found = _first_difference(first, second)
    assert re.search(text, f"array {array!r}: {found}")
