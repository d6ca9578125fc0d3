"""Generators run again: how near they come, what a drift is put down to, and numbers that nothing uses."""

from __future__ import annotations

import importlib
import sys

import msgspec
import pytest

from harness.core.domain.rerun_generator import remake
from harness.core.errors import DependencyError, RemakeError, SourceMissingError, UsageError
from harness.core.fixtures.fixture import write_fixture
from harness.core.fixtures.manifest import Generator, Manifest, Source, read_manifest
from harness.core.provenance.inert_parameters import examine
from harness.core.provenance.reproduce import Cause, Farthest, Result, manifests, reproduce
from harness.core.recording.regenerate import Staged, commit, plan
from harness.core.registry.registry import Registry, read_registry
from harness.core.storage.documents import encode_document

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
    """Write the example's generators as a module of the test's own; return its name and an editor."""
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
    """Record what one of the example's generators makes; return how."""

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


def again(project, given=None):
    ((manifest, record),) = manifests(project, "made")
    return reproduce(project, manifest, record, given)


def causes(made) -> dict[str, Cause]:
    return {item.thing: item.cause for item in made.differing}


def with_environment(project, **changes: str) -> None:
    """Pretend that the manifest was recorded in another environment."""
    registry = read_registry(project.registry)
    entry = registry.entries["golden/made.json"]
    record = msgspec.structs.replace(entry.record, environment=entry.record.environment | changes)
    entries = registry.entries | {"golden/made.json": msgspec.structs.replace(entry, record=record)}
    project.registry.write_bytes(encode_document(Registry(1, entries)))


def test_the_same_arrays_are_reproduced(golden):
    made = again(golden("steady"))
    assert (made.result, made.cause, made.differing, made.drift) == (Result.REPRODUCED, None, (), None)


def test_a_change_that_moves_no_array_is_reproduced_and_told(golden, module):
    """Content digests decide; what differs besides is said."""
    project = golden("steady")
    module[1]("VERSION = 1", "VERSION = 2  # more")
    made = again(project)
    assert (made.result, made.cause) == (Result.REPRODUCED, None)
    assert causes(made) == {"generator version": Cause.CODE, "code": Cause.CODE}
    version = next(item for item in made.differing if item.thing == "generator version")
    assert (version.recorded, version.today) == ("1", "2")


def test_a_small_move_is_within_tolerance_with_its_ulps_and_place(golden, module):
    """The farthest element by representable numbers, though others differ by more, in another array too."""
    project = golden("steady", offset=0.0)
    module[1](
        "value = np.arange(size) + offset",
        "value = np.arange(size) + offset\n    for _ in range(3): value[1] = np.nextafter(value[1], 9)\n"
        "    value[3] = np.nextafter(value[3], 9)",
    )
    module[1]('value.astype("c8")', 'np.nextafter(value.astype("f4"), np.float32(9)).astype("c8")')
    made = again(project)
    assert (made.result, made.cause) == (Result.TOLERATED, Cause.CODE)
    assert made.farthest == Farthest("a", (1,), 3)


def test_drift_with_changed_code_is_put_down_to_code(golden, module):
    project = golden("steady")
    module[1]("np.arange(size) + offset", "np.arange(size) - offset")
    made = again(project)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.CODE)
    assert causes(made) == {"code": Cause.CODE}
    assert [array.name for array in made.drift.arrays if not array.accepted] == ["a", "z"]


def test_another_shape_is_drift_without_a_farthest_element(golden, module):
    project = golden("steady")
    module[1]("np.arange(size)", "np.arange(size + 1)")
    made = again(project)
    assert (made.result, made.cause, made.farthest) == (Result.DRIFTED, Cause.CODE, None)


def test_a_new_parameter_is_told(golden, module):
    project = golden("steady")
    module[1]("size=size, offset=offset)", "size=size, offset=offset, kind=3)")
    module[1]("arange(size) +", "arange(size) -")
    made = again(project)
    kind = next(item for item in made.differing if item.thing == "parameter kind")
    assert (kind.cause, kind.recorded, kind.today) == (Cause.CODE, "none", "3")


def test_drift_with_another_environment_is_put_down_to_it(golden, monkeypatch):
    """Threads moved the values, and a library is another one: both are listed, with both versions."""
    project = golden("surrounded")
    with_environment(project, torch="2.12.0")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    made = again(project)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.ENVIRONMENT)
    threads, torch = made.differing
    assert (threads.thing, threads.recorded, threads.today) == ("OMP_NUM_THREADS", "unset", "3")
    assert (torch.thing, torch.recorded) == ("torch", "2.12.0")


def test_code_leads_where_both_code_and_environment_differ(golden, module):
    project = golden("steady")
    with_environment(project, numpy="1.0")
    module[1]("arange(size) +", "arange(size) -")
    made = again(project)
    assert made.cause is Cause.CODE
    assert set(causes(made).values()) == {Cause.CODE, Cause.ENVIRONMENT}


def test_a_generator_that_makes_others_every_time_is_nondeterministic(golden, module):
    """Whatever else differs: two runs in a row did."""
    project = golden("unsteady")
    module[1]("VERSION = 1", "VERSION = 2")
    made = again(project)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.NONDETERMINISM)
    assert "generator version" in causes(made)


def test_drift_without_any_difference_is_put_down_to_undeclared_data(golden, tmp_path):
    (tmp_path / "hidden").write_text("1")
    project = golden("undeclared")
    (tmp_path / "hidden").write_text("2")
    made = again(project)
    assert (made.result, made.cause, made.differing) == (Result.DRIFTED, Cause.DATA, ())


def test_source_is_found_where_the_project_lists_it(golden, tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "scan.bin").write_bytes(b"scan")
    project = golden("read", source=folder / "scan.bin")
    missing = again(project)
    assert missing.result is Result.SOURCE_MISSING
    assert "[tool.harness] sources" in missing.detail
    assert again(project, folder).result is Result.REPRODUCED
    (project.root / "pyproject.toml").write_text('[tool.harness]\nsources = ["../scans"]')
    assert again(project).result is Result.REPRODUCED


def test_another_source_of_the_same_name_is_put_down_to_data(golden, module, tmp_path):
    """Data lead before code: other input explains other output whatever the code."""
    (tmp_path / "scan.bin").write_bytes(b"scan")
    project = golden("read", source=tmp_path / "scan.bin")
    (tmp_path / "scan.bin").write_bytes(b"scam")
    module[1]("VERSION = 1", "VERSION = 2")
    made = again(project, tmp_path)
    assert (made.result, made.cause) == (Result.DRIFTED, Cause.DATA)
    digests = next(item for item in made.differing if item.thing == "source digest")
    assert digests.recorded != digests.today


@pytest.mark.parametrize(
    ("edit", "cause", "found"),
    [
        (("def steady", "def gone"), Cause.CODE, "steady"),
        (("size: int = 4, offset", "offset"), Cause.CODE, "size"),
        (("value = np.arange", "raise ValueError('no more')  #"), Cause.CODE, "ValueError: no more"),
        (("VERSION = 1", "import no_such_package_anywhere"), Cause.ENVIRONMENT, "not installed"),
    ],
)
def test_a_generator_that_makes_nothing_any_more_has_drifted(golden, module, edit, cause, found):
    project = golden("steady")
    module[1](*edit)
    made = again(project)
    assert (made.result, made.cause, made.digest) == (Result.DRIFTED, cause, None)
    assert found in made.detail


def test_a_name_that_is_no_fixtures_is_refused_with_those_there_are(golden):
    project = golden("steady")
    assert [path.stem for path, _ in manifests(project)] == ["made"]
    with pytest.raises(UsageError, match="one of made"):
        manifests(project, "other")


def test_refusals_of_a_clean_process_keep_their_kind(golden, module, tmp_path, made):
    """Even where the generator prints: a missing source and package are told from other refusals."""
    module[1]("VERSION = 1", "VERSION = 1\nprint('hello')")

    def manifest(function: str):
        call = Generator(f"{module[0]}:{function}", 1, {})
        return write_fixture(made(generator=call, source=Source("scan.bin", "xxh128:0")), tmp_path)[1]

    with pytest.raises(SourceMissingError):
        remake(manifest("read"))
    with pytest.raises(RemakeError, match="No module named"):
        remake(manifest("needy"))
    module[1]("VERSION = 1", "import no_such_package_anywhere")
    with pytest.raises(DependencyError):
        remake(manifest("steady"))


@pytest.fixture
def dead(golden) -> Manifest:
    """Manifest of a fixture whose photon count and flag nothing uses, numbers nested in its parameters."""
    return read_manifest(golden("dead", noise={"sigma": 0.0, "seeds": [1, 2]}).golden / "made.json")


def test_a_dead_parameter_is_reported_and_no_live_one(dead):
    """Every number is tried; true, texts and tables are none.

    The recorded photon count changes nothing. A number that is refused either way is live: the generator
    tells it from its neighbours. One that is refused upwards and changes nothing downwards is inert: only a
    range check reads it. Trying leaves the manifest as it was.
    """
    before = encode_document(dead)
    found = {parameter.name: parameter for parameter in examine(dead, dead.digest)}
    assert {name: parameter.live for name, parameter in found.items()} == {
        "photons": False,
        "size": True,
        "even": True,
        "half": False,
        "noise.sigma": True,
        "noise.seeds[0]": False,
        "noise.seeds[1]": True,
    }
    assert found["photons"].why == "1001000.0 and 999000.0 make the same arrays"
    assert found["noise.sigma"].why == "0.001 makes other arrays"
    assert "3 is refused: even: expected an even number" in found["even"].why
    assert "1 is refused" in found["even"].why
    assert found["half"].why == "2 makes the same arrays; 4 is refused: ValueError: too much"
    assert encode_document(dead) == before
